"""What becomes of texts in one column of a small business, and how many examples a test with a database draws.

Not here: what should become of them (tests/integration/test_ingestion_*.py).
"""

import csv
import io
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, settings

from tests.support.ingestion import House, sales

DATABASE = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)


def fates(house: House, column: str, mapping: Any, texts: list[str], **source: Any) -> list[Any]:
    """What becomes of each text in ``column``: its value, or the rule that rejected it."""
    house.describe(sales(columns={column: mapping}, **source))
    name = mapping if isinstance(mapping, str) else mapping.get("from", "x")
    plain = {"order": "", "line": "1", "at": "2024-02-29 10:00:00", "product": "P", "qty": "1", "price": "1", "x": ""}
    if "format" in (mapping if isinstance(mapping, dict) else {}) and column != "ordered_at":
        raise AssertionError("only ordered_at has a format here")
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(plain))
    writer.writeheader()
    writer.writerows(plain | {"order": str(i), name: text} for i, text in enumerate(texts))
    house.connection.execute("truncate raw.sales_lines, ops.loads, quarantine.rejected_rows")
    house.write("values.csv", stream.getvalue())
    house.night()
    found: dict[int, Any] = {int(o): v for o, v in house.rows(f"select order_id, {column} from raw.sales_lines")}
    for rule, order in house.rows("select rule, raw_row ->> 'order' from quarantine.rejected_rows"):
        found[int(order)] = rule
    return [found[i] for i in range(len(texts))]


BLANK = "missing"


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)
