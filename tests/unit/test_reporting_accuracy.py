"""Charts and messages about how right forecasts were: nothing where nothing is known, and all of it inside the drawing.

Not here: the numbers (test_forecasting_track_record.py).
"""

import math
from datetime import date

import pandas as pd

from orchestration.forecasts.drift import in_words
from reporting.accuracy_charts import by_lead_chart, value_added_chart
from reporting.alerts import forecast_drifts, forecast_recovered
from reporting.charts import chart_svg

LEADS = pd.DataFrame({"lead": [0, 1, 2, 13], "wape_pct": [50.0, 40.0, 60.0, 61.5]}).assign(
    naive_wape_pct=[70.0, 70.0, None, 70.0], coverage_80_pct=80.0, coverage_95_pct=95.0
)


def test_error_by_lead_names_what_it_shows() -> None:
    svg = chart_svg(by_lead_chart(LEADS, what="weekly units per product"))
    assert "Error of weekly units per product, % of what came" in svg
    assert "Seasonal naive" in svg
    assert "periods ahead" in svg
    without = chart_svg(by_lead_chart(LEADS.assign(naive_wape_pct=math.nan), what="x"))
    assert "Seasonal naive" not in without


def test_one_lead_is_a_dot_and_none_is_no_chart() -> None:
    one = by_lead_chart(LEADS[LEADS["lead"] == 1], what="x")
    assert [type(shape).__name__ for shape in one.contents].count("Circle") == 4
    assert by_lead_chart(LEADS[LEADS["lead"] == 0], what="x") is None
    assert by_lead_chart(LEADS.assign(wape_pct=None), what="x") is None


def test_value_added_shows_harm_as_harm() -> None:
    table = pd.DataFrame({"label": ["override: Żuławski " * 9, "reps", "engine", "unknown"],
                          "value_added_pct": [-120.0, 0.0, 8.125, None]})  # fmt: skip
    drawing = value_added_chart(table)
    svg = chart_svg(drawing)
    assert "120.0" in svg
    assert "+8.1" in svg
    assert "unknown" not in svg
    for shape in drawing.contents:
        if type(shape).__name__ == "Rect":
            assert 0 <= shape.x <= shape.x + shape.width <= drawing.width
    assert value_added_chart(table.tail(1)) is None


def test_drift_is_told_with_what_to_do() -> None:
    family, night = "weekly units per product", date(2024, 2, 29)
    told = forecast_drifts(
        business="Café", family=family, share_pct=31.4, worst=["<Käse>: too low", "and 3 more"], as_of_date=night
    )
    assert "31% of what it forecasts" in told.text
    assert "• <Käse>: too low\n• and 3 more" in told.text
    assert "What to do:" in told.text
    assert "&lt;Käse&gt;" in told.html
    over = forecast_recovered(business="Café", family=family, since=date(2024, 1, 28), as_of_date=night)
    assert "28 January 2024" in over.text


def test_families_in_words() -> None:
    assert in_words("submissions_revenue") == "revenue as submitted"
    assert in_words("territory_monthly_revenue") == "monthly revenue per territory"
