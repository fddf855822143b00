"""Many messages at once: digests, and dispatchers side by side.

Not here: one message (test_email.py, test_slack.py).
"""

import threading
from dataclasses import replace

from orchestration.messages.delivery import DeliveryReport, deliver_due
from orchestration.messages.transport import Transport
from orchestration.warehouse import Connection, connect
from tests.support.loopback import (
    Mailbox,
    Webhook,
)
from tests.support.messages import FAST, NEVER_DIGEST, Message, put, put_slack


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
