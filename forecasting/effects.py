"""Effects of prices and promotions, pooled over the series of a group: what is borrowed, and how much of it.

Not here: the regression that estimates them (regression.py), what is made of them (scenarios.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FIRST_SPREAD = 2.0  # of an effect before anything is seen: an elasticity of −2 is usual, −6 is not
_LEAST_SPREAD = 0.05
_FEWEST_SERIES = 4  # that must tell something of an effect for a group to have one of its own


@dataclass(frozen=True)
class Pooled:
    """One effect of one group: the mean of its series, its standard error, and how much the series differ."""

    mean: float
    se: float
    spread: float
    n_series: int


def random_effects(estimates: np.ndarray, variances: np.ndarray) -> Pooled:
    """The mean of effects that differ, from estimates with their variances (shape n ≥ 1).

    τ² = max(0, (Q − (n − 1)) / (Σw − Σw²/Σw)) with w = 1/v and Q = Σ w (b − b̄)²; the mean is weighted by
    1/(v + τ²).

    Source: DerSimonian & Laird (1986), "Meta-analysis in clinical trials", Controlled Clinical Trials 7, 177–188.

    >>> random_effects(np.array([-1.0, -3.0]), np.array([0.5, 0.5]))
    Pooled(mean=-2.0, se=1.0, spread=1.224744871391589, n_series=2)
    """
    weight = 1.0 / variances
    mean = float((weight * estimates).sum() / weight.sum())
    scatter = float((weight * np.square(estimates - mean)).sum())
    spare = float(weight.sum() - np.square(weight).sum() / weight.sum())
    between = max(0.0, (scatter - (len(estimates) - 1)) / spare) if spare > 0 else 0.0
    weight = 1.0 / (variances + between)
    mean = float((weight * estimates).sum() / weight.sum())
    return Pooled(mean, float(1.0 / np.sqrt(weight.sum())), float(np.sqrt(between)), len(estimates))


def own_estimates(coefficients: np.ndarray, variances: np.ndarray, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Estimates and variances without the prior N(0, spread²) that they were made with; infinite where it was all.

    >>> own_estimates(np.array([1.0]), np.array([0.5]), 1.0)
    (array([2.]), array([1.]))
    """
    left = 1.0 / variances - 1.0 / spread**2
    tells = left > 1e-3 / spread**2
    safe = np.where(tells, left, 1.0)
    return np.where(tells, coefficients / variances / safe, 0.0), np.where(tells, 1.0 / safe, np.inf)


def pool_by_group(
    estimates: np.ndarray, variances: np.ndarray, groups: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, dict[str, Pooled]]:
    """Centre and spread of the prior of every series for one effect, and the groups' own means.

    A group of which fewer than four series tell something has the mean of all series. The means are themselves
    believed only as far as they are known: m·τ₀²/(τ₀² + se²) with τ₀ = 2, so that a group without evidence lends none.
    A series' prior spread is √(se² + between-series variance) within 0.05 and 2.

    Args:
        estimates, variances: shape S, of each series alone; the variance infinite where it tells nothing.
        groups: S names.

    Returns:
        Centre and spread, shape S; and by group what it was pooled to.
    """
    names = np.asarray(groups, dtype=object)
    tells = np.isfinite(variances)
    whole = _believed(estimates[tells], variances[tells])
    centre = np.zeros(len(names))
    spread = np.full(len(names), FIRST_SPREAD)
    pooled: dict[str, Pooled] = {}
    for name in dict.fromkeys(names):
        inside = names == name
        some = inside & tells
        one = _believed(estimates[some], variances[some]) if some.sum() >= _FEWEST_SERIES else whole
        pooled[str(name)] = one
        centre[inside] = one.mean
        # what is not known of the mean widens what is believed of a series
        spread[inside] = np.clip(np.hypot(one.spread, one.se), _LEAST_SPREAD, FIRST_SPREAD)
    return centre, spread, pooled


def _believed(estimates: np.ndarray, variances: np.ndarray) -> Pooled:
    """:func:`random_effects` under the prior N(0, 2²) of its mean; the prior alone for fewer than four series."""
    if len(estimates) < _FEWEST_SERIES:
        return Pooled(0.0, FIRST_SPREAD, FIRST_SPREAD, len(estimates))
    one = random_effects(estimates, variances)
    precision = 1.0 / one.se**2 + 1.0 / FIRST_SPREAD**2
    return Pooled(one.mean / one.se**2 / precision, float(1.0 / np.sqrt(precision)), one.spread, one.n_series)
