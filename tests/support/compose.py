"""docker-compose.yml without Docker: its commands, environment and health checks as processes of this machine.

Not here: what they must do (tests/integration/test_compose.py). Everything is read from the file; only places change:
paths of the image, names of other containers, and ports.
"""

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml

from orchestration.settings import PROJECT_ROOT
from orchestration.stack.processes import free_port, is_port_free

COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT_ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
# In the order of depends_on; postgres and proxy are not Daybreak's own.
OURS = ("code-server", "webserver", "daemon", "dispatcher")
CODE_PORT, UI_PORT = "4266", "3000"


def interpolated(text: str, given: Mapping[str, str]) -> str:
    """A value of the file as Compose hands it on: ``${NAME:?why}``, ``${NAME:-default}`` and ``$$``."""

    def value(found: re.Match[str]) -> str:
        if found.group() == "$$":
            return "$"
        name, kind, rest = found.group(1, 2, 3)
        if given.get(name):
            return given[name]
        assert kind == "-", f"{name}: {rest}"
        return rest

    return re.sub(r"\$\$|\$\{(\w+):([?-])([^}]*)\}", value, text)


def variables_of(text: str) -> set[str]:
    """The variables that a compose file asks for."""
    return set(re.findall(r"\$\{(\w+)", text))


@dataclass
class Composed:
    """The four services of Daybreak's image as processes, on a PostgreSQL that is somebody else's.

    Args:
        root: an empty folder for the volume of /var/lib/daybreak and the logs.
        business, data: what BUSINESS_FOLDER and DATA_FOLDER name.
        password, postgres_port: of the PostgreSQL, which has user and database ``daybreak``.
    """

    root: Path
    business: Path
    data: Path
    password: str
    postgres_port: int
    code_port: int = field(default_factory=free_port)
    ui_port: int = field(default_factory=free_port)
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.root / "home"

    def here(self, text: str) -> str:
        """A text of the file with the places of this machine."""
        text = interpolated(text, {"POSTGRES_PASSWORD": self.password})
        places = {
            "/opt/daybreak": str(PROJECT_ROOT),
            "/var/lib/daybreak": str(self.home),
            "/srv/business": str(self.business),
            "/srv/data": str(self.data),
            "@postgres:5432": f"@127.0.0.1:{self.postgres_port}",
            "0.0.0.0": "127.0.0.1",
            CODE_PORT: str(self.code_port),
            UI_PORT: str(self.ui_port),
        }
        return re.sub("|".join(map(re.escape, places)), lambda m: places[m.group()], text)

    def environment(self, name: str) -> dict[str, str]:
        """What the container has: the image's PATH, and what the file says; nothing of ours."""
        hosts = {"postgres": "127.0.0.1", "code-server": "127.0.0.1", "5432": str(self.postgres_port)}
        asked = SERVICES[name]["environment"]
        given = {k: hosts.get(v) or self.here(v) for k, v in asked.items() if v is not None}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
        return {"PATH": path, "HOME": str(self.root), "LANG": "C.UTF-8", **given}

    def start(self, name: str) -> None:
        """Start a service as its container would: entrypoint and command, in the image's working folder."""
        self.home.mkdir(exist_ok=True)
        service = SERVICES[name]
        command = [self.here(word) for word in service.get("entrypoint", []) + service["command"]]
        with self.log(name).open("wb") as log:
            self.processes[name] = subprocess.Popen(
                command, cwd=PROJECT_ROOT, env=self.environment(name), start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def log(self, name: str) -> Path:
        return self.root / f"{name}.log"

    def is_healthy(self, name: str) -> bool:
        """Run the service's own health check once."""
        kind, *words = SERVICES[name]["healthcheck"]["test"]
        assert kind == "CMD"
        done = subprocess.run(
            [self.here(w) for w in words],
            cwd=PROJECT_ROOT,
            env=self.environment(name),
            capture_output=True,
            timeout=120,
        )
        return done.returncode == 0

    def wait_healthy(self, name: str, *, seconds: float = 200) -> None:
        """Wait as ``depends_on: service_healthy`` does; a process that ended fails the test with its log."""
        deadline = time.monotonic() + seconds
        ports = {"code-server": self.code_port, "webserver": self.ui_port}
        # The look at the port first: most checks start a Python, which costs more than the wait.
        while (name in ports and is_port_free(ports[name])) or not self.is_healthy(name):
            ended = self.processes[name].poll()
            if ended is not None or time.monotonic() > deadline:
                raise AssertionError(f"{name}: {ended}\n{self.log(name).read_text(errors='replace')[-4000:]}")
            time.sleep(0.5)

    def stop(self) -> None:
        """SIGTERM to each, who depends on another first, as Docker does; then whatever is left of the containers."""
        everybody = []
        for process in reversed(self.processes.values()):
            with contextlib.suppress(psutil.Error):
                everybody += [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
        for left in everybody:
            with contextlib.suppress(psutil.Error):
                left.kill()
        for process in self.processes.values():
            process.wait()


@contextlib.contextmanager
def nginx(folder: Path, *, program: str, changes: Mapping[str, str]) -> Iterator[None]:
    """Serve ``deploy/nginx.conf`` with other places; every text of ``changes`` must be in it."""
    folder.mkdir()
    text = (PROJECT_ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    for before, after in {"/tmp/": f"{folder}/", **changes}.items():
        assert before in text, before
        text = text.replace(before, after)
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    # The workers read the users' file as the user they serve as, and pytest's folders are ours alone.
    directives = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
    command = [program, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", directives]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(100):
            if (folder / "nginx.pid").exists():
                break
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.communicate(timeout=20)
