"""The recycled worker: what it gives back, and what becomes of a call that hangs, raises or kills its process.

Not here: what is called in a night (test_forecasting_totals.py).
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from forecasting.arima_work import prepare
from forecasting.worker import RecycledWorker, WorkerError, WorkerStartError
from tests.support.worker_calls import blas_threads, complain, die, resident_mb_after_search, sleep, unpicklable


@pytest.fixture(scope="module")
def worker() -> Iterator[RecycledWorker]:
    with RecycledWorker(calls_per_process=1000) as one:
        yield one


def test_a_call_runs_in_another_process(worker: RecycledWorker) -> None:
    assert worker.run(os.getpid, seconds=60) == worker.pid != os.getpid()


def test_what_a_call_raises_is_told_in_words_and_ends_nothing(worker: RecycledWorker) -> None:
    before = worker.run(os.getpid, seconds=60)
    with pytest.raises(WorkerError, match=r"^ArithmeticError: Größe 0$"):
        worker.run(complain, "Größe 0", seconds=60)
    with pytest.raises(WorkerError, match=r"pickle"):
        worker.run(unpicklable, seconds=60)
    assert worker.run(os.getpid, seconds=60) == before


def test_a_call_that_takes_too_long_is_killed(worker: RecycledWorker) -> None:
    before = worker.run(os.getpid, seconds=60)
    with pytest.raises(WorkerError, match=r"^took longer than 0\.2 s$"):
        worker.run(sleep, 600, seconds=0.2)
    assert not Path(f"/proc/{before}").exists()
    assert worker.run(os.getpid, seconds=60) != before


def test_a_process_that_dies_is_replaced(worker: RecycledWorker) -> None:
    with pytest.raises(WorkerError, match=r"^its process died with exit code 7$"):
        worker.run(die, 7, seconds=60)
    assert worker.run(max, 1, 2, seconds=60) == 2


def test_a_process_is_replaced_after_its_calls_and_none_is_left() -> None:
    with RecycledWorker(calls_per_process=2) as worker:
        pids = [worker.run(os.getpid, seconds=60) for _ in range(3)]
    assert pids[0] == pids[1] != pids[2]
    assert worker.pid is None
    assert [pid for pid in set(pids) if Path(f"/proc/{pid}").exists()] == []


def test_a_worker_that_cannot_be_prepared_says_so() -> None:
    with RecycledWorker(prepare=unprepared) as worker, pytest.raises(WorkerStartError, match="no such library"):
        worker.run(max, 1, 2, seconds=60)
    assert worker.pid is None


def unprepared() -> None:
    raise ImportError("no such library")


def test_zero_calls_per_process_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        RecycledWorker(calls_per_process=0)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc to read memory from")
def test_a_search_uses_one_thread_and_leaves_no_memory_behind() -> None:
    with RecycledWorker(calls_per_process=1000, prepare=prepare) as worker:
        assert set(worker.run(blas_threads, seconds=60)) == {1}
        resident = [worker.run(resident_mb_after_search, seed, seconds=120) for seed in range(8)]
    assert resident[-1] - resident[1] < 30
