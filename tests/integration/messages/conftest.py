"""One database for each worker's tests of messages, and a mail server and a webhook for each test.

Not here: what is sent to them (the tests beside this file).
"""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from orchestration.messages.transport import Transport
from orchestration.stack.local_postgres import LocalPostgres
from orchestration.warehouse import Connection, connect, initialise
from tests.support.loopback import (
    Mailbox,
    Webhook,
    smtp_server,
    webhook_server,
)
from tests.support.postgres import create_database, drop_database


@pytest.fixture(scope="session")
def database_url(postgres_server: LocalPostgres) -> Iterator[str]:
    """One database for all tests of messages: creating one for each of them would take longer than the tests."""
    name = create_database(postgres_server)
    initialise(postgres_server.url(name))
    yield postgres_server.url(name)
    drop_database(postgres_server, name)


@pytest.fixture
def conn(database_url: str) -> Iterator[Connection]:
    with connect(database_url) as connection:
        connection.execute("truncate ops.outbox, ops.publications, ops.nights restart identity cascade")
        yield connection


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def mail(mailbox: Mailbox) -> Iterator[Transport]:
    with smtp_server(mailbox) as port:
        yield Transport(
            smtp_host="127.0.0.1",
            smtp_port=port,
            smtp_starttls=False,
            smtp_from="Daybreak <night@example.com>",
            timeout_seconds=2,
        )


@pytest.fixture
def webhook() -> Webhook:
    return Webhook()


@pytest.fixture
def slack(webhook: Webhook) -> Iterator[Transport]:
    with webhook_server(webhook) as url:
        yield Transport(slack_webhook=SecretStr(url), timeout_seconds=2)
