"""The publication of bi on a real server: each day as it was last said to be, all or nothing, and readers undisturbed.

Not here: who may publish (test_night.py), the stages of a night (tests/pipeline).
"""

from datetime import date

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.business import Business, load_business
from orchestration.errors import ContractError
from orchestration.night import lease
from orchestration.publication import needs_full_build, publish
from orchestration.warehouse import connect, initialise
from tests.support.leases import DEMO, LEAP_DAY, MONDAY, TABLES, TUESDAY, build, load_sales, published, rows


@pytest.fixture
def url(database_url: str) -> str:
    initialise(database_url)
    return database_url


@pytest.fixture
def business() -> Business:
    return load_business(DEMO)


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
