"""Messages put into the outbox, and what became of them.

Not here: what should become of them (tests/integration/messages).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from orchestration.messages.delivery import Policy
from orchestration.messages.outbox import enqueue
from orchestration.warehouse import Connection

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
