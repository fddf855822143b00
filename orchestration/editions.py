"""Report editions: reading their content from ``bi``, putting the documents into the editions folder and its register.

Not here: how a document looks (reporting/). A report reads ``bi`` alone, so it says what every other reader sees.
"""

import hashlib
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from orchestration.night import Night
from orchestration.warehouse import Connection, read_frame, writing
from reporting.excel import write_workbook
from reporting.pdf import write_pdf
from reporting.sales_summary import SalesSummary

REPORT = "sales_summary"
WRITERS = {"xlsx": write_workbook, "pdf": write_pdf}
TOP = 25

_QUERIES = {
    "headline": """
        select period, kpi, label, unit, value, previous_period, previous_year, is_up_good from bi.kpi_snapshots
        where as_of_date = %(as_of)s and grain = 'company' and period in ('month', 'year') and is_headline
        order by period, sort_order""",
    "daily": """
        select order_date as day, net_revenue, orders from bi.sales_daily
        where order_date between %(since)s and %(as_of)s order by order_date""",
    "monthly": """
        select month_start as month, gross_sales, discounts, returns, net_revenue, charges, orders, units,
               average_order_value, return_rate_pct
        from bi.sales_monthly where month_start between %(since)s and %(as_of)s order by month_start""",
    "products": """
        select p.product_id, p.product_name, p.category, sum(s.net_revenue) as net_revenue, sum(s.units) as units,
               100 * sum(s.net_revenue) / nullif(sum(sum(s.net_revenue)) over (), 0) as share_pct
        from bi.sales_daily_product s join bi.dim_product p using (product_key)
        where s.order_date between %(year_start)s and %(as_of)s
        group by p.product_key, p.product_id, p.product_name, p.category having sum(s.units) > 0
        order by net_revenue desc, p.product_id limit %(top)s""",
    "customers": """
        select c.customer_id, c.customer_name, c.country, sum(l.net_revenue) as net_revenue,
               count(distinct l.order_id) filter (where l.line_kind = 'sale') as orders,
               100 * sum(l.net_revenue) / nullif(sum(sum(l.net_revenue)) over (), 0) as share_pct
        from bi.sales_lines l join bi.dim_customer c using (customer_key)
        where l.order_date between %(year_start)s and %(as_of)s and l.customer_key <> -1
        group by c.customer_key, c.customer_id, c.customer_name, c.country
        order by net_revenue desc, c.customer_id limit %(top)s""",
    "forecast": """
        select ds, mean, lo_80, hi_80, lo_95, hi_95 from bi.forecasts
        where as_of_date = %(as_of)s and series = 'company_daily_revenue' order by ds""",
    "stock": """
        select product_id, product_name, on_hand_units, reorder_point_units, order_qty_units, lead_time_days,
               status, reason
        from bi.stock_recommendations where as_of_date = %(as_of)s
        order by status <> 'order now', order_qty_units desc nulls last, product_id""",
    "anomalies": """
        select label, unit, day, value, expected, lo, hi, direction from bi.kpi_anomalies
        where as_of_date = %(as_of)s and day > %(as_of)s::date - 91 order by day desc, kpi""",
    "data_quality": """
        select file_name as file, source, rows_read, rows_inserted, rows_replaced, rows_duplicate, rows_rejected
        from bi.data_quality
        where token > %(previous_night)s and token <= %(night)s and status = 'loaded' order by load_id desc""",
}  # fmt: skip


def sales_summary(connection: Connection, zone: ZoneInfo) -> SalesSummary:
    """The content of the sales summary, as ``bi`` is published now; times are shown in ``zone``."""
    published = connection.execute(
        "select business, currency, as_of_date, published_at, night, previous_night from bi.publication"
    ).fetchone()
    assert published is not None
    business, currency, as_of, published_at, night, previous_night = published
    parameters = {
        "as_of": as_of,
        "since": _two_years_before(as_of),
        "year_start": as_of.replace(month=1, day=1),
        "top": TOP,
    }
    frames: dict[str, Any] = {
        section: _plain(read_frame(connection, query, {**parameters, "night": night, "previous_night": previous_night}))
        for section, query in _QUERIES.items()
    }
    if frames["stock"].empty or frames["stock"]["on_hand_units"].isna().all():
        frames["stock"] = frames["stock"].iloc[0:0]
    catalogue = connection.execute("select kpi, label, definition from bi.kpi_catalogue").fetchall()
    return SalesSummary(
        business=business,
        currency=currency,
        as_of_date=as_of,
        published_at=published_at.astimezone(zone),
        labels={kpi: label for kpi, label, _ in catalogue},
        definitions={kpi: definition for kpi, _, definition in catalogue},
        **frames,
    )


def write_editions(night: Night, folder: Path) -> pd.DataFrame:
    """Write every format of the sales summary and register it; the edition of the same as-of date gives way.

    Returns:
        One row per edition: report, format, file_path, file_bytes.
    """
    summary = sales_summary(night.connection, night.business.profile.zone)
    business = slug(summary.business)
    rows = []
    for format_name, write in WRITERS.items():
        path = (
            folder
            / f"{summary.as_of_date:%Y-%m-%d}"
            / f"{business}-{REPORT.replace('_', '-')}-{summary.as_of_date}.{format_name}"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        write(summary, path)
        content = path.read_bytes()
        rows.append((REPORT, format_name, str(path), hashlib.sha256(content).hexdigest(), len(content)))
    with writing(night.connection):
        for row in rows:
            night.connection.execute(
                """insert into ops.editions (token, as_of_date, report, format, file_path, file_sha256, file_bytes)
                   values (%s, %s, %s, %s, %s, %s, %s)
                   on conflict (as_of_date, report, format) do update set token = excluded.token,
                   file_path = excluded.file_path, file_sha256 = excluded.file_sha256,
                   file_bytes = excluded.file_bytes, created_at = clock_timestamp()""",
                [night.token, summary.as_of_date, *row],
            )
    return pd.DataFrame(rows, columns=["report", "format", "file_path", "file_sha256", "file_bytes"])


def slug(name: str) -> str:
    """A name as part of a file name: letters and digits of any script, everything else as one hyphen.

    >>> slug("Müller & Söhne GmbH")
    'müller-söhne-gmbh'
    """
    return re.sub(r"[^\w]+", "-", name.casefold()).strip("-") or "business"


def _two_years_before(day: date) -> date:
    """The first of the month two years ago, so that every month shown has its previous year."""
    return (day.replace(day=1) - timedelta(days=730)).replace(day=1)


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """PostgreSQL's numeric as float: documents are rounded to the cent, and 15 digits hold any amount shown."""
    numbers = [c for c in frame.columns if frame[c].map(lambda v: type(v).__name__ == "Decimal").any()]
    return frame.assign(**{c: frame[c].astype("float64") for c in numbers})
