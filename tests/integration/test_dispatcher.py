"""Delivery against real servers that accept, refuse, defer and hang; crashes in between; the watchdog."""

import logging
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from aiosmtpd.smtp import AuthResult
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from orchestration.messages.delivery import DeliveryReport, Policy, deliver_due
from orchestration.messages.dispatcher import StopRequest, run
from orchestration.messages.outbox import enqueue
from orchestration.messages.transport import Parcel, Transport, compose, one_line
from orchestration.messages.watchdog import watch
from orchestration.stack.local_postgres import LocalPostgres
from orchestration.warehouse import Connection, connect, initialise
from tests.support.loopback import (
    Mailbox,
    Webhook,
    free_port,
    silent_server,
    smtp_server,
    webhook_server,
)
from tests.support.postgres import create_database, drop_database

FAST = Policy(base_delay_seconds=0.0)
NEVER_DIGEST = Policy(digest_over=1000)
PASSWORD = "p4ss-w0rd!"


@dataclass(frozen=True)
class Message:
    subject: str = "Night failed"
    text: str = "text"
    html: str = "<p>text</p>"
    slack: str = "*text*"


@dataclass(frozen=True)
class State:
    sent: bool
    given_up: bool
    attempts: int
    last_error: str | None


@pytest.fixture(scope="module")
def database_url(postgres_server: LocalPostgres) -> Iterator[str]:
    """One database for the whole module: creating one for each test would take longer than the tests."""
    name = create_database(postgres_server)
    initialise(postgres_server.url(name))
    yield postgres_server.url(name)
    drop_database(postgres_server, name)


@pytest.fixture
def conn(database_url: str) -> Iterator[Connection]:
    with connect(database_url) as connection:
        connection.execute("truncate ops.outbox, ops.publications, ops.nights restart identity cascade")
        yield connection


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def mail(mailbox: Mailbox) -> Iterator[Transport]:
    with smtp_server(mailbox) as port:
        yield Transport(
            smtp_host="127.0.0.1",
            smtp_port=port,
            smtp_starttls=False,
            smtp_from="Daybreak <night@example.com>",
            timeout_seconds=2,
        )


@pytest.fixture
def webhook() -> Webhook:
    return Webhook()


@pytest.fixture
def slack(webhook: Webhook) -> Iterator[Transport]:
    with webhook_server(webhook) as url:
        yield Transport(slack_webhook=SecretStr(url), timeout_seconds=2)


def put(conn: Connection, *keys: str, to: str = "zoe@example.com", message: Message | None = None) -> None:
    for key in keys or ("run_failed:1",):
        enqueue(conn, dedupe_key=key, message=message or Message(), emails=[to], slack=False)


def put_slack(conn: Connection, *keys: str, message: Message | None = None) -> None:
    for key in keys or ("run_failed:1",):
        enqueue(conn, dedupe_key=key, message=message or Message(), emails=[], slack=True)


def states(conn: Connection) -> list[State]:
    query = (
        "select sent_at is not null, given_up_at is not null, attempts, last_error from ops.outbox order by message_id"
    )
    return [State(*row) for row in conn.execute(query).fetchall()]


def state(conn: Connection) -> State:
    (only,) = states(conn)
    return only


def wait_seconds(conn: Connection) -> list[float]:
    wait = "extract(epoch from next_attempt_at - clock_timestamp())::float"
    query = f"select {wait} from ops.outbox order by message_id"
    return [row[0] for row in conn.execute(query).fetchall()]


def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


# E-mail


def test_an_email_arrives_whole(conn: Connection, mailbox: Mailbox, mail: Transport) -> None:
    subject = "Nacht fehlgeschlagen: Käse, 東京 🌅 " + "lang " * 40
    put(
        conn,
        to="Zoë Käfer <zoe@example.com>",
        message=Message(subject=subject, text="Grüße\n.\n", html="<p>Grüße</p>"),
    )
    assert deliver_due(conn, mail) == DeliveryReport(sent=1, retried=0, given_up=0)
    (message,) = mailbox.messages
    assert message["Subject"] == subject.strip()
    assert message["To"].addresses[0].display_name == "Zoë Käfer"
    assert message["From"].addresses[0].addr_spec == "night@example.com"
    assert message["Message-ID"].endswith("@example.com>")
    assert message["Auto-Submitted"] == "auto-generated"
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().splitlines() == ["Grüße", "."]
    assert html.get_content().splitlines() == ["<p>Grüße</p>"]
    assert mailbox.recipients == ["zoe@example.com"]
    assert state(conn) == State(sent=True, given_up=False, attempts=1, last_error=None)
    assert deliver_due(conn, mail) == DeliveryReport(0, 0, 0)
    assert len(mailbox.contents) == 1


@pytest.mark.parametrize("evil", ["Hi\r\nBcc: eve@example.com", "Hi\n\nbody", "Hi\rX: 1", "Hi\u2028X: 1", "Hi\x0bX: 1"])
def test_no_header_comes_in_through_the_subject(conn: Connection, mailbox: Mailbox, mail: Transport, evil: str) -> None:
    put(conn, message=Message(subject=evil))
    deliver_due(conn, mail)
    (message,) = mailbox.messages
    assert {name.lower() for name in message.keys()} & {"bcc", "x"} == set()  # noqa: SIM118 (headers, not a dict)
    assert message["Subject"] == one_line(evil)
    assert mailbox.recipients == ["zoe@example.com"]


@pytest.mark.parametrize(
    "recipient",
    ["not an address", "a@b@c", "zoe@", "@example.com", "zoë@example.com", "a@exa mple.com", "a" + "@x" * 80],
)
def test_what_is_no_address_is_given_up_and_the_next_is_sent(
    conn: Connection, mailbox: Mailbox, mail: Transport, recipient: str
) -> None:
    put(conn, "a:1", to=recipient)
    put(conn, "a:2")
    assert deliver_due(conn, mail) == DeliveryReport(sent=1, retried=0, given_up=1)
    assert "not an e-mail address" in (states(conn)[0].last_error or "")
    assert mailbox.recipients == ["zoe@example.com"]


def test_a_recipient_cannot_bring_another_one(conn: Connection, mailbox: Mailbox, mail: Transport) -> None:
    put(conn, to="zoe@example.com\r\nBcc: eve@example.com")
    put(conn, "a:2", to="zoe@example.com>\r\nRCPT TO:<eve@example.com")
    deliver_due(conn, mail)
    assert "eve@example.com" not in mailbox.recipients


@settings(max_examples=150, deadline=None)
@given(subject=st.text(max_size=120), text=st.text(max_size=300), name=st.text(max_size=40))
def test_any_text_makes_the_same_headers(subject: str, text: str, name: str) -> None:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    parcel = Parcel("email", f'"{quoted}" <zoe@example.com>', subject, text, "<p>x</p>", "<1@example.com>", at)
    parsed = message_from_bytes(bytes(compose(parcel, sender="night@example.com")), policy=default)
    assert [k.lower() for k in parsed.keys()] == [  # noqa: SIM118 (headers, not a dict)
        "subject", "from", "to", "date", "message-id", "auto-submitted", "mime-version", "content-type",
    ]  # fmt: skip
    assert [a.addr_spec for a in parsed["To"].addresses] == ["zoe@example.com"]


def test_a_refused_recipient_is_given_up_at_once(conn: Connection, mailbox: Mailbox, mail: Transport) -> None:
    mailbox.rcpt["zoe@example.com"] = "550 5.1.1 no such user"
    put(conn)
    assert deliver_due(conn, mail) == DeliveryReport(0, 0, given_up=1)
    assert state(conn) == State(False, True, 1, "SMTP: recipient refused: 550 5.1.1 no such user")
    assert deliver_due(conn, mail) == DeliveryReport(0, 0, 0)


def test_refused_content_is_given_up(conn: Connection, mailbox: Mailbox, mail: Transport) -> None:
    mailbox.data = "554 5.7.1 looks like spam"
    put(conn)
    assert deliver_due(conn, mail) == DeliveryReport(0, 0, given_up=1)


def test_a_recipient_refused_for_now_is_tried_again_and_does_not_hold_up_others(
    conn: Connection, mailbox: Mailbox, mail: Transport
) -> None:
    mailbox.rcpt["grey@example.com"] = "451 4.7.1 greylisted"
    put(conn, to="grey@example.com")
    put(conn)
    assert deliver_due(conn, mail) == DeliveryReport(sent=1, retried=1, given_up=0)
    grey = states(conn)[0]
    assert grey == State(False, False, 1, "SMTP: recipient refused: 451 4.7.1 greylisted")
    assert 23 < wait_seconds(conn)[0] <= 36
    assert deliver_due(conn, mail) == DeliveryReport(0, 0, 0)  # not due yet
    mailbox.rcpt.clear()
    conn.execute("update ops.outbox set next_attempt_at = clock_timestamp()")
    assert deliver_due(conn, mail) == DeliveryReport(sent=1, retried=0, given_up=0)
    assert states(conn)[0] == State(True, False, 2, None)


@pytest.mark.parametrize("kind", ["refused", "silent"])
def test_a_server_that_is_down_costs_one_try_a_pass(conn: Connection, kind: str) -> None:
    put(conn, "a:1", "b:2", "c:3")
    with silent_server() as silent:
        port = silent if kind == "silent" else free_port()
        transport = Transport(smtp_host="127.0.0.1", smtp_port=port, smtp_starttls=False, timeout_seconds=0.5)
        assert deliver_due(conn, transport) == DeliveryReport(0, retried=1, given_up=0)
    assert [s.attempts for s in states(conn)] == [1, 0, 0]
    assert (states(conn)[0].last_error or "").startswith("SMTP connection: ")


def test_it_gives_up_after_the_last_try(conn: Connection) -> None:
    transport = Transport(smtp_host="127.0.0.1", smtp_port=free_port(), smtp_starttls=False)
    put(conn)
    policy = replace(FAST, max_attempts=3)
    reports = [deliver_due(conn, transport, policy) for _ in range(4)]
    assert reports == [
        DeliveryReport(0, 1, 0),
        DeliveryReport(0, 1, 0),
        DeliveryReport(0, 0, 1),
        DeliveryReport(0, 0, 0),
    ]
    assert state(conn).given_up


def test_a_server_that_hangs_on_goodbye_has_taken_the_message(
    conn: Connection, mailbox: Mailbox, mail: Transport
) -> None:
    mailbox.hang_on_quit = True
    put(conn)
    assert deliver_due(conn, replace(mail, timeout_seconds=0.5)) == DeliveryReport(sent=1, retried=0, given_up=0)
    assert len(mailbox.contents) == 1


def test_without_servers_messages_wait(conn: Connection) -> None:
    put(conn)
    put_slack(conn)
    assert deliver_due(conn, Transport()) == DeliveryReport(0, 0, 0)
    assert states(conn) == [State(False, False, 0, None)] * 2


def test_only_autocommit_connections_are_taken(conn: Connection, database_url: str) -> None:
    with connect(database_url) as other:
        other.autocommit = False
        with pytest.raises(ValueError, match="autocommit"):
            deliver_due(other, Transport())


# TLS and login


@contextmanager
def tls_server(mailbox: Mailbox, folder: Path) -> Iterator[tuple[int, Path]]:
    certificate, key = folder / "cert.pem", folder / "key.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = ["openssl", "req", "-x509", *curve, *name, "-days", "2", "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def login(_server: object, _session: object, _envelope: object, _mechanism: str, data: object) -> AuthResult:
        user, password = data.login.decode(), data.password.decode()
        mailbox.logins.append((user, password))
        return AuthResult(success=password == PASSWORD, handled=False)

    options = {
        "tls_context": context,
        "require_starttls": True,
        "auth_required": True,
        "authenticator": login,
    }
    with smtp_server(mailbox, **options) as port:
        yield port, certificate


def test_starttls_checks_the_certificate_before_it_says_the_password(
    conn: Connection, mailbox: Mailbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(conn)
    with tls_server(mailbox, tmp_path) as (port, certificate):
        transport = Transport(
            smtp_host="localhost",
            smtp_port=port,
            smtp_user="night",
            smtp_password=SecretStr(PASSWORD),
            timeout_seconds=5,
        )
        assert deliver_due(conn, transport, FAST) == DeliveryReport(0, retried=1, given_up=0)
        assert "CERTIFICATE_VERIFY_FAILED" in (state(conn).last_error or "")
        assert mailbox.logins == []

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        wrong = replace(transport, smtp_password=SecretStr("wrong"))
        assert deliver_due(conn, wrong, FAST) == DeliveryReport(0, retried=1, given_up=0)
        assert state(conn).last_error == "SMTP login refused (535)"

        assert deliver_due(conn, transport, FAST) == DeliveryReport(sent=1, retried=0, given_up=0)
    assert set(mailbox.logins) == {("night", "wrong"), ("night", PASSWORD)}
    assert len(mailbox.contents) == 1


def test_a_server_without_starttls_gets_nothing(conn: Connection, mailbox: Mailbox, mail: Transport) -> None:
    put(conn)
    assert deliver_due(conn, replace(mail, smtp_starttls=True)) == DeliveryReport(0, retried=1, given_up=0)
    assert mailbox.contents == []


# Slack


def test_slack_gets_the_slack_text(conn: Connection, webhook: Webhook, slack: Transport) -> None:
    put_slack(conn, message=Message(slack='*Käse* 東京 🌅 "quoted"\n<https://x|link>'))
    assert deliver_due(conn, slack) == DeliveryReport(sent=1, retried=0, given_up=0)
    assert webhook.texts == ['*Käse* 東京 🌅 "quoted"\n<https://x|link>']


@pytest.mark.parametrize("status", [302, 307, 400, 403, 404, 410])
def test_what_slack_refuses_is_given_up(conn: Connection, webhook: Webhook, slack: Transport, status: int) -> None:
    webhook.status, webhook.body = status, "no_service"
    webhook.headers = {"Location": "/elsewhere"} if status < 400 else {}
    put_slack(conn)
    assert deliver_due(conn, slack) == DeliveryReport(0, 0, given_up=1)
    assert state(conn).last_error == f"Slack: HTTP {status} no_service"
    assert webhook.methods == ["POST"]  # a redirect is not followed


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_what_slack_cannot_do_now_is_tried_again(
    conn: Connection, webhook: Webhook, slack: Transport, status: int
) -> None:
    webhook.status = status
    put_slack(conn)
    assert deliver_due(conn, slack, FAST) == DeliveryReport(0, retried=1, given_up=0)
    webhook.status = 200
    assert deliver_due(conn, slack, FAST) == DeliveryReport(sent=1, retried=0, given_up=0)
    assert state(conn) == State(True, False, 2, None)


def test_retry_after_holds_the_whole_channel_and_no_other(
    conn: Connection, mailbox: Mailbox, mail: Transport, webhook: Webhook, slack: Transport
) -> None:
    webhook.status, webhook.headers = 429, {"Retry-After": "100"}
    put_slack(conn, "a:1", "b:2")
    put(conn, "c:3")
    both = replace(mail, slack_webhook=slack.slack_webhook)
    assert deliver_due(conn, both, FAST) == DeliveryReport(sent=1, retried=1, given_up=0)
    first, second, _ = wait_seconds(conn)
    assert 98 < first <= 100
    assert 98 < second <= 100
    assert [s.attempts for s in states(conn)] == [1, 0, 1]
    assert len(webhook.texts) == 1


def test_a_hanging_webhook_is_tried_again(conn: Connection, webhook: Webhook, slack: Transport) -> None:
    webhook.hang_seconds = 10
    put_slack(conn)
    assert deliver_due(conn, replace(slack, timeout_seconds=0.5)) == DeliveryReport(0, retried=1, given_up=0)
    assert "timed out" in (state(conn).last_error or "")


def test_a_text_longer_than_slack_takes_is_cut(conn: Connection, webhook: Webhook, slack: Transport) -> None:
    put_slack(conn, message=Message(slack="ä" * 100_000))
    assert deliver_due(conn, slack) == DeliveryReport(sent=1, retried=0, given_up=0)
    assert 39_000 < len(webhook.texts[0]) < 40_000


def test_secrets_reach_neither_the_database_nor_the_log(
    conn: Connection,
    webhook: Webhook,
    slack: Transport,
    mailbox: Mailbox,
    mail: Transport,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    url = slack.slack_webhook.get_secret_value() if slack.slack_webhook else ""
    transport = replace(mail, slack_webhook=slack.slack_webhook, smtp_password=SecretStr(PASSWORD))
    webhook.status, webhook.body = 500, f"cannot serve {url}"
    mailbox.data = f"451 your password {PASSWORD} was heard"
    put(conn)
    put_slack(conn)
    deliver_due(conn, transport, FAST)
    deliver_due(conn, replace(transport, slack_webhook=SecretStr(f"{url}\nX")), FAST)
    deliver_due(conn, replace(transport, slack_webhook=SecretStr("ftp://example.com/s3cr3t-p4th")), FAST)
    kept = str(conn.execute("select to_jsonb(o) from ops.outbox o").fetchall())
    log = " ".join(r.getMessage() for r in caplog.records if r.name.startswith("daybreak"))
    assert "put off" in log
    assert "***" in kept
    for text in (kept, log, repr(transport)):
        assert PASSWORD not in text
        assert "s3cr3t-p4th" not in text


# Many at once


def test_two_hundred_at_once_become_one_digest(conn: Connection, mailbox: Mailbox, mail: Transport) -> None:
    for i in range(200):
        put(conn, f"source_stopped:{i}", message=Message(subject=f"Source <{i}> stopped: Käse"))
    put(conn, "run_failed:1")
    put(conn, "source_stopped:1", to="bo@example.com")
    assert deliver_due(conn, mail) == DeliveryReport(sent=202, retried=0, given_up=0)
    digests = [m for m in mailbox.messages if m["Subject"] == "Daybreak: 200 messages (source stopped)"]
    assert len(mailbox.messages) == 3
    assert len(digests) == 1
    text, html = digests[0].get_body(("plain",)), digests[0].get_body(("html",))
    assert text is not None
    assert html is not None
    assert all(f"Source <{i}> stopped: Käse" in text.get_content() for i in range(200))
    assert html.get_content().count("<li>") == 200
    assert "Source &lt;7&gt; stopped" in html.get_content()


def test_a_slack_digest_escapes_mark_up_and_fits(conn: Connection, webhook: Webhook, slack: Transport) -> None:
    for i in range(200):
        put_slack(conn, f"source_stopped:{i}", message=Message(subject=f"<!channel> & {i} " + "x" * 500))
    assert deliver_due(conn, slack) == DeliveryReport(sent=200, retried=0, given_up=0)
    (text,) = webhook.texts
    assert "<!channel>" not in text
    assert "&lt;!channel&gt; &amp; 199" in text


def test_ten_are_sent_one_by_one(conn: Connection, mailbox: Mailbox, mail: Transport) -> None:
    put(conn, *[f"source_stopped:{i}" for i in range(10)])
    assert deliver_due(conn, mail) == DeliveryReport(sent=10, retried=0, given_up=0)
    assert len({m["Message-ID"] for m in mailbox.messages}) == 10


def test_a_digest_that_fails_is_tried_again_as_one(conn: Connection, mailbox: Mailbox, mail: Transport) -> None:
    mailbox.data = "451 later"
    put(conn, *[f"source_stopped:{i}" for i in range(12)])
    assert deliver_due(conn, mail, FAST) == DeliveryReport(0, retried=12, given_up=0)
    mailbox.data = None
    assert deliver_due(conn, mail, FAST) == DeliveryReport(sent=12, retried=0, given_up=0)
    assert len(mailbox.contents) == 1


def test_two_dispatchers_never_send_the_same_row(
    conn: Connection, database_url: str, mailbox: Mailbox, mail: Transport
) -> None:
    put(conn, *[f"a:{i}" for i in range(60)])
    reports: list[DeliveryReport] = []
    barrier = threading.Barrier(3)

    def deliver() -> None:
        with connect(database_url) as own:
            barrier.wait(10)
            reports.append(deliver_due(own, mail, replace(NEVER_DIGEST, digest_at_most=1)))

    threads = [threading.Thread(target=deliver) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(report.sent for report in reports) == 60
    assert sum(report.sent > 0 for report in reports) > 1
    assert len({m["Message-ID"] for m in mailbox.messages}) == len(mailbox.messages) == 60


# The process


@contextmanager
def dispatcher(database_url: str, transport: Transport, **environment: str) -> Iterator[subprocess.Popen[str]]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("DAYBREAK_")} | {
        "DAYBREAK_DATABASE_URL": database_url,
        "DAYBREAK_BUSINESS": "/no/such/business/folder",  # the watchdog cannot run; delivery must
        "DAYBREAK_SMTP_HOST": transport.smtp_host or "",
        "DAYBREAK_SMTP_PORT": str(transport.smtp_port),
        "DAYBREAK_SMTP_STARTTLS": "false",
        "DAYBREAK_SMTP_FROM": transport.smtp_from,
        **environment,
    }
    command = [sys.executable, "-m", "orchestration.messages.dispatcher"]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_killed_between_send_and_mark_it_repeats_with_the_same_message_id(
    conn: Connection, database_url: str, mailbox: Mailbox, mail: Transport
) -> None:
    put(conn)
    with dispatcher(database_url, mail, DAYBREAK_FAILPOINT="dispatcher_between_send_and_mark") as killed:
        assert killed.wait(20) == -signal.SIGKILL
    assert len(mailbox.contents) == 1
    assert state(conn) == State(False, False, 0, None)
    with dispatcher(database_url, mail) as process:
        until(lambda: state(conn).sent)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        log = process.stderr.read() if process.stderr else ""
    first, second = mailbox.messages
    assert first["Message-ID"] == second["Message-ID"]
    assert "slack is not configured" in log
    assert "no such business folder" in log


def test_it_stops_while_a_server_hangs(conn: Connection, database_url: str) -> None:
    put(conn)
    with silent_server() as port:
        transport = Transport(smtp_host="127.0.0.1", smtp_port=port)
        with dispatcher(database_url, transport) as process:
            locked = "select 1 from ops.outbox for update skip locked"
            until(lambda: conn.execute(locked).fetchone() is None)  # it is sending: it holds the row
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
    until(lambda: conn.execute(locked).fetchone() is not None)
    assert state(conn) == State(False, False, 0, None)


def test_without_a_database_it_says_what_is_missing(tmp_path: Path) -> None:
    env = {k: v for k, v in os.environ.items() if not k.startswith("DAYBREAK_")}
    command = [sys.executable, "-m", "orchestration.messages.dispatcher"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "DAYBREAK_DATABASE_URL is not set" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_survives_a_lost_database(conn: Connection, database_url: str, mailbox: Mailbox, mail: Transport) -> None:
    stop, passes = StopRequest(), list[int]()
    thread = threading.Thread(
        target=run,
        args=(database_url, mail, lambda own: passes.append(own.info.backend_pid)),
        kwargs={"stop": stop, "poll_seconds": 0.1},
    )
    thread.start()
    try:
        until(lambda: len(passes) == 1)
        conn.execute("select pg_terminate_backend(%s)", [passes[0]])
        put(conn)
        until(lambda: state(conn).sent)
        assert len(passes) == 2
    finally:
        stop.requested = True
        thread.join(10)
    assert not thread.is_alive()


# The watchdog

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def publish(conn: Connection, token: int, at: datetime) -> None:
    conn.execute(
        "insert into ops.publications"
        " (token, as_of_date, code_fingerprint, is_full, days_published, published_at)"
        " values (%s, '2026-11-19', 'x', true, 1, %s)",
        [token, at],
    )


def look(conn: Connection, now: datetime) -> int:
    return watch(conn, now=now, silence_hours=26, emails=["zoe@example.com"], slack=True)


def subjects(conn: Connection) -> list[str]:
    query = "select subject from ops.outbox where channel = 'email' order by message_id"
    return [row[0] for row in conn.execute(query).fetchall()]


def test_a_daybreak_that_never_ran_is_not_silent(conn: Connection) -> None:
    assert look(conn, NOW) == 0


def test_silence_is_told_once_a_day_and_so_is_its_end(conn: Connection) -> None:
    publish(conn, 1, NOW - 60 * HOUR)
    publish(conn, 2, NOW - 26 * HOUR)
    assert look(conn, NOW) == 0  # 26 hours are not more than 26 hours
    assert look(conn, NOW + timedelta(seconds=1)) == 2
    assert look(conn, NOW + 23 * HOUR) == 0
    assert look(conn, NOW + 24 * HOUR) == 2
    publish(conn, 3, NOW + 25 * HOUR)
    assert look(conn, NOW + 26 * HOUR) == 2
    assert look(conn, NOW + 27 * HOUR) == 0
    silence = "Daybreak: no publication since 2026-11-19 04:00 UTC"
    assert subjects(conn) == [silence, silence, "Daybreak: published again"]
    publish(conn, 4, NOW + 30 * HOUR)
    assert look(conn, NOW + 31 * HOUR) == 0  # a recovery is told once, not at every later publication
    assert look(conn, NOW + 60 * HOUR) == 2
    assert subjects(conn)[-1] == "Daybreak: no publication since 2026-11-21 12:00 UTC"


def test_before_the_first_publication_silence_counts_from_the_first_night(conn: Connection) -> None:
    for token, hours, status in [(1, 50, "failed"), (2, 2, "failed")]:
        conn.execute(
            "insert into ops.nights (token, run_id, started_at, status, message) values (%s, 'r', %s, %s, 'no <file>')",
            [token, NOW - hours * HOUR, status],
        )
    assert look(conn, NOW.astimezone(ZoneInfo("Asia/Tokyo"))) == 2
    text, html, slack = conn.execute(
        "select max(body_text) filter (where channel = 'email'), max(body_html),"
        " max(body_text) filter (where channel = 'slack') from ops.outbox"
    ).fetchone() or ("", "", "")
    assert "2026-11-18 13:00 JST, 50 hours ago" in text
    assert "The newest attempt began at 2026-11-20 13:00 JST and is failed: no <file>." in text
    assert "no &lt;file&gt;" in html
    assert "no &lt;file&gt;" in slack


def test_the_watchdog_needs_to_know_the_time_zone(conn: Connection) -> None:
    with pytest.raises(ValueError, match="time zone"):
        look(conn, datetime(2026, 11, 20))
