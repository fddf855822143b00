"""How the kernel is compiled, and the lanes in which candidates are filtered and kept.

Not here: any model.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np

# Candidates of one model are filtered side by side: eight float64 fill one vector register of a current
# processor, and the filter's chain of dependent additions is paid once for all eight (3 ns a candidate and
# step where one at a time takes 9).
LANES = 8

F = TypeVar("F", bound=Callable[..., Any])

# Compiled code is kept per content of the whole kernel: numba itself looks only at the file of each function, and
# would go on using machine code of a caller whose callee has changed.
_FOLDER = Path(__file__).parent
VERSION = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(_FOLDER.glob("*.py")))).hexdigest()[:16]
numba.config.CACHE_DIR = str(_FOLDER / "__pycache__" / VERSION)  # type: ignore[attr-defined]

# Sums may be reordered, but infinities and NaN keep their meaning: the guards look for them.
_FAST = {"contract", "reassoc", "nsz", "arcp"}


def compiled(function: F) -> F:
    """``function`` as machine code, kept on disk beside its source, so that only the first run compiles.

    >>> @compiled
    ... def twice(x):
    ...     return 2.0 * x
    >>> twice(2.0)
    4.0
    """
    # In a doctest or a notebook there is no file to keep the code beside.
    is_kept = not function.__code__.co_filename.startswith("<")
    machine_code: Any = numba.njit(cache=is_kept, fastmath=_FAST, nogil=True, error_model="numpy")(function)
    return machine_code


@compiled
def keep_best(grid: np.ndarray, weights: np.ndarray, kept: np.ndarray) -> bool:
    """The LANES rows of ``grid`` with the largest weights, each followed by its share of theirs, flat into ``kept``.

    False, and nothing kept, where no weight is positive. ``weights`` are used up.

    >>> kept = np.zeros(2 * LANES)
    >>> bool(keep_best(np.arange(9.0).reshape(9, 1), np.r_[np.zeros(7), 1.0, 3.0], kept)), kept[:6].tolist()
    (True, [8.0, 0.75, 7.0, 0.25, 8.0, 0.0])
    """
    fields = grid.shape[1] + 1
    total = 0.0
    for slot in range(LANES):
        best = 0
        for i in range(len(weights)):
            if weights[i] > weights[best]:
                best = i
        if not weights[best] > 0.0:
            for j in range(slot * fields, LANES * fields):
                kept[j] = kept[j % fields] if j % fields < fields - 1 else 0.0
            break
        for j in range(fields - 1):
            kept[slot * fields + j] = grid[best, j]
        kept[slot * fields + fields - 1] = weights[best]
        total += weights[best]
        weights[best] = 0.0
    if not total > 0.0:
        return False
    for slot in range(LANES):
        kept[slot * fields + fields - 1] /= total
    return True
