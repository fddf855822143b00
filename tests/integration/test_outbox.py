"""ops.outbox on a real PostgreSQL: once per event and recipient, all or nothing, whatever the text holds."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.messages.outbox import enqueue, purge, storable
from orchestration.stack.local_postgres import LocalPostgres
from orchestration.warehouse import Connection, connect, initialise
from tests.support.postgres import create_database, drop_database


@dataclass(frozen=True)
class Message:
    subject: str = "Night failed"
    text: str = "text"
    html: str = "<p>text</p>"
    slack: str = "*text*"


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


def rows(conn: Connection) -> list[tuple[str, ...]]:
    return conn.execute(
        "select channel, recipient, subject, body_text, body_html from ops.outbox order by message_id"
    ).fetchall()


def test_one_row_per_recipient_and_channel(conn: Connection) -> None:
    emails = ["Zoë Käfer <zoe@example.com>", "bo@example.com"]
    assert enqueue(conn, dedupe_key="run_failed:1", message=Message(), emails=emails, slack=True) == 3
    assert rows(conn) == [
        ("email", "Zoë Käfer <zoe@example.com>", "Night failed", "text", "<p>text</p>"),
        ("email", "bo@example.com", "Night failed", "text", "<p>text</p>"),
        ("slack", "webhook", "Night failed", "*text*", ""),
    ]


def test_the_same_event_is_told_once_and_a_new_recipient_is_told_later(conn: Connection) -> None:
    first = {"dedupe_key": "run_failed:1", "emails": ["a@example.com"], "slack": False}
    assert enqueue(conn, message=Message(), **first) == 1
    assert enqueue(conn, message=Message(subject="other words"), **first) == 0
    assert enqueue(conn, message=Message(), **{**first, "emails": ["a@example.com", "b@example.com"]}) == 1
    assert [row[1:3] for row in rows(conn)] == [
        ("a@example.com", "Night failed"),
        ("b@example.com", "Night failed"),
    ]


def test_one_address_spelt_in_three_ways_is_one_recipient(conn: Connection) -> None:
    emails = ["Ann <ann@example.com>", " ann@example.com", "ANN@example.com", "", "  "]
    assert enqueue(conn, dedupe_key="a:1", message=Message(), emails=emails, slack=False) == 1
    assert rows(conn)[0][1] == "Ann <ann@example.com>"


def test_nobody_to_tell_writes_nothing(conn: Connection) -> None:
    assert enqueue(conn, dedupe_key="a:1", message=Message(), emails=[], slack=False) == 0
    assert rows(conn) == []


@pytest.mark.parametrize("key", ["", "  "])
def test_a_message_without_a_dedupe_key_is_refused(conn: Connection, key: str) -> None:
    with pytest.raises(ValueError, match="dedupe key"):
        enqueue(conn, dedupe_key=key, message=Message(), emails=["a@example.com"], slack=False)


def test_the_message_is_rolled_back_with_what_it_tells_of(conn: Connection) -> None:
    def fail_after_telling() -> None:
        with conn.transaction():
            enqueue(conn, dedupe_key="a:1", message=Message(), emails=["a@example.com"], slack=True)
            conn.execute("select 1 / 0 from ops.outbox")

    with pytest.raises(psycopg.errors.DivisionByZero):
        fail_after_telling()
    assert rows(conn) == []


def test_two_writers_of_one_event_write_it_once(conn: Connection, database_url: str) -> None:
    new: list[int] = []
    barrier = threading.Barrier(4)

    def write() -> None:
        with connect(database_url) as own:
            barrier.wait(10)
            emails = [f"a{i}@example.com" for i in range(20)]
            new.append(enqueue(own, dedupe_key="a:1", message=Message(), emails=emails, slack=True))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (sum(new), len(new), len(rows(conn))) == (21, 4, 21)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet=st.characters(), max_size=200))
def test_any_text_is_kept_and_storable_text_is_kept_as_it_is(conn: Connection, text: str) -> None:
    conn.execute("truncate ops.outbox")
    message = Message(subject=text, text=text, html=text)
    assert enqueue(conn, dedupe_key="a:1", message=message, emails=["a@example.com"], slack=False) == 1
    kept = rows(conn)[0][2:]
    assert kept == (storable(text),) * 3
    assert len(kept[0]) == len(text)
    assert all(a in (b, "\ufffd") for a, b in zip(kept[0], text, strict=True))


@pytest.mark.parametrize("text", ["NUL \x00", "half a pair \ud800"])
def test_what_postgresql_cannot_hold_is_replaced_not_lost(conn: Connection, text: str) -> None:
    message = Message(subject=text)
    assert enqueue(conn, dedupe_key="a:1", message=message, emails=["a@example.com"], slack=False) == 1
    assert rows(conn)[0][2] == text[:-1] + "\ufffd"


def test_purge_takes_only_what_is_old_and_done(conn: Connection) -> None:
    for key in ("waiting", "sent long ago", "given up long ago", "sent today"):
        enqueue(conn, dedupe_key=key, message=Message(), emails=["a@example.com"], slack=False)
    conn.execute("update ops.outbox set created_at = now() - interval '400 days'")
    for key, column, days in [
        ("sent long ago", "sent_at", 91),
        ("given up long ago", "given_up_at", 91),
        ("sent today", "sent_at", 89),
    ]:
        conn.execute(
            f"update ops.outbox set {column} = now() - make_interval(days => %s) where dedupe_key = %s",
            [days, key],
        )
    assert purge(conn, 90) == 2
    assert conn.execute("select dedupe_key from ops.outbox order by 1").fetchall() == [
        ("sent today",),
        ("waiting",),
    ]
    assert purge(conn, 90) == 0
    with pytest.raises(ValueError, match="negative"):
        purge(conn, -1)
