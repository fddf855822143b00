"""The stand-in: what it makes of sick series, what it says, and what it does not cost. Not here: who calls it."""

import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from forecasting import fallback
from forecasting.fallback import stand_in
from orchestration.settings import PROJECT_ROOT
from tests.support.awkward_series import awkward

SERIES = awkward(52)
WHY = "no model could be fitted"


@pytest.mark.parametrize("m", [1, 4, 52])
@pytest.mark.parametrize("name", SERIES)
def test_every_awkward_series_gets_a_forecast_and_a_reason(name: str, m: int) -> None:
    y = SERIES[name]
    before = y.copy()
    mean, model, reason = stand_in(y, m, 13, WHY)
    assert mean.shape == (13,)
    assert np.isfinite(mean).all()
    assert y.min() < 0 or mean.min() >= 0
    assert model
    assert reason.startswith(f"{WHY}; ")
    assert " instead" in reason
    assert not re.search(r"Error|Traceback|\n|<", reason)
    np.testing.assert_array_equal(y, before)
    again, _, _ = stand_in(y, m, 13, WHY)
    np.testing.assert_array_equal(mean, again)


def test_a_read_only_history_is_no_obstacle() -> None:
    y = SERIES["trend"].copy()
    y.setflags(write=False)
    assert stand_in(y, 1, 3, WHY)[1] == "statsforecast_ets"


def test_the_season_is_kept() -> None:
    y = np.tile([1.0, 5, 9, 2], 8)
    mean, model, _ = stand_in(y, 4, 8, WHY)
    assert model == "statsforecast_ets"
    np.testing.assert_allclose(mean, y[:8], rtol=1e-3)


@pytest.mark.parametrize("exponent", [-1000, -40, 40, 960])
def test_scale_changes_no_digit(exponent: int) -> None:
    y = SERIES["seasonal"]
    mean, model, reason = stand_in(y, 4, 5, WHY)
    scaled = stand_in(np.ldexp(y, exponent), 4, 5, WHY)
    np.testing.assert_array_equal(scaled[0], np.ldexp(mean, exponent))
    assert scaled[1:] == (model, reason)


def _raises(y: np.ndarray, m: int, horizon: int) -> np.ndarray:
    raise np.linalg.LinAlgError("Singular matrix")


@pytest.mark.parametrize(
    ("sick", "words"),
    [
        (_raises, "could not be fitted"),
        (lambda y, m, h: np.full(h, np.nan), "gave no number"),
        (lambda y, m, h: np.full(h, -np.inf), "gave no number"),
        (lambda y, m, h: np.ones(h + 1), "gave no number"),
        (lambda y, m, h: np.full(h, 1e6), "left the range of the history"),
    ],
)
def test_who_fails_passes_on_to_the_next_and_is_named(
    monkeypatch: pytest.MonkeyPatch, sick: fallback.Forecaster, words: str
) -> None:
    y = SERIES["seasonal"]
    monkeypatch.setattr(fallback, "_auto_ets", sick)
    _, model, reason = stand_in(y, 4, 5, WHY)
    assert model == "statsforecast_theta"
    assert reason == f"{WHY}; the Theta method instead (automatic exponential smoothing {words})"
    monkeypatch.setattr(fallback, "_theta", sick)
    assert stand_in(y, 4, 5, WHY)[1] == "statsforecast_ses"
    monkeypatch.setattr(fallback, "_ses", sick)
    mean, model, _ = stand_in(y, 4, 5, WHY)
    assert model == "seasonal_naive"
    np.testing.assert_array_equal(mean, y[-4:][np.arange(5) % 4])
    mean, model, reason = stand_in(y, 1, 5, WHY)
    assert model == "last_value"
    np.testing.assert_array_equal(mean, np.full(5, y[-1]))
    assert reason.count(words) == 3


def test_who_spoils_its_copy_spoils_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def spoils(y: np.ndarray, m: int, horizon: int) -> np.ndarray:
        y[:] = np.nan
        return y[:horizon]

    y = SERIES["trend"]
    untouched = fallback._theta(np.ldexp(y, -fallback._exponent(y)), 1, 5)
    monkeypatch.setattr(fallback, "_auto_ets", spoils)
    mean, _, _ = stand_in(y, 1, 5, WHY)
    np.testing.assert_allclose(mean, np.ldexp(untouched, fallback._exponent(y)))


@pytest.mark.parametrize("y", [[], [1.0, np.nan], [np.inf], [-np.inf, 2.0]])
def test_what_cannot_be_forecast_is_refused(y: list[float]) -> None:
    with pytest.raises(ValueError, match="at least one point, and finite ones only"):
        stand_in(np.array(y), 1, 1, WHY)


@pytest.mark.parametrize(("m", "horizon"), [(0, 1), (1, 0), (-12, 3)])
def test_wrong_choices_are_refused(m: int, horizon: int) -> None:
    with pytest.raises(ValueError, match="at least 1 period"):
        stand_in(np.ones(9), m, horizon, WHY)


@given(
    arrays.arrays("float64", st.integers(1, 30), elements=st.floats(allow_nan=False, allow_infinity=False)),
    st.integers(1, 14),
    st.integers(1, 30),
)
@settings(deadline=None, max_examples=60)
def test_any_numbers_get_a_forecast_within_sight_of_them(y: np.ndarray, m: int, horizon: int) -> None:
    mean, _, _ = stand_in(y, m, horizon, WHY)
    assert mean.shape == (horizon,)
    assert np.isfinite(mean).all()
    size = np.abs(y).max()
    assert (np.abs(mean / 8) <= size * (5 / 8) + 5e-324).all()  # two ranges beyond the history: at most 5 sizes


def test_a_night_without_sick_series_does_not_pay_for_it() -> None:
    code = "import sys, forecasting.fallback as f, numpy as n\nf.stand_in(n.ones(3), 1, 2, '')\n"
    code += "print([name for name in ('statsforecast', 'pmdarima', 'fugue') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
