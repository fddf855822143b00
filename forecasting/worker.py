"""Calls in a process that is replaced every few of them, and killed when one takes too long or too much.

Not here: what is called. Made for libraries that leak, hang or crash: the caller's own process never does.
"""

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

_START_SECONDS = 120.0  # to import a library on a busy machine; it takes 2 to 4 on an idle one


class WorkerError(RuntimeError):
    """A call gave no result; the message says in words why."""


class WorkerStartError(WorkerError):
    """No process could be started: the next call would fare no better."""


class RecycledWorker:
    """Runs one call at a time in a spawned process; a context manager that leaves no process behind.

    Args:
        calls_per_process: after as many calls the process is replaced, and its memory with it.
        prepare: called without arguments in every new process, outside any call's time limit: imports.

    >>> with RecycledWorker(calls_per_process=2) as worker:
    ...     worker.run(max, 3, 4, seconds=60)
    4
    """

    def __init__(self, *, calls_per_process: int = 8, prepare: Callable[[], object] | None = None) -> None:
        if calls_per_process < 1:
            raise ValueError(f"calls_per_process must be at least 1, not {calls_per_process}")
        self._calls_per_process = calls_per_process
        self._prepare = prepare
        self._process: Any = None
        self._connection: Connection | None = None
        self._calls = 0

    def __enter__(self) -> "RecycledWorker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The present process, or None between two of them."""
        return None if self._process is None else int(self._process.pid)

    def run(self, work: Callable[..., Any], *arguments: Any, seconds: float) -> Any:
        """``work(*arguments)``, in the process; both and the result must be picklable.

        Args:
            seconds: after which the process is killed.

        Raises:
            WorkerError: the call raised something, took too long, or its process died.
            WorkerStartError: there is no process to call.
        """
        if self._calls >= self._calls_per_process:
            self.close()
        if self._process is None:
            self._start()
        self._calls += 1
        is_good, answer = self._exchange((work, arguments), seconds)
        if not is_good:
            raise WorkerError(answer)
        return answer

    def close(self) -> None:
        """End the present process, whatever it is doing; the next call starts another."""
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
        self._process, self._connection, self._calls = None, None, 0

    def _start(self) -> None:
        # Forking would copy the threads and locks of the host process.
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()  # so that its death ends the pipe, and ours ends the process
        is_good, answer = self._exchange((_prepared, (self._prepare,)), _START_SECONDS)
        if not is_good:
            self.close()
            raise WorkerStartError(f"the worker could not start: {answer}")

    def _exchange(self, task: tuple[Callable[..., Any], tuple[Any, ...]], seconds: float) -> tuple[bool, Any]:
        assert self._connection is not None
        try:
            self._connection.send(task)
            if not self._connection.poll(seconds):
                self.close()
                return False, f"took longer than {seconds:g} s"
            answer: tuple[bool, Any] = self._connection.recv()
            return answer
        except (EOFError, ConnectionError):
            self._process.join()
            code = self._process.exitcode
            self.close()
            return False, f"its process died with exit code {code}"


def _prepared(prepare: Callable[[], object] | None) -> None:
    if prepare is not None:
        prepare()


def _serve(connection: Connection) -> None:
    """Answer tasks until the other side is gone. Ctrl-C is the other side's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            work, arguments = connection.recv()
        except EOFError:
            return
        except Exception as error:  # a task that cannot be unpickled here
            connection.send((False, _words(error)))
            continue
        try:
            answer = (True, work(*arguments))
        except Exception as error:  # whatever a library raises belongs to the caller
            answer = (False, _words(error))
        try:
            connection.send(answer)
        except ConnectionError:
            return
        except Exception as error:  # a result that cannot be pickled
            connection.send((False, _words(error)))


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:200]}"
