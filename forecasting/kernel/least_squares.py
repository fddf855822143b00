"""Small systems of normal equations.

Not here: what is regressed on what.
"""

import numpy as np

from forecasting.kernel.compiled import compiled


@compiled
def solve(gram: np.ndarray, target: np.ndarray) -> bool:
    """Solve gram · x = target in place by Cholesky, reading the lower half; False if it is not definite.

    >>> target = np.array([2.0, 8.0])
    >>> bool(solve(np.array([[1.0, 0.0], [0.0, 4.0]]), target)), target.tolist()
    (True, [2.0, 2.0])
    """
    k = len(target)
    for i in range(k):
        for j in range(i + 1):
            s = gram[i, j]
            for q in range(j):
                s -= gram[i, q] * gram[j, q]
            if i > j:
                gram[i, j] = s / gram[j, j]
            elif s > 0.0:
                gram[i, i] = np.sqrt(s)
            else:
                return False
    for i in range(k):
        for q in range(i):
            target[i] -= gram[i, q] * target[q]
        target[i] /= gram[i, i]
    for i in range(k - 1, -1, -1):
        for q in range(i + 1, k):
            target[i] -= gram[q, i] * target[q]
        target[i] /= gram[i, i]
    return True
