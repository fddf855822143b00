"""What costs much and is only read is built once per test run, whichever worker comes first.

Not here: what is built (dbt_runs.py, tests/pipeline/conftest.py).
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.stack.file_lock import FileLock

BUILT_WITHIN_SECONDS = 840  # three nights


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all xdist workers of this test run share."""
    # Each xdist worker has a folder of its own below the run's folder; without xdist that one is ours.
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


def built_once(folder: Path, build: Callable[[Path], None]) -> Path:
    """Build ``folder`` once per test run, whichever worker comes first; the others wait for it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    done = folder.with_suffix(".done")
    with FileLock(folder.with_suffix(".lock")) as lock:
        lock.lock(timeout_seconds=BUILT_WITHIN_SECONDS)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            build(folder)
            done.touch()
    return folder
