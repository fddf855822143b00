"""Exponential smoothing: a grid of candidates of all nine ETS forms, weighed by AICc, filtered in lanes.

Not here: Theta and the methods for rare demand, which smooth one state (theta.py, intermittent.py).

``params`` of a fitted series hold the kept candidates, a row of ``FIELDS`` each.
"""

import numpy as np

from forecasting.kernel.compiled import LANES, compiled, keep_best
from forecasting.kernel.decomposition import seasonal_figure

# No optimiser: a few fixed candidates per form, averaged by their likelihood, forecast as well as the best fit of each
# form (OWA of the M3 competition's monthly series .814 against .818), never diverge and cost a fifth.
KEPT = LANES  # candidates carried on after the fit
FIELDS = 6  # form, α, β, γ, φ, weight
SIZE = KEPT * FIELDS
LONGEST_SEASON = 60
# The nine forms: trend none, damped, linear × season none, additive, multiplicative
_TINY = 1e-12


def _grid() -> np.ndarray:
    """The candidates, shape (rows, 5): form = 3·trend + season, α, β, γ, φ; each form fills whole lanes."""
    rows: list[tuple[float, ...]] = []
    for trend in range(3):
        for season in range(3):
            levels = (0.05, 0.15, 0.35, 0.7) if trend or season else (0.03, 0.08, 0.15, 0.25, 0.4, 0.55, 0.75, 0.95)
            slopes = (0.03, 0.15) if trend else (0.0,)
            seasons = (0.03, 0.2) if season else (0.0,)
            dampings = (0.85, 0.97) if trend == 1 else (1.0,)
            rows += [
                (3.0 * trend + season, a, b * a, g * (1.0 - a), phi)
                for a in levels
                for g in seasons
                for b in slopes
                for phi in dampings
            ]
    return np.array(rows)


GRID = _grid()


@compiled
def fit(y: np.ndarray, m: int, params: np.ndarray) -> bool:
    """Weigh all candidates on y (shape n, of mean size near 1) and keep the best in ``params`` (shape SIZE).

    The weight of a candidate is exp(−ΔAICc / 4), the softened Akaike weight, with the likelihood of
    homoscedastic errors for one half of the total weight, and the better of homoscedastic and relative errors
    for the other: relative errors (−2 log L = n log Σ(e/ŷ)²/n + 2 Σ log|ŷ|) suit series whose noise grows
    with their level, and mislead where only the season does.

    Source: Hyndman, Koehler, Ord & Snyder (2008), *Forecasting with Exponential Smoothing*, ch. 3 and 5;
    Burnham & Anderson (2002), §2.9, for the weights.
    """
    n = len(y)
    rows = len(GRID)
    figures = np.zeros((3, m))
    usable = _usable_seasons(y, m, figures)
    scores = np.full((2, rows), np.inf)
    states = np.zeros((2 + m, LANES))
    sums = np.zeros((3, LANES))
    lanes = np.zeros((4, LANES))
    for first in range(0, rows, LANES):
        form = int(GRID[first, 0])
        if not usable[form % 3]:
            continue
        _start(y, m, form, figures[form % 3], states)
        for k in range(LANES):
            for j in range(4):
                lanes[j, k] = GRID[first + k, 1 + j]
        _filter(y, 0, n, m, form, lanes, states, sums)
        penalty = _penalty(n, m, form)
        for k in range(LANES):
            plain = n * np.log(sums[0, k] / n + _TINY)
            relative = n * np.log(sums[1, k] / n + _TINY) + 2.0 * sums[2, k]
            scores[0, first + k] = plain + penalty
            scores[1, first + k] = (relative if relative < plain else plain) + penalty
    return keep_best(GRID, _softened_weights(scores), params)


@compiled
def _usable_seasons(y: np.ndarray, m: int, figures: np.ndarray) -> np.ndarray:
    """Which of none, additive and multiplicative seasons this series can have; their starting figures."""
    usable = np.array([True, False, False])
    if 1 < m <= LONGEST_SEASON and len(y) > 2 * m:
        usable[1] = seasonal_figure(y, m, False, 0, figures[1])
        usable[2] = y.min() > 0.0 and seasonal_figure(y, m, True, 0, figures[2])
    return usable


@compiled
def _penalty(n: int, m: int, form: int) -> float:
    """What AICc adds to −2 log L for the form's parameters and starting states."""
    trend, season = form // 3, form % 3
    k = 3 + (2 if trend else 0) + (1 if trend == 1 else 0) + (m if season else 0)
    return 2.0 * k + (2.0 * k * (k + 1.0) / (n - k - 1.0) if n > k + 1 else 1e6)


@compiled
def _start(y: np.ndarray, m: int, form: int, figure: np.ndarray, states: np.ndarray) -> None:
    """Starting level, slope and season of every lane: a line through the first periods without their season."""
    season = form % 3
    k = min(len(y), max(10, 2 * m)) if season else min(len(y), 10)
    st, sv, stt, stv = 0.0, 0.0, 0.0, 0.0
    for t in range(k):
        v = y[t]
        if season == 1:
            v -= figure[t % m]
        elif season == 2:
            v /= figure[t % m]
        st += t
        sv += v
        stt += t * t
        stv += t * v
    determinant = k * stt - st * st
    slope = (k * stv - st * sv) / determinant if form // 3 and determinant > 0.0 else 0.0
    level = sv / k - slope * (st / k + (1.0 if form // 3 else 0.0))
    for lane in range(LANES):
        states[0, lane] = level
        states[1, lane] = slope
        for q in range(m):
            states[2 + q, lane] = figure[q]


@compiled
def _filter(
    y: np.ndarray, begin: int, end: int, m: int, form: int, p: np.ndarray, states: np.ndarray, sums: np.ndarray
) -> None:
    """Run all lanes over y[begin:end]; sums get Σe², Σ(e/ŷ)² and Σ log|ŷ|.

    ŷ = (l + φb) ∘ s; l ← l + φb + α·e/s, b ← φb + β·e/s, s ← s + γ·e/(l + φb) (∘ and / only for a
    multiplicative season).
    """
    level, slope = states[0], states[1]
    squares, relative, logs = sums[0], sums[1], sums[2]
    sums[:] = 0.0
    product = np.ones(LANES)
    season = form % 3
    for t in range(begin, end):
        now = states[2 + t % m]
        if season == 0:
            _step_plain(y[t], p, level, slope, squares, relative, product)
        elif season == 1:
            _step_additive(y[t], p, level, slope, now, squares, relative, product)
        else:
            _step_multiplicative(y[t], p, level, slope, now, squares, relative, product)
        if (t - begin) % 8 == 7:  # one logarithm for eight factors near 1
            for k in range(LANES):
                logs[k] += np.log(product[k] + 1e-300)
                product[k] = 1.0
    for k in range(LANES):
        logs[k] += np.log(product[k] + 1e-300)


@compiled
def _step_plain(
    y: float,
    p: np.ndarray,
    level: np.ndarray,
    slope: np.ndarray,
    squares: np.ndarray,
    relative: np.ndarray,
    product: np.ndarray,
) -> None:
    for k in range(LANES):
        trend = p[3, k] * slope[k]
        expected = level[k] + trend
        e = y - expected
        r = e / expected
        squares[k] += e * e
        relative[k] += r * r
        product[k] *= abs(expected)
        slope[k] = trend + p[1, k] * e
        level[k] = expected + p[0, k] * e


@compiled
def _step_additive(
    y: float,
    p: np.ndarray,
    level: np.ndarray,
    slope: np.ndarray,
    season: np.ndarray,
    squares: np.ndarray,
    relative: np.ndarray,
    product: np.ndarray,
) -> None:
    for k in range(LANES):
        trend = p[3, k] * slope[k]
        base = level[k] + trend
        expected = base + season[k]
        e = y - expected
        r = e / expected
        squares[k] += e * e
        relative[k] += r * r
        product[k] *= abs(expected)
        season[k] += p[2, k] * e
        slope[k] = trend + p[1, k] * e
        level[k] = base + p[0, k] * e


@compiled
def _step_multiplicative(
    y: float,
    p: np.ndarray,
    level: np.ndarray,
    slope: np.ndarray,
    season: np.ndarray,
    squares: np.ndarray,
    relative: np.ndarray,
    product: np.ndarray,
) -> None:
    for k in range(LANES):
        trend = p[3, k] * slope[k]
        base = level[k] + trend
        factor = season[k]
        expected = base * factor
        e = y - expected
        r = e / expected
        squares[k] += e * e
        relative[k] += r * r
        product[k] *= abs(expected)
        step = e / factor
        season[k] = factor + p[2, k] * e / base
        slope[k] = trend + p[1, k] * step
        level[k] = base + p[0, k] * step


@compiled
def _softened_weights(scores: np.ndarray) -> np.ndarray:
    """exp(−ΔAICc / 4) as shares of 1 for either likelihood, and the mean of the two; zeros without a score."""
    rows = scores.shape[1]
    weights = np.zeros(rows)
    for which in range(2):
        best = scores[which].min()
        if not np.isfinite(best):
            continue
        total = 0.0
        for i in range(rows):
            total += np.exp((best - scores[which, i]) / 4.0)
        for i in range(rows):
            weights[i] += 0.5 * np.exp((best - scores[which, i]) / 4.0) / total
    return weights


@compiled
def emit(y: np.ndarray, m: int, n_fit: int, params: np.ndarray, known: np.ndarray, out: np.ndarray) -> None:
    """Forecasts after known[o] points into out[o, :], for increasing origins, in one pass per candidate.

    States start from the first ``n_fit`` points, those that the candidates were weighed on.
    """
    horizon = out.shape[1]
    figures = np.zeros((3, m))
    _usable_seasons(y[:n_fit], m, figures)
    states = np.zeros((2 + m, LANES))
    sums = np.zeros((3, LANES))
    p = np.zeros((4, LANES))
    out[:, :] = 0.0
    done = np.zeros(KEPT, np.bool_)
    for slot in range(KEPT):
        form = int(params[slot * FIELDS])
        if done[slot] or params[slot * FIELDS + 5] < 1e-3:
            continue
        weights = np.zeros(LANES)
        lanes = 0
        for other in range(slot, KEPT):  # candidates of one form share the lanes
            at = other * FIELDS
            if int(params[at]) == form and not done[other]:
                for j in range(4):
                    p[j, lanes] = params[at + 1 + j]
                weights[lanes] = params[at + 5]
                done[other] = True
                lanes += 1
        for lane in range(lanes, LANES):
            for j in range(4):
                p[j, lane] = p[j, 0]
        _start(y[:n_fit], m, form, figures[form % 3], states)
        at = 0
        for o in range(len(known)):
            _filter(y, at, known[o], m, form, p, states, sums)
            at = known[o]
            _extrapolate(m, form, p, states, weights, lanes, at, horizon, out[o])


@compiled
def _extrapolate(
    m: int,
    form: int,
    p: np.ndarray,
    states: np.ndarray,
    weights: np.ndarray,
    lanes: int,
    n: int,
    horizon: int,
    out: np.ndarray,
) -> None:
    """Add the weighted forecasts of the lanes: l + (φ + … + φ^h)·b, with the season of its position."""
    season = form % 3
    for lane in range(lanes):
        reach, power = 0.0, 1.0
        for h in range(horizon):
            power *= p[3, lane]
            reach += power
            value = states[0, lane] + reach * states[1, lane]
            if season == 1:
                value += states[2 + (n + h) % m, lane]
            elif season == 2:
                value *= states[2 + (n + h) % m, lane]
            out[h] += weights[lane] * value
