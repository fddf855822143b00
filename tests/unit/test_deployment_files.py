"""The files that put Daybreak on a machine: Makefile, .ci/run, Dockerfile, compose file, deploy/. Held to the code.

Not here: whether the services run together (tests/integration/test_compose.py).
"""

import json
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

from orchestration.database import known_url
from orchestration.errors import ConfigurationError
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.stack.environment import STACK_MARK, child_environment
from orchestration.stack.prepare import prepare
from orchestration.stack.stack import Stack
from tests.support.compose import COMPOSE, OURS, SERVICES, interpolated, variables_of

DEPLOY = PROJECT_ROOT / "deploy"
COMPOSE_FILES = (PROJECT_ROOT / "docker-compose.yml", DEPLOY / "tls.yml")
TLS: dict[str, Any] = yaml.safe_load((DEPLOY / "tls.yml").read_text(encoding="utf-8"))
NGINX = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
DAGSTER = OURS
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
    assert set(SERVICES) == {"postgres", "proxy", *children}
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
        dask_scheduler="tcp://s:8786",
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


@pytest.mark.parametrize("path", COMPOSE_FILES, ids=lambda p: p.name)
def test_the_file_is_one_that_compose_understands(path: Path) -> None:
    """The schema of the Compose specification, as check-jsonschema brings it along: a key that is none is refused."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_key_would_be_noticed(tmp_path: Path) -> None:
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(json.dumps({**COMPOSE, "services": {"proxy": {**SERVICES["proxy"], "cap-drop": ["ALL"]}}}))
    with pytest.raises(AssertionError, match="cap-drop"):
        test_the_file_is_one_that_compose_understands(wrong)


def test_every_variable_of_the_files_is_documented() -> None:
    page = (PROJECT_ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", page.split("\n## Deployment\n")[1], re.MULTILINE))
    text = "".join(re.sub(r"(?m)^ *#.*$", "", path.read_text(encoding="utf-8")) for path in COMPOSE_FILES)
    assert set(rows) == variables_of(text)
    defaults = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", text))
    assert {name: cell.strip("`") for name, cell in rows.items() if not cell.startswith("required")} == defaults


def test_without_a_variable_that_is_required_nothing_starts() -> None:
    with pytest.raises(AssertionError, match="UI_USERS: set it"):
        interpolated(SERVICES["proxy"]["volumes"][1]["source"], {})
    assert interpolated("$${A} ${B:-b} ${C:?c}", {"C": "x"}) == "${A} b x"


def test_a_service_that_obeys_everybody_is_published_through_the_proxy_only() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"proxy", "postgres"}
    assert all(port.startswith("127.0.0.1:") for port in published["proxy"]), "without TLS a login can be overheard"
    assert [interpolated(port, {}) for port in published["postgres"]] == ["127.0.0.1:54329:5432"]
    nets = {name: set(service["networks"]) for name, service in SERVICES.items()}
    assert [name for name in nets if nets[name] & nets["proxy"]] == ["webserver", "proxy"]
    assert set().union(*nets.values()) == set(COMPOSE["networks"])


@pytest.mark.parametrize("service", [*SERVICES.values(), TLS["services"]["proxy"]])
def test_a_folder_that_is_missing_is_refused(service: dict[str, Any]) -> None:
    """In the short form Docker would make an empty one: no users, or a night without files."""
    for volume in service["volumes"]:
        if isinstance(volume, str):
            assert volume.split(":")[0] in COMPOSE["volumes"], volume
            continue
        assert volume["read_only"] is True
        assert volume["bind"] == {"create_host_path": False}
        source = volume["source"]
        assert source.startswith("${") or (PROJECT_ROOT / source).is_file()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_stops_well_and_reaps_its_orphans(name: str) -> None:
    assert SERVICES[name]["init"] is True
    seconds = int(SERVICES[name]["stop_grace_period"].removesuffix("s"))
    assert seconds >= 20, "a run worker needs 5 s to cancel its run, and the code server waits for it"


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_a_health_check(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "retries", "start_period"} <= set(check)
    assert SERVICES[name]["restart"] == "unless-stopped"
    for other, how in SERVICES[name].get("depends_on", {}).items():
        assert how == {"condition": "service_healthy"}
        assert "healthcheck" in SERVICES[other]


@pytest.mark.parametrize("command", [["dagster", "api", "grpc-health-check"], ["dagster._daemon", "liveness-check"]])
def test_a_health_check_is_a_command_that_dagster_has(command: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", *command, "--help"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert any(command == s["healthcheck"]["test"][3 : 3 + len(command)] for s in SERVICES.values())


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_and_one_is_ours(name: str) -> None:
    image = SERVICES[name]["image"]
    assert re.search(r":\d", image), f"{image} names no version"
    assert ("build" in SERVICES[name]) == (name in DAGSTER)


def test_no_secret_stands_in_the_files() -> None:
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|WEBHOOK|URL", variable):
                left = re.sub(r"\$\{POSTGRES_PASSWORD:\?[^}]+\}", "", value or "")
                assert left in ("", "postgresql://daybreak:@postgres:5432/daybreak"), variable


def test_the_code_servers_preparation_is_valid_and_ends_in_its_command() -> None:
    shell, flags, script, name = SERVICES["code-server"]["entrypoint"]
    script = interpolated(script, {})
    assert subprocess.run([shell, "-n", "-c", script], capture_output=True).returncode == 0
    assert (flags, name) == ("-euc", "code-server")
    assert script == 'python -m orchestration.stack.prepare; exec "$@"'


def test_a_container_without_a_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="DAYBREAK_DATABASE_URL"):
        prepare(Settings(home=tmp_path))
    assert list(tmp_path.iterdir()) == [], "and no embedded server was begun"


def test_a_container_with_a_broken_business_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "business.yaml").write_text("nmae: Shop\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"business\.yaml:1"):
        prepare(Settings(home=tmp_path / "home", business=tmp_path, database_url=SecretStr("postgresql://h/d")))


def test_the_url_of_an_existing_server_is_known_while_nothing_runs(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url=SecretStr("postgresql://me:p%40ss@127.0.0.1:9/daybreak"))
    assert known_url(settings) == "postgresql://me:p%40ss@127.0.0.1:9/daybreak"
    with pytest.raises(ConfigurationError, match="administrator") as refused:
        known_url(settings, reader=True)
    assert "grant bi_reader" in (refused.value.remedy or "")


# The proxy ------------------------------------------------------------------------------------------------------------


def targets(service: dict[str, Any]) -> dict[str, str]:
    """Where a service finds what is mounted, with where it comes from."""
    return {volume["target"]: volume["source"] for volume in service["volumes"]}


def test_the_proxy_and_its_configuration_speak_of_the_same_places() -> None:
    proxy, more = SERVICES["proxy"], TLS["services"]["proxy"]
    mounted = targets(proxy)
    assert mounted["/etc/nginx/nginx.conf"] == "./deploy/nginx.conf"
    (users,) = re.findall(r"auth_basic_user_file (\S+);", NGINX)
    assert mounted[users].startswith("${UI_USERS:?")
    (address,) = re.findall(r"set \$webserver (\S+);", NGINX)
    command = SERVICES["webserver"]["command"]
    assert address == f"webserver:{command[command.index('-p') + 1]}"
    tls = (DEPLOY / "tls.conf").read_text(encoding="utf-8")
    for text, ports in ((NGINX, proxy["ports"]), (tls, more["ports"])):
        (listens,) = re.findall(r"listen (\d+)", text)
        assert [interpolated(port, {}).split(":")[-1] for port in ports] == [listens]
    (included,) = re.findall(r"include (\S+)/\*\.conf;", NGINX)
    assert targets(more)[f"{included}/tls.conf"] == "./deploy/tls.conf"
    assert set(re.findall(r"ssl_certificate(?:_key)? (\S+);", tls)) <= set(targets(more))


def test_whatever_the_proxy_writes_it_writes_to_the_one_folder_it_may() -> None:
    assert SERVICES["proxy"]["read_only"] is True
    assert SERVICES["proxy"]["tmpfs"] == ["/tmp"]
    written = re.findall(r"^\s*(?:pid|\w+_temp_path) (\S+);", NGINX, re.MULTILINE)
    assert len(written) == 6
    assert all(path.startswith("/tmp/") for path in written)


def test_no_location_forgets_the_login_or_the_headers() -> None:
    """nginx hands a server's directives down to a location only while that has none of the kind itself."""
    before, *locations = re.split(r"\blocation\b", NGINX)
    assert "auth_basic Daybreak;" in before
    assert len(locations) == 2
    assert not [x for x in locations if "proxy_set_header" in x or "auth_basic" in x]
    assert all("if ($is_foreign) { return 403; }" in x and "proxy_pass http://$webserver;" in x for x in locations)


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
    assert {".git", ".venv", ".daybreak", ".env", "deploy"} <= ignored, "what is secret must not get into the image"


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
