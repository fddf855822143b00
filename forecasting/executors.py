"""Chunks of work to whoever computes them: this process, processes of this machine, or an existing Dask cluster.

Not here: what is computed, how series are cut into chunks, or which executor is set
(orchestration/forecasts/fan_out.py).
"""

import multiprocessing
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

MOST_DEATHS = 3  # of workers at one chunk, before it is the chunk's fault
CONNECT_SECONDS = 15
WORKERLESS_SECONDS = 60  # a cluster without a single worker for so long is not going to compute anything

C = TypeVar("C")
R = TypeVar("R")
Progress = Callable[[int, int], None]


class ExecutorError(RuntimeError):
    """The executor could not compute a chunk, whatever the chunk's own code does; with what to do about it."""

    def __init__(self, message: str, remedy: str) -> None:
        self.remedy = remedy
        super().__init__(message)


class Executor(Protocol):
    """Computes chunks somewhere. A chunk may be computed twice when its worker dies: it must depend on nothing else."""

    def map(
        self,
        function: Callable[[C], R],
        chunks: Sequence[C],
        *,
        names: Sequence[str] | None = None,
        on_progress: Progress | None = None,
    ) -> Iterator[R]:
        """``function`` of every chunk, in the order of the chunks, as soon as they are there.

        Closing the iterator gives up what is not computed yet.

        Args:
            function: importable by name on the workers (no lambda), as are its arguments' types.
            chunks: picklable; a second of work or more each.
            names: of the chunks, for messages; default "chunk 1 of 8".
            on_progress: called with (chunks done, chunks in all), in the order they end.

        Raises:
            ExecutorError: a chunk kept killing its worker, or there is nobody to compute it.
            Exception: whatever ``function`` raises, with a note that names the chunk.
        """


@dataclass(frozen=True)
class LocalProcesses:
    """This machine: fresh processes that share no state with this one, or this one when ``processes`` is 1.

    One BLAS thread each: on small machines the others only spin (18 s of CPU for 150 series, not 5).

    >>> list(LocalProcesses(1).map(abs, [-1, 2, -3]))
    [1, 2, 3]
    """

    processes: int = 1

    def map(
        self,
        function: Callable[[C], R],
        chunks: Sequence[C],
        *,
        names: Sequence[str] | None = None,
        on_progress: Progress | None = None,
    ) -> Iterator[R]:
        """As :meth:`Executor.map`."""
        work = _Work.of(function, chunks, names)
        here = self.processes <= 1 or len(chunks) < 2
        return _in_order(_here(work) if here else _in_processes(work, self.processes), len(chunks), on_progress)


@dataclass(frozen=True)
class DaskCluster:
    """An existing Dask cluster, by its scheduler's address (``tcp://host:8786``). Its workers need this very install.

    Plain futures, a few more in flight than there are threads. Where a worker dies its chunks are computed elsewhere;
    at which number of deaths a chunk is given up is the scheduler's ``allowed-failures``, 3 unless configured.
    ``client`` is a connection to use; without one each call of :meth:`map` makes its own.
    """

    address: str
    client: Any = None

    @contextmanager
    def connected(self) -> Iterator["DaskCluster"]:
        """This cluster with a connection that is kept until the end. Raises ExecutorError where nobody answers."""
        distributed = _distributed()
        with closing(_connected(distributed, self.address)) as client:
            yield DaskCluster(self.address, client)

    def map(
        self,
        function: Callable[[C], R],
        chunks: Sequence[C],
        *,
        names: Sequence[str] | None = None,
        on_progress: Progress | None = None,
    ) -> Iterator[R]:
        """As :meth:`Executor.map`."""
        work = _Work.of(function, chunks, names)
        return _in_order(_on_cluster(work, self), len(chunks), on_progress)


@dataclass(frozen=True)
class _Work:
    function: Callable[[Any], Any]
    chunks: Sequence[Any]
    names: Sequence[str]

    @classmethod
    def of(cls, function: Callable[[Any], Any], chunks: Sequence[Any], names: Sequence[str] | None) -> "_Work":
        if names is None:
            names = [f"chunk {i} of {len(chunks)}" for i in range(1, len(chunks) + 1)]
        if len(names) != len(chunks):
            raise ValueError(f"{len(names)} names for {len(chunks)} chunks")
        return cls(function, chunks, names)

    def killed(self, number: int, deaths: int) -> ExecutorError:
        """The error of a chunk whose workers die."""
        return ExecutorError(
            f"{self.names[number]} killed its worker {deaths} times",
            "look for memory: fewer processes, more memory per worker, or smaller chunks",
        )


def _run(function: Callable[[C], R], chunk: C, name: str) -> R:
    """What a worker does with one chunk."""
    with threadpool_limits(1):
        try:
            return function(chunk)
        except Exception as error:
            error.add_note(f"in {name}")
            raise


def _in_order(computed: Iterator[tuple[int, R]], total: int, tell: Progress | None) -> Iterator[R]:
    ready: dict[int, R] = {}
    due = done = 0
    with closing(computed):  # type: ignore[type-var]  # a generator: closing it ends its workers
        for number, result in computed:
            ready[number] = result
            done += 1
            if tell:
                tell(done, total)
            while due in ready:
                yield ready.pop(due)
                due += 1


def _here(work: _Work) -> Iterator[tuple[int, Any]]:
    for number, chunk in enumerate(work.chunks):
        yield number, _run(work.function, chunk, work.names[number])


def _in_processes(work: _Work, processes: int) -> Iterator[tuple[int, Any]]:
    """Results as they come. A pool breaks as a whole when a process dies, and does not say at which chunk: those that
    were being computed are suspects and are computed again one at a time, so that the next death has one name."""
    waiting, suspects, deaths = deque(range(len(work.chunks))), deque[int](), Counter[int]()
    while waiting or suspects:
        batch, width = (suspects, 1) if suspects else (waiting, min(processes, len(waiting)))
        flying: dict[Future[Any], int] = {}
        # Forking would copy the threads and locks of this process.
        pool = ProcessPoolExecutor(width, mp_context=multiprocessing.get_context("spawn"))
        try:
            while batch or flying:
                while batch and len(flying) < width:
                    number = batch[0]
                    future = pool.submit(_run, work.function, work.chunks[number], work.names[number])
                    flying[future] = batch.popleft()
                for future in wait(flying, return_when=FIRST_COMPLETED).done:
                    result = future.result()
                    yield flying.pop(future), result
        except BrokenProcessPool:
            deaths.update(flying.values())
            for number in sorted(flying.values()):
                if deaths[number] >= MOST_DEATHS:
                    raise work.killed(number, MOST_DEATHS) from None
                suspects.append(number)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _on_cluster(work: _Work, cluster: DaskCluster) -> Iterator[tuple[int, Any]]:
    distributed = _distributed()
    client = cluster.client or _connected(distributed, cluster.address)
    waiting, flying = deque(range(len(work.chunks))), dict[Any, int]()
    try:
        while waiting or flying:
            room = 2 * max(1, sum(client.nthreads().values()))
            while waiting and len(flying) < room:
                number = waiting.popleft()
                arguments = (work.function, work.chunks[number], work.names[number])
                flying[client.submit(_run, *arguments, pure=False)] = number
            for future in _finished(distributed, client, list(flying)):
                result = _result(distributed, future, work, flying[future])
                yield flying.pop(future), result
    finally:
        client.cancel(list(flying))
        if cluster.client is None:
            client.close()


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise ExecutorError(
            "the forecast executor is dask, but distributed is not installed", "pip install 'daybreak[dask]'"
        ) from None
    return distributed


def _connected(distributed: Any, address: str) -> Any:
    try:
        return distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:  # a time-out is an OSError
        raise ExecutorError(
            f"no Dask scheduler answers at {address}: {error}",
            "start it, or correct DAYBREAK_DASK_SCHEDULER; DAYBREAK_FORECAST_EXECUTOR=local needs none",
        ) from None


def _finished(distributed: Any, client: Any, futures: list[Any]) -> list[Any]:
    """Futures that have ended, at least one."""
    while True:
        try:
            with client.as_current():
                return list(distributed.wait(futures, timeout=WORKERLESS_SECONDS, return_when="FIRST_COMPLETED").done)
        except TimeoutError:
            if not client.nthreads():
                raise ExecutorError(
                    f"the Dask cluster has had no worker for {WORKERLESS_SECONDS} s",
                    "start workers, or use DAYBREAK_FORECAST_EXECUTOR=local",
                ) from None


def _result(distributed: Any, future: Any, work: _Work, number: int) -> Any:
    try:
        return future.result()
    except distributed.KilledWorker as error:
        raise work.killed(number, error.allowed_failures + 1) from None
    except distributed.client.FutureCancelledError as error:
        raise ExecutorError(f"the Dask scheduler gave up {work.names[number]}: {error}", "run it again") from None
    except ModuleNotFoundError as error:
        raise ExecutorError(
            f"a Dask worker lacks {error.name}", "install this version of daybreak where the workers run"
        ) from None
