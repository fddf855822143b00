"""Stores on loopback for tests: an S3 server and an SFTP server, both real; and a business folder that names them.

Not here: what a night makes of them (tests/integration/test_ingestion_stores.py).
"""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.business import Business, load_business
from tests.support.ingestion import House

USER, PASSWORD = "daybreak", "p@ss/w:rd"


def describe(house: House, *sources: dict[str, Any], **places: dict[str, Any]) -> Business:
    """``House.describe`` with stores and connections."""
    text = yaml.safe_dump({**places, "sources": list(sources)}, allow_unicode=True, sort_keys=False)
    (house.folder / "sources.yaml").write_text(text, encoding="utf-8")
    house.business = load_business(house.folder)
    return house.business


@dataclass(frozen=True)
class Bucket:
    """A bucket of the S3 server."""

    endpoint: str
    client: Any
    name: str = "exports"

    def put(self, key: str, content: bytes) -> None:
        """Write an object."""
        self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def delete(self, key: str) -> None:
        """Delete an object."""
        self.client.delete_object(Bucket=self.name, Key=key)

    def store(self, folder: str = "") -> dict[str, Any]:
        """It as a store of sources.yaml."""
        options = {"endpoint_url": "${TEST_S3_ENDPOINT}", "key": "${TEST_S3_KEY}", "secret": "${TEST_S3_SECRET}"}
        return {"url": f"s3://{self.name}{folder}", "options": options}


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The endpoint of an S3 server in this process."""
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """An empty bucket, with its secrets in the environment."""
    values = {"TEST_S3_ENDPOINT": s3_server, "TEST_S3_KEY": "AKIATESTKEY", "TEST_S3_SECRET": "s3cr3t-and-more"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    import boto3

    client = boto3.client(
        "s3", endpoint_url=s3_server, aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1"
    )
    client.create_bucket(Bucket="exports")
    yield Bucket(s3_server, client)
    for entry in client.list_objects_v2(Bucket="exports").get("Contents", []):
        client.delete_object(Bucket="exports", Key=entry["Key"])
    client.delete_bucket(Bucket="exports")


@dataclass(frozen=True)
class Sftp:
    """An SFTP server over a folder."""

    port: int
    folder: Path
    host_key: str

    def store(self, **options: str) -> dict[str, Any]:
        """It as a store of sources.yaml."""
        url = f"sftp://{USER}:${{TEST_SFTP_PASSWORD}}@127.0.0.1:{self.port}/out"
        plain = {"host_key": self.host_key, "allow_agent": "false", "look_for_keys": "false"}
        return {"url": url, "options": plain | options}


@pytest.fixture
def sftp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sftp]:
    """An SFTP server in a thread, its folder ``out`` empty, with its password in the environment."""
    import asyncssh

    class Login(asyncssh.SSHServer):
        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == (USER, PASSWORD)

    monkeypatch.setenv("TEST_SFTP_PASSWORD", PASSWORD)
    folder = tmp_path / "sftp"
    (folder / "out").mkdir(parents=True)
    key = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=Login,
            server_host_keys=[key],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(folder).encode()),
        )

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(30)
    public = key.export_public_key().decode().strip()
    yield Sftp(server.get_port(), folder / "out", public)
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
