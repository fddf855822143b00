"""Delivering what is due in ops.outbox: which row, when again, when no more, and when many become one digest.

Not here: SMTP and HTTP (transport.py), and the process around it (dispatcher.py).
"""

import hashlib
import html
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from psycopg.rows import class_row

from orchestration.failpoints import reach
from orchestration.messages.transport import DeliveryDeferredError, DeliveryRefusedError, Parcel, Transport, one_line
from orchestration.warehouse import Connection

log = logging.getLogger("daybreak.delivery")

SUBJECT_CHARS = 150  # 200 lines of it stay below what Slack takes in one message

_DUE = """
    select message_id, dedupe_key, channel, recipient, subject, body_text, body_html, created_at, attempts
    from ops.outbox
    where sent_at is null and given_up_at is null and next_attempt_at <= %(started)s
"""
# skip locked: a row that another dispatcher is sending at this moment is not ours to send.
_NEXT = (
    _DUE
    + """
    and channel = any(%(channels)s) order by next_attempt_at, message_id limit 1 for update skip locked
"""
)
_SAME_KIND = (
    _DUE
    + """
    and channel = %(channel)s and recipient = %(recipient)s and split_part(dedupe_key, ':', 1) = %(kind)s
    order by message_id limit %(limit)s for update skip locked
"""
)


@dataclass(frozen=True)
class Policy:
    """When to try again, when to stop trying, and from how many on messages become a digest."""

    base_delay_seconds: float = 30.0
    longest_delay_seconds: float = 3600.0
    max_attempts: int = 31
    digest_over: int = 10
    digest_at_most: int = 200

    def delay_seconds(self, attempts: int, *, jitter: float) -> float:
        """Seconds from one failed try to the next: min(longest, base · 2^(attempts − 1)) ± 20 %.

        Args:
            attempts: how many tries have failed, from 1.
            jitter: uniform in [0, 1); it spreads the tries of many messages.

        The 31 tries of the default policy span a day:

        >>> round(sum(Policy().delay_seconds(n, jitter=0.5) for n in range(1, 31)) / 3600)
        24
        """
        delay = min(self.longest_delay_seconds, self.base_delay_seconds * 2 ** min(attempts - 1, 30))
        return delay * (0.8 + 0.4 * jitter)


class DeliveryReport(NamedTuple):
    """How many messages one pass sent, put off and gave up."""

    sent: int
    retried: int
    given_up: int


@dataclass(frozen=True)
class _Row:
    message_id: int
    dedupe_key: str
    channel: str
    recipient: str
    subject: str
    body_text: str
    body_html: str
    created_at: datetime
    attempts: int

    @property
    def kind(self) -> str:
        return self.dedupe_key.partition(":")[0]


def deliver_due(
    conn: Connection,
    transport: Transport,
    policy: Policy = Policy(),
    *,
    stopping: Callable[[], bool] = lambda: False,
) -> DeliveryReport:
    """Send every message that is due now; each in its own transaction, so a crash repeats one at most.

    A message is delivered at least once. A crash between the other side's "accepted" and our commit repeats
    it, with the same Message-ID. Two dispatchers never send the same row: it is locked while it is being
    sent. Channels that ``transport`` does not have are left alone.

    Args:
        conn: an autocommit connection.
        transport: how messages leave.
        policy: when to try again, and when to give up.
        stopping: asked between two messages; true ends the pass early.

    Raises:
        ValueError: the connection is not in autocommit mode.
        psycopg.Error: the database failed; what was sent before is marked.
    """
    if not conn.autocommit:
        raise ValueError("deliver_due needs an autocommit connection: its transactions must end with each message")
    # Only what is due as the pass begins, so that a pass ends.
    (started,) = conn.execute("select clock_timestamp()").fetchone() or (None,)
    channels, totals = set(transport.channels), {"sent": 0, "retried": 0, "given_up": 0}
    while channels and not stopping():
        with conn.transaction():
            rows = _claim(conn, started, channels, policy)
            if not rows:
                break
            error = _try(transport, _parcel(rows, transport))
            if error is None:
                reach("dispatcher_between_send_and_mark")
            totals[_mark(conn, rows, error, policy)] += len(rows)
            if isinstance(error, DeliveryDeferredError) and error.channel_down:
                channels.discard(rows[0].channel)
    return DeliveryReport(**totals)


def _claim(conn: Connection, started: datetime | None, channels: set[str], policy: Policy) -> list[_Row]:
    """The next due row, locked; or, where too many of its kind wait for the same recipient, all of them."""
    with conn.cursor(row_factory=class_row(_Row)) as cursor:
        first = cursor.execute(_NEXT, {"started": started, "channels": sorted(channels)}).fetchone()
        if first is None:
            return []
        same = {
            "started": started,
            "channel": first.channel,
            "recipient": first.recipient,
            "kind": first.kind,
        }
        rows = cursor.execute(_SAME_KIND, {**same, "limit": policy.digest_at_most}).fetchall()
        return rows if len(rows) > policy.digest_over else [first]


def _try(transport: Transport, parcel: Parcel) -> DeliveryRefusedError | DeliveryDeferredError | None:
    try:
        transport.send(parcel)
    except (DeliveryRefusedError, DeliveryDeferredError) as error:
        return error
    return None


def _mark(
    conn: Connection,
    rows: list[_Row],
    error: DeliveryRefusedError | DeliveryDeferredError | None,
    policy: Policy,
) -> str:
    """Write down how the try ended: ``sent``, ``retried`` or ``given_up``."""
    ids, attempts = [row.message_id for row in rows], max(row.attempts for row in rows) + 1
    what = f"{rows[0].channel} message {ids[0]}" + (f" and {len(ids) - 1} more" if len(ids) > 1 else "")
    if error is None:
        conn.execute(
            "update ops.outbox set attempts = attempts + 1, sent_at = clock_timestamp(), last_error = null"
            " where message_id = any(%s)",
            [ids],
        )
        log.info("sent %s", what)
        return "sent"
    if isinstance(error, DeliveryRefusedError) or attempts >= policy.max_attempts:
        conn.execute(
            "update ops.outbox set attempts = attempts + 1, given_up_at = clock_timestamp(), last_error = %s"
            " where message_id = any(%s)",
            [error.message, ids],
        )
        log.error("given up: %s after %d tries: %s", what, attempts, error.message)
        return "given_up"
    wait = max(policy.delay_seconds(attempts, jitter=random.random()), error.retry_after_seconds or 0.0)
    conn.execute(
        "update ops.outbox set attempts = %s, next_attempt_at = clock_timestamp() + %s, last_error = %s"
        " where message_id = any(%s)",
        [attempts, timedelta(seconds=wait), error.message, ids],
    )
    if error.retry_after_seconds:
        _hold_channel(conn, rows[0].channel, error.retry_after_seconds)
    log.warning("%s put off by %.0f s after %d tries: %s", what, wait, attempts, error.message)
    return "retried"


def _hold_channel(conn: Connection, channel: str, seconds: float) -> None:
    """Put off everything else that waits on the channel: a rate limit is the channel's, not the message's."""
    conn.execute(
        "update ops.outbox set next_attempt_at = clock_timestamp() + %(wait)s where message_id in ("
        " select message_id from ops.outbox where channel = %(channel)s"
        " and sent_at is null and given_up_at is null and next_attempt_at < clock_timestamp() + %(wait)s"
        " for update skip locked)",
        {"wait": timedelta(seconds=seconds), "channel": channel},
    )


def _parcel(rows: list[_Row], transport: Transport) -> Parcel:
    """What is sent for the claimed rows: the message itself, or one digest that lists them."""
    first = rows[0]
    subject, text, body_html = first.subject, first.body_text, first.body_html
    if len(rows) > 1:
        subject, text, body_html = digest(first.kind, [(row.created_at, row.subject) for row in rows])
        if first.channel == "slack":
            text = html.escape(text, quote=False)  # the three characters that are mark-up in Slack
    return Parcel(
        channel=first.channel,
        recipient=first.recipient,
        subject=subject,
        text=text,
        html=body_html,
        message_id=message_id(
            [f"{row.dedupe_key}\n{row.channel}\n{row.recipient}" for row in rows], transport.smtp_from
        ),
        created_at=first.created_at,
    )


def digest(kind: str, messages: list[tuple[datetime, str]]) -> tuple[str, str, str]:
    """One message in place of many: subject, text and HTML that list when each was written and its subject.

    >>> at = datetime(2026, 11, 20, 2, 30, tzinfo=UTC)
    >>> subject, text, _ = digest("run_failed", [(at, "Night failed")] * 12)
    >>> subject
    'Daybreak: 12 messages (run failed)'
    >>> text.splitlines()[2]
    '2026-11-20 02:30 UTC  Night failed'
    """
    subject = f"Daybreak: {len(messages)} messages ({kind.replace('_', ' ')})"
    lines = [(f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC", one_line(text)[:SUBJECT_CHARS]) for at, text in messages]
    text = "\n".join([f"{len(messages)} messages were waiting:", "", *(f"{at}  {line}" for at, line in lines)])
    items = "".join(f"<li>{at}  {html.escape(line)}</li>" for at, line in lines)
    return subject, text, f"<p>{len(messages)} messages were waiting:</p><ul>{items}</ul>"


def message_id(identities: list[str], sender: str) -> str:
    """The Message-ID of what is sent together: the same at every try, so that a repeat can be recognised.

    >>> message_id(["run_failed:2026-11-20"], "Daybreak <night@example.com>")
    '<...@example.com>'
    """
    domain = one_line(sender).rpartition("@")[2].rstrip("> ") or "localhost"
    digest_hex = hashlib.sha256("\0".join(identities).encode()).hexdigest()[:32]
    return f"<{digest_hex}@{domain}>"
