"""What work costs on this machine: seconds, CPU seconds of Python and of PostgreSQL, and peak memory of both.

Not here: the work itself. CPU seconds are what to compare on a machine that others use too; they still grow by a few
per cent where caches are shared.
"""

import os
import platform
import resource
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

SAMPLE_SECONDS = 0.2
MB = 1 << 20


@dataclass
class Cost:
    """What was spent between two moments; ``postgres_mb`` is what its processes had for themselves, at the most."""

    seconds: float = 0
    python_cpu: float = 0
    postgres_cpu: float = 0
    python_mb: float = 0
    postgres_mb: float = 0

    @property
    def cpu(self) -> float:
        """CPU seconds of both."""
        return self.python_cpu + self.postgres_cpu


@contextmanager
def measured(postgres_folder: Path) -> Iterator[Cost]:
    """Fill in what the block costs this process, its children and the server of ``postgres_folder``."""
    cost = Cost()
    postmaster = psutil.Process(_postmaster(postgres_folder))
    done = threading.Event()
    sampler = threading.Thread(target=_sample, args=(cost, postmaster, done), daemon=True)
    started, python_cpu, postgres_cpu = time.perf_counter(), _python_cpu(), _tree_cpu(postmaster)
    sampler.start()
    try:
        yield cost
    finally:
        done.set()
        sampler.join()
        cost.seconds = time.perf_counter() - started
        cost.python_cpu = _python_cpu() - python_cpu
        cost.postgres_cpu = _tree_cpu(postmaster) - postgres_cpu
        unit = MB if sys.platform == "darwin" else 1024
        peaks = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        cost.python_mb = max(peaks) / unit


def described() -> str:
    """The machine, and how busy it is: a ratio of times that were taken on a busy one is no more than a hint.

    >>> "Python" in described()
    True
    """
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} CPUs ({platform.machine()}), load {load:.1f}, {platform.system()}, "
        f"Python {platform.python_version()}"
    )


def _postmaster(folder: Path) -> int:
    return int((folder / "data" / "postmaster.pid").read_text(encoding="ascii").split()[0])


def _python_cpu() -> float:
    return sum(os.times()[:4])


def _tree_cpu(postmaster: psutil.Process) -> float:
    """CPU seconds of the server: of what runs, and of what ran and has ended."""
    total = 0.0
    for process in (postmaster, *postmaster.children()):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
        if process is postmaster:
            total += times.children_user + times.children_system
    return total


def _sample(cost: Cost, postmaster: psutil.Process, done: threading.Event) -> None:
    while not done.wait(SAMPLE_SECONDS):
        private = 0
        for process in postmaster.children():
            try:
                private += process.memory_full_info().uss
            except psutil.Error:
                continue
        cost.postgres_mb = max(cost.postgres_mb, private / MB)
