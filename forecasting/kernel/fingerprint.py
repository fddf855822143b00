"""Has a series changed? A number per history that differs when any of its values does.

Not here: what follows from a change (../nightly.py).
"""

import numpy as np

from forecasting.kernel.compiled import compiled

_START, _PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)


@compiled
def fingerprints(bits: np.ndarray, offsets: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """FNV-1a over the first counts[i] values of each series, as int64; ``bits`` are the values seen as uint64.

    Source: Fowler, Noll & Vo (1991), in 64-bit words instead of bytes.

    >>> bits = np.array([1.0, 2.0, 1.0, 3.0]).view(np.uint64)
    >>> one, other = fingerprints(bits, np.array([0, 2, 4]), np.array([1, 1]))
    >>> bool(one == other)
    True
    """
    result = np.zeros(len(counts), dtype=np.int64)
    for i in range(len(counts)):
        value = _START
        for t in range(offsets[i], offsets[i] + counts[i]):
            value = (value ^ bits[t]) * _PRIME
            value = value ^ (value >> np.uint64(29))
        result[i] = np.int64(value)
    return result
