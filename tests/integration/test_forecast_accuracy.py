"""Nights that look back, on a real PostgreSQL: overrides win and are judged, reps are measured, drift is told once.

Not here: how outcomes are summed (test_forecast_outcomes.py).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from orchestration.business import load_business
from orchestration.defs.forecast_accuracy import _shown
from orchestration.forecasts.overrides import without_forecast, write_overridden
from orchestration.forecasts.track_record import TrackRecord, write_track_record
from orchestration.night import Night, lease
from orchestration.settings import PROJECT_ROOT
from orchestration.warehouse import Connection, connect, initialise, replace_as_of

# What dbt would have made, as far as it is read here.
FACTS = """
    create schema marts; create schema staging;
    create table marts.fct_sales_lines (order_date date, product_key bigint, product_id text, rep_id text,
                                        territory_id text, location_id text, net_revenue numeric, units numeric);
    create table marts.dim_product (product_key bigint, product_id text, category text);
    insert into marts.dim_product values (-1, null, null), (1, 'A', 'Käse'), (2, 'B', 'Käse'), (3, 'C', 'Öl');
    create view marts.agg_sales_daily_product as
        select order_date, product_id, sum(units) as units, sum(net_revenue) as net_revenue, 1 as orders
        from marts.fct_sales_lines group by 1, 2;
    create view marts.agg_sales_daily_category as
        select order_date, category, sum(units) as units, sum(net_revenue) as net_revenue, 1 as orders
        from marts.fct_sales_lines join marts.dim_product using (product_key) group by 1, 2;
    create view marts.agg_sales_daily_slice as
        select order_date, territory_id, sum(units) as units, sum(net_revenue) as net_revenue
        from marts.fct_sales_lines group by 1, 2;
    create view marts.mv_sales_daily_summary as
        select order_date, sum(units) as units, sum(net_revenue) as net_revenue, 1 as orders
        from marts.fct_sales_lines group by 1;
    create view staging.stg_forecast_overrides as select * from raw.forecast_overrides;
    create view staging.stg_forecast_cycles as select * from raw.forecast_cycles;
    create view staging.stg_forecast_submissions as select * from raw.forecast_submissions;"""
PRODUCTS, CATEGORIES, COMPANY = "product_weekly_units", "category_weekly_units", "company_weekly_units"
SUNDAY = date(2024, 3, 3)
KEYS = {"A": 1, "B": 2, "C": 3}


def weeks(n: int) -> timedelta:
    return timedelta(days=7 * n)


class Shop:
    """A warehouse, and its nights."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.business = load_business(PROJECT_ROOT / "examples" / "demo")

    @contextmanager
    def night(self, as_of: date) -> Iterator[Night]:
        with lease(self.url, run_id=str(as_of), business=self.business) as night:
            night.connection.execute("update ops.nights set as_of_date = %s where token = %s", [as_of, night.token])
            yield night

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        with connect(self.url) as connection:
            yield connection

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.connection() as connection:
            return connection.execute(query).fetchall()

    def sold(self, day: date, product: str, units: float, *, rep: str = "R1", price: float = 10) -> None:
        with self.connection() as connection:
            connection.execute(
                "insert into marts.fct_sales_lines values (%s, %s, %s, %s, 'N', null, %s, %s)",
                [day, KEYS[product], product, rep, units * price, units],
            )

    def said(self, as_of: date, rows: list[tuple[str, str, date, float]]) -> None:
        frame = pd.DataFrame(rows, columns=["series", "unique_id", "ds", "mean"])
        frame = frame.assign(model_used="m", demand_class="regular", lo_80=frame["mean"] - 1, hi_80=frame["mean"] + 1,
                             lo_95=frame["mean"] - 2, hi_95=frame["mean"] + 2)  # fmt: skip
        with self.night(as_of) as night, night.connection.transaction():
            replace_as_of(night.connection, "forecast.forecasts", as_of, frame)

    def override(self, product: str | None, day: date, value: float, made_on: date, **more: str) -> None:
        row = {"level": "product", "measure": "units", "period": "week", "planner": "Zoë", "reason": "Messe"} | more
        with self.connection() as connection:
            connection.execute(
                "insert into raw.forecast_overrides (level, member, measure, period, period_start, override_value,"
                " planner, reason, made_on, _source, _load_id, _line)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'x', 1, 1)",
                [
                    row["level"],
                    product,
                    row["measure"],
                    row["period"],
                    day,
                    value,
                    row["planner"],
                    row["reason"],
                    made_on,
                ],
            )

    def looks_back(self, as_of: date) -> TrackRecord:
        with self.night(as_of) as night:
            write_overridden(night)
            return write_track_record(night, lambda text: None)[0]


@pytest.fixture
def shop(database_url: str) -> Shop:
    initialise(database_url)
    with connect(database_url) as connection:
        connection.execute(FACTS)
    return Shop(database_url)


def test_a_business_that_never_forecast_has_no_record(shop: Shop) -> None:
    found = shop.looks_back(SUNDAY)
    assert (found.n_judged, found.unknown) == (0, ())
    assert all(frame.empty for frame in found.tables.values())
    assert _shown(found).keys() == {"accuracy_by_lead", "track_record", "value_added"}
    assert shop.rows("select count(*) from ops.outbox") == [(0,)]


def coherent(week: date) -> list[tuple[str, str, date, float]]:
    """A product 6 of a category of 10, and another one of 5; all is 15."""
    products = [(PRODUCTS, "A", week, 6.0), (PRODUCTS, "B", week, 4.0), (PRODUCTS, "C", week, 5.0)]
    return [
        *products,
        (CATEGORIES, "Käse", week, 10.0),
        (CATEGORIES, "Öl", week, 5.0),
        (COMPANY, "company", week, 15.0),
    ]


def test_the_newest_override_of_a_period_counts_and_the_sums_follow(shop: Shop) -> None:
    monday = SUNDAY + timedelta(days=1)
    shop.said(SUNDAY, [*coherent(monday), (PRODUCTS, "A", monday + weeks(1), 6)])
    shop.override("A", monday + timedelta(days=3), 1, SUNDAY - weeks(1))  # any day of the week
    shop.override("A", monday, 9, SUNDAY, planner="Ünal", reason="Kunde bestellt mehr")
    shop.override("A", monday, 99, SUNDAY + timedelta(days=1))  # not known yet
    shop.override("A", monday + weeks(9), 99, SUNDAY)  # nothing is forecast there
    shop.override("B", monday, 99, SUNDAY, measure="revenue")  # that is not forecast
    shop.override("nobody", monday, 99, SUNDAY)
    shop.override("nobody", SUNDAY - weeks(2), 99, SUNDAY - weeks(3))  # over, whoever it was
    with shop.connection() as connection:
        lost = without_forecast(connection, SUNDAY)
    assert sorted(zip(lost["member"], lost["measure"], lost["period_start"], strict=True)) == [
        ("A", "units", monday + weeks(9)),
        ("B", "revenue", monday),
        ("nobody", "units", monday),
    ]
    for _ in range(2):  # a repeated night says the same
        shop.looks_back(SUNDAY)
        table = "select series, unique_id, mean, statistical_mean, is_direct, planner from forecast.overridden"
        assert shop.rows(f"{table} where as_of_date = '{SUNDAY}' order by series, unique_id") == [
            (CATEGORIES, "Käse", 13, 10, False, None),
            (COMPANY, "company", 18, 15, False, None),
            (PRODUCTS, "A", 9, 6, True, "Ünal"),
        ]
    assert shop.rows("select distinct reason from forecast.overridden where is_direct") == [("Kunde bestellt mehr",)]


@pytest.mark.parametrize("planners", [("Ana", "Zoë"), ("Zoë", "Ana")])
def test_of_two_words_about_the_company_the_first_planners_counts(shop: Shop, planners: tuple[str, str]) -> None:
    monday = SUNDAY + timedelta(days=1)
    shop.said(SUNDAY, coherent(monday))
    for member, planner in zip((None, "company"), planners, strict=True):
        shop.override(member, monday, 18 if planner == "Ana" else 12, SUNDAY, planner=planner, level="company")
    shop.looks_back(SUNDAY)
    assert shop.rows("select mean, planner from forecast.overridden where is_direct") == [(18, "Ana")]


def test_an_override_of_the_whole_reaches_its_parts(shop: Shop) -> None:
    monday = SUNDAY + timedelta(days=1)
    shop.said(SUNDAY, coherent(monday))
    shop.override("Käse", monday, 20, SUNDAY, level="category")
    shop.override("A", monday, 8, SUNDAY)
    shop.looks_back(SUNDAY)
    found = shop.rows("select unique_id, mean, is_direct from forecast.overridden order by series, unique_id")
    assert found == [("Käse", 20, True), ("company", 25, False), ("A", 8, True), ("B", 12, False)]


def test_overrides_of_fiscal_periods(shop: Shop) -> None:
    """The demo's year begins in April: its quarters are the calendar's, its years are not."""
    quarterly, yearly, fiscal_yearly = (
        "company_fiscal_quarterly_units",
        "company_yearly_units",
        "company_fiscal_yearly_units",
    )
    april, january = date(2024, 4, 1), date(2024, 1, 1)
    shop.said(SUNDAY, [(series, "company", ds, 10.0) for series, ds in (
        (quarterly, april), (quarterly, date(2024, 7, 1)), (yearly, january), (fiscal_yearly, april),
    )])  # fmt: skip
    shop.override(None, date(2024, 5, 31), 11, SUNDAY, level="company", period="quarter")
    shop.override(None, date(2024, 9, 30), 12, SUNDAY, level="company", period="fiscal_quarter")
    shop.override(None, april, 13, SUNDAY, level="company", period="year")  # the calendar's 2024, whatever is fiscal
    shop.override(None, date(2025, 3, 31), 14, SUNDAY, level="company", period="fiscal_year")
    shop.looks_back(SUNDAY)
    assert shop.rows("select series, ds, mean from forecast.overridden order by mean") == [
        (quarterly, april, 11), (quarterly, date(2024, 7, 1), 12), (yearly, january, 13), (fiscal_yearly, april, 14),
    ]  # fmt: skip


def test_an_override_is_judged_by_its_last_word_before_the_period(shop: Shop) -> None:
    monday = SUNDAY + timedelta(days=1)
    for day in range(1, 15):
        shop.sold(SUNDAY - weeks(2) + timedelta(days=day), "A", 1)
    week = [(PRODUCTS, "A", monday, 7.0), (PRODUCTS, "A", monday + weeks(1), 7.0)]
    shop.override("A", monday, 50, SUNDAY - timedelta(days=2), planner="Xaver")
    shop.override("A", monday, 12, SUNDAY)
    shop.override("A", monday + weeks(1), 3, SUNDAY, planner="Xaver")
    for as_of in (SUNDAY - timedelta(days=1), SUNDAY, SUNDAY + timedelta(days=1)):
        shop.said(as_of, week)
        shop.looks_back(as_of)
    shop.sold(monday, "A", 10)
    shop.sold(monday + weeks(1), "A", 7)
    step = "select member, n_forecasts, baseline_wape_pct, wape_pct, value_added_pct from forecast.value_added"
    shop.looks_back(SUNDAY + timedelta(days=6))
    assert shop.rows(f"{step} where step = 'override over engine'") == []  # Saturday
    shop.looks_back(SUNDAY + weeks(2))
    overrides = f"{step} where step = 'override over engine' and dimension in ('all', 'planner')"
    found = {row[0]: row[1:] for row in shop.rows(overrides)}
    # the first week came 10: 7 was 3 off, 12 is 2 off; the second came 7: right before, 4 off after
    assert found["Zoë"] == (1, 30, 20, 10)
    assert found["Xaver"] == (1, 0, pytest.approx(400 / 7), pytest.approx(-400 / 7))
    assert found["all"] == (2, pytest.approx(300 / 17), pytest.approx(600 / 17), pytest.approx(-300 / 17))


def drifting(shop: Shop, level: Callable[[int], float], nights: int) -> list[TrackRecord]:
    """A product that is forecast at 10 ± 1 each week, and what came of it."""
    found = []
    for n in range(nights):
        as_of = SUNDAY + weeks(n)
        shop.said(as_of, [(PRODUCTS, "A", as_of + timedelta(days=1), 10.0)])
        found.append(shop.looks_back(as_of))
        shop.sold(as_of + timedelta(days=2), "A", level(n))
    return found


def told(shop: Shop) -> list[str]:
    return [
        row[0] for row in shop.rows("select distinct on (dedupe_key) dedupe_key from ops.outbox order by dedupe_key")
    ]


def test_drift_is_told_once_and_so_is_its_end(shop: Shop) -> None:
    shop.sold(SUNDAY, "A", 10)
    found = drifting(shop, lambda n: 10 if n < 3 or n > 8 else 16, 15)
    alerts = [bool(one.drift["is_alert"].any()) for one in found]
    begins, ends = alerts.index(True), len(alerts) - alerts[::-1].index(True)
    # the errors of weeks 3, 4 and 5 are known when week 6 begins: three of three expected sizes
    assert begins == 6
    assert ends == 13  # week 8 was the last wrong one; from 7, four right weeks bring the sum to 5
    assert alerts[begins:ends] == [True] * (ends - begins)
    since, over = SUNDAY + weeks(begins), SUNDAY + weeks(begins)
    assert told(shop) == [f"forecast_drift:{PRODUCTS} since {since}", f"forecast_recovered:{PRODUCTS} since {over}"]
    subjects = shop.rows("select subject from ops.outbox order by message_id")
    assert subjects == [
        ("Hartwell & Lowe: the forecast of weekly units per product drifts",),
        ("Hartwell & Lowe: the forecast of weekly units per product is right again",),
    ]
    shop.looks_back(SUNDAY + weeks(begins))  # the night is run again
    shop.looks_back(SUNDAY + weeks(ends))
    assert len(shop.rows("select from ops.outbox")) == 2
    directions = {d for one in found for d in one.record["drift_direction"] if d is not None}
    assert directions == {"too low"}


def test_one_spike_is_no_drift(shop: Shop) -> None:
    shop.sold(SUNDAY, "A", 10)
    assert not any(one.drift["is_alert"].any() for one in drifting(shop, lambda n: 90_000 if n == 3 else 10, 8))
    assert told(shop) == []


def test_what_nobody_can_judge_is_said_and_harms_nothing(shop: Shop) -> None:
    shop.said(
        SUNDAY,
        [("product_weekly_moods", "A", SUNDAY + timedelta(days=1), 1), (PRODUCTS, "A", SUNDAY + timedelta(days=1), 1)],
    )
    shop.sold(SUNDAY, "A", 1)
    found = shop.looks_back(SUNDAY + weeks(1))
    assert found.unknown == ("product_weekly_moods",)
    assert found.n_judged == 1  # it came to nothing
    assert shop.rows("select wape_pct, mape_pct, coverage_95_pct from forecast.track_record") == [(None, None, 100)]
    shown = _shown(found)
    assert "product_weekly_moods" in str(shown["accuracy_by_lead"])


def test_a_night_on_which_nothing_came_due_says_what_the_one_before_said(shop: Shop) -> None:
    monday = SUNDAY + timedelta(days=1)
    shop.sold(SUNDAY, "A", 10)
    shop.said(SUNDAY, [(PRODUCTS, "A", monday, 10.0), (PRODUCTS, "A", monday + weeks(1), 10.0)])
    shop.sold(monday, "A", 8)
    first = shop.looks_back(SUNDAY + weeks(1))
    shop.sold(monday + timedelta(days=1), "A", 2)  # told later: it was right after all
    again = shop.looks_back(SUNDAY + weeks(1) + timedelta(days=3))
    for table, frame in first.tables.items():
        pd.testing.assert_frame_equal(frame, again.tables[table], check_dtype=False)
    assert first.record["wape_pct"].tolist() == [25]
    assert shop.looks_back(SUNDAY + weeks(1)).record["wape_pct"].tolist() == [0]  # the same night again looks again
    later = shop.looks_back(SUNDAY + weeks(2))
    assert later.record[["n_forecasts", "wape_pct"]].to_numpy().tolist() == [[2, 100]]  # week 2 sold nothing


def test_reps_are_measured_beside_naive_and_the_engine(shop: Shop) -> None:
    """Two reps share a category; one forecasts in time, twice, and once too late."""
    for month, (first, second) in {"2023-03": (30, 10), "2023-12": (15, 5), "2024-03": (50, 10)}.items():
        shop.sold(date.fromisoformat(f"{month}-15"), "A", first, rep="R1", price=1)
        shop.sold(date.fromisoformat(f"{month}-16"), "B", second, rep="R2", price=1)
    with shop.connection() as connection:
        connection.execute(
            "insert into raw.forecast_cycles (cycle_id, due_at, period, period_start, _source, _load_id, _line)"
            " values ('Z1', '2024-02-25 17:00+00', 'month', '2024-03-01', 'x', 1, 1)"
        )
        connection.cursor().executemany(
            "insert into raw.forecast_submissions (submission_id, cycle_id, rep_id, territory_id, category,"
            " submitted_at, forecast_amount, _source, _load_id, _line)"
            " values (%s, 'Z1', %s, %s, %s, %s, %s, 'x', 1, 1)",
            [("1", "R1", "N", "Käse", "2024-02-20 12:00+00", 5), ("2", "R1", "N", "Käse", "2024-02-21 12:00+00", 45),
             ("3", "R1", "N", "Käse", "2024-02-29 23:30+00", 50), ("4", "R2", None, None, "2024-02-20 12:00+00", 16)],
        )  # fmt: skip
    for as_of, mean in ((date(2024, 2, 24), 64.0), (date(2024, 2, 26), 999.0)):  # the second night was too late
        shop.said(as_of, [("category_monthly_revenue", "Käse", date(2024, 3, 1), mean)])
    assert shop.looks_back(date(2024, 3, 30)).value.empty
    value = shop.looks_back(date(2024, 3, 31)).value.set_index(["step", "dimension", "member"]).sort_index()
    reps = value.loc[("reps over naive", "rep")]
    # R1 brought 50, said 45 and had 30 a year before; R2 brought 10, said 16 and had 10
    assert reps.loc["R1", ["baseline_wape_pct", "wape_pct", "value_added_pct"]].tolist() == [40, 10, 30]
    assert reps.loc["R2", ["baseline_wape_pct", "wape_pct", "value_added_pct"]].tolist() == [0, 60, -60]
    # R1 had 15 of the category's 20 in the quarter before: 48 of the engine's 64; of the company it said nothing
    engine = value.loc[("engine over reps", "all", "all")]
    assert (engine["n_forecasts"], engine["baseline_wape_pct"], engine["wape_pct"]) == (1, 10, pytest.approx(4))
    assert value.loc[("reps over naive", "cycle", "Z1"), "n_forecasts"] == 2
    assert ("reps over naive", "product") not in value.index.droplevel(2)
