"""How far a live table was read: a watermark as text for the ledger and back, and the rows that stand at it.

Not here: reading the table (extracts.py).
"""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from orchestration.errors import SourceError

# A clock may be wrong by hours, and a zone's times look so. What lies further ahead is a typing error, and must not
# hide what comes before it from all nights to come.
LATEST = timedelta(days=1)


def written(value: Any) -> str:
    """A watermark as text with its type, so that it can be compared with in the database again.

    >>> written(Decimal("1.50")), written(7), written("a"), written(date(2026, 1, 31))
    ('decimal 1.50', 'integer 7', 'text a', 'date 2026-01-31')

    Raises:
        SourceError: values of that type do not grow.
    """
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        return f"timestamp {moment.isoformat(sep=' ')}"
    if isinstance(value, date):
        return f"date {value.isoformat()}"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"bytes {bytes(value).hex()}"
    for kind, name in ((int, "integer"), (Decimal, "decimal"), (float, "float"), (str, "text")):
        if isinstance(value, kind) and not isinstance(value, bool):
            return f"{name} {value}"
    raise SourceError(
        f"{value!r} ({type(value).__name__}) is no watermark",
        remedy="name a column that grows: a time of change or a serial number",
    )


def read(text: str) -> Any:
    """The value that ``written`` wrote.

    >>> all(read(written(v)) == v for v in (1.5, 3, Decimal("2"), "x y", b"\\1", datetime(2026, 1, 31, tzinfo=UTC)))
    True
    """
    kind, _, value = text.partition(" ")
    readers: dict[str, Any] = {
        "timestamp": datetime.fromisoformat,
        "date": date.fromisoformat,
        "bytes": bytes.fromhex,
        "integer": int,
        "decimal": Decimal,
        "float": float,
        "text": str,
    }
    return readers[kind](value)


def shown(text: str) -> str:
    """A watermark as people read it."""
    return text.partition(" ")[2]


def is_far_ahead(value: Any, now: datetime) -> bool:
    """Whether a time lies in the future by more than clocks and zones explain.

    >>> is_far_ahead(date(2999, 1, 1), datetime(2026, 1, 31, tzinfo=UTC))
    True
    """
    limit = now + LATEST
    if isinstance(value, datetime):
        return value > (limit if value.tzinfo else limit.replace(tzinfo=None))
    return isinstance(value, date) and value > limit.date()


@dataclass
class RowsDigest:
    """A hash of rows that does not depend on their order, which no database promises.

    >>> one, other = RowsDigest("a,b"), RowsDigest("a,b")
    >>> for row in ("1,2", "3,4"): one.add(row)
    >>> for row in ("3,4", "1,2"): other.add(row)
    >>> one.sha256() == other.sha256() != RowsDigest("a,b").sha256()
    True
    """

    header: str
    count: int = 0
    total: int = 0

    def add(self, row: str) -> None:
        """Count a row in, as it is written."""
        digest = hashlib.blake2b(row.encode("utf-8", "surrogatepass"), digest_size=24).digest()
        self.count += 1
        self.total += int.from_bytes(digest, "big")

    def __add__(self, other: "RowsDigest") -> "RowsDigest":
        return RowsDigest(self.header, self.count + other.count, self.total + other.total)

    def sha256(self) -> str:
        """The hash of all rows so far and of the header."""
        return hashlib.sha256(f"{self.header}\0{self.count}\0{self.total}".encode("utf-8", "surrogatepass")).hexdigest()


@dataclass
class Boundary:
    """Which rows the next look will bring again if nothing changes: those at the last watermark and, for what has no
    place on the scale (nothing, or a far future), always.

    Rows come in the order of their watermarks.
    """

    header: str
    now: datetime
    last: Any = None
    everything: RowsDigest = field(init=False)
    _always: RowsDigest = field(init=False)
    _at_last: RowsDigest = field(init=False)

    def __post_init__(self) -> None:
        self.everything, self._always, self._at_last = (RowsDigest(self.header) for _ in range(3))

    def add(self, watermark: Any, row: str) -> None:
        """Count a row in."""
        self.everything.add(row)
        if watermark is None or is_far_ahead(watermark, self.now):
            self._always.add(row)
            return
        if self.last is None or watermark != self.last:
            self.last, self._at_last = watermark, RowsDigest(self.header)
        self._at_last.add(row)

    def sha256(self) -> str:
        """The hash of those rows."""
        return (self._always + self._at_last).sha256()
