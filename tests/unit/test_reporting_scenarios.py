"""The chart of what-ifs: nothing where nothing is asked, and all of it inside the drawing.

Not here: the numbers (test_forecasting_scenarios.py).
"""

from datetime import date

import pandas as pd
from reportlab.graphics.shapes import PolyLine

from reporting.charts import chart_svg
from reporting.scenario_charts import MOST_PANELS, scenarios_chart

WEEKS = [date(2024, 2, 26), date(2024, 3, 4), date(2024, 3, 11)]


def asked(*names: str, weeks: int = 3) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"scenario": name, "unique_id": product, "ds": week, "base": 10.0, "mean": 5.0 * n}
            for name in names
            for product in ("Öl", "Tee")
            for n, week in enumerate(WEEKS[:weeks])
        ],
        columns=["scenario", "unique_id", "ds", "base", "mean"],
    )


def test_every_scenario_has_a_panel_with_both_lines() -> None:
    drawing = scenarios_chart(asked("Frühling: 20 % off", "prices up " * 40))
    svg = chart_svg(drawing)
    assert svg.count("as forecast") == 2
    assert "Frühling: 20 % off" in svg
    assert "…" in svg
    lines = [shape for panel in drawing.contents for shape in panel.contents if isinstance(shape, PolyLine)]
    assert len(lines) == 4
    assert all(0 <= v <= drawing.width for line in lines for v in line.points)


def test_no_scenario_is_no_chart_one_week_are_dots_and_many_are_the_first() -> None:
    assert scenarios_chart(asked()) is None
    assert "circle" in chart_svg(scenarios_chart(asked("one", weeks=1)))
    many = scenarios_chart(asked(*(f"asked {n}" for n in range(20))))
    assert len(many.contents) == MOST_PANELS


def test_nothing_but_zeros_is_drawn_too() -> None:
    assert scenarios_chart(asked("zero").assign(base=0.0, mean=0.0)) is not None
