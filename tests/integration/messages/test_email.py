"""Delivery to real mail servers that accept, refuse, defer and hang: headers, recipients, TLS and login.

Not here: Slack (test_slack.py), many messages at once (test_digests.py), the process (test_dispatcher.py).
"""

import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from aiosmtpd.smtp import AuthResult
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from orchestration.messages.delivery import DeliveryReport, deliver_due
from orchestration.messages.transport import Parcel, Transport, compose, one_line
from orchestration.warehouse import Connection, connect
from tests.support.loopback import (
    Mailbox,
    free_port,
    silent_server,
    smtp_server,
)
from tests.support.messages import FAST, PASSWORD, Message, State, put, put_slack, state, states, wait_seconds


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
