"""Real servers on loopback that a test can make accept, refuse, defer or hang: SMTP and a Slack-like webhook.

Not here: PostgreSQL (postgres.py).
"""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def silent_server() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


class Mailbox:
    """What an SMTP server has accepted; ``rcpt`` and ``data`` are what it answers instead, where set."""

    def __init__(self) -> None:
        self.rcpt: dict[str, str] = {}
        self.data: str | None = None
        self.hang_on_quit = False
        self.recipients: list[str] = []
        self.contents: list[bytes] = []
        self.logins: list[tuple[str, str]] = []

    @property
    def messages(self) -> list[EmailMessage]:
        """The accepted messages, parsed."""
        return [cast(EmailMessage, message_from_bytes(content, policy=default)) for content in self.contents]

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.rcpt:
            return self.rcpt[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.data is not None:
            return self.data
        self.recipients += envelope.rcpt_tos
        self.contents.append(cast(bytes, envelope.content))
        return "250 OK"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.hang_on_quit:
            await asyncio.sleep(30)
        return "221 Bye"


@contextmanager
def smtp_server(mailbox: Mailbox, **options: Any) -> Iterator[int]:
    """An SMTP server that puts what it accepts into ``mailbox``; yields its port."""
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


class Webhook:
    """What a webhook answers next, and the texts it was sent."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = "ok"
        self.hang_seconds = 0.0
        self.texts: list[str] = []
        self.methods: list[str] = []


@contextmanager
def webhook_server(webhook: Webhook) -> Iterator[str]:
    """An HTTP server that answers as ``webhook`` says; yields its URL, with a secret in the path."""
    released = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            webhook.methods.append("GET")
            self._answer()

        def do_POST(self) -> None:
            webhook.methods.append("POST")
            body = self.rfile.read(int(self.headers["Content-Length"]))
            webhook.texts.append(json.loads(body)["text"])
            released.wait(webhook.hang_seconds)
            self._answer()

        def _answer(self) -> None:
            self.send_response(webhook.status)
            for name, value in webhook.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(webhook.body.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/services/T0/B0/s3cr3t-p4th"
        finally:
            released.set()
            server.shutdown()
