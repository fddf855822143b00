"""The containers without Docker: what docker-compose.yml starts, on a PostgreSQL that Daybreak did not start.

Its commands, environment and health checks are read from the file; with nginx here, its proxy stands in front too.
"""

import asyncio
import base64
import contextlib
import json
import os
import shutil
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from websockets.asyncio.client import connect as connect_websocket
from websockets.exceptions import InvalidStatus

from orchestration.settings import PROJECT_ROOT
from orchestration.stack.environment import DAGSTER_DATABASE
from orchestration.stack.health import location_error
from orchestration.stack.local_postgres import DATABASE, LocalPostgres, running
from orchestration.stack.processes import free_port
from tests.support.compose import OURS, Composed, nginx
from tests.support.night import fill, new_home, rows_of
from tests.support.postgres import TEST_CHANGES

NIGHT_SECONDS = 270
UNTIL = date(2024, 1, 25)
SETTLED_SECONDS = 3600
USER, PASSWORD = "änne", "pä:ss word"  # what a browser sends of these is UTF-8
OPENSSL = shutil.which("openssl")
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")

needs_nginx = pytest.mark.skipif(not (NGINX and OPENSSL), reason="the proxy is not run: nginx or openssl is missing")


@dataclass
class Site:
    """The running services, and the proxy's addresses where there is an nginx."""

    composed: Composed
    server: LocalPostgres
    address: str = ""
    tls_address: str = ""

    @property
    def ui(self) -> str:
        return f"http://127.0.0.1:{self.composed.ui_port}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("compose")
    shop = new_home(root / "shop")
    fill(shop, until=UNTIL)
    long_ago = time.time() - SETTLED_SECONDS
    for path in shop.data.rglob("*"):
        os.utime(path, (long_ago, long_ago))
    # A server of its own, as the container has: the names of its databases are those of production.
    with running(root / "postgres", changes=TEST_CHANGES) as server:
        password = server.url().split(":")[2].split("@")[0]
        composed = Composed(root, shop.business, shop.data, password, server.port)
        try:
            composed.start("code-server")
            composed.wait_healthy("code-server")
            for name in OURS[1:]:
                composed.start(name)
            composed.wait_healthy("webserver")  # the proxy depends on it
            site = Site(composed, server)
            with proxied(site, root):
                yield site
        finally:
            composed.stop()


def proxied(site: Site, root: Path) -> contextlib.AbstractContextManager[None]:
    """The proxy in front of the webserver, plain and with TLS; nothing where there is no nginx."""
    if not (NGINX and OPENSSL):
        return contextlib.nullcontext()
    certificate, key, users = root / "certificate.pem", root / "key.pem", root / "users"
    write_certificate(certificate, key)
    # as docs/operations.md makes the line
    digest = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"], input=PASSWORD, capture_output=True, text=True, check=True
    ).stdout.strip()
    users.write_text(f"{USER}:{digest}\n", encoding="utf-8")
    port, tls_port = free_port(), free_port()
    site.address, site.tls_address = f"127.0.0.1:{port}", f"127.0.0.1:{tls_port}"
    more = root / "more"
    more.mkdir()
    tls = (PROJECT_ROOT / "deploy" / "tls.conf").read_text(encoding="utf-8")
    for before, after in {
        "listen 8443": f"listen {site.tls_address}",
        "/etc/nginx/tls/certificate.pem": str(certificate),
        "/etc/nginx/tls/key.pem": str(key),
    }.items():
        assert before in tls
        tls = tls.replace(before, after)
    (more / "tls.conf").write_text(tls, encoding="utf-8")
    changes = {
        "listen 8080": f"listen {site.address}",
        "/etc/nginx/daybreak/": f"{more}/",
        "/etc/nginx/users": str(users),
        "webserver:3000": f"127.0.0.1:{site.composed.ui_port}",
    }
    return nginx(root / "nginx", program=NGINX, changes=changes)


def write_certificate(certificate: Path, key: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)


def login(password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{USER}:{password}".encode()).decode()}


def status_of(url: str, headers: dict[str, str], *, query: str | None = None, trust: Path | None = None) -> int:
    """The status of a GET, or of a POST where there is a GraphQL query."""
    body = None if query is None else json.dumps({"query": query}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", **headers})
    context = None if trust is None else ssl.create_default_context(cafile=str(trust))
    try:
        with urllib.request.urlopen(request, timeout=60, context=context) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


async def first_words(url: str, headers: dict[str, str]) -> list[str]:
    """The types of the first messages of a subscription to the workspace's changes."""
    protocol: Any = "graphql-ws"
    async with connect_websocket(url, additional_headers=headers, subprotocols=[protocol], open_timeout=30) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": {}}))
        said = [json.loads(await asyncio.wait_for(socket.recv(), 60))["type"]]
        query = "subscription { locationStateChangeEvents { event { message } } }"
        await socket.send(json.dumps({"type": "start", "id": "1", "payload": {"query": query}}))
        await socket.send(json.dumps({"type": "connection_init", "payload": {}}))
        return [*said, json.loads(await asyncio.wait_for(socket.recv(), 60))["type"]]


# The services ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_healthy_by_its_own_check(site: Site, name: str) -> None:
    site.composed.wait_healthy(name, seconds=60)


def test_nothing_of_a_sick_service_is_called_healthy(site: Site, tmp_path: Path) -> None:
    elsewhere = Composed(tmp_path, tmp_path, tmp_path, "p", free_port(), free_port(), free_port())
    elsewhere.home.mkdir()
    assert not elsewhere.is_healthy("code-server")
    assert not elsewhere.is_healthy("webserver")
    assert not elsewhere.is_healthy("dispatcher")
    old = elsewhere.home / "dispatcher.alive"
    old.touch()
    assert elsewhere.is_healthy("dispatcher")
    os.utime(old, (0, 0))
    assert not elsewhere.is_healthy("dispatcher")


def test_the_url_is_known_in_a_container(site: Site) -> None:
    command = [sys.executable, "-m", "orchestration.cli", "url"]
    done = subprocess.run(
        command, cwd=PROJECT_ROOT, env=site.composed.environment("code-server"), capture_output=True, text=True
    )
    assert done.stdout.strip() == site.server.url(DATABASE)


# The proxy ------------------------------------------------------------------------------------------------------------


@needs_nginx
def test_nobody_gets_in_without_the_login(site: Site) -> None:
    for path in ("/", "/server_info", "/graphql"):
        assert status_of(f"http://{site.address}{path}", {}, query="{ version }") == 401
    assert status_of(f"http://{site.address}/", login("wrong")) == 401
    with pytest.raises(InvalidStatus, match="401"):
        asyncio.run(first_words(f"ws://{site.address}/graphql", {}))


@needs_nginx
def test_with_the_login_the_ui_and_its_subscriptions_work(site: Site) -> None:
    assert status_of(f"http://{site.address}/", login()) == 200
    assert status_of(f"http://{site.address}/server_info", login()) == 200
    assert status_of(f"http://{site.address}/graphql", login(), query="{ version }") == 200
    own_page = login() | {"Origin": f"http://{site.address}"}
    assert status_of(f"http://{site.address}/graphql", own_page, query="{ version }") == 200
    assert asyncio.run(first_words(f"ws://{site.address}/graphql", own_page)) == ["connection_ack", "connection_ack"]
    assert location_error(site.ui) is None


@needs_nginx
def test_another_page_cannot_use_the_login_of_who_reads_it(site: Site) -> None:
    """A browser adds the login to whatever a page asks for: with curl these would start a night."""
    command = "graphql?query=" + quote("mutation { setNuxSeen }")
    with urllib.request.urlopen(f"{site.ui}/{command}", timeout=60) as answer:
        assert json.load(answer) == {"data": {"setNuxSeen": True}}, "Dagster obeys a GET"
    assert status_of(f"http://{site.address}/{command}", login()) == 405
    for origin in ("https://evil.example", f"http://{site.address}.evil.example", "null"):
        assert status_of(f"http://{site.address}/graphql", login() | {"Origin": origin}, query="{ version }") == 403
        with pytest.raises(InvalidStatus, match="403"):
            asyncio.run(first_words(f"ws://{site.address}/graphql", login() | {"Origin": origin}))
    assert status_of(f"http://{site.address}/runs", login()) == 200, "a link in a message leads to a run"


@needs_nginx
def test_the_same_over_tls(site: Site) -> None:
    trust = site.composed.root / "certificate.pem"
    assert status_of(f"https://{site.tls_address}/server_info", {}, trust=trust) == 401
    assert status_of(f"https://{site.tls_address}/server_info", login(), trust=trust) == 200
    page = login() | {"Origin": f"https://{site.tls_address}"}
    assert status_of(f"https://{site.tls_address}/graphql", page, query="{ version }", trust=trust) == 200


# The night, last: it runs while the others are tested -----------------------------------------------------------------


def test_the_daemon_finds_the_files_and_the_night_is_published(site: Site) -> None:
    url, deadline = site.server.url(), time.monotonic() + NIGHT_SECONDS
    while (night := rows_of(url, "select status, message from ops.nights")) in ([], [("running", None)]):
        assert time.monotonic() < deadline, site.composed.log("code-server").read_text()[-3000:]
        problem = location_error(site.ui)
        assert problem is None or not problem.is_final, problem
        time.sleep(1)
    failed = "select event from event_logs where dagster_event_type = 'STEP_FAILURE'"
    rows = rows_of(site.server.url(DAGSTER_DATABASE), failed)
    why = [json.loads(event)["dagster_event"]["event_specific_data"] for (event,) in rows]
    assert [status for status, _ in night] == ["succeeded"], f"{night} {json.dumps(why)[:6000]}"
    ((as_of_date,),) = rows_of(url, "select as_of_date from ops.publications")
    assert as_of_date == UNTIL
    assert rows_of(url, "select count(*) > 50 from bi.sales_lines") == [(True,)]
    query = "select value from run_tags where key = 'dagster/sensor_name'"
    assert rows_of(site.server.url(DAGSTER_DATABASE), query) == [("new_files",)]
    (edition,) = rows_of(url, "select file_path from ops.editions order by 1 limit 1")
    assert Path(edition[0]).is_relative_to(site.composed.home)
