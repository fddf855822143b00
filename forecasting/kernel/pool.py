"""A flat batch of series: each classified, its members' votes guarded and averaged, at one or more origins.

Not here: frames (../frames.py), the members (members.py), which weight a member has (../weights.py).
"""

import numpy as np

from forecasting.kernel import members, monthdays, yearly
from forecasting.kernel.classes import (
    CONSTANT,
    DEAD,
    INTERMITTENT,
    LUMPY,
    SHORT,
    SLEEPING,
    demand_class,
)
from forecasting.kernel.compiled import SMALLEST, compiled
from forecasting.kernel.last_season import lean_on_last_season
from forecasting.kernel.short import short_forecast

COUNT = members.COUNT
VIEW_SIZE = members.SIZE
# Scale, then the yearly index, then two views: without the year's index, and with the long season as it is. Behind the
# last view that there is, a daily series has its index of the month.
SIZE = 1 + yearly.SIZE + 2 * VIEW_SIZE
_YEARLY_AT, _SHORT_AT, _LONG_AT = 1, 1 + yearly.SIZE, 1 + yearly.SIZE + VIEW_SIZE
LONGEST_DIRECT = 60  # beyond it a season is too long to be carried period by period
_DIRECT_SEASONS = 3  # full seasons that the direct view asks for
_REACH = 2.0  # a vote farther outside the history than two of its ranges has diverged
REGULAR_ROW, RARE_ROW = 0, 1  # of the weights
LEANT = 1 << COUNT  # the bit beside the members' that says that the last season counted too

_learn, _vote = members.learn, members.vote
_fit_year, _year_factor = yearly.fit, yearly.factor
_fit_days, _day_factors, _balance = monthdays.fit, monthdays.factors, monthdays.balance


@compiled
def learn_series(y: np.ndarray, m: int, long: float, begin: int, wanted: np.ndarray, params: np.ndarray) -> None:
    """Learn one series (shape n ≥ 1) into ``params`` (shape size_of(long, …)).

    ``m`` is the season that models carry period by period (1 = none), ``long`` a further one in periods (0 =
    none), ``begin`` the number of the first period, ``wanted`` the members that vote, shape COUNT.
    """
    params[:] = 0.0
    params[0] = _mean_size(y)
    flat = y / params[0]
    days = _month(long, params)
    if len(days) > 0 and _fit_days(flat, begin, days):
        index = np.empty(len(y))
        _day_factors(begin, days, index)
        flat /= index
    year = params[_YEARLY_AT:_SHORT_AT]
    if long > 0.0 and _fit_year(flat, long, year):
        for t in range(len(y)):
            flat[t] /= _year_factor(t, year)
    _learn(flat, m, m <= 1 and long == 0.0, wanted, params[_SHORT_AT:_LONG_AT])
    if _has_direct_view(len(y), long):
        _learn(y / params[0], int(np.rint(long)), False, wanted, params[_LONG_AT:])


@compiled
def _mean_size(y: np.ndarray) -> float:
    """mean |y|, for values whose sum would overflow too; 1 for a history of zeros."""
    largest = np.abs(y).max()
    if largest == 0.0:
        return 1.0
    largest = max(largest, SMALLEST)
    total = 0.0
    for t in range(len(y)):
        total += abs(y[t] / largest)
    scale = largest * (total / len(y))
    return float(max(scale, SMALLEST))


@compiled
def _month(long: float, params: np.ndarray) -> np.ndarray:
    """The part of a series' parameters that holds its index of the month; empty where its periods are no days."""
    return params[SIZE if 0.0 < long <= LONGEST_DIRECT else _LONG_AT :]


@compiled
def _has_month(long: float, params: np.ndarray) -> bool:
    days = _month(long, params)
    return len(days) > 0 and days[0] > 0.0


@compiled
def _has_direct_view(n: int, long: float) -> bool:
    return 0.0 < long <= LONGEST_DIRECT and n >= _DIRECT_SEASONS * long


@compiled
def vote_series(
    y: np.ndarray,
    m: int,
    long: float,
    begin: int,
    n_fit: int,
    params: np.ndarray,
    known: np.ndarray,
    votes: np.ndarray,
) -> None:
    """The members' votes in the unit of y, shape (COUNT, origins, horizon); NaN where a member has none.

    Where both views have a vote it is their mean.
    """
    last = known[len(known) - 1]
    index = _index(begin, last + votes.shape[2], long, params)
    _vote(y[:last] / params[0] / index[:last], m, n_fit, params[_SHORT_AT:_LONG_AT], known, votes)
    _put_back(y, index, _has_month(long, params), known, votes)
    if _has_direct_view(n_fit, long):
        direct = np.empty_like(votes)
        _vote(y[:last] / params[0], int(np.rint(long)), n_fit, params[_LONG_AT:], known, direct)
        for member in range(COUNT):
            for o in range(len(known)):
                _average(votes[member, o], direct[member, o])
    votes *= params[0]


@compiled
def _index(begin: int, n: int, long: float, params: np.ndarray) -> np.ndarray:
    """The index of the year times that of the month for the first n periods, 1 where there is none."""
    index = np.ones(n)
    if _has_month(long, params):
        _day_factors(begin, _month(long, params), index)
    year = params[_YEARLY_AT:_SHORT_AT]
    if year[0] > 0.0:
        for t in range(n):
            index[t] *= _year_factor(t, year)
    return index


@compiled
def _put_back(y: np.ndarray, index: np.ndarray, has_month: bool, known: np.ndarray, votes: np.ndarray) -> None:
    for o in range(len(known)):
        share = _balance(y, index, known[o]) if has_month else 1.0
        for h in range(votes.shape[2]):
            factor = share * index[known[o] + h]
            for member in range(COUNT):
                votes[member, o, h] *= factor


@compiled
def _average(vote: np.ndarray, other: np.ndarray) -> None:
    if not np.isfinite(other).all():
        return
    both = np.isfinite(vote).all()
    for h in range(len(vote)):
        vote[h] = 0.5 * (vote[h] + other[h]) if both else other[h]


@compiled
def combine(past: np.ndarray, votes: np.ndarray, weights: np.ndarray, mean: np.ndarray) -> int:
    """The weighted mean of the plausible votes into ``mean`` (shape horizon); bits of the members left out.

    A vote is left out where it is not finite or leaves the history (shape n) by more than two of its ranges.
    Where the history never was negative, no vote counts as less than 0. All left out: ``mean`` is NaN.

    >>> mean = np.zeros(1)
    >>> votes = np.full((COUNT, 1), np.nan)
    >>> votes[0], votes[1], weights = 4.0, 99.0, np.ones(COUNT)
    >>> bin(combine(np.array([1.0, 5.0]), votes, weights, mean) & 3), mean.tolist()
    ('0b10', [4.0])
    """
    low = past.min()
    total, failed = 0.0, 0
    mean[:] = 0.0
    for member in range(COUNT):
        if weights[member] <= 0.0:
            continue
        if not _is_plausible(past, votes[member]):
            failed |= 1 << member
            continue
        total += weights[member]
        for h in range(len(mean)):
            value = votes[member, h]
            mean[h] += weights[member] * (max(value, 0.0) if low >= 0.0 else value)
    for h in range(len(mean)):
        mean[h] = mean[h] / total if total > 0.0 else np.nan
    return failed


@compiled
def _is_plausible(past: np.ndarray, vote: np.ndarray) -> bool:
    low, high = past.min(), past.max()
    reach = _REACH * (high - low)
    for h in range(len(vote)):
        if not (np.isfinite(vote[h]) and low - reach <= vote[h] <= high + reach):
            return False
    return True


@compiled
def simple_forecast(past: np.ndarray, kind: int, year: int, mean: np.ndarray) -> int:
    """The forecast of the classes that need no model into ``mean``: LEANT where a last year made it, 0; −1 for others.

    Short: the last year again (:func:`short_forecast`), or the mean of the history. Constant: the constant. Dead: zero.
    Sleeping: a year ago.
    """
    n = len(past)
    if kind == SHORT:
        if short_forecast(past, year, mean):
            return LEANT
        scale = max(np.abs(past).max(), SMALLEST)
        value = (past / scale).mean() * scale  # a sum near the largest float would overflow
        mean[:] = value
        return 0
    if kind in (CONSTANT, DEAD):
        mean[:] = past[n - 1] if kind == CONSTANT else 0.0
        return 0
    if kind == SLEEPING:
        for h in range(len(mean)):
            mean[h] = past[n - year + h % year]
        return 0
    return -1


@compiled
def run(
    values: np.ndarray,
    offsets: np.ndarray,
    first: np.ndarray,
    seasons: np.ndarray,
    weights: np.ndarray,
    known: np.ndarray,
    n_fit: np.ndarray,
    params: np.ndarray,
    means: np.ndarray,
    classes: np.ndarray,
    failed: np.ndarray,
) -> None:
    """Forecast series i = values[offsets[i]:offsets[i+1]] after each known[i, o] points (0 = no origin).

    Args:
        first: the number of each series' first period, shape (series,).
        seasons: m, the long season (0 = none), the periods of a year and of a quarter.
        weights: shape (2, COUNT), of regular and of rare demand.
        known: shape (series, origins), rising along a row, zeros first.
        n_fit: points that the parameters were learned on; 0 = learn them here, at the first origin.
        params: shape (series, size_of(long, …)), read where n_fit > 0, else written.
        means, classes, failed: written; shapes (series, origins, horizon), (series, origins) twice. Bits of failed
            are members left out, and LEANT.
    """
    m, long = int(seasons[0]), seasons[1]
    year, quarter = int(np.rint(seasons[2])), int(seasons[3])
    wanted = (weights[REGULAR_ROW] > 0.0) | (weights[RARE_ROW] > 0.0)
    horizon, origins = means.shape[2], known.shape[1]
    season = m if m > 1 or long > LONGEST_DIRECT else int(np.rint(long))
    for i in range(len(offsets) - 1):
        y = values[offsets[i] : offsets[i + 1]]
        begin = 0
        while begin < origins and known[i, begin] == 0:
            begin += 1
        if begin == origins:
            continue
        needs_votes = False
        for o in range(begin, origins):
            kind = demand_class(y[: known[i, o]], m, year, quarter)
            classes[i, o] = kind
            bits = simple_forecast(y[: known[i, o]], kind, year, means[i, o])
            failed[i, o] = max(bits, 0)
            needs_votes = needs_votes or bits < 0
        if not needs_votes:
            continue
        if n_fit[i] == 0:
            n_fit[i] = known[i, begin]
            learn_series(y[: n_fit[i]], m, long, first[i], wanted, params[i])
        votes = np.empty((COUNT, origins - begin, horizon))
        vote_series(y, m, long, first[i], n_fit[i], params[i], known[i, begin:], votes)
        for o in range(begin, origins):
            kind = classes[i, o]
            if kind in (SHORT, CONSTANT, DEAD, SLEEPING):
                continue
            row = RARE_ROW if kind in (INTERMITTENT, LUMPY) else REGULAR_ROW
            failed[i, o] = combine(y[: known[i, o]], votes[:, o - begin], weights[row], means[i, o])
            learned = n_fit[i] if row == REGULAR_ROW else 0
            failed[i, o] += LEANT * lean_on_last_season(y[: known[i, o]], season, learned, means[i, o])


def size_of(long: float, is_daily: bool) -> int:
    """How many parameters a series has with this long season: SIZE, or fewer where nothing carries it directly, and
    the index of the month where its periods are days.
    """
    return (SIZE if 0.0 < long <= LONGEST_DIRECT else _LONG_AT) + (monthdays.SIZE if is_daily else 0)


def learned_members(params: np.ndarray) -> np.ndarray:
    """Bits of the members that have learned in either view, of ``params`` of shape (series, size_of(long, …))."""
    flags = params[:, _SHORT_AT : _SHORT_AT + COUNT] > 0.0
    if params.shape[1] >= SIZE:
        flags |= params[:, _LONG_AT : _LONG_AT + COUNT] > 0.0
    bits: np.ndarray = flags @ (1 << np.arange(COUNT))
    return bits


def collect_votes(
    values: np.ndarray,
    offsets: np.ndarray,
    first: np.ndarray,
    seasons: np.ndarray,
    wanted: np.ndarray,
    known: np.ndarray,
) -> np.ndarray:
    """All members' votes of series learned at their first origin, shape (series, COUNT, origins, horizon).

    Arguments as for :func:`run`, with ``seasons[4]`` the horizon and ``seasons[5]`` 1 for days; every row of ``known``
    is full. NaN where a member has no plausible vote. Not compiled: it is for a hundred series, and compiling costs
    five seconds.
    """
    m, long, horizon = int(seasons[0]), seasons[1], int(seasons[4])
    votes = np.full((len(known), COUNT, known.shape[1], horizon), np.nan)
    params = np.zeros(size_of(long, seasons[5] > 0.0))
    for i in range(len(known)):
        y = values[offsets[i] : offsets[i + 1]]
        learn_series(y[: known[i, 0]], m, long, first[i], wanted, params)
        vote_series(y, m, long, first[i], known[i, 0], params, known[i], votes[i])
        for o in range(known.shape[1]):
            for member in range(COUNT):
                if not _is_plausible(y[: known[i, o]], votes[i, member, o]):
                    votes[i, member, o, :] = np.nan
    return votes
