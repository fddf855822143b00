"""What tests have a worker do: a module of its own, because a spawned process imports it.

Not here: the worker (forecasting/worker.py).
"""

import os
import resource
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

from forecasting.arima import give_memory_back, search
from forecasting.arima_work import Answer, Job, vote


def die(code: int) -> None:
    os._exit(code)


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def complain(words: str) -> None:
    raise ArithmeticError(words)


def unpicklable() -> object:
    return lambda: None


def blas_threads() -> list[int]:
    """How many threads each pool of the process may use."""
    return [int(pool["num_threads"]) for pool in threadpool_info()]


def resident_mb_after_search(seed: int) -> float:
    """The process's resident memory after one search."""
    y = np.random.default_rng(seed).normal(size=90).cumsum()
    search(y, 7)
    give_memory_back()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def vote_or_die(job: Job) -> Answer | str:
    """As the worker's own work, but the process dies of a series that begins with 666, and hangs at 999."""
    if job.y[0] == 666:
        os._exit(9)
    if job.y[0] == 999:
        time.sleep(600)
    return vote(job)


def searched_again(job: Job) -> Answer | str:
    """The worker's own work where a search is an error."""
    from forecasting import arima_work

    def refuse(y: np.ndarray, m: int) -> None:
        raise AssertionError("the orders were searched again")

    arima_work.search = refuse  # type: ignore[assignment]
    return vote(job)
