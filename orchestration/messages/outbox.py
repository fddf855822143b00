"""Putting messages into ops.outbox, in the transaction that makes them true, and clearing out old ones.

Not here: how a message is worded (reporting/alerts.py) or delivered (delivery.py).
"""

from collections.abc import Iterable, Sequence
from email.utils import parseaddr
from typing import Protocol

import psycopg

SLACK_RECIPIENT = "webhook"  # a row names the channel only: the webhook's URL is a password


class MessageLike(Protocol):
    """What the outbox needs of a message: ``reporting.alerts.Message`` has it."""

    @property
    def subject(self) -> str:
        """One line."""

    @property
    def text(self) -> str:
        """The e-mail's plain-text body."""

    @property
    def html(self) -> str:
        """The e-mail's HTML body; empty for none."""

    @property
    def slack(self) -> str:
        """The text for Slack, already in its mark-up."""


def enqueue(
    conn: psycopg.Connection, *, dedupe_key: str, message: MessageLike, emails: Sequence[str], slack: bool
) -> int:
    """Put one row per recipient and channel into the outbox; return how many of them are new.

    The same ``dedupe_key`` never reaches the same recipient twice, however often this is called. Called
    inside a transaction, the rows appear with that transaction or not at all.

    Args:
        conn: an open connection; the rows are written in its current transaction, or in one of their own.
        dedupe_key: names the event as ``kind:what``, as in ``run_failed:2026-11-19``. What stands before the
            first colon is the kind, and many messages of one kind are delivered as one digest.
        message: the wording.
        emails: the recipients, as ``zoe@example.com`` or ``Zoë <zoe@example.com>``.
        slack: whether Slack is told too.

    Raises:
        ValueError: the dedupe key is empty.
    """
    if not dedupe_key.strip():
        raise ValueError("a message needs a dedupe key: without one a repeated night would tell everybody twice")
    channels = [("email", email, message.text, message.html) for email in _distinct(emails)]
    if slack:
        channels.append(("slack", SLACK_RECIPIENT, message.slack, ""))
    new = 0
    with conn.transaction():
        for channel, recipient, text, html in channels:
            values = (dedupe_key, channel, recipient, message.subject, text, html)
            new += conn.execute(
                "insert into ops.outbox (dedupe_key, channel, recipient, subject, body_text, body_html)"
                " values (%s, %s, %s, %s, %s, %s) on conflict (dedupe_key, channel, recipient) do nothing",
                [storable(value) for value in values],
            ).rowcount
    return new


def purge(conn: psycopg.Connection, older_than_days: int) -> int:
    """Delete messages sent or given up more than ``older_than_days`` ago; return how many.

    What still waits is kept. A purged dedupe key can be used again, so keep far more days than a night can
    be repeated for.

    Raises:
        ValueError: ``older_than_days`` is negative.
    """
    if older_than_days < 0:
        raise ValueError(f"older_than_days must not be negative, but is {older_than_days}")
    return conn.execute(
        "delete from ops.outbox where coalesce(sent_at, given_up_at) < clock_timestamp() - make_interval(days => %s)",
        [older_than_days],
    ).rowcount


def storable(text: str) -> str:
    """The text as PostgreSQL can hold it; what UTF-8 cannot write becomes U+FFFD: an alert must not be lost.

    >>> storable("Käse\\x00\\udcff") == "Käse\\ufffd\\ufffd"
    True
    """
    return "".join("\ufffd" if c == "\x00" or "\ud800" <= c <= "\udfff" else c for c in text)


def _distinct(emails: Iterable[str]) -> list[str]:
    """The recipients, trimmed, each address once, in their order; blanks are no recipients."""
    by_address: dict[str, str] = {}
    for email in filter(None, (email.strip() for email in emails)):
        by_address.setdefault((parseaddr(email)[1] or email).casefold(), email)
    return list(by_address.values())
