"""How much each member's vote counts: fixed weights, moved by what the whole panel's backtests show.

Not here: the votes (kernel/), the errors they made in the end (accuracy.py).
"""

import zlib
from dataclasses import dataclass

import numpy as np

from forecasting.kernel.members import COUNT, MEMBERS
from forecasting.kernel.pool import RARE_ROW, REGULAR_ROW

# Combination, not choice: picking one model by its backtest lost 5 to 15 % to the mean of the same pool.
_REGULAR = {"ets": 1.0, "theta": 1.0, "sarima": 1.0, "ar_log": 0.5, "ar": 0.5, "seasonal": 0.25, "growth": 0.75}
_RARE = {"ets": 1.0, "seasonal": 1.0, "tsb": 1.0, "imapa": 1.0}
_FEWEST_IN_FOLD = 5  # below it a fold teaches the other nothing
FEWEST_SERIES = 20  # below it a panel does not know better than what held on thousands of series
# Gain of the learned weights, cross-fitted, below which they are noise (up to 5.5 % on seven sets on most of which
# they lost out of sample) and from which they count alone (9.8 % on the one on which they won clearly).
_NOISE, _CERTAIN = 0.05, 0.08
_SMALLEST_MOVE = 0.02


@dataclass(frozen=True)
class Weights:
    """``now``: those of a forecast, shape (2, members), of regular and of rare demand, rows sum to 1. ``then``: those
    of the past origins of series of each of two folds, shape (2, 2, members): what the other fold has taught.
    """

    now: np.ndarray
    then: np.ndarray

    @property
    def is_moved(self) -> bool:
        """Has the panel moved them, so that a series' past origins must not have a say in what they are judged with?"""
        return bool((self.then != self.now).any())


def fold_of(ids: np.ndarray) -> np.ndarray:
    """The fold of each series, 0 or 1, by its name: the same in every night and panel.

    >>> fold_of(np.array(["A", "B", "C", "D"], dtype=object)).tolist()
    [1, 1, 1, 0]
    """
    return np.array([zlib.crc32(name.encode()) & 1 for name in ids], dtype="int64")


def default_weights() -> np.ndarray:
    """The weights without a look at the panel, shape (2, members): of regular and of rare demand; rows sum to 1.

    >>> weights = default_weights()
    >>> weights.sum(axis=1).tolist(), float(weights[0, MEMBERS.index("tsb")])
    ([1.0, 1.0], 0.0)
    """
    weights = np.zeros((2, COUNT))
    for row, table in ((REGULAR_ROW, _REGULAR), (RARE_ROW, _RARE)):
        for name, weight in table.items():
            weights[row, MEMBERS.index(name)] = weight
    return weights / weights.sum(axis=1, keepdims=True)


def learned_weights(
    votes: np.ndarray, came: np.ndarray, prior: np.ndarray, folds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The weights of regular demand, moved from ``prior`` as far as the panel's backtests call for it.

    The weights w ≥ 0, Σw = 1, that minimise Σ |Σ_j w_j vote_j − came| over all series together are found on one
    half of the series and judged on the other, and the other way round. The prior is left only by the share of
    (gain − 5 %) / 3 % that this gain over the prior reaches: the winner of a few origins is mostly noise. A member
    without any vote (what carries a season, on years) keeps its prior and moves nobody's.

    Source: Breiman (1996), "Stacked regressions", Machine Learning 24, 49–64, eq. 4, with absolute errors.

    Args:
        votes: shape (members, series, steps), in multiples of each series' noise; NaN where there is none.
        came: shape (series, steps), likewise.
        prior: shape (members,).
        folds: 0 or 1, shape (series,).

    Returns:
        The weights, shape (members,), and those with which past origins of the series of either fold are judged,
        learned on the other fold, shape (2, members).

    >>> came = np.linspace(1.0, 2.0, 40)[:, None]
    >>> votes = np.stack([came, came + 1.0])
    >>> now, then = learned_weights(votes, came, np.array([0.5, 0.5]), np.arange(40) % 2)
    >>> now.round(6).tolist(), then.round(6).tolist()
    ([1.0, 0.0], [[1.0, 0.0], [1.0, 0.0]])
    """
    voted = np.isfinite(votes).any(axis=(1, 2)) & (prior > 0.0)
    of_voted = float(prior[voted].sum())
    now, then = prior.copy(), np.stack([prior, prior])
    if came.shape[0] >= FEWEST_SERIES and of_voted > 0.0:
        found = _moved(votes[voted], came, prior[voted] / of_voted, folds)
        if found is not None:
            now[voted], then[:, voted] = of_voted * found[0], of_voted * found[1]
    return now, then


def _moved(
    votes: np.ndarray, came: np.ndarray, prior: np.ndarray, folds: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """What :func:`learned_weights` says of members that all vote, and a prior that sums to 1; None if it stays."""
    filled = _filled(votes, prior)
    half = np.arange(came.shape[0]) % 2 == 0
    judged, before = 0.0, 0.0
    for one, other in ((half, ~half), (~half, half)):
        weights = _least_absolute(filled[:, one], came[one], prior)
        judged += float(np.abs(np.tensordot(weights, filled[:, other], 1) - came[other]).sum())
        before += float(np.abs(np.tensordot(prior, filled[:, other], 1) - came[other]).sum())
    gain = 1.0 - judged / before if before > 0.0 else 0.0
    share = float(np.clip((gain - _NOISE) / (_CERTAIN - _NOISE), 0.0, 1.0))
    if share == 0.0:
        return None
    taught = [_taught(filled, came, prior, others) for others in (folds >= 0, folds != 0, folds != 1)]
    now, *then = ((1.0 - share) * prior + share * own for own in taught)
    return now, np.stack(then)


def _taught(filled: np.ndarray, came: np.ndarray, prior: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The weights that these series teach; the prior where they are too few to teach anything."""
    return _least_absolute(filled[:, chosen], came[chosen], prior) if chosen.sum() >= _FEWEST_IN_FOLD else prior


def _filled(votes: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """The votes, a missing one replaced by the weighted mean of those that there are."""
    weights = np.where(np.isfinite(votes), prior[:, None, None], 0.0)
    total = weights.sum(axis=0)
    mean = np.divide((weights * np.nan_to_num(votes)).sum(axis=0), total, out=np.zeros_like(total), where=total > 0)
    return np.where(np.isfinite(votes), votes, mean)


def _least_absolute(votes: np.ndarray, came: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Weights of least absolute error on the simplex, by moving shares between pairs of members."""
    matrix, target = votes.reshape(len(votes), -1), came.ravel()
    voting = np.flatnonzero(start > 0.0)
    weights = start.copy()
    fit = weights @ matrix
    least = np.abs(fit - target).sum()
    step = 0.2
    while step >= _SMALLEST_MOVE:
        best_move, best_cost = None, least * (1.0 - 1e-9)
        for giver in voting[weights[voting] > 0.0]:
            share = min(step, weights[giver])
            for taker in voting[voting != giver]:
                cost = np.abs(fit + share * (matrix[taker] - matrix[giver]) - target).sum()
                if cost < best_cost:
                    best_move, best_cost = (giver, taker, share), cost
        if best_move is None:
            step /= 2.0
            continue
        giver, taker, share = best_move
        weights[giver] -= share
        weights[taker] += share
        fit, least = fit + share * (matrix[taker] - matrix[giver]), best_cost
    return weights
