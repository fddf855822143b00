"""The watchdog outside Dagster: a stopped scheduler cannot report itself, so silence is an alert too.

Not here: delivery (delivery.py), or the process that asks every minute (dispatcher.py).
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from orchestration.messages.outbox import enqueue
from orchestration.warehouse import Connection

ALERT = "no_publication"
RECOVERY = "publication_resumed"


@dataclass(frozen=True)
class _Notice:
    subject: str
    text: str

    @property
    def html(self) -> str:
        return f"<p>{html.escape(self.text)}</p>"

    @property
    def slack(self) -> str:
        return f"*{html.escape(self.subject, quote=False)}*\n{html.escape(self.text, quote=False)}"


def watch(
    conn: Connection, *, now: datetime, silence_hours: int, emails: Sequence[str] = (), slack: bool = False
) -> int:
    """Enqueue an alert when nothing has been published for too long, and a recovery when it has been again.

    Silence counts from the newest publication or, before the first one, from the oldest night. A Daybreak
    that never ran a night is not silent. One alert is sent per day of silence, one recovery per silence.

    Args:
        conn: an autocommit connection.
        now: the time, in the time zone that people read it in.
        silence_hours: hours without a publication after which silence is an alert.
        emails: the recipients.
        slack: whether Slack is told too.

    Returns:
        How many messages were enqueued; 0 on every further call of the same day.

    Raises:
        ValueError: ``now`` has no time zone.
    """
    if now.tzinfo is None:
        raise ValueError("now must carry a time zone")
    published, oldest_night = _newest(conn)
    since = published or oldest_night
    if since is None:
        return 0
    silence = now - since
    if silence > timedelta(hours=silence_hours):
        day = (silence - timedelta(hours=silence_hours)) // timedelta(days=1) + 1
        key = f"{ALERT}:{_stamp(since)}:day {day}"
        message = _silent(conn, since, now, first=published is None)
    elif published is not None and (alerted := _alerted_before(conn, published)):
        key = f"{RECOVERY}:{alerted}"
        text = f"The BI tables were published at {_stamp(published, now.tzinfo)}; the silence is over."
        message = _Notice("Daybreak: published again", text)
    else:
        return 0
    return enqueue(conn, dedupe_key=key, message=message, emails=emails, slack=slack)


def _newest(conn: Connection) -> tuple[datetime | None, datetime | None]:
    row = conn.execute(
        "select (select max(published_at) from ops.publications), (select min(started_at) from ops.nights)"
    ).fetchone()
    return row or (None, None)


def _alerted_before(conn: Connection, published: datetime) -> str | None:
    """The start of the newest silence that was an alert, if it is over and nobody was told yet."""
    row = conn.execute(
        "select dedupe_key from ops.outbox where starts_with(dedupe_key, %s) order by message_id desc limit 1",
        [f"{ALERT}:"],
    ).fetchone()
    since = row[0].split(":", 1)[1].rpartition(":")[0] if row else None
    if since is None or since == _stamp(published):
        return None
    told = conn.execute("select from ops.outbox where dedupe_key = %s limit 1", [f"{RECOVERY}:{since}"]).fetchone()
    return None if told else since


def _silent(conn: Connection, since: datetime, now: datetime, *, first: bool) -> _Notice:
    zone, hours = now.tzinfo, (now - since) // timedelta(hours=1)
    what = "Nothing has been published since the first night began at" if first else "The last publication was at"
    lines = [f"{what} {_stamp(since, zone)}, {hours} hours ago."]
    night = conn.execute("select started_at, status, message from ops.nights order by token desc limit 1").fetchone()
    if night:
        started_at, status, message = night
        reason = f": {message}" if message else ""
        lines.append(f"The newest attempt began at {_stamp(started_at, zone)} and is {status}{reason}.")
    lines.append("Is the scheduler running? The reports and BI tables still show the older day.")
    return _Notice(f"Daybreak: no publication since {_stamp(since, zone)}", " ".join(lines))


def _stamp(at: datetime, zone: tzinfo | None = UTC) -> str:
    """The time to the minute; in UTC it is part of the dedupe keys."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"
