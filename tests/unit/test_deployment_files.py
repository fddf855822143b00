"""The files that put Daybreak on a machine: Makefile, .ci/run, Dockerfile and docker-compose.yml, held to the code."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.stack.environment import STACK_MARK, child_environment
from orchestration.stack.stack import Stack

COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT_ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DAGSTER = ("code-server", "webserver", "daemon", "dispatcher")
IN_IMAGE = "/opt/daybreak"
TEST_URL = "postgresql://daybreak:p@postgres:5432/daybreak"


def asked_by(value: Any) -> set[str]:
    """The variables that a Dagster configuration file asks for, as ``{env: NAME}``."""
    if isinstance(value, dict):
        own = {value["env"]} if set(value) == {"env"} else set()
        return own or set().union(*map(asked_by, value.values()))
    return set().union(*map(asked_by, value)) if isinstance(value, list) else set()


# docker-compose.yml ---------------------------------------------------------------------------------------------------


def test_the_services_are_the_database_and_the_children_of_the_stack() -> None:
    children = Stack(Settings(), TEST_URL)._commands()
    assert set(SERVICES) == {"postgres", *children}
    assert tuple(children) == DAGSTER


@pytest.mark.parametrize("name", DAGSTER)
def test_a_service_runs_the_command_of_the_stack(name: str) -> None:
    settings = Settings(ui_host="0.0.0.0", ui_port=3000, code_server_port=4266)
    ours = [part.replace(str(PROJECT_ROOT), IN_IMAGE) for part in Stack(settings, TEST_URL)._commands()[name]]
    ours[0] = "python"
    if name == "code-server":  # in a container of its own the others must reach it
        ours[ours.index("--host") + 1] = "0.0.0.0"
    assert SERVICES[name]["command"] == ours


@pytest.mark.parametrize("file", ["dagster.yaml", "workspace.yaml"])
@pytest.mark.parametrize("name", DAGSTER)
def test_a_service_is_given_every_variable_that_dagster_asks_for(name: str, file: str) -> None:
    asked = asked_by(yaml.safe_load((PROJECT_ROOT / file).read_text(encoding="utf-8")))
    assert asked, f"{file} asks for nothing: the test would prove nothing"
    given = SERVICES[name]["environment"]
    assert not [v for v in asked if not given.get(v)]


@pytest.mark.parametrize("name", DAGSTER)
def test_a_service_is_given_what_the_stack_gives_its_children(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable in os.environ:
        monkeypatch.delenv(variable)
    whole = Settings(
        home=tmp_path,
        smtp_host="h",
        smtp_user="u",
        smtp_password=SecretStr("p"),
        slack_webhook=SecretStr("https://s"),
    )
    children = set(child_environment(whole, TEST_URL))
    # Of this machine only: the supervisor's mark, the embedded server, the demo's default, the UI's own address.
    elsewhere = {STACK_MARK, "DAYBREAK_POSTGRES_PORT", "DAYBREAK_UI_HOST"}
    given = set(SERVICES[name]["environment"])
    assert children - given == elsewhere
    assert given - children == {"DAYBREAK_DATA"}


@pytest.mark.parametrize("name", DAGSTER)
def test_every_setting_a_service_is_given_is_one(name: str) -> None:
    known = {f"DAYBREAK_{field.upper()}" for field in Settings.model_fields} | {"DAYBREAK_CODE_SERVER_HOST"}
    given = {v for v in SERVICES[name]["environment"] if v.startswith("DAYBREAK_")}
    assert given <= known


def test_the_code_server_is_where_the_workspace_looks_for_it() -> None:
    given = SERVICES["webserver"]["environment"]
    command = SERVICES["code-server"]["command"]
    assert given["DAYBREAK_CODE_SERVER_HOST"] in SERVICES
    assert given["DAYBREAK_CODE_SERVER_PORT"] == command[command.index("--port") + 1]
    assert given["DAGSTER_PG_HOST"] in SERVICES


def test_only_the_ui_is_published_and_only_on_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert list(published) == ["webserver"]
    assert all(port.startswith("127.0.0.1:") for port in published["webserver"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_stops_well_and_reaps_its_orphans(name: str) -> None:
    assert SERVICES[name]["init"] is True
    seconds = int(SERVICES[name]["stop_grace_period"].removesuffix("s"))
    assert seconds >= 20, "a run worker needs 5 s to cancel its run, and the code server waits for it"


@pytest.mark.parametrize("name", [n for n in SERVICES if n != "dispatcher"])
def test_a_service_has_a_health_check(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "retries", "start_period"} <= set(check)


@pytest.mark.parametrize("command", [["dagster", "api", "grpc-health-check"], ["dagster._daemon", "liveness-check"]])
def test_a_health_check_is_a_command_that_dagster_has(command: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", *command, "--help"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert any(
        command == s["healthcheck"]["test"][3 : 3 + len(command)] for s in SERVICES.values() if "healthcheck" in s
    )


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_and_one_is_ours(name: str) -> None:
    image = SERVICES[name]["image"]
    assert re.search(r":\d", image), f"{image} names no version"
    assert ("build" in SERVICES[name]) == (name in DAGSTER)


def test_no_secret_stands_in_the_files() -> None:
    for service in SERVICES.values():
        for variable, value in service["environment"].items():
            if re.search("PASSWORD|WEBHOOK|URL", variable):
                left = re.sub(r"\$\{POSTGRES_PASSWORD:\?[^}]+\}", "", value or "")
                assert left in ("", "postgresql://daybreak:@postgres:5432/daybreak"), variable


def test_the_code_servers_preparation_is_valid_and_ends_in_its_command() -> None:
    shell, flags, script, name = SERVICES["code-server"]["entrypoint"]
    script = script.replace("$$", "$")
    assert subprocess.run([shell, "-n", "-c", script], capture_output=True).returncode == 0
    assert (flags, name) == ("-euc", "code-server")
    assert script.rstrip().endswith('exec "$@"')
    snippet = re.search(r"python -c '(.*?)'", script, re.DOTALL)
    assert snippet
    compile(snippet.group(1), "entrypoint", "exec")
    assert "python -m orchestration.stack.janitor" in script


# Dockerfile -----------------------------------------------------------------------------------------------------------


def test_the_image_is_pinned_checked_by_hash_and_not_roots() -> None:
    lines = (PROJECT_ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    steps = [line.split(maxsplit=1) for line in lines if re.match(r"[A-Z]+ ", line)]
    images = [rest for word, rest in steps if word == "FROM"]
    assert images == ["python:3.11-slim-bookworm"]
    installs = [rest for _, rest in steps if "requirements.lock" in rest and "pip" in rest]
    assert installs
    assert all("--require-hashes" in i for i in installs)
    words = [word for word, _ in steps]
    assert words.index("USER") > max(i for i, word in enumerate(words) if word == "RUN")
    assert [rest for word, rest in steps if word == "WORKDIR"] == [IN_IMAGE]


def test_the_image_gets_what_the_command_line_reads() -> None:
    ignored = set((PROJECT_ROOT / ".dockerignore").read_text(encoding="utf-8").split())
    needed = {"pyproject.toml", "README.md", "requirements.lock", "dagster.yaml", "workspace.yaml", "dbt_project"}
    needed |= {"orchestration", "forecasting", "reporting", "examples"}
    assert not needed & ignored
    assert {".git", ".venv", ".daybreak", ".env"} <= ignored


# Makefile and .ci/run -------------------------------------------------------------------------------------------------


def make(*arguments: str, cwd: Path = PROJECT_ROOT) -> subprocess.CompletedProcess[str]:
    # `make test` runs these tests: its own flags and level are not for the make in here.
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    return subprocess.run(["make", *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=60)


needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@needs_make
def test_make_alone_explains_every_target() -> None:
    said = make().stdout
    text = (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony
    assert [line.split()[1] for line in said.splitlines()] == phony.group(1).split()


@needs_make
def test_the_test_command_runs_every_tool_and_ends_with_pytest(tmp_path: Path) -> None:
    lines = [line for line in make("--dry-run", "--always-make", "test").stdout.splitlines() if " -m " in line]
    tools = [re.split(" -m ", line)[1] for line in lines if line.startswith(".venv/bin/python -m")]
    assert [tool.split()[0] for tool in tools][-4:] == ["ruff", "ruff", "mypy", "pytest"]
    assert {"tests", "orchestration", "forecasting", "reporting", "examples"} <= set(tools[-1].split())


@needs_make
def test_a_python_that_is_too_old_is_refused_with_a_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "check out"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(PROJECT_ROOT / name, folder)
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit 0\nexit 1\n')
    old.chmod(0o755)
    only_old = make("setup", f"PYTHONS={old}", cwd=folder)
    assert only_old.returncode != 0
    assert "needs Python 3.11, 3.12 or 3.13" in only_old.stderr
    assert not (folder / ".venv").exists()


def test_ci_runs_the_readmes_own_test_command() -> None:
    script = PROJECT_ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    text = script.read_text(encoding="utf-8")
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in text
    assert re.search(r"^exec make test\b", text, re.MULTILINE)
    assert "make test" in (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
    assert subprocess.run(["bash", "-n", str(script)], capture_output=True).returncode == 0
