"""Files in stores: listed, told apart without reading them, and fetched; through fsspec, in whatever it can reach.

Not here: which of them a night takes in (intake.py), unpacking (archives.py). No value of a secret leaves this module.
"""

import glob as globs
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from orchestration.errors import ConfigurationError, DaybreakError, PermanentError, SourceError, UnreachableError
from orchestration.ingestion.files import FoundFile, changed, check_name, in_order, is_finished
from orchestration.ingestion.origins.references import SECRET_OPTION, References
from orchestration.ingestion.origins.scratch import Scratch
from orchestration.shapes import Store

TIMEOUT_SECONDS = 10
# How file systems call what changes with a file's content, and when it was written.
TAGS = ("ETag", "etag", "generation", "md5Hash", "content_md5", "checksum")
TIMES = ("LastModified", "mtime", "last_modified", "updated", "modified", "modify", "created")
# In these a folder is only a part of a name: one that holds nothing is not there at all.
OBJECT_STORES = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oci", "oss")
# Errors of libraries that are not even imported here: what the other side refuses, it will refuse again.
REFUSALS = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "AuthenticationException",
    "BadHostKeyException",
    "UnknownHostKeyError",
    "InvalidAccessKeyId",
)


class RemoteStore:
    """One of the stores of sources.yaml; it is reached when it is first asked for something."""

    def __init__(self, name: str, store: Store) -> None:
        self.name = name
        self.store = store
        self._references = References()
        self._reached: tuple[Any, str] | None = None

    def find(self, glob: str) -> list[FoundFile]:
        """The files below the store's URL that match, in natural order; hidden and unfinished ones left out.

        Raises:
            SourceError: there is no such folder, or a name cannot be shown.
            ConfigurationError: the store's description is wrong.
            PermanentError: it refuses us.
            UnreachableError: it does not answer.
        """
        with self._errors(f"looking for {glob!r}"):
            system, root = self._system()
            system.invalidate_cache()
            found = []
            for path, details in self._listed(system, root, glob).items():
                relative_path = f"{self.name}:{path.removeprefix(root).lstrip('/')}"
                if is_finished(PurePosixPath(path)) and (info := _file_info(system, path, details)):
                    check_name(relative_path)
                    found.append(_found(relative_path, path, info))
            return in_order(found)

    def fetch(self, file: FoundFile, scratch: Scratch) -> Path:
        """A copy in the scratch folder, of the content that was found and no other.

        Raises:
            SourceError: the file changed or vanished since it was found.
            UnreachableError: the store does not answer.
        """
        scratch.require(file.size_bytes, file.relative_path)
        path = scratch.new_path()
        with self._errors(f"fetching {file.relative_path}"):
            system, _ = self._system()
            system.get_file(file.address, str(path))
            system.invalidate_cache()
            after = _found(file.relative_path, file.address, system.info(file.address))
        if after.version != file.version or path.stat().st_size != after.size_bytes:
            raise changed(file.relative_path)
        return path

    def check_unchanged(self, file: FoundFile) -> None:
        """Nothing to do: what is read is a copy, and ``fetch`` saw to it."""

    def _system(self) -> tuple[Any, str]:
        """The file system and the path of the store's URL in it."""
        if self._reached is None:
            self._reached = self._connected()
        return self._reached

    def _connected(self) -> tuple[Any, str]:
        import fsspec

        url, login = _without_login(self._references.fill_url(self.store.url, self.store.where("url")))
        protocol = url.partition("://")[0]
        options = _defaults(protocol) | login | self._options(protocol)
        # to make a session with an object store takes a second of CPU; other connections do not outlast a day
        is_new = protocol not in OBJECT_STORES
        try:
            fsspec.get_filesystem_class(protocol)
            system, root = fsspec.core.url_to_fs(url, skip_instance_cache=is_new, **options)
        except ImportError as error:
            raise ConfigurationError(
                f"{self.store.where('url')}: {protocol}:// needs a package that is not installed: {error}",
                remedy="install that package beside Daybreak",
            ) from None
        except (TypeError, ValueError) as error:
            key = "url" if "Protocol not known" in str(error) else "options"
            raise ConfigurationError(
                f"{self.store.where(key)}: {self._references.hide(str(error))}",
                remedy="see which options the file system takes in fsspec's documentation",
            ) from None
        return system, str(root).rstrip("/")

    def _options(self, protocol: str) -> dict[str, Any]:
        options: dict[str, Any] = {}
        for name, value in self.store.options.items():
            where = self.store.where(f"options.{name}")
            if isinstance(value, str):
                options[name] = _typed(name, self._references.fill_option(name, value, where))
            else:
                options[name] = {
                    inner: _typed(inner, self._references.fill_option(inner, text, where))
                    for inner, text in value.items()
                }
        if protocol in ("sftp", "ssh"):
            from orchestration.ingestion.origins.host_keys import OnlyKnownHosts

            options["host_key_policy"] = OnlyKnownHosts(options.pop("host_key", None))
        return options

    def _listed(self, system: Any, root: str, glob: str) -> dict[str, dict[str, Any]]:
        pattern = f"{globs.escape(root)}/{glob}" if root else glob
        try:
            if not globs.has_magic(pattern):
                return {f"{root}/{glob}": system.info(f"{root}/{glob}")}
            # elsewhere an error in the middle of a listing would make it a short one
            strictly = {} if system.async_impl else {"on_error": "raise"}
            listed: dict[str, dict[str, Any]] = system.glob(pattern, detail=True, **strictly)
        except FileNotFoundError:
            listed = {}
        if not listed:
            self._check_root(system, root)
        return listed

    def _check_root(self, system: Any, root: str) -> None:
        """Raise SourceError if there is no such folder: an unmounted share must not look like a quiet day."""
        protocols = {system.protocol} if isinstance(system.protocol, str) else set(system.protocol)
        folder = root.lstrip("/").partition("/")[0] if protocols & set(OBJECT_STORES) else root
        try:
            system.ls(folder, detail=False)
        except FileNotFoundError:
            raise SourceError(
                f"the store {self.name} has no {self._references.hide(folder)!r}",
                remedy=f"correct {self.store.where('url')}",
            ) from None

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        """Whatever a file system raises, as one of our errors, without a secret in it."""
        try:
            yield
        except DaybreakError:
            raise
        except FileNotFoundError as error:
            text = self._references.hide(str(error))
            raise SourceError(f"{doing}: it is gone: {text}", remedy="run again later") from None
        except Exception as error:  # every file system has a family of its own
            text = self._references.hide(f"{error}".strip() or type(error).__name__)
            if isinstance(error, PermissionError) or type(error).__name__ in REFUSALS:
                raise PermanentError(
                    f"the store {self.name} refuses {doing}: {text}", remedy=f"see to {self.store.where('options')}"
                ) from None
            raise UnreachableError(
                f"the store {self.name} cannot be reached, {doing}: {text}",
                remedy=f"is it up, and {self.store.where('url')} right?",
            ) from None


def _without_login(url: str) -> tuple[str, dict[str, str]]:
    """The URL without user and password, and these as options: fsspec would take them as they are encoded there.

    >>> _without_login("sftp://me:p%40ss@host:22/out")
    ('sftp://host:22/out', {'username': 'me', 'password': 'p@ss'})
    """
    protocol, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    login, at, host = authority.rpartition("@")
    if not at:
        return url, {}
    user, colon, password = login.partition(":")
    options = {"username": unquote(user)} | ({"password": unquote(password)} if colon else {})
    return f"{protocol}://{host}{slash}{path}", options


def _defaults(protocol: str) -> dict[str, Any]:
    """Options that keep a store which does not answer from holding up a night, or the look for new files."""
    if protocol in ("sftp", "ssh"):
        return {"timeout": TIMEOUT_SECONDS, "banner_timeout": TIMEOUT_SECONDS, "auth_timeout": TIMEOUT_SECONDS}
    if protocol in ("s3", "s3a"):
        # s3fs tries five times by itself: botocore's own five tries within each would make two minutes of it
        return {"config_kwargs": {"connect_timeout": TIMEOUT_SECONDS // 2, "retries": {"max_attempts": 0}}}
    return {"timeout": TIMEOUT_SECONDS} if protocol in ("ftp", "ftps") else {}


def _typed(name: str, text: str) -> Any:
    """An option's text as file systems expect it; of names and secrets every character counts.

    >>> _typed("port", "2222"), _typed("anon", "true"), _typed("password", "2222")
    (2222, True, '2222')
    """
    if SECRET_OPTION.search(name) or "user" in name:
        return text
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.isdecimal() and text.isascii() else text


def _file_info(system: Any, path: str, info: dict[str, Any]) -> dict[str, Any] | None:
    """What the store says of a file; None of what is no file. A link is what it leads to."""
    if info["type"] == "link":
        try:
            info = system.info(path)
        except FileNotFoundError:
            return None
    return info if info["type"] == "file" else None


def _found(relative_path: str, address: str, info: dict[str, Any]) -> FoundFile:
    size = int(info["size"] or 0)
    mtime_ns = _nanoseconds(next((info[key] for key in TIMES if info.get(key)), None))
    tag = next((str(info[key]).strip('"') for key in TAGS if info.get(key)), "")
    version = f"{size} {mtime_ns} {tag}".rstrip() if mtime_ns or tag else ""
    return FoundFile(relative_path, size, mtime_ns, version, address)


def _nanoseconds(moment: object) -> int:
    """A time of change since 1970, 0 where there is none.

    >>> _nanoseconds("20260131120000") == _nanoseconds(datetime(2026, 1, 31, 12, tzinfo=UTC)) == 1769860800 * 10**9
    True
    """
    if isinstance(moment, str):
        moment = _read_time(moment)
    if isinstance(moment, date) and not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    if isinstance(moment, datetime):
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return int(moment * 1_000_000) * 1000 if isinstance(moment, int | float) else 0


def _read_time(text: str) -> datetime | None:
    for read in (datetime.fromisoformat, lambda text: datetime.strptime(text[:14], "%Y%m%d%H%M%S")):
        try:
            return read(text)
        except ValueError:
            continue
    return None
