"""The forecast stage and `daybreak forecast` on a real warehouse: who is forecast, what is kept, what is published.

Not here: the arithmetic (tests/unit/test_forecasts.py), or a whole night (tests/pipeline).
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pandas as pd
import psycopg
import pytest

from forecasting.state import Succession
from orchestration.business import Profile
from orchestration.errors import ConfigurationError, ContractError
from orchestration.forecasts.ad_hoc import answer, asked
from orchestration.forecasts.facts import TABLES, daily_facts, known_products
from orchestration.forecasts.families import Family, ForecastPlan
from orchestration.forecasts.family_forecasts import Outcome, coherent, forecast_family, parent_links, write
from orchestration.forecasts.histories import history_of
from orchestration.forecasts.model_state import read_state, replace_state
from orchestration.warehouse import connect
from tests.support.dbt_warehouse import Line, Warehouse

AS_OF = date(2024, 3, 6)  # a Wednesday
FAMILIES = (
    Family(level="product", measure="units", grain="week", horizon=4, levels_pct=(90,)),
    Family(level="category", measure="units", grain="week", horizon=4),
    Family(level="company", measure="units", grain="week", horizon=4),
    Family(level="company", measure="revenue", grain="day", horizon=5),
    Family(level="territory", measure="revenue", grain="month", horizon=2),
    Family(level="location", measure="units", grain="month", horizon=2),
    Family(level="company", measure="orders", grain="fiscal_year", horizon=24),
)
SHOP = Profile(
    name="Ünïcode & Söhne", currency="EUR", time_zone="Europe/Berlin", fiscal_year_start_month=4,
    forecast=ForecastPlan(families=FAMILIES),
)  # fmt: skip
# What was ever sold up to the as-of date; what came later is not known yet, and a charge is no product.
SOLD = {"MUG", "TEE", "OLD", "QUIET", "NEW"}


def sales() -> Iterator[Line]:
    choose = random.Random(11)
    begin = date(2023, 10, 4)  # a Wednesday: its week and its month are not whole
    for n in range((AS_OF - begin).days + 8):
        day = begin + timedelta(days=n)
        if day.isoweekday() == 7:
            continue
        yield Line(f"O{n}", "1", day, "sale", "MUG", "ann", "DE", choose.randint(1, 9), "10", territory_id="T1")
        yield Line(f"O{n}", "2", day, "sale", "TEE", "ben", "FR", choose.randint(2, 5), "30")
        yield Line(f"O{n}", "3", day, "charge", "POST", "ben", "FR", 1, "4.90")
        if n < 60:
            yield Line(f"O{n}", "4", day, "sale", "OLD", None, "DE", 2, "5")
            yield Line(f"O{n}", "5", day, "return", "MUG", "ann", "DE", -1, "10")
    yield Line("Q", "1", begin, "sale", "QUIET", None, None, 3, "1")
    yield Line("N", "1", AS_OF, "sale", "NEW", None, None, 8, "1")
    yield Line("L", "1", AS_OF + timedelta(days=1), "sale", "LATER", None, None, 8, "1")


@pytest.fixture(scope="module")
def shop(new_warehouse: Callable[[], Warehouse]) -> Warehouse:
    warehouse = new_warehouse()
    token = warehouse.begin_night(AS_OF)
    warehouse.put(sales())
    with warehouse.connect() as connection:
        connection.execute("update ops.business set forecast_years_ahead = %s", [SHOP.forecast.years_ahead])
        connection.execute(
            "insert into raw.products (product_id, product_name, category, discontinued_on, _source, _load_id, _line)"
            " values ('MUG', 'Mug', 'Cups', null, 'test', 1, 1), ('TEE', 'Tee', 'Shirts', '2024-03-18', 'test', 1, 2),"
            " ('OLD', 'Old mug', 'Cups', '2023-12-31', 'test', 1, 3), ('NEVER', 'Never', 'Cups', null, 'test', 1, 4)"
        )
    warehouse.build(
        "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test", "--select",
        *(f"+{table.split('.')[1]}" for table in TABLES), "+dim_date", "+dim_territory", "+dim_location", token=token,
    )  # fmt: skip
    return warehouse


def night(shop: Warehouse, as_of: date = AS_OF) -> dict[str, Outcome]:
    """What the stage does, in its order."""
    with shop.connect() as connection:
        products = known_products(connection, as_of)
        outcomes = {}
        for family in SHOP.forecast.all_families:
            history = history_of(family, daily_facts(connection, family.level, family.measure, as_of), SHOP, as_of)
            outcomes[family.series] = forecast_family(family, history, products=products)
        outcomes = coherent(outcomes, parent_links(products))
        with connection.transaction():
            write(connection, as_of, outcomes)
        return outcomes


@pytest.fixture(scope="module")
def forecast(shop: Warehouse) -> Warehouse:
    night(shop, AS_OF - timedelta(days=7))
    night(shop)
    night(shop)  # again: the same date is replaced
    return shop


def test_every_product_that_was_ever_sold_is_forecast_or_says_why(forecast: Warehouse) -> None:
    found = forecast.rows(
        "select unique_id, count(*), round(sum(mean)) > 0, max(fallback_reason) from forecast.forecasts"
        f" where series = 'product_weekly_units' and as_of_date = '{AS_OF}' group by 1 order by 1"
    )
    assert {row[0] for row in found} == SOLD
    assert {row[1] for row in found} == {4}
    told = {row[0]: row[2:] for row in found}
    assert told["MUG"] == (True, None)
    assert told["TEE"] == (True, "discontinued on 2024-03-18")
    assert told["OLD"] == (False, "discontinued on 2023-12-31")
    assert told["NEW"] == (True, "no whole week of sales yet: what it sold so far stands for one")
    assert told["QUIET"] == (False, "no demand in its history")  # sold in a week that the books know half of


def test_a_night_about_the_past_knows_nothing_of_later(forecast: Warehouse) -> None:
    before = forecast.rows(
        "select distinct unique_id from forecast.series where series = 'product_weekly_units'"
        f" and as_of_date < '{AS_OF}' order by 1"
    )
    assert [row[0] for row in before] == ["MUG", "OLD", "QUIET", "TEE"]


def test_forecasts_are_kept_and_backtests_are_tonights(forecast: Warehouse) -> None:
    dates = "select distinct as_of_date from forecast.{} order by 1"
    both = [(AS_OF - timedelta(days=7),), (AS_OF,)]
    for table in ("forecasts", "intervals", "accuracy", "series"):
        assert forecast.rows(dates.format(table)) == both, table
    assert forecast.rows(dates.format("backtests")) == both[1:]


def test_a_failed_night_leaves_what_was_said(forecast: Warehouse) -> None:
    before = forecast.rows("select count(*), sum(mean) from forecast.backtests")
    outcome = night(forecast)["company_daily_revenue"]
    broken = replace(outcome, series=outcome.series.assign(trend_direction="sideways"))  # the table written last
    with forecast.connect() as connection, pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
        write(connection, AS_OF, {"company_daily_revenue": broken})
    assert forecast.rows("select count(*), sum(mean) from forecast.backtests") == before


def test_levels_series_and_measures_are_what_they_say(forecast: Warehouse) -> None:
    assert forecast.rows("select distinct series, level_pct from forecast.intervals order by 1") == [
        (f"{level}_weekly_units", 90.0) for level in ("category", "company", "product")
    ]
    ids = f"select unique_id from forecast.series where as_of_date = '{AS_OF}' and series = '{{}}' order by 1"
    assert forecast.rows(ids.format("territory_monthly_revenue")) == [("(no territory)",), ("T1",)]
    assert forecast.rows(ids.format("location_monthly_units")) == [("(no location)",)]
    assert forecast.rows(ids.format("category_weekly_units")) == [("(no category)",), ("Cups",), ("Shirts",)]
    total = f"select sum(mean) from forecast.forecasts where as_of_date = '{AS_OF}' and series = '{{}}'"
    sums = [forecast.rows(total.format(f"{level}_weekly_units"))[0][0] for level in ("product", "category", "company")]
    assert sums[0] == pytest.approx(sums[1]) == pytest.approx(sums[2])


def test_bi_shows_every_family_with_its_keys_and_days(forecast: Warehouse) -> None:
    forecast.build(
        "--exclude-resource-type", "unit_test", "--select",
        "bi_dim_date", "bi_forecasts", "bi_forecast_series", "bi_forecast_intervals", "bi_forecast_accuracy",
    )  # fmt: skip
    assert forecast.rows(f"select count(*) from bi_build.forecasts where as_of_date <> '{AS_OF}'") == [(0,)]
    assert forecast.rows(
        "select max(ds), count(*) from bi_build.forecasts where grain = 'fiscal year'"
    ) == [(date(2046, 4, 1), 24)]  # fmt: skip
    assert forecast.rows(
        "select count(*) from bi_build.forecasts where level = 'product' and (product_key = -1 or category is null)"
    ) == [(0,)]
    assert forecast.rows(
        "select count(*) from bi_build.forecast_series where level = 'territory' and territory_key <> -1"
    ) == [(1,)]


# daybreak forecast --------------------------------------------------------------------------------------------------


def ask(shop: Warehouse, what: str, **chosen: Any) -> Any:
    options = {"measure": "units", "grain": "week", "periods": 3, "levels_pct": None} | chosen
    with connect(shop.url) as connection:
        return answer(connection, SHOP, asked(what, **options))


def test_any_series_is_answered_from_the_facts(shop: Warehouse) -> None:
    found = ask(shop, "product=mug", levels_pct=[99, 50])
    assert (found.question.unique_id, found.name, found.as_of_date) == ("MUG", "Mug", AS_OF)
    assert found.rows.columns.tolist() == ["ds", "mean", "lo-50", "hi-50", "lo-99", "hi-99"]
    assert len(found.rows) == 3
    assert (found.rows["lo-99"] <= found.rows["lo-50"]).all()
    said = json.loads(found.as_json())
    assert (said["level"], said["unique_id"], said["currency"], said["as_of_date"]) == (
        "product",
        "MUG",
        None,
        str(AS_OF),
    )
    assert said["forecast"][0]["ds"] == "2024-03-04"
    assert ask(shop, "product=Old mug").about["fallback_reason"] == "discontinued on 2023-12-31"
    assert len(ask(shop, "company", grain="day", periods=365, measure="revenue").rows) == 365
    assert len(ask(shop, "territory=T1", grain="fiscal-quarter", periods=24, measure="revenue").rows) == 24


@pytest.mark.parametrize(
    ("what", "chosen", "message"),
    [
        ("product=MUGG", {}, "there is no product 'MUGG'"),
        ("product=LATER", {}, "there is no product 'LATER'"),
        ("product=NEVER", {}, "there is no product 'NEVER'"),
        ("category=Cup", {}, "there is no category 'Cup'"),
        ("product", {}, "'product' does not say of what"),
        ("shop=1", {}, "what is asked: Input should be 'product'"),
        ("company", {"periods": 25}, "--periods: a forecast by week reaches 1 to 24 periods ahead, not 25"),
        ("company", {"periods": 0, "grain": "day"}, "--periods: Input should be greater than or equal to 1"),
        ("company", {"grain": "hour"}, "--grain: Input should be 'day'"),
        ("company", {"levels_pct": [49.9]}, "--level: an interval of 49.9 %"),
        ("company", {"measure": "profit"}, "--measure: Input should be 'units'"),
    ],
)
def test_what_cannot_be_asked_is_told(shop: Warehouse, what: str, chosen: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ask(shop, what, **chosen)
    assert message in str(caught.value)
    assert caught.value.remedy


def test_the_nearest_names_are_told(shop: Warehouse) -> None:
    with pytest.raises(ConfigurationError, match=r"did you mean product=MUG \(Mug\)"):
        ask(shop, "product=Mugg")


def test_what_the_night_published_stands_beside_the_answer(forecast: Warehouse) -> None:
    said = dict(forecast.rows(
        "select ds, mean from forecast.forecasts where series = 'product_weekly_units' and unique_id = 'MUG'"
        f" and as_of_date = '{AS_OF}'"
    ))  # fmt: skip
    override = (
        "insert into forecast.overridden values (%s, 'product_weekly_units', 'MUG', %s, 77, %s, true, %s, %s, %s)"
    )
    try:
        with forecast.connect() as connection:
            connection.execute(override, [AS_OF, min(said), said[min(said)], "Zoë", "Messe", AS_OF])
        found = ask(forecast, "product=MUG", periods=len(said) + 2)
        expected = [77.0, *(said[ds] for ds in sorted(said)[1:])]
        assert found.published[:-2].tolist() == expected
        assert found.published[-2:].isna().all()  # nobody asked the night for so many
        rows = json.loads(found.as_json())["forecast"]
        assert [row["published_mean"] for row in rows] == [*expected, None, None]
        assert ask(forecast, "product=MUG", grain="year").published.isna().all()
    finally:
        with forecast.connect() as connection:
            connection.execute("delete from forecast.overridden")


def test_an_answer_writes_nothing(shop: Warehouse) -> None:
    with connect(shop.url) as connection:
        answer(connection, SHOP, asked("company", measure="units", grain="week", periods=1))
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("delete from forecast.forecasts")


def test_without_a_night_there_is_nothing_to_ask(new_warehouse: Callable[[], Warehouse]) -> None:
    with pytest.raises(ContractError, match="no night has built the facts yet"):
        ask(new_warehouse(), "company")


def test_a_night_about_the_past_leaves_the_models_of_a_later_day_alone(forecast: Warehouse) -> None:
    rows = "select series, count(*), min(as_of_date), max(as_of_date) from forecast.model_state group by 1 order by 1"
    before = forecast.rows(rows)
    earlier, name = AS_OF - timedelta(days=8), "product_weekly_units"
    with forecast.connect() as connection:
        assert read_state(connection, name, earlier) is None
        state = read_state(connection, name, AS_OF)
        assert state is not None
        with connection.transaction():
            assert replace_state(connection, name, earlier, Succession.of(state)) == 0
            assert replace_state(connection, name, AS_OF, Succession.of(state)) == len(state.ids) + 1
    assert forecast.rows(rows) == before


def test_a_night_writes_the_models_that_it_changed(forecast: Warehouse) -> None:
    family, later = FAMILIES[0], AS_OF + timedelta(days=1)
    with forecast.connect() as connection, connection.transaction(force_rollback=True):
        state = read_state(connection, family.series, AS_OF)
        facts = daily_facts(connection, family.level, family.measure, AS_OF)
        facts = facts[facts["unique_id"] != "OLD"].assign(y=lambda f: f["y"] + (f["unique_id"] == "MUG"))
        history = history_of(family, facts, SHOP, AS_OF)
        models = forecast_family(family, history, products=known_products(connection, AS_OF), state=state).models
        assert (models.changed.ids.tolist(), models.gone.tolist()) == (["MUG"], ["OLD"])
        assert replace_state(connection, family.series, later, models) == 2  # the series, and what all share
        kept = read_state(connection, family.series, later)
        assert kept is not None
        pd.testing.assert_frame_equal(kept.to_frame(), models.state.to_frame())
        # a night about the day before begins without a part of it, and leaves it alone
        assert read_state(connection, family.series, AS_OF) is None
        assert replace_state(connection, family.series, AS_OF, models) == 0
        # where another state is than the night began with, all of it is written
        assert replace_state(connection, family.series, later, models) == len(models.state.ids) + 1
