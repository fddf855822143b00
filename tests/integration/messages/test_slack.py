"""Delivery to a webhook that accepts, refuses, asks to wait and hangs; and no secret in what is kept of it.

Not here: mail (test_email.py), many messages at once (test_digests.py).
"""

import logging
from dataclasses import replace

import pytest
from pydantic import SecretStr

from orchestration.messages.delivery import DeliveryReport, deliver_due
from orchestration.messages.transport import Transport
from orchestration.warehouse import Connection
from tests.support.loopback import (
    Mailbox,
    Webhook,
)
from tests.support.messages import FAST, PASSWORD, Message, State, put, put_slack, state, states, wait_seconds


def test_slack_gets_the_slack_text(conn: Connection, webhook: Webhook, slack: Transport) -> None:
    put_slack(conn, message=Message(slack='*Käse* 東京 🌅 "quoted"\n<https://x|link>'))
    assert deliver_due(conn, slack) == DeliveryReport(sent=1, retried=0, given_up=0)
    assert webhook.texts == ['*Käse* 東京 🌅 "quoted"\n<https://x|link>']


@pytest.mark.parametrize("status", [302, 307, 400, 403, 404, 410])
def test_what_slack_refuses_is_given_up(conn: Connection, webhook: Webhook, slack: Transport, status: int) -> None:
    webhook.status, webhook.body = status, "no_service"
    webhook.headers = {"Location": "/elsewhere"} if status < 400 else {}
    put_slack(conn)
    assert deliver_due(conn, slack) == DeliveryReport(0, 0, given_up=1)
    assert state(conn).last_error == f"Slack: HTTP {status} no_service"
    assert webhook.methods == ["POST"]  # a redirect is not followed


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_what_slack_cannot_do_now_is_tried_again(
    conn: Connection, webhook: Webhook, slack: Transport, status: int
) -> None:
    webhook.status = status
    put_slack(conn)
    assert deliver_due(conn, slack, FAST) == DeliveryReport(0, retried=1, given_up=0)
    webhook.status = 200
    assert deliver_due(conn, slack, FAST) == DeliveryReport(sent=1, retried=0, given_up=0)
    assert state(conn) == State(True, False, 2, None)


def test_retry_after_holds_the_whole_channel_and_no_other(
    conn: Connection, mailbox: Mailbox, mail: Transport, webhook: Webhook, slack: Transport
) -> None:
    webhook.status, webhook.headers = 429, {"Retry-After": "100"}
    put_slack(conn, "a:1", "b:2")
    put(conn, "c:3")
    both = replace(mail, slack_webhook=slack.slack_webhook)
    assert deliver_due(conn, both, FAST) == DeliveryReport(sent=1, retried=1, given_up=0)
    first, second, _ = wait_seconds(conn)
    assert 98 < first <= 100
    assert 98 < second <= 100
    assert [s.attempts for s in states(conn)] == [1, 0, 1]
    assert len(webhook.texts) == 1


def test_a_hanging_webhook_is_tried_again(conn: Connection, webhook: Webhook, slack: Transport) -> None:
    webhook.hang_seconds = 10
    put_slack(conn)
    assert deliver_due(conn, replace(slack, timeout_seconds=0.5)) == DeliveryReport(0, retried=1, given_up=0)
    assert "timed out" in (state(conn).last_error or "")


def test_a_text_longer_than_slack_takes_is_cut(conn: Connection, webhook: Webhook, slack: Transport) -> None:
    put_slack(conn, message=Message(slack="ä" * 100_000))
    assert deliver_due(conn, slack) == DeliveryReport(sent=1, retried=0, given_up=0)
    assert 39_000 < len(webhook.texts[0]) < 40_000


def test_secrets_reach_neither_the_database_nor_the_log(
    conn: Connection,
    webhook: Webhook,
    slack: Transport,
    mailbox: Mailbox,
    mail: Transport,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    url = slack.slack_webhook.get_secret_value() if slack.slack_webhook else ""
    transport = replace(mail, slack_webhook=slack.slack_webhook, smtp_password=SecretStr(PASSWORD))
    webhook.status, webhook.body = 500, f"cannot serve {url}"
    mailbox.data = f"451 your password {PASSWORD} was heard"
    put(conn)
    put_slack(conn)
    deliver_due(conn, transport, FAST)
    deliver_due(conn, replace(transport, slack_webhook=SecretStr(f"{url}\nX")), FAST)
    deliver_due(conn, replace(transport, slack_webhook=SecretStr("ftp://example.com/s3cr3t-p4th")), FAST)
    kept = str(conn.execute("select to_jsonb(o) from ops.outbox o").fetchall())
    log = " ".join(r.getMessage() for r in caplog.records if r.name.startswith("daybreak"))
    assert "put off" in log
    assert "***" in kept
    for text in (kept, log, repr(transport)):
        assert PASSWORD not in text
        assert "s3cr3t-p4th" not in text
