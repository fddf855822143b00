"""Which series are forecast: what business.yaml may say, and what is refused, with its place. Not here: forecasts."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from forecasting.periods import Frequency
from orchestration.business import load_business
from orchestration.errors import ConfigurationError
from orchestration.forecasts.families import ADVERBS, PRODUCTS, REVENUE, USUAL, Family, ForecastPlan
from orchestration.settings import PROJECT_ROOT
from tests.unit.test_business import BUSINESS, SOURCES


def load(folder: Path, forecast: str) -> ForecastPlan:
    (folder / "business.yaml").write_text(BUSINESS + forecast, encoding="utf-8")
    (folder / "sources.yaml").write_text(SOURCES, encoding="utf-8")
    return load_business(folder).profile.forecast


def test_without_a_word_the_usual_families_are_forecast(tmp_path: Path) -> None:
    plan = load(tmp_path, "")
    assert plan.all_families == USUAL
    assert [f"{f.series} {f.horizon}" for f in plan.all_families] == [
        "product_weekly_units 13", "category_weekly_units 13", "company_weekly_units 13", "company_daily_revenue 91",
        "company_monthly_revenue 12", "category_monthly_revenue 12", "territory_monthly_revenue 12",
        "company_quarterly_revenue 8", "company_yearly_revenue 2",
    ]  # fmt: skip
    assert plan.years_ahead == 3


def test_a_business_chooses_and_still_has_what_stock_and_reports_read(tmp_path: Path) -> None:
    plan = load(
        tmp_path,
        "forecast:\n  families:\n    - {level: location, measure: units, grain: fiscal_year, horizon: 24}\n"
        "    - {level: company, measure: revenue, grain: day, horizon: 365, levels_pct: [50, 97.5, 99]}\n"
        "    - {level: category, measure: units, grain: week, horizon: 13, levels_pct: [90]}\n",
    )
    by_name = {family.series: family for family in plan.all_families}
    assert next(iter(by_name)) == PRODUCTS.series
    assert set(by_name) == {
        PRODUCTS.series, "location_fiscal_yearly_units", REVENUE.series, "category_weekly_units"
    }  # fmt: skip
    assert by_name[REVENUE.series].all_levels_pct == (50, 80, 95, 97.5, 99)
    assert by_name["location_fiscal_yearly_units"].all_levels_pct == (80, 95)
    # what is made to add up is so at every level
    assert by_name[PRODUCTS.series].all_levels_pct == by_name["category_weekly_units"].all_levels_pct == (80, 90, 95)
    assert plan.years_ahead == 25


GOOD = {"level": "company", "measure": "units", "grain": "day", "horizon": "9"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"horizon": "366"}, "horizon: a forecast by day reaches 1 to 365 periods ahead, not 366"),
        ({"grain": "week", "horizon": "25"}, "horizon: a forecast by week reaches 1 to 24 periods"),
        ({"grain": "year", "horizon": "0"}, "horizon: Input should be greater than or equal to 1"),
        ({"grain": "hour"}, "grain: Input should be 'day', 'week'"),
        ({"level": "shop"}, "level: Input should be 'product', 'category'"),
        ({"level": "territory", "measure": "orders"}, "measure: orders are not counted by territory"),
        ({"horizont": "1"}, "horizont: unknown key; did you mean 'horizon'?"),
        ({"horizon": None}, "horizon: this key is missing"),
        ({"levels_pct": "[49]"}, "levels_pct: an interval of 49 %: levels lie between 50 and 99 %"),
        ({"levels_pct": "[99.5]"}, "levels_pct: an interval of 99.5 %"),
        ({"levels_pct": "[90, 90]"}, "levels_pct: a level stands twice"),
        ({"levels_pct": "[nan]"}, "levels_pct: an interval of nan %"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, change: dict[str, str | None], message: str) -> None:
    item = ", ".join(f"{key}: {value}" for key, value in {**GOOD, **change}.items() if value is not None)
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, f"forecast:\n  families:\n    # one\n    - {{{item}}}\n")
    assert f"business.yaml:7: forecast.families.0.{message}" in str(caught.value)


def test_a_family_that_stands_twice_is_named(tmp_path: Path) -> None:
    one = "    - {level: company, measure: units, grain: month, horizon: 3}\n"
    with pytest.raises(ConfigurationError, match=r"business.yaml:7: .*families.1: company_monthly_units stands twice"):
        load(tmp_path, "forecast:\n  families:\n" + one + one)


@pytest.mark.parametrize("grain", ADVERBS)
@pytest.mark.parametrize("month", [1, 2, 4, 12])
def test_every_grain_has_a_frequency(grain: str, month: int) -> None:
    family = Family.model_validate({"level": "company", "measure": "units", "grain": grain, "horizon": 1})
    freq = family.frequency(first_weekday="sunday", fiscal_year_start_month=month)
    frequency = Frequency.parse(freq)
    assert freq == "W-SUN" or grain != "week"
    assert frequency.month == (month - 1) % {"fiscal_quarter": 3, "fiscal_year": 12}.get(grain, 1)


def test_a_family_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        PRODUCTS.horizon = 5  # type: ignore[misc]


def test_the_documented_default_is_the_default(tmp_path: Path) -> None:
    text = (PROJECT_ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    documented = text.split("```yaml\nforecast:\n")[1].split("```")[0]
    assert load(tmp_path, "forecast:\n" + documented).families == USUAL
