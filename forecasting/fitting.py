"""Penalised quasi-likelihood for many series side by side, and the level that is left when effects are taken out.

Not here: which columns there are and towards what they are shrunk (regression.py, effects.py).
"""

from dataclasses import dataclass

import numpy as np

_VARIANCE_POWER = 1.5  # of the mean: between counts (1) and sizes (2), as sales of products are found to be
_ITERATIONS = 8
_WIDEST = 6.0  # of log(mean): a factor of 400 around the average, beyond which no period is believed
_LARGEST_STEP = 3.0  # of (y − μ)/μ in the first iterations, where a promotion is not known to be one yet
ALPHAS = np.array([0.03, 0.06, 0.12, 0.2, 0.3, 0.45, 0.65])
_WARM_UP = 4  # periods at the start that no smoothing is judged by


@dataclass(frozen=True)
class Design:
    """What S series of T known periods and H to come are explained by.

    Attributes:
        shared: columns that all series share, (T + H) × J, the first of them 1.
        own: columns of each series, S × (T + H) × R.
        n_level: how many of the shared ones describe the level and are not carried into the future.
    """

    shared: np.ndarray
    own: np.ndarray
    n_level: int


@dataclass(frozen=True)
class Fit:
    """Coefficients S × (J + R), shared columns first, the variances of them, and whether the series could be fitted."""

    coefficients: np.ndarray
    variances: np.ndarray
    is_fitted: np.ndarray


def fit(
    y: np.ndarray, known: np.ndarray, design: Design, *, centre: np.ndarray, spread: np.ndarray, is_log: np.ndarray
) -> Fit:
    """Fit all series by iterated weighted least squares with a normal prior on each coefficient.

    Minimises Σ_t Q(y_t, μ_t)/φ + Σ_j (β_j − centre_j)² / (2·spread_j²), Q the quasi-likelihood of a variance φμ^1.5
    with log μ = xβ where ``is_log``, and of a constant variance with μ = xβ elsewhere; φ is Pearson's estimate.

    Source: McCullagh & Nelder (1989), *Generalized Linear Models*, §2.5 and §9.

    Args:
        y: S × T, about 1 in size, ≥ 0 where ``is_log``.
        known: S × T, which periods count.
        design: the columns.
        centre, spread: S × (J + R), of the prior; spread infinite for none.
        is_log: S.
    """
    n_history = y.shape[1]
    shared, own = design.shared[:n_history], design.own[:, :n_history]
    weight0 = known.astype("float64")
    counts = weight0.sum(axis=1)
    mean = np.maximum((y * weight0).sum(axis=1) / np.maximum(counts, 1), 1e-12)
    coefficients = np.zeros(centre.shape)
    coefficients[:, 0] = np.where(is_log, np.log(mean), (y * weight0).sum(axis=1) / np.maximum(counts, 1))
    precision = 1.0 / np.square(spread)
    outer = np.einsum("tj,tk->tjk", shared, shared).reshape(n_history, -1)
    for _ in range(_ITERATIONS):
        weight, response, residual = _working(y, weight0, _linear(shared, own, coefficients), is_log, np.log(mean))
        freedom = np.maximum(counts - np.minimum(counts / 2, 5), 1.0)
        dispersion = np.maximum((weight * np.square(residual)).sum(axis=1) / freedom, 1e-8)
        weight = weight / dispersion[:, None]
        information, right = _normal_equations(weight, response, shared, own, outer)
        information[:, np.arange(precision.shape[1]), np.arange(precision.shape[1])] += precision + 1e-9
        right += precision * np.where(precision > 0, centre, 0.0)
        coefficients = np.linalg.solve(information, right[:, :, None])[:, :, 0]
    inverse = np.linalg.inv(information)
    variances = np.diagonal(inverse, axis1=1, axis2=2)
    return Fit(coefficients, variances, np.isfinite(coefficients).all(axis=1) & (counts > 0))


def _linear(shared: np.ndarray, own: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    j = shared.shape[1]
    total = coefficients[:, :j] @ shared.T
    for r in range(own.shape[2]):
        total += own[:, :, r] * coefficients[:, j + r, None]
    return total


def _working(
    y: np.ndarray, known: np.ndarray, linear: np.ndarray, is_log: np.ndarray, middle: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, working response and its residual; plain least squares where the link is the identity."""
    linear = np.where(is_log[:, None], np.clip(linear, middle[:, None] - _WIDEST, middle[:, None] + _WIDEST), linear)
    mu = np.exp(np.where(is_log[:, None], linear, 0.0))
    residual = np.where(is_log[:, None], np.minimum((y - mu) / mu, _LARGEST_STEP), y - linear)
    weight = known * np.where(is_log[:, None], mu ** (2.0 - _VARIANCE_POWER), 1.0)
    return weight, np.where(known > 0, linear + residual, 0.0), np.where(known > 0, residual, 0.0)


def _normal_equations(
    weight: np.ndarray, response: np.ndarray, shared: np.ndarray, own: np.ndarray, outer: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """XᵀWX and XᵀWz of every series. The shared columns' part is one product of two matrices."""
    s, j, r = len(weight), shared.shape[1], own.shape[2]
    information = np.empty((s, j + r, j + r))
    right = np.empty((s, j + r))
    information[:, :j, :j] = (weight @ outer).reshape(s, j, j)
    weighted = weight * response
    right[:, :j] = weighted @ shared
    for a in range(r):
        column = weight * own[:, :, a]
        information[:, :j, j + a] = information[:, j + a, :j] = column @ shared
        right[:, j + a] = (weighted * own[:, :, a]).sum(axis=1)
        for b in range(a + 1):
            information[:, j + a, j + b] = information[:, j + b, j + a] = (column * own[:, :, b]).sum(axis=1)
    return information, right


def effects_over_time(design: Design, coefficients: np.ndarray, known: np.ndarray, is_log: np.ndarray) -> np.ndarray:
    """What season and regressors do to each period, S × (T + H): factors where ``is_log``, else terms.

    Bounded to what the known periods have seen and half as much again: a price never asked before is no licence.
    """
    kept = coefficients.copy()
    kept[:, : design.n_level] = 0.0
    total = _linear(design.shared, design.own, kept)
    past = total[:, : known.shape[1]]
    low = np.where(known, past, np.inf).min(axis=1)
    high = np.where(known, past, -np.inf).max(axis=1)
    slack = 0.5 * (high - low) + 1e-12
    total = np.clip(total, (low - slack)[:, None], (high + slack)[:, None])
    return np.where(is_log[:, None], np.exp(np.where(is_log[:, None], total, 0.0)), total)


def best_smoothing(y: np.ndarray, known: np.ndarray, effects: np.ndarray, is_log: np.ndarray) -> np.ndarray:
    """The smoothing of the level, of :data:`ALPHAS`, with the least absolute one-step errors; shape S."""
    losses = []
    for alpha in ALPHAS:
        levels = level_path(y, known, effects, is_log, np.full(len(y), alpha))
        before = np.concatenate([levels[:, :1], levels[:, :-1]], axis=1)
        said = np.where(is_log[:, None], before * effects[:, : y.shape[1]], before + effects[:, : y.shape[1]])
        judged = known & (np.cumsum(known, axis=1) > _WARM_UP)
        losses.append((np.abs(y - said) * judged).sum(axis=1))
    return ALPHAS[np.argmin(losses, axis=0)]


def level_path(
    y: np.ndarray, known: np.ndarray, effects: np.ndarray, is_log: np.ndarray, alpha: np.ndarray
) -> np.ndarray:
    """The exponentially smoothed level after every period, S × T, of what the effects leave.

    l_t = l_(t−1) + max(α, 1/k)·(y_t ⊘ f_t − l_(t−1)) in the k-th known period, ⊘ a ratio of smoothed sums where f
    is a factor: levels are Σ ω y / Σ ω f, so that a period in which little is sold anyway moves little.
    """
    n_history = y.shape[1]
    levels = np.zeros(y.shape)
    above = np.zeros(len(y))
    below = np.zeros(len(y))
    count = np.zeros(len(y))
    for t in range(n_history):
        f = effects[:, t]
        count += known[:, t]
        gain = np.where(known[:, t], np.maximum(alpha, 1.0 / np.maximum(count, 1.0)), 0.0)
        above += gain * (np.where(is_log, y[:, t], y[:, t] - f) - above)
        below += gain * (np.where(is_log, f, 1.0) - below)
        levels[:, t] = above / np.maximum(below, 1e-9)
    return levels
