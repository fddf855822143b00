"""Our models beside statsforecast's of the same name: near in what they forecast, and no worse in what they miss.

Not here: the contract that every forecast keeps (test_forecasting_contract.py). Both optimise, over other grids and
from other first states: the tolerances are what that costs, a little more than was measured when they were written.
"""

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from statsforecast import models as peers

from tests.support.kernel_models import KERNEL, Kernel

HORIZON, SERIES = 12, 16
RECORDED = Path(__file__).parent.parent / "support" / "forecasts_of_ces.json"
REGULAR = ("level", "trend", "damped", "additive", "multiplicative", "quarterly")


@dataclass(frozen=True)
class Drawn:
    """A series drawn from a known process: its past, its expected future, and the noise of one period."""

    y: np.ndarray
    future: np.ndarray
    m: int
    noise: float


def draw(process: str, seed: int) -> Drawn:
    """n = 72 periods and 12 more; the future is the one that came, except for counts, where it is the expected one."""
    rng = np.random.default_rng([seed, sum(map(ord, process))])
    n, m = 72, {"additive": 12, "multiplicative": 12, "quarterly": 4}.get(process, 1)
    t = np.arange(n + HORIZON)
    if process == "intermittent":
        n, t = 600, np.arange(600 + HORIZON)
        sold = (rng.random(len(t)) < 0.3) * rng.gamma(4, 2, len(t))
        return Drawn(sold[:n], np.full(HORIZON, 0.3 * 8), 1, 2.4)
    noise = 5.0
    slope = {"trend": 1.5, "damped": 0.0, "multiplicative": 0.5}.get(process, 0.0)
    bend = 60 * (1 - 0.95**t) if process == "damped" else 0.0
    level = 200 + slope * t + bend + np.cumsum(rng.normal(0, 2, len(t)))
    figure = rng.normal(0, 0.15, m)[t % m] if m > 1 else 0.0
    mean = level * (1 + figure) if process == "multiplicative" else level + 200 * figure
    y = mean + rng.normal(0, noise, len(t))
    return Drawn(y[:n], y[n:], m, noise)


def of_statsforecast(model: Callable[[int], object]) -> Kernel:
    """Its model object on an own writable array: through its frames, one of them fails on pandas 3."""

    def forecast(y: np.ndarray, m: int, horizon: int) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(model(m).forecast(y.copy(), horizon)["mean"])

    return forecast


@dataclass(frozen=True)
class Oracle:
    """Whom a model of ours is held to: ``near`` bounds the median distance of forecasts, in the noise of one period;
    ``worse`` how much more of the future it may miss, as a share."""

    forecast: Kernel
    processes: tuple[str, ...]
    near: float
    worse: float


ORACLES = {
    "seasonal_naive": Oracle(
        of_statsforecast(lambda m: peers.SeasonalNaive(season_length=m)), ("additive", "quarterly", "level"), 0.0, 0.0
    ),
    "ses": Oracle(
        of_statsforecast(lambda m: peers.SimpleExponentialSmoothingOptimized()), ("level", "intermittent"), 0.05, 0.02
    ),
    "theta": Oracle(of_statsforecast(lambda m: peers.Theta(season_length=m)), REGULAR, 0.15, 0.02),
    # It chooses one of many forms where ours is one, or a mean of them: 1.16 apart on trends.
    "ets": Oracle(of_statsforecast(lambda m: peers.AutoETS(season_length=m)), REGULAR, 1.2, 0.1),
    "tsb": Oracle(of_statsforecast(lambda m: peers.TSB(alpha_d=0.1, alpha_p=0.1)), ("intermittent",), 0.02, 0.02),
    "adida": Oracle(of_statsforecast(lambda m: peers.ADIDA()), ("intermittent",), 0.05, 0.05),
    "imapa": Oracle(of_statsforecast(lambda m: peers.IMAPA()), ("intermittent",), 0.05, 0.05),
    "croston": Oracle(of_statsforecast(lambda m: peers.CrostonClassic()), ("intermittent",), 0.02, 0.02),
    "sba": Oracle(of_statsforecast(lambda m: peers.CrostonSBA()), ("intermittent",), 0.02, 0.02),
}
PAIRS = [(name, process) for name, oracle in ORACLES.items() if name in KERNEL for process in oracle.processes]
CES = Oracle(lambda y, m, horizon: np.empty(0), REGULAR, 0.7, 0.05)


def scaled_forecast(kernel: Kernel, one: Drawn) -> np.ndarray:
    """As the engine asks its models: divided by a power of two near the largest value."""
    exponent = int(np.frexp(np.abs(one.y).max())[1])
    return np.ldexp(kernel(np.ldexp(one.y, -exponent), one.m, HORIZON), exponent)


def assert_near_and_no_worse(ours: list[np.ndarray], theirs: list[np.ndarray], drawn: list[Drawn], to: Oracle) -> None:
    apart = np.array([np.abs(a - b).mean() / one.noise for a, b, one in zip(ours, theirs, drawn, strict=True)])
    missed, theirs_missed = (
        sum(np.abs(mean - one.future).mean() for mean, one in zip(means, drawn, strict=True))
        for means in (ours, theirs)
    )
    figures = f"apart {np.median(apart):.3f} (at most {apart.max():.2f}), misses {missed / theirs_missed:.3f} × as much"
    print(figures)
    assert np.median(apart) <= to.near + 1e-9, figures
    assert missed <= theirs_missed * (1 + to.worse) + 1e-9, figures


@pytest.mark.parametrize(("name", "process"), PAIRS)
def test_a_model_is_near_its_oracle_and_no_worse(name: str, process: str) -> None:
    oracle = ORACLES[name]
    drawn = [draw(process, seed) for seed in range(SERIES)]
    ours = [scaled_forecast(KERNEL[name], one) for one in drawn]
    theirs = [oracle.forecast(one.y, one.m, HORIZON) for one in drawn]
    assert_near_and_no_worse(ours, theirs, drawn, oracle)


@cache
def recorded() -> dict[str, list[list[float]]]:
    """AutoCES' forecasts of statsforecast 2.0.3: to ask it in person takes 31 s of compilation.

    They were made by ``{p: [AutoCES(season_length=draw(p, s).m).forecast(draw(p, s).y.copy(), 12)["mean"] for s in
    range(16)] for p in REGULAR}``, rounded to six decimals.
    """
    return dict(json.loads(RECORDED.read_text(encoding="utf-8")))


@pytest.mark.skipif("ces" not in KERNEL, reason="the engine has no CES")
@pytest.mark.parametrize("process", REGULAR)
def test_complex_smoothing_is_near_what_was_recorded(process: str) -> None:
    drawn = [draw(process, seed) for seed in range(SERIES)]
    ours = [scaled_forecast(KERNEL["ces"], one) for one in drawn]
    assert_near_and_no_worse(ours, [np.array(row) for row in recorded()[process]], drawn, CES)


def test_no_model_goes_without_an_oracle() -> None:
    assert set(KERNEL) - set(ORACLES) - {"ces"} == set()
