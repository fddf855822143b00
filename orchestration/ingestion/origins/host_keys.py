"""Which SFTP server is the right one: the one whose key stands in sources.yaml, or in the user's known hosts.

Not here: anything else about stores (stores.py). fsspec's own way is to believe any server on first sight.
"""

from pathlib import Path

import paramiko


class UnknownHostKeyError(paramiko.SSHException):
    """The server shows a key that nobody vouched for."""


class OnlyKnownHosts(paramiko.MissingHostKeyPolicy):
    """Accepts the one given key (``ssh-ed25519 AAAA…``) or, without one, what the known hosts have for that server."""

    def __init__(self, host_key: str | None) -> None:
        self.host_key = host_key

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        """Raise UnknownHostKeyError if the key is not the server's."""
        shown = f"{key.get_name()} {key.get_base64()}"
        if self.host_key is not None:
            is_known = self.host_key.split()[:2] == shown.split()
        else:
            is_known = _known_hosts().check(hostname, key)
        if not is_known:
            raise UnknownHostKeyError(
                f"{hostname} shows a key that is not known; if it is the right one, add options.host_key: {shown}"
            )


def _known_hosts() -> paramiko.HostKeys:
    path = Path("~/.ssh/known_hosts").expanduser()
    return paramiko.HostKeys(str(path)) if path.is_file() else paramiko.HostKeys()
