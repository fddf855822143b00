"""forecast.kpi_trends: whether the months of a KPI rise or fall, for the company and for the parts of its revenue.

Not here: what a trend is (forecasting/trends.py).
"""

from datetime import date, timedelta

import dagster as dg
import pandas as pd

from forecasting.panel import complete_calendar
from forecasting.trends import DOWN, UP, trend_table
from orchestration.defs.resources import NightResource
from orchestration.metadata import table_of
from orchestration.night import Counts, Night
from orchestration.warehouse import read_frame, replace_as_of, writing

MONTHS_BACK = 36
LATEST_FIRST_DAY = 7  # of a month that counts as whole: a shop may be closed on the first of January
KPIS = (
    "gross_sales", "net_revenue", "returns", "discounts", "orders", "units", "average_order_value", "return_rate_pct",
    "active_customers", "new_customers", "gross_profit", "gross_margin_pct",
)  # fmt: skip
CATALOGUE = "select kpi from kpis.kpi_catalogue"  # what has no name there is not shown as a KPI
COMPANY = f"""
    select month_start as ds, {", ".join(f"{kpi}::double precision as {kpi}" for kpi in KPIS)}
    from marts.mv_sales_monthly_summary where month_start between %(since)s and %(until)s"""
_MONTH = "date_trunc('month', order_date)::date"
_DAYS = "order_date >= %(since)s and order_date < %(until)s::date + interval '1 month'"
PARTS = f"""
    with slices as (
        select {_MONTH} as month_start, country, channel, territory_id, sum(net_revenue) as net_revenue
        from marts.agg_sales_daily_slice where {_DAYS} group by 1, 2, 3, 4
    )
    select 'category' as grain, category as entity, {_MONTH} as ds, sum(net_revenue)::double precision as y
    from marts.agg_sales_daily_category where {_DAYS} group by 1, 2, 3
    union all
    select 'segment', segment, {_MONTH}, sum(net_revenue)
    from marts.agg_sales_daily_segment where {_DAYS} group by 1, 2, 3
    union all select 'country', country, month_start, sum(net_revenue) from slices group by 1, 2, 3
    union all select 'channel', channel, month_start, sum(net_revenue) from slices group by 1, 2, 3
    union all select 'territory', territory_id, month_start, sum(net_revenue) from slices group by 1, 2, 3"""
KEY = ["grain", "entity", "kpi"]


@dg.asset(
    key=["forecast", "kpi_trends"],
    deps=[
        *(
            ["marts", table]
            for table in (
                "mv_sales_monthly_summary", "agg_sales_daily_slice", "agg_sales_daily_category",
                "agg_sales_daily_segment",
            )
        ),
        ["kpis", "kpi_catalogue"],
        ["ops", "nights"],
    ],
    group_name="forecast",
    kinds={"python", "postgres"},
    description="Per KPI of the company, and of net revenue per category, segment, country, channel and territory: "
    "its slope over the last complete months, at most 36, and whether it is a trend.",
)  # fmt: skip
def kpi_trends(night: NightResource) -> dg.MaterializeResult:
    """Judge every series of months, and replace what was said at this as-of date."""
    tonight = night.get()
    with tonight.stage("trends") as record:
        months = _months(tonight)
        found = _trends(months)
        with writing(tonight.connection):
            written = replace_as_of(tonight.connection, "forecast.kpi_trends", tonight.as_of_date, found)
        record.counts = Counts(read=len(months), written=written)
    clear = found[found["direction"].isin([UP, DOWN])].sort_values("p_value")
    shown = ["kpi", "grain", "entity", "direction", "slope_pct", "p_value", "n_months", "season_is_removed"]
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": written,
            "clear trends": table_of(clear[shown].head(25).round({"slope_pct": 2, "p_value": 4})),
            "company": table_of(found.loc[found["grain"] == "company", shown].round({"slope_pct": 2, "p_value": 4})),
        }
    )


def last_complete_month(as_of: date) -> date:
    """The first day of the newest month that is over at the end of ``as_of``.

    >>> last_complete_month(date(2024, 2, 28)), last_complete_month(date(2024, 2, 29))
    (datetime.date(2024, 1, 1), datetime.date(2024, 2, 1))
    """
    return ((as_of + timedelta(days=1)).replace(day=1) - timedelta(days=1)).replace(day=1)


def _months(night: Night) -> pd.DataFrame:
    """``grain, entity, kpi, ds, y`` of the complete months; y is NaN where a month has no value."""
    first = night.connection.execute("select min(order_date) from marts.agg_sales_daily").fetchone()
    if first is None or first[0] is None:
        return pd.DataFrame(columns=[*KEY, "ds", "y"])
    begun = pd.Timestamp(first[0])
    whole = begun.to_period("M").start_time + pd.DateOffset(months=int(begun.day > LATEST_FIRST_DAY))
    until = pd.Timestamp(last_complete_month(night.as_of_date))
    since = max(whole, until - pd.DateOffset(months=MONTHS_BACK - 1))
    window = {"since": since.date(), "until": until.date()}
    company = read_frame(night.connection, COMPANY, window).melt(id_vars="ds", var_name="kpi", value_name="y")
    company = company[company["kpi"].isin(read_frame(night.connection, CATALOGUE)["kpi"])]
    parts = read_frame(night.connection, PARTS, window).assign(kpi="net_revenue")
    parts = _from_their_first_whole_month(parts.assign(ds=pd.to_datetime(parts["ds"])), since, until)
    company = company.assign(grain="company", entity="company", ds=pd.to_datetime(company["ds"]))
    return pd.concat([company, parts], ignore_index=True)[[*KEY, "ds", "y"]]


def _from_their_first_whole_month(parts: pd.DataFrame, since: pd.Timestamp, until: pd.Timestamp) -> pd.DataFrame:
    """Months without a line as 0; the month in which a part begins is left out, for it may have begun late in it."""
    began = parts.groupby(KEY)["ds"].transform("min")
    named = parts[(parts["ds"] > began) | (began == since)]
    named = named.assign(unique_id=named.groupby(KEY).ngroup().astype("str"))
    names = named[["unique_id", *KEY]].drop_duplicates()
    return complete_calendar(named, "MS", until + pd.offsets.MonthEnd(0)).merge(names, on="unique_id")


def _trends(months: pd.DataFrame) -> pd.DataFrame:
    """One row per series, as the table has them."""
    named = months.assign(unique_id=months.groupby(KEY).ngroup().astype("str"))
    names = named[["unique_id", *KEY]].drop_duplicates()
    judged = trend_table(named).merge(names, on="unique_id").drop(columns="unique_id").sort_values(KEY)
    # of no series at all the columns have no type
    months = {name: pd.to_datetime(judged[name]).dt.date for name in ("first_month", "last_month")}
    return judged.assign(**months)
