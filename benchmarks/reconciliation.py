"""What making forecasts coherent costs: the tree pass beside hierarchicalforecast's sparse solver, in the same run.

Not here: how good coherent forecasts are (tests/unit/test_forecasting_hierarchy.py has M5).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from forecasting.margins import Margins
from forecasting.tree import Tree

STEPS = 6
MOST_MS = {3_060: 2.0, 100_000: 50.0}  # M5: company, 3 categories, 7 departments, 3,049 products; a large business
_ABOVE = 11  # nodes above the products


@dataclass(frozen=True)
class Cost:
    """Milliseconds of one reconciliation of ``nodes`` × 6 steps, and how far the two answers are apart, relatively."""

    nodes: int
    tree_ms: float
    library_ms: float
    apart: float


def measure(nodes: int, repetitions: int = 5) -> Cost:
    """The fastest of some repetitions of both, on one thread, after compilation.

    >>> measure(60, repetitions=1).apart < 1e-3
    True
    """
    from hierarchicalforecast.methods import MinTraceSparse  # type: ignore[import-untyped]  # 2 s

    parents = np.r_[-1, np.zeros(3), 1 + np.arange(7) % 3, 4 + np.arange(nodes - _ABOVE) % 7].astype(np.int64)
    names = [str(node) for node in range(nodes)]
    tree = Tree.of(names, parents)
    summing = sparse.csr_matrix(Margins.of(names, np.arange(1, nodes), parents[1:]).summing)
    rng = np.random.default_rng(7)
    base = summing @ rng.gamma(1, 20, (summing.shape[1], STEPS)) * rng.normal(1, 0.1, (nodes, STEPS))

    def library() -> np.ndarray:
        reconciler = MinTraceSparse(method="wls_struct").fit(S=summing, y_hat=base)
        return np.asarray(reconciler.predict(S=summing, y_hat=base)["mean"])

    with threadpool_limits(1):
        ours, tree_ms = _fastest(lambda: tree.reconcile(base), repetitions)
        theirs, library_ms = _fastest(library, repetitions)
    return Cost(nodes, tree_ms, library_ms, float((np.abs(ours - theirs) / np.abs(ours).clip(1.0)).max()))


def table(costs: list[Cost]) -> str:
    """The costs below each other.

    >>> print(table([Cost(3060, 0.25, 31.0, 1e-6)]))
    nodes × 6 steps     tree pass   hierarchicalforecast    ratio    apart
              3,060       0.25 ms               31.00 ms   124.0 ×  1.0e-06
    """
    rows = [
        f"{c.nodes:15,} {c.tree_ms:10.2f} ms {c.library_ms:19.2f} ms {c.library_ms / c.tree_ms:7.1f} × {c.apart:8.1e}"
        for c in costs
    ]
    return "\n".join(["nodes × 6 steps     tree pass   hierarchicalforecast    ratio    apart", *rows])


def _fastest(work: Callable[[], np.ndarray], repetitions: int) -> tuple[np.ndarray, float]:
    result, best = work(), float("inf")  # the first call compiles
    for _ in range(repetitions):
        started = time.perf_counter()
        result = work()
        best = min(best, 1000 * (time.perf_counter() - started))
    return result, best
