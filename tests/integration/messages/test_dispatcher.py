"""The dispatcher as a process: killed in between, stopped while a server hangs, without its database.

Not here: what it delivers (test_email.py, test_slack.py), the watchdog (test_watchdog.py).
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.messages.dispatcher import StopRequest, run
from orchestration.messages.transport import Transport
from orchestration.warehouse import Connection
from tests.support.loopback import (
    Mailbox,
    silent_server,
)
from tests.support.messages import State, put, state, until


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
