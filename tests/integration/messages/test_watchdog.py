"""The watchdog: silence is told once a day, and so is its end.

Not here: how it is delivered (test_email.py, test_slack.py).
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from orchestration.messages.watchdog import watch
from orchestration.warehouse import Connection

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
