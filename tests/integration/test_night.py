"""The lease of a night on a real server: who may write, who is ended or refused, and which day a night is about.

Not here: what it publishes (test_publication.py), the stages of a night (tests/pipeline).
"""

import threading
import time
from collections.abc import Callable
from datetime import date, timedelta

import psycopg
import pytest

from orchestration.business import Business, load_business
from orchestration.database import let_reader_in
from orchestration.errors import ContractError, LeaseLostError, NightRunningError
from orchestration.night import Night, lease
from orchestration.publication import publish
from orchestration.stack.local_postgres import LocalPostgres
from orchestration.warehouse import LEASE_LOST, connect, initialise, replace_as_of, writing
from tests.support.leases import DEMO, LEAP_DAY, MONDAY, TABLES, TUESDAY, build, load_sales, published, rows
from tests.support.postgres import create_database, drop_database


@pytest.fixture
def url(database_url: str) -> str:
    initialise(database_url)
    return database_url


@pytest.fixture
def business() -> Business:
    return load_business(DEMO)


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
