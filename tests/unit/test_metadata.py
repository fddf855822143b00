"""What an asset shows in the Dagster UI.

Not here: what the numbers are (the stages' own tests).
"""

import base64

import pandas as pd
from reportlab.graphics.shapes import Drawing

from orchestration.metadata import picture, table_of
from reporting.charts import chart_svg


def test_a_day_is_shown_without_its_midnight() -> None:
    stamps = pd.DataFrame({"day": [pd.Timestamp("2024-02-29"), pd.Timestamp("2024-02-29 09:30"), pd.NaT]})
    assert table_of(stamps).value.splitlines()[2:] == ["| 2024-02-29 |", "| 2024-02-29 09:30:00 |", "|  |"]


def test_a_picture_is_larger_on_a_screen_and_shows_the_same() -> None:
    paper = chart_svg(Drawing(511, 205))
    shown = base64.b64decode(picture(paper).value.removesuffix(")").partition("base64,")[2]).decode("utf-8")
    assert 'width="511" height="205"' in paper
    assert '<svg width="817.6" height="328"' in shown
    assert 'viewBox="0 0 511 205"' in shown
    assert shown.count("\n") == paper.count("\n")
