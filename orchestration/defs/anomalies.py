"""anomaly.*: days on which a KPI left its usual band.

Not here: what usual means (forecasting/anomalies.py).
"""

import dagster as dg
import pandas as pd

from forecasting.anomalies import kpi_anomalies
from orchestration.defs.resources import NightResource
from orchestration.metadata import table_of
from orchestration.night import Counts
from orchestration.warehouse import read_frame, replace_as_of, writing

KPIS = ("gross_sales", "net_revenue", "returns", "orders", "units", "average_order_value")
DAILY = f"""
    select order_date as day, {", ".join(f"{kpi}::double precision as {kpi}" for kpi in KPIS)}
    from marts.mv_sales_daily_summary where order_date <= %(as_of)s order by order_date"""


@dg.asset(
    key=["anomaly", "kpi_days"],
    deps=[["marts", "mv_sales_daily_summary"], ["ops", "nights"]],
    group_name="anomaly",
    kinds={"python", "postgres"},
    description="Per KPI: the days outside a robust seasonal band, judged without themselves.",
)
def kpi_days(night: NightResource) -> dg.MaterializeResult:
    """Judge every day, and replace what was said at this as-of date."""
    tonight = night.get()
    with tonight.stage("anomalies") as record:
        daily = read_frame(tonight.connection, DAILY, {"as_of": tonight.as_of_date})
        long = daily.melt(id_vars="day", var_name="kpi", value_name="value").dropna(subset="value")
        long = long.assign(
            day=pd.to_datetime(long["day"]),
            kpi=long["kpi"].astype("str"),
            value=long["value"].astype("float64"),
        )
        found = kpi_anomalies(long)
        with writing(tonight.connection):
            written = replace_as_of(tonight.connection, "anomaly.kpi_days", tonight.as_of_date, found)
        record.counts = Counts(read=len(long), written=written)
    latest = found.sort_values("day", ascending=False).head(10)
    return dg.MaterializeResult(metadata={"dagster/row_count": written, "latest": table_of(latest)})
