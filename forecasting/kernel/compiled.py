"""How the kernel is compiled and kept, and the lanes in which candidates are filtered and kept.

Not here: any model; what is compiled ahead of the first night (warm_up.py).
"""

import hashlib
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from numba.core import caching

# Candidates of one model are filtered side by side: eight float64 fill one vector register of a current
# processor, and the filter's chain of dependent additions is paid once for all eight (3 ns a candidate and
# step where one at a time takes 9).
LANES = 8

# What a series is divided by is no smaller: the compiler multiplies by the reciprocal, and that must be a number.
SMALLEST = 1e-290

F = TypeVar("F", bound=Callable[..., Any])

# Compiled code is kept per content of the whole kernel: numba itself looks only at the file of each function, and
# would go on using machine code of a caller whose callee has changed. Files that compile nothing do not count.
_FOLDER = Path(__file__).parent
_MARKS = (b"\n@compiled", b"\n@inlined")
_SOURCES = [path.read_bytes() for path in sorted(_FOLDER.glob("*.py"))]
_COUNTED = [source for source in _SOURCES if any(mark in source for mark in _MARKS)]
VERSION = hashlib.sha256(b"".join(_COUNTED)).hexdigest()[:16]
# What a kept model depends on beside it: a state that other code has left is not gone on with.
_AROUND = (
    "batch", "fallback", "frames", "intervals", "nightly", "passes", "periods", "stand_ins", "state", "weights",
    "yardsticks",
)  # fmt: skip
ENGINE_VERSION = hashlib.sha256(
    VERSION.encode() + b"".join((_FOLDER.parent / f"{name}.py").read_bytes() for name in _AROUND)
).hexdigest()[:16]
CACHES = _FOLDER / "__pycache__"
CACHE = CACHES / VERSION

# Sums may be reordered, but infinities and NaN keep their meaning: the guards look for them.
_FAST = {"contract", "reassoc", "nsz", "arcp"}
_OPTIONS: dict[str, Any] = {"fastmath": _FAST, "nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}


@cache
def is_writable() -> bool:
    """Can machine code be kept beside the sources? In an image it cannot: there it was compiled at the build."""
    try:
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=CACHE):
            return True
    except OSError:
        return False


class _Beside(caching._CacheLocator):  # numba has no types
    """Beside the sources, where they may be written or were compiled before; whoever wrote it, and whenever.

    numba's own locators refuse a folder that they may not write to, and the code of files that were copied since.
    """

    def __init__(self, function: Callable[..., Any], path: str) -> None:
        self._py_file = path
        self._lineno = function.__code__.co_firstlineno

    @classmethod
    def from_function(cls, function: Callable[..., Any], path: str) -> "_Beside | None":
        return cls(function, path) if is_writable() or any(CACHE.glob(f"{Path(path).stem}.*.nbi")) else None

    def get_cache_path(self) -> str:
        return str(CACHE)

    def get_source_stamp(self) -> str:
        return VERSION

    def get_disambiguator(self) -> str:
        return str(self._lineno)


class _Implementation(caching.CompileResultCacheImpl):
    _locator_classes = [_Beside, caching.UserWideCacheLocator]  # noqa: RUF012 - numba's attribute


class _Cache(caching.FunctionCache):
    """numba's, but what cannot be written is not kept, and nobody fails for it."""

    _impl_class = _Implementation

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError):
            super().save_overload(sig, data)


def compiled(function: F) -> F:
    """``function`` as machine code, kept on disk beside its source, so that only the first run compiles.

    >>> @compiled
    ... def twice(x):
    ...     return 2.0 * x
    >>> twice(2.0)
    4.0
    """
    machine_code: Any = numba.njit(**_OPTIONS)(function)
    # In a doctest or a notebook there is no file to keep the code beside, and in some containers nowhere at all.
    if not function.__code__.co_filename.startswith("<"):
        with suppress(RuntimeError):
            machine_code._cache = _Cache(function)
    return machine_code


def inlined(function: F) -> F:
    """``function`` as a part of the compiled functions that call it: one that calls all models would be optimised
    twice, alone and in its caller, and that is seven seconds.
    """
    machine_code: F = numba.njit(**_OPTIONS, inline="always")(function)
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
