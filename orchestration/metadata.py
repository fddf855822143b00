"""What an asset shows in the Dagster UI: previews and tables of rows, and charts as pictures.

Not here: what the numbers are (the stages), or how a chart is drawn (reporting/charts.py).
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import dagster as dg
import pandas as pd

from orchestration.warehouse import Connection, read_frame

LONGEST_CELL = 240
LARGER = 1.6  # on a screen than on paper
FEW_ROWS = 100_000  # counted in 10 ms


def preview(connection: Connection, query: str, parameters: Mapping[str, Any] | None = None) -> dg.MetadataValue:
    """The first rows of a query as a Markdown table."""
    return table_of(read_frame(connection, query, parameters))


def rows_about(connection: Connection, table: str) -> int:
    """How many rows a table has: counted if few, else the planner's estimate from the table's size.

    A count of ten million rows takes a second of every night.

    Args:
        connection: to the warehouse.
        table: its qualified name, as SQL.
    """
    few = read_frame(connection, f"select count(*) as n from (select from {table} limit {FEW_ROWS}) as few")
    n_rows = int(few["n"].iloc[0])
    if n_rows < FEW_ROWS:
        return n_rows
    plan = read_frame(connection, f"explain (format json) select from {table}").iloc[0, 0]
    return max(n_rows, int(plan[0]["Plan"]["Plan Rows"]))


def table_of(rows: pd.DataFrame | Sequence[Any]) -> dg.MetadataValue:
    """Rows (a frame, dicts or dataclass values) as a Markdown table.

    >>> print(table_of([{"day": "2026-02-28", "note": "a|b"}]).value)
    | day | note |
    | --- | --- |
    | 2026-02-28 | a\\|b |
    """
    frame = (
        rows
        if isinstance(rows, pd.DataFrame)
        else pd.DataFrame([r if isinstance(r, dict) else asdict(r) for r in rows])
    )
    if frame.empty:
        return dg.MetadataValue.md("no rows")
    lines = [list(map(str, frame.columns)), ["---"] * len(frame.columns)]
    lines += [[_cell(value) for value in row] for row in frame.itertuples(index=False, name=None)]
    return dg.MetadataValue.md("\n".join("| " + " | ".join(line) + " |" for line in lines))


def picture(svg: str) -> dg.MetadataValue:
    """An SVG drawing as a picture in Markdown, larger than on paper: there its letters have 7 points.

    >>> picture('<svg width="100" height="50" viewBox="0 0 100 50"/>').value.startswith("![chart](data:image/svg+xml;")
    True
    """
    size = re.search(r'<svg width="([\d.]+)" height="([\d.]+)"', svg)
    if size:
        width, height = (f"{LARGER * float(number):g}" for number in size.groups())
        svg = svg.replace(size.group(), f'<svg width="{width}" height="{height}"', 1)
    encoded = base64.b64encode(svg.encode("utf-8")).decode("ascii")
    return dg.MetadataValue.md(f"![chart](data:image/svg+xml;base64,{encoded})")


def _cell(value: object) -> str:
    if value is None or value is pd.NaT or (isinstance(value, float) and pd.isna(value)):
        return ""
    if isinstance(value, pd.Timestamp) and value == value.normalize():
        value = value.date()  # a day, and no midnight
    text = f"{value:,.2f}" if isinstance(value, float) else str(value)
    text = text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"
