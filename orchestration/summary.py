"""The headline KPIs as published, as one table for a terminal.

Not here: computing them (dbt), or the report editions (editions.py).
"""

from typing import Any

import pandas as pd
from rich.table import Table

from orchestration.warehouse import Connection, read_frame
from reporting.format import quantity


def headline_kpis(connection: Connection) -> pd.DataFrame:
    """The company's KPIs of the month and the year to date; empty before the first publication."""
    if connection.execute("select to_regclass('bi.publication')").fetchone() == (None,):
        return pd.DataFrame()
    return read_frame(
        connection,
        """select k.period, k.kpi, k.label, k.unit, k.value::float, k.previous_period::float, k.previous_year::float,
                  k.as_of_date, p.currency
           from bi.kpi_snapshots k join bi.publication p using (as_of_date)
           where k.grain = 'company' and k.period in ('month', 'year') and k.is_headline
           order by k.period, k.sort_order""",
    )


def headline_table(headline: list[dict[str, Any]]) -> Table:
    """Month and year to date, each beside the year before."""
    as_of = headline[0]["as_of_date"]
    table = Table("KPI", "month to date", "year before", "year to date", "year before", title=f"Headline KPIs, {as_of}")
    by_label: dict[str, dict[str, dict[str, Any]]] = {}
    for row in headline:
        by_label.setdefault(row["label"], {})[row["period"]] = row
    for label, periods in by_label.items():
        rows = [periods[period] for period in ("month", "year") if period in periods]
        cells = [quantity(row[key], row["unit"], row["currency"]) for row in rows for key in ("value", "previous_year")]
        table.add_row(label, *cells)
    for column in table.columns[1:]:
        column.justify = "right"
    return table
