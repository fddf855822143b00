"""Days on which nothing will be sold.

Not here: the night that asks for them (tests/unit/test_forecasts.py).
"""

import numpy as np
import pandas as pd
import pytest

from forecasting.closures import without_closed_days
from forecasting.regressors import holiday_columns

DAYS = pd.date_range("2023-01-02", "2025-11-30")


def ahead(start: str = "2025-12-01", n: int = 60, name: str = "shop") -> pd.DataFrame:
    days = pd.date_range(start, periods=n)
    numbers = dict.fromkeys(("mean", "lo-80", "hi-80", "lo-95", "hi-95"), 7.0)
    return pd.DataFrame({"unique_id": name, "ds": days, **numbers, "model_used": "ets"})


def past(cutoff: str, n: int = 60, name: str = "shop") -> pd.DataFrame:
    days = pd.date_range(pd.Timestamp(cutoff) + pd.Timedelta(days=1), periods=n)
    return pd.DataFrame({"unique_id": name, "cutoff": pd.Timestamp(cutoff), "ds": days, "y": 1.0, "mean": 7.0})


def history(y: np.ndarray, name: str = "shop") -> pd.DataFrame:
    return pd.DataFrame({"unique_id": name, "ds": DAYS[: len(y)], "y": np.asarray(y, dtype="float64")})


def feasts() -> pd.DataFrame:
    return holiday_columns(pd.date_range(DAYS[0], "2026-06-30"), freq="D", country="DE")


def closed_days(frame: pd.DataFrame) -> list[str]:
    return [f"{day:%m-%d}" for day in frame.loc[frame["mean"] == 0, "ds"]]


def shop() -> np.ndarray:
    """Open but on Sundays and public holidays; revenue may be negative."""
    named = feasts().drop(columns=["ds", "before_holiday", "after_holiday"]).to_numpy()[: len(DAYS)].any(axis=1)
    return np.where((DAYS.dayofweek == 6) | named, 0.0, np.where(DAYS.dayofweek == 5, -3.0, 9.0))


def test_sundays_and_holidays_without_a_sale_are_closed_and_nothing_else() -> None:
    forecast, _ = without_closed_days(ahead(), past("2025-01-31"), history(shop()), feasts())
    sundays = ["12-07", "12-14", "12-21", "12-28", "01-04", "01-11", "01-18", "01-25"]
    assert sorted(closed_days(forecast)) == sorted([*sundays, "12-25", "12-26", "01-01"])
    numbers = forecast.select_dtypes("number")
    assert numbers.loc[forecast["mean"] == 0].eq(0).all(axis=None)
    assert numbers.loc[forecast["mean"] != 0].eq(7).all(axis=None)


def test_without_a_calendar_only_weekdays_are_known() -> None:
    forecast, _ = without_closed_days(ahead(n=28), past("2025-01-31"), history(shop()))
    assert closed_days(forecast) == ["12-07", "12-14", "12-21", "12-28"]


def test_an_origin_knows_only_what_came_before_it() -> None:
    y = shop()
    y[DAYS < "2024-12-01"] = 9.0  # open every day until then
    _, early = without_closed_days(ahead(), past("2024-11-30"), history(y), feasts())
    assert closed_days(early) == []
    _, late = without_closed_days(ahead(), past("2025-02-28", n=14), history(y), feasts())
    assert closed_days(late) == ["03-02", "03-09"]


def test_a_holiday_that_once_was_open_is_not_closed() -> None:
    y = shop()
    y[DAYS == "2024-12-26"] = 4.0
    forecast, _ = without_closed_days(ahead(), past("2025-01-31"), history(y), feasts())
    assert "12-26" not in closed_days(forecast)
    assert "12-25" in closed_days(forecast)


@pytest.mark.parametrize(
    "y",
    [
        np.zeros(400),
        np.where(np.arange(400) % 35 == 0, 9.0, 0.0),  # a sale every five weeks, always on the same weekday
        np.where(np.arange(55) % 7 == 6, 0.0, 9.0),  # a day short of eight weeks
        np.array([5.0]),
    ],
)
def test_rare_dead_and_young_series_have_no_closed_days(y: np.ndarray) -> None:
    start = f"{DAYS[len(y) - 1] + pd.Timedelta(days=1):%Y-%m-%d}"
    forecast, _ = without_closed_days(ahead(start), past("2023-01-02").head(0), history(y), feasts())
    assert closed_days(forecast) == []


def test_series_are_judged_each_on_their_own_and_rows_keep_their_order() -> None:
    panel = pd.concat([history(shop()), history(np.full(len(DAYS), 9.0), "web")])
    both = pd.concat([ahead(), ahead(name="web")], ignore_index=True).sample(frac=1, random_state=1)
    forecast, _ = without_closed_days(both, past("2025-01-31"), panel, feasts())
    assert forecast.index.tolist() == both.index.tolist()
    assert set(forecast.loc[forecast["mean"] == 0, "unique_id"]) == {"shop"}
    assert both["mean"].eq(7).all()
