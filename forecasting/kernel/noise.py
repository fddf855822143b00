"""How much a series moves: the yardstick by which errors of different series are pooled.

Not here: the intervals themselves (../intervals.py).
"""

import numpy as np

from forecasting.kernel.compiled import SMALLEST, compiled


@compiled
def noise_scale(y: np.ndarray, m: int) -> float:
    """The noise of one series of shape n ≥ 1, in its own unit.

    max(mean |y_t − y_(t−m)|, 0.5·sd where any y = 0 else 0.1·sd, 0.05·mean |y|), with the season length m
    when two seasons are known, else 1; one point alone is its own yardstick. The floors keep a quiet past
    from promising a quiet future: without them widths on slow movers grew fourfold.

    >>> noise_scale(np.array([1.0, 3.0, 1.0, 3.0]), 1)
    2.0
    """
    n = len(y)
    size = np.abs(y).max()
    if size == 0.0 or n == 1:
        return float(size)
    size = max(size, SMALLEST)
    lag = m if n >= 2 * m else 1
    steps, total, absolute, squares, has_zero = 0.0, 0.0, 0.0, 0.0, False
    for t in range(n):
        v = y[t] / size
        total += v
        absolute += abs(v)
        has_zero = has_zero or v == 0.0
        if t >= lag:
            steps += abs(v - y[t - lag] / size)
    mean = total / n
    for t in range(n):
        squares += (y[t] / size - mean) ** 2
    floor = (0.5 if has_zero else 0.1) * np.sqrt(squares / n)
    return float(min(size * max(steps / (n - lag), floor, 0.05 * absolute / n), 1.7e308))


@compiled
def noise_scales(values: np.ndarray, offsets: np.ndarray, known: np.ndarray, m: int) -> np.ndarray:
    """noise_scale of each series after each known[i, o] points, shape (series, origins); NaN where known is 0."""
    scales = np.full(known.shape, np.nan)
    for i in range(len(offsets) - 1):
        for o in range(known.shape[1]):
            if known[i, o] > 0:
                scales[i, o] = noise_scale(values[offsets[i] : offsets[i] + known[i, o]], m)
    return scales
