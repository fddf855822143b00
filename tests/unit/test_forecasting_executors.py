"""Chunks on this machine and on a real Dask cluster, with workers that die. Not here: what the night does with them."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from distributed import LocalCluster
from pydantic import ValidationError

from forecasting import executors, passes
from forecasting.batch import Task, Votes
from forecasting.executors import DaskCluster, Executor, ExecutorError, LocalProcesses
from forecasting.nightly import forecast_night
from orchestration.errors import PermanentError, TransientError
from orchestration.forecasts.fan_out import fanned_out
from orchestration.settings import Settings
from tests.support.chunks import DEADLY, Chunk, noted, numbers, sick, worked

CHUNKS, SERIES = 10, 4


@pytest.fixture(scope="module")
def chunks() -> list[Chunk]:
    rng = np.random.default_rng(5)
    return [(i, [rng.gamma(2, 10, 80).tolist() for _ in range(SERIES)]) for i in range(CHUNKS)]


@pytest.fixture(scope="module")
def expected(chunks: list[Chunk], tmp_path_factory: pytest.TempPathFactory) -> list[list[list[float]]]:
    return list(LocalProcesses(1).map(partial(numbers, log=tmp_path_factory.mktemp("here") / "log"), chunks))


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Two worker processes, whose nannies start another one for each that dies."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", scheduler_port=0, dashboard_address=":0"
    ) as running:
        yield running.scheduler_address


@pytest.fixture(params=["processes", "dask"])
def executor(request: pytest.FixtureRequest) -> Executor:
    return LocalProcesses(2) if request.param == "processes" else DaskCluster(request.getfixturevalue("cluster"))


def ran(log: Path) -> Counter[int]:
    return Counter(int(line) for line in log.read_text().splitlines())


def test_a_killed_worker_changes_no_digit_and_loses_no_chunk(
    executor: Executor, chunks: list[Chunk], expected: list[list[list[float]]], tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    log = tmp_path / "log"
    results = list(
        executor.map(partial(numbers, log=log, deadly="once"), chunks, on_progress=lambda *done: told.append(done))
    )
    assert results == expected  # to the last digit
    assert told == [(done, CHUNKS) for done in range(1, CHUNKS + 1)]
    times = ran(log)
    assert set(times) == set(range(CHUNKS))
    assert times[DEADLY] == 2
    # Whatever the dead worker had not handed over yet, and nothing else, was computed again.
    assert sum(times.values()) <= CHUNKS + 5


def test_a_night_forecasts_the_same_on_a_cluster_that_loses_a_worker(
    cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passes, "_CHUNK", 12)
    rng = np.random.default_rng(7)
    months = pd.date_range("2019-01-01", periods=60, freq="MS").astype("datetime64[s]")
    values = rng.gamma(3, 10 * (1 + 0.4 * np.sin(np.arange(60) / 12 * 2 * np.pi)), (60, 60))
    ids = pd.Series(np.repeat([f"s{i:02d}" for i in range(60)], 60), dtype="str")
    panel = pd.DataFrame({"unique_id": ids, "ds": np.tile(months, 60), "y": values.ravel()})
    log = tmp_path / "log"

    def on_the_cluster(function: Callable[[Task], Votes], chunks: Sequence[Task]) -> list[Votes]:
        return list(DaskCluster(cluster).map(partial(worked, log=log), chunks))

    here = forecast_night(panel, freq="MS", horizon=6)
    there = forecast_night(panel, freq="MS", horizon=6, mapped=on_the_cluster)
    pd.testing.assert_frame_equal(here.forecasts, there.forecasts, check_exact=True)
    pd.testing.assert_frame_equal(here.backtest, there.backtest, check_exact=True)
    assert len(log.read_text().splitlines()) > 2 * 5  # two passes of five chunks, and what the dead worker had


def test_one_connection_serves_every_pass_of_a_night(cluster: str) -> None:
    with fanned_out(Settings(forecast_executor="dask", dask_scheduler=cluster)) as kept:
        assert isinstance(kept, DaskCluster)
        for _ in range(2):
            assert list(kept.map(abs, [-1, -2])) == [1, 2]
            assert kept.client.status == "running"
    assert kept.client.status == "closed"


def test_a_chunk_that_keeps_killing_its_worker_fails_by_name(
    executor: Executor, chunks: list[Chunk], tmp_path: Path
) -> None:
    names = [f"bolts {number}" for number in range(CHUNKS)]
    log = tmp_path / "log"
    with pytest.raises(ExecutorError, match=r"bolts 4 killed its worker [34] times") as caught:
        list(executor.map(partial(noted, log=log, deadly="always"), chunks[DEADLY - 1 : DEADLY + 2], names=names[3:6]))
    assert "memory" in caught.value.remedy
    assert ran(log)[DEADLY] in (3, 4)


def test_what_a_chunk_raises_arrives_with_its_name(executor: Executor) -> None:
    with pytest.raises(ValueError, match="this chunk is sick") as caught:
        list(executor.map(sick, range(5)))
    assert caught.value.__notes__ == ["in chunk 3 of 5"]


def test_no_chunks_are_no_results(executor: Executor) -> None:
    assert list(executor.map(sick, [])) == []


def test_closing_gives_up_what_is_not_computed_yet(executor: Executor, chunks: list[Chunk], tmp_path: Path) -> None:
    log = tmp_path / "log"
    many = [(number, chunks[0][1]) for number in range(100, 1100)]
    results = executor.map(partial(noted, log=log), many)
    next(results)
    results.close()  # type: ignore[attr-defined]  # every iterator here is a generator
    assert sum(ran(log).values()) < 500


def test_one_process_works_in_this_one() -> None:
    assert list(LocalProcesses(1).map(lambda _: os.getpid(), [1, 2])) == [os.getpid()] * 2


def test_names_must_be_of_the_chunks() -> None:
    with pytest.raises(ValueError, match="1 names for 2 chunks"):
        LocalProcesses(1).map(abs, [1, 2], names=["a"])


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "CONNECT_SECONDS", 1)
    settings = Settings(forecast_executor="dask", dask_scheduler="tcp://127.0.0.1:9")
    with (
        pytest.raises(TransientError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"),
        fanned_out(settings) as f,
    ):
        list(f.map(abs, [1]))


def test_a_cluster_without_workers_fails_instead_of_waiting_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "WORKERLESS_SECONDS", 1)
    with (
        LocalCluster(n_workers=0, host="127.0.0.1", scheduler_port=0, dashboard_address=":0") as empty,
        pytest.raises(ExecutorError, match="no worker for 1 s"),
    ):
        list(DaskCluster(empty.scheduler_address).map(abs, [1]))


def test_without_distributed_the_remedy_is_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(ExecutorError, match="not installed") as caught:
        list(DaskCluster("tcp://127.0.0.1:9").map(abs, [1]))
    assert "daybreak[dask]" in caught.value.remedy


def test_an_error_of_the_local_executor_is_permanent(tmp_path: Path, chunks: list[Chunk]) -> None:
    with pytest.raises(PermanentError, match="killed its worker"), fanned_out(Settings(forecast_processes=2)) as two:
        list(two.map(partial(noted, log=tmp_path / "log", deadly="always"), chunks[DEADLY : DEADLY + 2]))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"forecast_executor": "dask"}, "dask_scheduler"),
        ({"forecast_executor": "ray"}, "forecast_executor"),
        ({"forecast_processes": 0}, "forecast_processes"),
        ({"dask_scheduler": "scheduler"}, "dask_scheduler"),
    ],
)
def test_a_wrong_setting_is_named(given: dict[str, str | int], field: str) -> None:
    """The command line shows the field's name, so each error must have one."""
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(given)
    assert [error["loc"] for error in caught.value.errors()] == [(field,)]
