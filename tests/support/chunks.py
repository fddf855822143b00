"""What chunks of a test do on workers. Not here: imports that every fresh process would pay for."""

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forecasting.batch import Task, Votes

DEADLY = 4
Chunk = tuple[int, list[list[float]]]


def noted(chunk: Chunk, log: Path, deadly: str = "never") -> int:
    """The chunk's number, after a line in the log; chunk 4 kills its worker, the first time or each time."""
    number, _ = chunk
    with log.open("a") as lines:  # one short line in append mode is written whole
        lines.write(f"{number}\n")
    again = log.with_suffix(".died")
    if number == DEADLY and (deadly == "always" or (deadly == "once" and not again.exists())):
        again.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def numbers(chunk: Chunk, log: Path, deadly: str = "never") -> list[list[float]]:
    """The chunk's series made coherent below a total of 100 by the compiled kernel; noted as above."""
    noted(chunk, log, deadly)
    import numpy as np

    from forecasting.tree import Tree

    leaves = np.array(chunk[1])
    tree = Tree.of(["total", *map(str, range(len(leaves)))], np.r_[-1, np.zeros(len(leaves), dtype=np.int64)])
    return tree.reconcile(np.vstack([np.full(leaves.shape[1], 100.0), leaves])).tolist()


def sick(chunk: int) -> int:
    """The chunk, but for one that raises."""
    if chunk == 2:
        raise ValueError("this chunk is sick")
    return chunk


def worked(task: "Task", log: Path) -> "Votes":
    """The engine's own work on its own task; the third chunk to begin kills its worker, once."""
    from forecasting.batch import work

    with log.open("a") as lines:
        lines.write(f"{len(task.offsets) - 1}\n")
    if log.read_text().count("\n") == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return work(task)
