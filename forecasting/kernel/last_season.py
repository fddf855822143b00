"""The last season again, for series too young for any member to have learned a season.

Not here: models that learn one (smoothing.py, theta.py, arima.py, seasonal.py).
"""

import numpy as np

from forecasting.kernel.compiled import compiled

# With fewer seasons most members know none, or a bad one. Mean MASE of histories cut to 12, 18, 23 and 30 months:
# tourism 3.20, 3.06, 3.12, 1.73 without and 2.28, 1.61, 1.45, 1.32 with the last season; M3 .94, .91, .93, .82 and
# .85, .76, .77, .77; M5's items, most of which have no season, .82, .79, .79, .78 and .78, .76, .78, .80.
_FEW_SEASONS = 3
# With three to four the members are as good at last, but not at once: at 36 and 40 months errors of 21.1 and 16.8 % of
# the size on tourism (19.0 and 16.6 with a third of the share, 18.4 and 16.7 with half of it), 9.8 and 10.0 on M5's
# departments (9.4 and 9.8 with half), 10.8 and 9.7 on M1 (10.4 and 9.9). At 48 nothing is left to gain.
_ENOUGH_SEASONS = 4
_FADED = 0.5
# What is said where nothing was seen twice, as a quarter of a season of evidence. One week of a year ago is mostly
# chance: of 21 departments of M5, cut to 56, 85, 104 and 140 weeks, the WAPE of a quarter went from 14.3, 14.4, 12.3
# and 10.9 to 13.7, 12.4, 11.3 and 10.2 without a prior; on 11 brands of juice a prior lost 3 %, and none 0.
_PRIOR_SHARE = 0.4
_LONGEST_PRIOR = 12
_FEWEST_SHARED = 3
_LARGEST_GROWTH = 2.0


@compiled
def lean_on_last_season(past: np.ndarray, m: int, n_fit: int, mean: np.ndarray) -> bool:
    """mean_h ← (1 − w) · mean_h + w · g · y_(n−m+h), h counted within the season; ``past`` has the shape n ≥ m.

    False, and nothing done, where the members were learned on n_fit < m points or on four seasons of them and more.

    w = (K · max(ρ, 0) + p · m/4) / (K + m/4), where p = 0.4 for m ≤ 12 and else 0, and ρ is the correlation of the
    K = n − m values that stand a season after another with those; g is the growth of the newest k = min(K, m/2) values
    over a season ago, between ½ and 2, to the power k / (k + m/4), and 1 where either sum is not positive.
    With three seasons and more w counts (4 − n_fit/m) / 2 of itself.

    >>> mean = np.zeros(4)
    >>> bool(lean_on_last_season(np.array([8.0, 4.0, 0.0, 4.0, 8.0, 4.0, 0.0]), 4, 7, mean))
    True
    >>> mean.round(2).tolist()  # K = 3, ρ = 1, m/4 = 1: w = 0.85, and nothing grew
    [3.4, 6.8, 3.4, 0.0]
    """
    if m <= 1 or n_fit < m or n_fit >= _ENOUGH_SEASONS * m:
        return False
    n = len(past)
    share, growth = _share(past, m), _growth(past, m)
    if n_fit >= _FEW_SEASONS * m:
        share *= _FADED * (_ENOUGH_SEASONS - n_fit / m)
    for h in range(len(mean)):
        mean[h] = (1.0 - share) * mean[h] + share * growth * past[n - m + h % m]
    return True


@compiled
def _share(past: np.ndarray, m: int) -> float:
    shared, quarter = len(past) - m, 0.25 * m
    prior = _PRIOR_SHARE if m <= _LONGEST_PRIOR else 0.0
    if shared < _FEWEST_SHARED:
        return prior
    size = max(np.abs(past).max(), 1e-290)  # squares of huge and of tiny values would leave the range of numbers
    now, before = past[m:] / size, past[:shared] / size
    now_mean, before_mean = now.mean(), before.mean()
    both, own, other = 0.0, 0.0, 0.0
    for t in range(shared):
        both += (now[t] - now_mean) * (before[t] - before_mean)
        own += (now[t] - now_mean) ** 2
        other += (before[t] - before_mean) ** 2
    scale = np.sqrt(own) * np.sqrt(other)
    alike = min(max(both / scale, 0.0), 1.0) if scale > 0.0 else 0.0
    return float((shared * alike + quarter * prior) / (shared + quarter))


@compiled
def _growth(past: np.ndarray, m: int) -> float:
    n = len(past)
    k = min(n - m, m // 2)
    size = max(np.abs(past).max(), 1e-290)
    now, before = 0.0, 0.0
    for t in range(n - k, n):
        now += past[t] / size
        before += past[t - m] / size
    if not (now > 0.0 and before > 0.0):
        return 1.0
    ratio = min(max(now / before, 1.0 / _LARGEST_GROWTH), _LARGEST_GROWTH)
    return float(ratio ** (k / (k + 0.25 * m)))
