"""`daybreak up` as processes: it comes up, heals, stops without a trace, and recovers from being killed."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import psycopg
import pytest
from dagster._core.events import EngineEventData

from orchestration.errors import ConfigurationError
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.stack.environment import STACK_MARK, child_environment
from orchestration.stack.health import location_error
from orchestration.stack.janitor import fail_lost_runs
from orchestration.stack.local_postgres import LocalPostgres
from orchestration.stack.processes import is_alive, with_environment
from tests.support import stack_definitions
from tests.support.postgres import create_database, drop_database

LAUNCH = """mutation { launchRun(executionParams: { mode: "default", selector: {
  repositoryLocationName: "daybreak", repositoryName: "__repository__", jobName: "sleeper" } }) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""


class Up:
    """A stack in a process of its own, as `daybreak up` would be."""

    def __init__(self, home: Path, server: LocalPostgres, database: str, *extra: str, **variables: str) -> None:
        self.home = home
        self.dagster_url = server.url(database)
        environment = {**os.environ, "DAYBREAK_HOME": str(home), "DAYBREAK_UI_PORT": "0", **variables}
        environment |= {"DAYBREAK_CODE_SERVER_PORT": "0", "STACK_TEST_PID_FILE": str(home / "worker.pid")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.run_stack", server.url(), database, *extra],
            cwd=PROJECT_ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # As a shell's `&` does: the children must not inherit it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        )
        self.lines: list[str] = []

    def wait_ready(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.strip())
            if line.startswith("ready "):
                return line.split()[1]
        raise AssertionError("\n".join(self.lines))

    def child_pid(self, name: str) -> int:
        record = json.loads((self.home / "stack.json").read_text(encoding="utf-8"))
        return int(record["children"][name]["pid"])

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


@pytest.fixture
def start(
    tmp_path: Path, postgres_server: LocalPostgres, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Up]]:
    database = create_database(postgres_server)
    started: list[Up] = []

    def start_stack(*extra: str, **variables: str) -> Up:
        started.append(Up(tmp_path / "hé me", postgres_server, database, *extra, **variables))
        return started[-1]

    yield start_stack
    for up in started:
        if up.process.poll() is None:
            up.process.kill()
        up.process.communicate()
        for process in with_environment(STACK_MARK, str(up.home)):
            process.kill()
    drop_database(postgres_server, database)


def graphql(url: str, query: str) -> Any:
    request = urllib.request.Request(
        f"{url}/graphql", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())["data"]


def launch(url: str) -> str:
    return str(graphql(url, LAUNCH)["launchRun"]["run"]["runId"])


def wait_for_worker(up: Up) -> psutil.Process:
    pid_file = up.home / "worker.pid"
    wait_for(lambda: pid_file.exists() and pid_file.read_text() != "", seconds=60)
    pid = int(pid_file.read_text())
    pid_file.unlink()
    return psutil.Process(pid)


def run_status(url: str, run_id: str) -> str:
    return graphql(url, f'{{ runOrError(runId: "{run_id}") {{ ... on Run {{ status }} }} }}')["runOrError"]["status"]


def wait_for(condition: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def test_up_heals_refuses_a_second_one_and_stops_without_a_trace(start: Callable[..., Up]) -> None:
    up = start()
    url = up.wait_ready()
    assert location_error(url) is None

    second = start()
    text, _ = second.process.communicate(timeout=30)
    assert second.process.returncode == ConfigurationError.exit_code
    assert f"already up on {up.home} (process {up.process.pid})" in text
    assert "Remedy:" in text

    dispatcher = up.child_pid("dispatcher")
    os.kill(dispatcher, signal.SIGKILL)
    wait_for(lambda: up.child_pid("dispatcher") != dispatcher, seconds=15)
    assert is_alive(psutil.Process(up.child_pid("dispatcher")))

    run_id, worker = launch(url), wait_for_worker(up)
    everybody = up.descendants()
    assert worker in everybody
    assert len(everybody) >= 6
    up.process.send_signal(signal.SIGINT)
    text, _ = up.process.communicate(timeout=30)
    assert up.process.returncode == 0, text
    assert "dispatcher ended with code -9: starting it again in 1 s" in text
    assert [p for p in everybody if is_alive(p)] == []
    assert with_environment(STACK_MARK, str(up.home)) == []
    assert not (up.home / "stack.json").exists()
    with psycopg.connect(up.dagster_url) as connection:
        status = connection.execute("select status from runs where run_id = %s", [run_id]).fetchone()
    assert status == ("FAILURE",), "an interrupted worker has had the time to finish its run's record"
    logs = "".join(p.read_text(encoding="utf-8") for p in (up.home / "logs").glob("*.log"))
    assert "Traceback" not in logs


def test_killed_supervisor_takes_its_children_along_and_the_next_start_recovers(
    start: Callable[..., Up],
) -> None:
    up = start()
    url = up.wait_ready()
    run_id, worker = launch(url), wait_for_worker(up)
    waiting_id = launch(url)
    assert (run_status(url, run_id), run_status(url, waiting_id)) == ("STARTED", "QUEUED")
    children = [psutil.Process(up.child_pid(n)) for n in ("code-server", "webserver", "daemon", "dispatcher")]
    up.process.kill()
    up.process.wait()
    wait_for(lambda: not any(is_alive(c) for c in children), seconds=5)
    assert is_alive(worker), "a run worker is a grandchild: the kernel does not end it for us"

    again = start()
    url = again.wait_ready()
    assert any("an earlier Daybreak left behind" in line for line in again.lines)
    assert f"run {run_id} was lost in a crash: marked as finished" in again.lines
    assert not is_alive(worker)
    assert run_status(url, run_id) == "FAILURE"
    wait_for_worker(again)
    assert run_status(url, waiting_id) == "STARTED", "the lost run must not block the queue"
    again.process.send_signal(signal.SIGTERM)
    again.process.communicate(timeout=30)
    assert again.process.returncode == 0
    assert with_environment(STACK_MARK, str(again.home)) == []


def test_taken_ui_port_is_refused_with_the_remedy(start: Callable[..., Up]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        up = start(DAYBREAK_UI_PORT=str(taken.getsockname()[1]))
        text, _ = up.process.communicate(timeout=30)
    assert up.process.returncode == ConfigurationError.exit_code
    assert "DAYBREAK_UI_PORT" in text
    assert with_environment(STACK_MARK, str(up.home)) == []


def test_definitions_that_do_not_load_are_told_and_nothing_stays(start: Callable[..., Up]) -> None:
    up = start("tests.support.stack_broken")
    text, _ = up.process.communicate(timeout=90)
    assert up.process.returncode == ConfigurationError.exit_code, text
    assert "this business folder is broken" in text
    assert with_environment(STACK_MARK, str(up.home)) == []


def test_environment_of_children(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DAYBREAK_SMTP_HOST", "inherited.example")
    monkeypatch.chdir(tmp_path)
    settings = Settings(home=Path("rel"), smtp_host=None, slack_webhook="https://hook.example/s", ui_port=0)
    environment = child_environment(settings, "postgresql://u%40x:p%2Fw@[::1]:6000/daybreak?sslmode=require")
    assert environment["DAYBREAK_HOME"] == str(tmp_path / "rel")
    assert environment["DAYBREAK_UI_PORT"] == "0"
    assert "DAYBREAK_SMTP_HOST" not in environment
    assert environment["DAYBREAK_SLACK_WEBHOOK"] == "https://hook.example/s"
    wanted = {"HOST": "::1", "PORT": "6000", "USER": "u@x", "PASSWORD": "p/w", "DB": "daybreak_dagster"}
    assert {name: environment[f"DAGSTER_PG_{name}"] for name in wanted} == wanted
    assert environment["PGSSLMODE"] == "require"
    with monkeypatch.context() as child:
        for name in [n for n in os.environ if n.startswith("DAYBREAK_")]:
            child.delenv(name)
        for name in [n for n in environment if n.startswith("DAYBREAK_")]:
            child.setenv(name, environment[name])
        seen = Settings()
    assert seen.root == settings.root
    assert seen.smtp_host is None
    assert seen.smtp_starttls is settings.smtp_starttls

    with pytest.raises(ConfigurationError, match="cannot be read") as caught:
        child_environment(settings, "postgresql://u:secret@h:port:port/%zz")
    assert "secret" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="names no host"):
        child_environment(settings, "postgresql:///daybreak")


@contextlib.contextmanager
def sleeper_process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("status", "worker", "expected"),
    [
        ("STARTED", "none", "FAILURE"),
        ("STARTED", "dead", "FAILURE"),
        ("STARTED", "zombie", "FAILURE"),
        ("STARTED", "alive", "STARTED"),
        ("STARTED", "pid used again", "FAILURE"),
        ("STARTING", "none", "FAILURE"),
        ("CANCELING", "dead", "CANCELED"),
        ("CANCELING", "alive", "CANCELING"),
        ("NOT_STARTED", "none", "NOT_STARTED"),
        ("SUCCESS", "dead", "SUCCESS"),
    ],
)
def test_janitor_finishes_exactly_the_runs_whose_worker_is_gone(status: str, worker: str, expected: str) -> None:
    with dg.DagsterInstance.ephemeral() as instance, sleeper_process() as process:
        run = instance.create_run_for_job(stack_definitions.sleeper, status=dg.DagsterRunStatus[status])
        if worker in ("dead", "zombie"):
            process.kill()
        if worker == "dead":
            process.wait()
        elif worker == "zombie":
            wait_for(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE, seconds=5)
        if worker != "none":
            pid = os.getppid() if worker == "pid used again" else process.pid
            event = EngineEventData.in_process(pid)
            instance.report_engine_event(f"Started process for run (pid: {pid}).", run, event)
        if worker == "pid used again":
            # The event is older than the process that has the pid now.
            real = psutil.Process.create_time
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(psutil.Process, "create_time", lambda self: real(self) + 1e9)
                finished = fail_lost_runs(instance)
        else:
            finished = fail_lost_runs(instance)
        process.kill()
        process.wait()  # a signal is delivered when the kernel gets to it
        after = instance.get_run_by_id(run.run_id)
        assert after is not None
        assert after.status.value == expected
        assert finished == ([run.run_id] if expected != status else [])
        assert fail_lost_runs(instance) == ([run.run_id] if worker == "alive" else [])
