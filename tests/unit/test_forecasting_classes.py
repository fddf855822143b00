"""Classes of demand by hand: what is rare, dead, asleep or new.

Not here: what is forecast for them (test_forecasting_engine.py).
"""

import numpy as np
import pytest

from forecasting.engine import forecast_panel
from forecasting.kernel import classes
from forecasting.kernel.classes import CLASSES, demand_class
from tests.support.panels import panel_of


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        ([5.0], "short"),
        ([1.0, 2, 3, 4, 5, 6, 7], "short"),
        ([0.0] * 8, "dead"),
        ([4.0] * 8, "constant"),
        ([-4.0] * 8, "constant"),
        ([1.0, 2, 3, 4, 5, 6, 7, 8], "regular"),
        ([1.0, 0, 0, 0, 0, 1, 0, 0, 2], "intermittent"),  # ADI 3, CV² = (2 / 3 − 4 / 9 + …) / (4 / 3)² = 0.125
        ([1.0, 0, 0, 0, 0, 1, 0, 0, 9], "lumpy"),  # sizes 1, 1, 9: variance 14.2, squared mean 13.4
        ([1.0, 0, 0, 0, 0, 1, 0, 0, -2], "regular"),  # returns: no demand that is rare
    ],
)
def test_classes_by_hand(y: list[float], kind: str) -> None:
    assert CLASSES[demand_class(np.array(y), 1, 52, 13)] == kind


def test_silence_is_death_only_after_a_quarter_and_four_intervals() -> None:
    sold = np.tile([0.0, 6.0], 20)
    for silent, kind in ((12, "intermittent"), (13, "dead")):
        assert CLASSES[demand_class(np.r_[sold, np.zeros(silent)], 1, 52, 13)] == kind
    rare = np.tile(np.r_[np.zeros(9), 6.0], 6)  # an interval of ten: 13 periods say nothing yet
    assert CLASSES[demand_class(np.r_[rare, np.zeros(30)], 1, 200, 13)] == "intermittent"


def test_who_slept_a_year_ago_sleeps_and_wakes_as_then() -> None:
    y = np.where(np.arange(143) % 52 >= 46, 40.0, 0.0)  # the next season begins at week 150
    forecast = forecast_panel(panel_of({"lights": y}), freq="W-MON", horizon=13)
    assert set(forecast["demand_class"]) == {"sleeping"}
    assert forecast["mean"].tolist() == [0.0] * 7 + [40.0] * 6
    assert forecast["fallback_reason"].iloc[0] == "silent for a quarter, as a year ago: last year's path"


def test_closed_weekdays_make_no_demand_rare() -> None:
    open_two_days = np.tile([0.0, 0, 0, 0, 0, 5, 6], 20)
    assert CLASSES[demand_class(open_two_days, 7, 365, 91)] == "regular"
    assert CLASSES[demand_class(open_two_days, 1, 365, 91)] == "intermittent"
    y = np.where(np.arange(365) % 7 >= 5, 0.0, 100 + np.random.default_rng(1).normal(0, 2, 365))
    forecast = forecast_panel(panel_of({"shop": y}, "D", "2024-01-01"), freq="D", horizon=91)
    weekend = forecast["ds"].dt.dayofweek >= 5
    assert forecast.loc[weekend, "mean"].max() < 10
    assert forecast.loc[~weekend, "mean"].between(85, 115).all()


def test_the_classes_have_their_numbers() -> None:
    assert [CLASSES[getattr(classes, name.upper())] for name in CLASSES] == list(CLASSES)
