"""`daybreak up`: code server, UI, daemon and dispatcher as one thing that starts, heals and stops.

Not here: the database server (local_postgres.py), or an import of dagster: 100 MB more for the supervisor.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import psutil

from orchestration.errors import ConfigurationError, PermanentError
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.stack.environment import DAGSTER_DATABASE, STACK_MARK, child_environment, write_dagster_home
from orchestration.stack.file_lock import FileLock
from orchestration.stack.health import location_error
from orchestration.stack.processes import (
    ProcessId,
    end,
    free_port,
    is_port_free,
    wait_gone,
    with_environment,
)
from orchestration.stack.supervised import Supervised

POLL_SECONDS = 0.5
READY_TIMEOUT_SECONDS = 180.0
JANITOR_TIMEOUT_SECONDS = 180
WORKER_GRACE_SECONDS = 5.0  # a run worker needs that long to cancel its step and say so in the run's log
CHILD_GRACE_SECONDS = 3.0


@dataclass
class Stack:
    """The processes of one Daybreak home. Used once: `run()` returns when it was told to stop.

    Args:
        settings: where home is, the UI's address and the wanted ports.
        database_url: the warehouse, ``postgresql://user:password@host:port/daybreak``.
        dagster_database: the database on the same server that holds Dagster's own tables; it must exist.
        definitions_module, dispatcher_module: what the code server and the dispatcher load.
        say: gets one line per event worth telling.
        on_ready: called once with the UI's address when everything answers.
    """

    settings: Settings
    database_url: str
    dagster_database: str = DAGSTER_DATABASE
    definitions_module: str = "orchestration.definitions"
    dispatcher_module: str = "orchestration.messages.dispatcher"
    say: Callable[[str], None] = print
    on_ready: Callable[[str], None] = lambda url: None
    children: list[Supervised] = field(default_factory=list, init=False)
    _stopping: threading.Event = field(default_factory=threading.Event, init=False)

    def run(self) -> None:
        """Start everything, keep it running, stop it on SIGINT, SIGTERM or SIGHUP; no process stays behind.

        Must be called from the main thread.

        Raises:
            ConfigurationError: another stack is up, the UI's port is taken, or the definitions do not load.
            PermanentError: Dagster's database refuses, or a child does not get ready.
        """
        self.settings.root.mkdir(parents=True, exist_ok=True)
        with self._only_one(), self._signals():
            self._end_leftovers()
            self._prepare()
            try:
                self._recover()
                self._start_all()
                self._wait_ready()
                while not self._stopping.wait(POLL_SECONDS):
                    self._heal()
            finally:
                self._stop_all()

    @property
    def ui_url(self) -> str:
        """Where the UI answers."""
        host = self.settings.ui_host
        shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
        return f"http://{f'[{shown}]' if ':' in shown else shown}:{self.settings.ui_port}"

    @contextlib.contextmanager
    def _only_one(self) -> Iterator[None]:
        """Two daemons would run every tick twice, even with run keys."""
        with FileLock(self.settings.root / "up.lock") as lock:
            if not lock.try_lock(exclusive=True):
                holder = lock.read().strip() or "unknown"
                raise ConfigurationError(
                    f"Daybreak is already up on {self.settings.root} (process {holder})",
                    remedy="use that one, stop it with Ctrl-C or kill, or choose another DAYBREAK_HOME",
                )
            lock.write(f"{os.getpid()}\n")
            yield
            lock.write("")

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        before = {n: signal.signal(n, self._on_signal) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: object) -> None:
        self._stopping.set()

    def _end_leftovers(self) -> None:
        """Kill what a stack that was itself killed left behind: by recorded identity and by inherited mark.

        We hold up.lock, so whatever carries this home's mark has lost its supervisor.
        """
        left = with_environment(STACK_MARK, str(self.settings.root))
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            record = json.loads((self.settings.root / "stack.json").read_text(encoding="utf-8"))
            found = [ProcessId(c["pid"], c["started_at"]).find() for c in record["children"].values()]
            left += [p for p in found if p and p not in left]
        if left:
            self.say(f"ending {len(left)} processes that an earlier Daybreak left behind")
            end(left, number=signal.SIGKILL, grace_seconds=5)

    def _prepare(self) -> None:
        host, port = self.settings.ui_host, self.settings.ui_port
        if port and not is_port_free(port, host=host):
            raise ConfigurationError(
                f"the UI cannot listen on {host}:{port}: another program does, or the address is not ours",
                remedy="set DAYBREAK_UI_PORT to a free port (0 takes any), or stop that program",
            )
        self.settings = self.settings.model_copy(
            update={
                "ui_port": port or free_port(host=host),
                "code_server_port": free_port(self.settings.code_server_port),
            }
        )
        (self.settings.root / "logs").mkdir(parents=True, exist_ok=True)
        write_dagster_home(self.settings)
        self._environment = child_environment(self.settings, self.database_url, dagster_database=self.dagster_database)

    def _recover(self) -> None:
        """Finish lost runs in a process of its own; the first start creates Dagster's tables here."""
        try:
            done = subprocess.run(
                [sys.executable, "-m", "orchestration.stack.janitor"],
                env=self._environment,
                cwd=PROJECT_ROOT,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                start_new_session=True,
                timeout=JANITOR_TIMEOUT_SECONDS,
                check=True,
            )
        except subprocess.SubprocessError as error:
            output = getattr(error, "stderr", None) or ""
            text = output.decode(errors="replace") if isinstance(output, bytes) else output
            raise PermanentError(
                f"Dagster's records cannot be opened: {text.strip()[-1500:] or error}",
                remedy=f"check that database {self.dagster_database!r} exists and the server answers",
            ) from None
        for line in done.stdout.splitlines():
            self.say(line)

    def _commands(self) -> dict[str, list[str]]:
        """The children in the order they start; they stop in the order of `_stop_all`."""
        ui, port = self.settings, str(self.settings.code_server_port)
        workspace = ["-w", str(PROJECT_ROOT / "workspace.yaml")]
        code = ["dagster", "code-server", "start", "-m", self.definitions_module, "-d", str(PROJECT_ROOT)]
        code += ["--host", "127.0.0.1", "--port", port, "--location-name", "daybreak"]
        modules = {
            # The flag: run workers are started with this interpreter, not with a `dagster` found on the PATH.
            "code-server": [*code, "--use-python-environment-entry-point"],
            "webserver": ["dagster_webserver", "-h", ui.ui_host, "-p", str(ui.ui_port), *workspace],
            "daemon": ["dagster._daemon", "run", *workspace],
            "dispatcher": [self.dispatcher_module],
        }
        return {name: [sys.executable, "-m", *module] for name, module in modules.items()}

    def _start_all(self) -> None:
        for name, command in self._commands().items():
            child = Supervised(name, command, self.settings.root / "logs" / f"{name}.log")
            self.children.append(child)
            self._start(child)
            if name == "code-server":
                self._wait_until_listening(child)

    def _start(self, child: Supervised) -> None:
        child.start(self._environment, PROJECT_ROOT)
        self._record()

    def _wait_until_listening(self, child: Supervised) -> None:
        """The UI and the daemon write a page of errors if the code server is not there yet."""
        deadline = time.monotonic() + READY_TIMEOUT_SECONDS
        while is_port_free(self.settings.code_server_port) and time.monotonic() < deadline:
            if self._stopping.wait(0.1):
                return
            child.check_alive()

    def _record(self) -> None:
        """Write HOME/stack.json: where the UI is, and who our processes are."""
        identities = {c.name: ProcessId.of(c.process.pid) for c in self.children if c.process}
        record = {
            "ui_url": self.ui_url,
            "supervisor_pid": os.getpid(),
            "children": {name: vars(identity) for name, identity in identities.items() if identity},
        }
        path = self.settings.root / "stack.json"
        fresh = path.with_suffix(".json.new")
        fresh.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        fresh.replace(path)

    def _wait_ready(self) -> None:
        """Wait until the UI answers and has loaded our code location."""
        deadline = time.monotonic() + READY_TIMEOUT_SECONDS
        while not self._stopping.wait(POLL_SECONDS):
            for child in self.children:
                child.check_alive()
            problem = location_error(self.ui_url)
            if problem is None:
                self.on_ready(self.ui_url)
                return
            if problem.is_final:
                raise ConfigurationError(
                    f"the definitions do not load: {problem.text}", remedy="correct them and start again"
                )
            if time.monotonic() > deadline:
                raise PermanentError(
                    f"not ready after {READY_TIMEOUT_SECONDS:.0f} s: {problem.text}",
                    remedy=f"read {self.settings.root / 'logs'}",
                )

    def _heal(self) -> None:
        """Restart children that ended by themselves, each with its own growing back-off."""
        now = time.monotonic()
        for child in self.children:
            if message := child.note_crash(now):
                self.say(message)
            elif child.is_due(now):
                self._start(child)

    def _stop_all(self) -> None:
        """Stop what starts work, then the work, then the code server; at most 15 s, and nothing is left."""
        by_name = {c.name: c for c in self.children}
        first = [by_name[n] for n in ("daemon", "webserver", "dispatcher") if n in by_name]
        for child in first:
            child.ask_to_end()
        deadline = time.monotonic() + CHILD_GRACE_SECONDS
        for child in first:
            child.wait_or_kill(deadline)
        if code_server := by_name.get("code-server"):
            self._stop_workers(code_server)
            code_server.ask_to_end()
            code_server.wait_or_kill(time.monotonic() + CHILD_GRACE_SECONDS)
        # Helpers end with their parents by themselves, and killed too early leave named semaphores in /dev/shm.
        left = wait_gone(with_environment(STACK_MARK, str(self.settings.root)), timeout_seconds=1)
        end(left, number=signal.SIGKILL, grace_seconds=2)
        (self.settings.root / "stack.json").unlink(missing_ok=True)

    def _stop_workers(self, child: Supervised) -> None:
        """Interrupt the run workers, so that they cancel their runs: the code server would wait for them.

        They are its grandchildren: it keeps one server process, which starts one worker per run.
        """
        workers = []
        with contextlib.suppress(psutil.Error):
            for server in psutil.Process(child.process.pid).children() if child.process else []:
                workers += [p for p in server.children() if not _is_resource_tracker(p)]
        for worker in workers:
            with contextlib.suppress(psutil.Error):
                worker.terminate()
        wait_gone(workers, timeout_seconds=WORKER_GRACE_SECONDS)


def _is_resource_tracker(process: psutil.Process) -> bool:
    """Python's own helper, which ignores signals and ends with its parent: not worth waiting for."""
    try:
        return "resource_tracker" in " ".join(process.cmdline())
    except psutil.Error:
        return True
