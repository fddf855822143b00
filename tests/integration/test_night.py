"""The lease of a night and the publication of bi, on a real server: who may write, and what readers see of it.

Not here: a whole night (tests/pipeline).
"""

import threading
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.business import Business, load_business
from orchestration.database import let_reader_in
from orchestration.errors import ContractError, LeaseLostError, NightRunningError
from orchestration.night import Counts, Night, lease
from orchestration.publication import BiTable, needs_full_build, publish
from orchestration.settings import PROJECT_ROOT
from orchestration.stack.local_postgres import LocalPostgres
from orchestration.warehouse import LEASE_LOST, connect, initialise, replace_as_of, writing
from tests.support.postgres import create_database, drop_database

DEMO = PROJECT_ROOT / "examples" / "demo"
TABLES = [BiTable("dim_product"), BiTable("sales_lines", "order_date")]
MONDAY, TUESDAY = date(2024, 2, 26), date(2024, 2, 27)
LEAP_DAY = date(2024, 2, 29)

Rows = list[tuple[Any, ...]]


@pytest.fixture
def url(database_url: str) -> str:
    initialise(database_url)
    return database_url


@pytest.fixture
def business() -> Business:
    return load_business(DEMO)


def rows(url: str, query: str) -> Rows:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query).fetchall()


def load_sales(night: Night, *days: date) -> None:
    """One sales line a day, as ingestion leaves it."""
    with writing(night.connection):
        for day in days:
            night.connection.execute(
                """insert into raw.sales_lines (order_id, line_id, ordered_at, order_date, line_kind, product_id,
                       qty_units, unit_price, discount_amount, line_amount, _source, _load_id, _line)
                   values (%s, '1', %s, %s, 'sale', 'P', 1, 1, 0, 1, 'test', 1, 1) on conflict do nothing""",
                [f"R{day}", day, day],
            )
            night.connection.execute(
                "insert into ops.touched_days (token, day) values (%s, %s) on conflict do nothing", [night.token, day]
            )


def build(night: Night, amounts: dict[date, int], *, columns: str = "order_date date, amount numeric") -> None:
    """What dbt would leave in bi_build: of ``sales_lines`` the days asked for, of the products all."""
    with writing(night.connection):
        night.connection.execute(
            f"""drop schema if exists bi_build cascade; create schema bi_build;
                create table bi_build.sales_lines ({columns});
                create table bi_build.dim_product (product_id text);
                insert into bi_build.dim_product values ('night {night.token}')"""
        )
        for day, amount in amounts.items():
            night.connection.execute("insert into bi_build.sales_lines values (%s, %s)", [day, amount])
    for stage in ("facts", "bi"):
        with night.stage(stage) as record:
            record.counts = Counts(written=len(amounts))


def published(url: str) -> Rows:
    return rows(url, "select order_date, amount from bi.sales_lines order by 1")


# the lease ----------------------------------------------------------------------------------------------------------


def test_a_second_night_is_refused_while_one_is_alive(url: str, business: Business) -> None:
    with (
        lease(url, run_id="first", business=business) as first,
        pytest.raises(NightRunningError, match=rf"night {first.token} \(run first\) has been running since"),
        lease(url, run_id="second", business=business),
    ):
        pytest.fail("two nights hold the lease")
    with lease(url, run_id="third", business=business) as third:
        assert third.token == first.token + 1
    assert rows(url, "select run_id, status from ops.nights order by token") == [
        ("first", "failed"),
        ("third", "failed"),
    ]


def test_a_night_that_is_not_closed_is_on_record_as_failed(url: str, business: Business) -> None:
    with pytest.raises(ZeroDivisionError), lease(url, run_id="a", business=business):
        raise ZeroDivisionError
    ((status, message, is_finished),) = rows(url, "select status, message, finished_at is not null from ops.nights")
    assert (status, message, is_finished) == ("failed", "the run ended before the night did", True)


def test_a_closed_night_stays_as_it_was_closed(url: str, business: Business) -> None:
    with lease(url, run_id="a", business=business) as night:
        night.finish("succeeded")
        night.finish("failed", "too late")
    assert rows(url, "select status, message from ops.nights") == [("succeeded", None)]


def test_a_warehouse_has_one_business(url: str, business: Business) -> None:
    other = business.model_copy(update={"profile": business.profile.model_copy(update={"name": "Bäcker & Söhne"})})
    with lease(url, run_id="a", business=business):
        pass
    with pytest.raises(ContractError, match="belongs to 'Hartwell & Lowe'"), lease(url, run_id="b", business=other):
        pytest.fail("two businesses in one warehouse")
    # Refused in the transaction that would have raised the token: nothing of it stays.
    assert rows(url, "select token from ops.lease") == [(1,)]
    assert rows(url, "select name from ops.business") == [("Hartwell & Lowe",)]
    with lease(url, run_id="c", business=business) as night:
        assert night.token == 2


def _take_over(url: str, business: Business, body: Callable[[Night], None]) -> None:
    """Run ``body`` with a night whose keeper is gone and whose token is no longer the newest."""
    with lease(url, run_id="old", business=business) as old:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("update ops.lease set token = token + 1")
        body(old)


def test_a_night_whose_lease_was_taken_cannot_publish(url: str, business: Business) -> None:
    with lease(url, run_id="first", business=business) as night:
        load_sales(night, MONDAY)
        night.set_as_of(None)
        build(night, {MONDAY: 1})
        publish(night, TABLES, "code")
        night.finish("succeeded")
    before = published(url), rows(url, "select * from bi.publication"), rows(url, "select * from ops.publications")
    with lease(url, run_id="old", business=business) as old:
        load_sales(old, TUESDAY)
        old.set_as_of(None)
        build(old, {TUESDAY: 2})
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("update ops.lease set token = token + 1")
        with pytest.raises(LeaseLostError, match="this run holds token 2, the newest is 3"):
            publish(old, TABLES, "code")
    after = published(url), rows(url, "select * from bi.publication"), rows(url, "select * from ops.publications")
    assert after == before
    assert rows(url, "select day from ops.open_days") == [(TUESDAY,)]


def test_no_writer_of_an_old_night_gets_through(url: str, business: Business) -> None:
    def try_everything(old: Night) -> None:
        import pandas as pd

        with pytest.raises(LeaseLostError):
            load_sales(old, MONDAY)
        with pytest.raises(LeaseLostError):
            old.finish("succeeded")
        with pytest.raises(LeaseLostError), old.stage("facts"):
            pass
        with pytest.raises(LeaseLostError), writing(old.connection):
            replace_as_of(old.connection, "anomaly.kpi_days", MONDAY, pd.DataFrame())
        # As dbt does it: a session of its own that carries the token, in every transaction.
        with connect(url, token=old.token) as dbt, pytest.raises(psycopg.Error) as refused:
            dbt.execute("select ops.hold_lease()")
        assert refused.value.sqlstate == LEASE_LOST

    _take_over(url, business, try_everything)
    assert rows(url, "select count(*) from raw.sales_lines") == [(0,)]


def test_a_new_night_ends_what_a_dead_one_left_running(url: str, business: Business) -> None:
    """A dead night's dbt sits in an open transaction with a lock on a table: the next night neither waits nor loses."""
    with lease(url, run_id="dead", business=business) as dead:
        left = connect(url, token=dead.token)
        left.execute("begin")
        left.execute("select ops.hold_lease()")
        left.execute("lock table raw.sales_lines in access exclusive mode")
        left.execute("insert into ops.touched_days values (1, '2024-02-29')")
    with lease(url, run_id="next", business=business) as night:
        load_sales(night, MONDAY)
        with pytest.raises(psycopg.OperationalError):
            left.execute("commit")
    assert rows(url, "select day from ops.touched_days") == [(MONDAY,)]


def test_a_developers_dbt_may_write_only_while_no_night_runs(url: str, business: Business) -> None:
    with connect(url) as developer:
        developer.execute("select ops.hold_lease()")
        with lease(url, run_id="a", business=business), pytest.raises(psycopg.Error, match="a night is running"):
            developer.execute("select ops.hold_lease()")
        developer.execute("select ops.hold_lease()")


def test_of_many_nights_at_once_one_gets_the_lease(url: str, business: Business) -> None:
    barrier, got, refused = threading.Barrier(6), [], []

    def try_it(name: str) -> None:
        barrier.wait()
        try:
            with lease(url, run_id=name, business=business) as night:
                got.append(night.token)
                while len(refused) < 5:  # the test's own timeout ends it
                    time.sleep(0.05)
        except NightRunningError:
            refused.append(name)

    threads = [threading.Thread(target=try_it, args=[f"n{i}"]) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (got, len(refused)) == ([1], 5)


# the as-of date -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "wanted", "expected"),
    [
        ([MONDAY, LEAP_DAY], None, LEAP_DAY),
        ([MONDAY, LEAP_DAY], TUESDAY, TUESDAY),  # a closed day is a day too
        ([LEAP_DAY], LEAP_DAY, LEAP_DAY),
    ],
)
def test_the_as_of_date(url: str, business: Business, days: list[date], wanted: date | None, expected: date) -> None:
    with lease(url, run_id="a", business=business) as night:
        load_sales(night, *days)
        assert night.set_as_of(wanted) == expected
        assert night.as_of_date == expected


@pytest.mark.parametrize("days", [[], [LEAP_DAY]])
def test_a_night_about_nothing_is_refused(url: str, business: Business, days: list[date]) -> None:
    with lease(url, run_id="a", business=business) as night:
        load_sales(night, *days)
        with pytest.raises(ContractError, match="no sales line is loaded up to 2024-02-28"):
            night.set_as_of(date(2024, 2, 28))
        with pytest.raises(ContractError, match="no as-of date yet"):
            _ = night.as_of_date


def test_yesterday_is_the_businesss_own(url: str, business: Business) -> None:
    profile = business.profile.model_copy(update={"as_of": "yesterday", "time_zone": "Pacific/Kiritimati"})
    with lease(url, run_id="a", business=business.model_copy(update={"profile": profile})) as night:
        load_sales(night, MONDAY)
        ((expected,),) = rows(url, "select (now() at time zone 'Pacific/Kiritimati')::date - 1")
        assert night.set_as_of(None) in (expected, expected + timedelta(days=1))  # midnight may pass in between


# publication --------------------------------------------------------------------------------------------------------


def _night(url: str, business: Business, amounts: dict[date, int], *, code: str = "code") -> bool:
    """One whole night that publishes these days; returns whether the schema was replaced."""
    with lease(url, run_id="n", business=business) as night:
        load_sales(night, *amounts)
        night.set_as_of(None)
        everything = dict(published(url)) if rows(url, "select to_regclass('bi.sales_lines')") != [(None,)] else {}
        build(night, everything | amounts if needs_full_build(night.connection, code) else amounts)
        done = publish(night, TABLES, code)
        night.finish("succeeded")
        return done.is_full


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    nights=st.lists(
        st.dictionaries(st.dates(date(2024, 2, 1), date(2024, 3, 2)), st.integers(-(10**9), 10**9), max_size=5),
        min_size=1,
        max_size=4,
    )
)
def test_bi_is_what_each_day_was_last_said_to_be(url: str, business: Business, nights: list[dict[date, int]]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("drop schema if exists bi, bi_retired cascade; create schema bi")
        connection.execute("truncate raw.sales_lines, ops.publications, ops.touched_days")
    said = {date(2024, 1, 31): 1}
    assert _night(url, business, said)
    for amounts in nights:
        assert not _night(url, business, amounts)
        said |= amounts
        assert dict(published(url)) == said
        assert rows(url, "select count(*) from bi.dim_product") == [(1,)]
        assert rows(url, "select as_of_date from bi.publication") == [(max(said),)]
        assert rows(url, "select count(*) from ops.open_days") == [(0,)]


def test_other_code_replaces_the_whole_schema(url: str, business: Business) -> None:
    assert _night(url, business, {MONDAY: 1})
    assert not _night(url, business, {TUESDAY: 2})
    assert _night(url, business, {LEAP_DAY: 3}, code="other code")
    assert published(url) == [(MONDAY, 1), (TUESDAY, 2), (LEAP_DAY, 3)]
    assert rows(url, "select to_regnamespace('bi_retired'), to_regnamespace('bi_build')") == [(None, None)]
    assert rows(url, "select has_table_privilege('bi_reader', 'bi.sales_lines', 'select')") == [(True,)]
    assert rows(url, "select pronamespace::regnamespace::text, proname from pg_proc where proname ~ 'period|change'"
                     " and pronamespace::regnamespace::text in ('bi', 'bi_retired') order by 2") == [
        ("bi", "compare_periods"), ("bi", "explain_change"),
    ]  # fmt: skip


def test_a_change_taken_back_after_a_failed_night_is_built_anew(url: str, business: Business) -> None:
    _night(url, business, {MONDAY: 1}, code="A")
    with lease(url, run_id="failed", business=business) as night:
        night.begin_build("B")
    with connect(url) as connection:
        assert needs_full_build(connection, "A")  # what B built of the facts still stands
        assert _night(url, business, {TUESDAY: 2}, code="A")
        assert not needs_full_build(connection, "A")


def test_what_a_former_model_left_is_not_published(url: str, business: Business) -> None:
    assert _night(url, business, {MONDAY: 1})
    with connect(url) as connection:
        connection.execute("create schema if not exists bi_build; create table bi_build.no_model_any_more (x int)")
    with lease(url, run_id="n", business=business) as night:
        night.set_as_of(None)
        build(night, {MONDAY: 1})
        night.connection.execute("create table if not exists bi_build.no_model_any_more (x int)")
        assert publish(night, TABLES, "other code").is_full
    assert rows(url, "select to_regclass('bi.no_model_any_more')") == [(None,)]


def test_the_night_cannot_be_about_the_future(url: str, business: Business) -> None:
    with lease(url, run_id="a", business=business) as night:
        load_sales(night, MONDAY)
        with pytest.raises(ContractError, match="the night cannot be about 2199-01-01: today is"):
            night.set_as_of(date(2199, 1, 1))


def test_a_build_of_another_run_is_not_published(url: str, business: Business) -> None:
    with lease(url, run_id="a", business=business) as night:
        load_sales(night, MONDAY)
        night.set_as_of(None)
        build(night, {MONDAY: 1})
    with lease(url, run_id="b", business=business) as night:
        night.set_as_of(None)
        with pytest.raises(ContractError, match="an older build must not be published"):
            publish(night, TABLES, "code")
    assert rows(url, "select count(*) from ops.publications") == [(0,)]


def test_a_build_with_other_columns_is_not_published(url: str, business: Business) -> None:
    _night(url, business, {MONDAY: 1})
    with lease(url, run_id="b", business=business) as night:
        load_sales(night, TUESDAY)
        night.set_as_of(None)
        build(night, {TUESDAY: 2}, columns="order_date date, betrag numeric")
        with pytest.raises(ContractError, match=r"bi\.sales_lines has other columns"):
            publish(night, TABLES, "code")
    assert published(url) == [(MONDAY, 1)]
    assert rows(url, "select day from ops.open_days") == [(TUESDAY,)]


def test_a_reader_in_the_middle_of_a_report_holds_nobody_up(url: str, business: Business) -> None:
    """A day's publication and a change of the code both pass a reader with an open transaction; its figures stay."""
    _night(url, business, {MONDAY: 1})
    with psycopg.connect(url) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        before = reader.execute("select order_date, amount from bi.sales_lines").fetchall()
        _night(url, business, {MONDAY: 10, TUESDAY: 2})
        assert reader.execute("select order_date, amount from bi.sales_lines").fetchall() == before
    assert published(url) == [(MONDAY, 10), (TUESDAY, 2)]
    with psycopg.connect(url) as reader:
        reader.execute("select count(*) from bi.sales_lines")
        assert _night(url, business, {LEAP_DAY: 3}, code="other code")
        # what it read is dropped by a later night
        assert rows(url, "select to_regnamespace('bi_retired') is not null") == [(True,)]
    _night(url, business, {LEAP_DAY: 4}, code="other code")
    assert rows(url, "select to_regnamespace('bi_retired')") == [(None,)]


def test_two_starters_at_once_set_up_one_warehouse(postgres_server: LocalPostgres) -> None:
    """Both rewrite the same rows of the catalogue; unguarded, one of them ended with "tuple concurrently updated"."""
    name = create_database(postgres_server)
    url, failed = postgres_server.url(name), []

    def start() -> None:
        try:
            for _ in range(5):
                initialise(url)
                let_reader_in(url, "secret")
        except psycopg.Error as error:
            failed.append(str(error))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drop_database(postgres_server, name)
    assert failed == []
