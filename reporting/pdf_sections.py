"""The sections of the sales-summary PDF, in order: what each says, and what it says when it has nothing.

Not here: pages and properties (pdf.py), building blocks (pdf_parts.py), charts (charts.py).
"""

from collections.abc import Mapping

import pandas as pd
from reportlab.platypus import CondPageBreak, Flowable, KeepTogether, NextPageTemplate, Spacer

from reporting.charts import bar, monthly_chart, revenue_chart
from reporting.fonts import unshown
from reporting.format import change, count, money, month_name, number, pct, quantity, short_date
from reporting.pdf_parts import Card, Column, Heading, cards, paragraph, table
from reporting.sales_summary import PERIODS, SalesSummary

TOP_SHOWN = 10
ORDERS_SHOWN = 15
ANOMALIES_SHOWN = 12
FILES_SHOWN = 25
MONTHS_IN_TABLE = 13  # this month, and the same month a year before
ROOM_FOR_TABLE_PT = 110.0  # heading and four rows: fewer at the foot of a page look lost
MARKS_SHOWN = 40  # characters that could not be shown, named one by one

Row = Mapping[str, object]


def story(summary: SalesSummary) -> list[Flowable]:
    """The whole report as flowables; the first page's template is already in place."""
    sections = (
        _headline,
        _daily,
        _monthly,
        _products,
        _customers,
        _stock,
        _anomalies,
        _data_quality,
        _definitions,
    )
    flow: list[Flowable] = [NextPageTemplate("later")]
    for section in sections:
        flow += [*section(summary), Spacer(0, 12)]
    return flow[:-1]


def _rows(frame: pd.DataFrame) -> list[dict[str, object]]:
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def _section(title: str, *parts: Flowable | None, note: str = "", reason: str = "") -> list[Flowable]:
    """A heading that stays with the first of its parts, or with the reason where there are none."""
    shown = [p for p in parts if p is not None] or [paragraph(reason, "note")]
    heading = Heading(title, key=title.lower().replace(" ", "-"), note=note)
    return [KeepTogether([heading, Spacer(0, 5), shown[0]]), *shown[1:]]


def _some(n: int, noun: str) -> str:
    """A count with its noun: "1 product", "No products"."""
    return f"{count(n) if n else 'No'} {noun}{'' if n == 1 else 's'}"


def _first_of(shown: int, total: int, noun: str) -> str:
    """What a cut table says about its cut; the workbook has every row."""
    return f"The first {shown} of {count(total)} {noun}; all are in the workbook" if total > shown else ""


def _headline(summary: SalesSummary) -> list[Flowable]:
    flow: list[Flowable] = []
    for period, title in PERIODS.items():
        contents = [_card(row, period, summary.currency) for row in _rows(summary.headline_of(period))]
        if contents:
            flow += _section(title, cards(contents))
    if not flow:
        return [Spacer(0, 6), *_section("Headline figures", reason=summary.reason("headline"))]
    return [*_brief(summary), *flow]


def _card(kpi: Row, period: str, currency: str) -> Card:
    against = [("previous_period", f"on the previous {period}"), ("previous_year", "on last year")]
    if period == "year" and number(kpi["previous_period"]) == number(kpi["previous_year"]):
        against = against[1:]  # a year's previous period is last year: said once
    is_up_good = None if pd.isna(kpi["is_up_good"]) else bool(kpi["is_up_good"])
    unit = str(kpi["unit"])
    changes = tuple(
        (change(kpi["value"], kpi[column], unit=unit, is_up_good=is_up_good), words) for column, words in against
    )
    return Card(str(kpi["label"]), quantity(kpi["value"], unit, currency), changes)


def _brief(summary: SalesSummary) -> list[Flowable]:
    """The report in a few sentences, above everything else."""
    sentences = []
    month = summary.headline_of("month")
    for row in _rows(month[month["kpi"] == "net_revenue"]):
        amount = quantity(row["value"], str(row["unit"]), summary.currency)
        before = change(row["value"], row["previous_period"], unit=str(row["unit"])).text
        year = change(row["value"], row["previous_year"], unit=str(row["unit"])).text
        sentences.append(
            f"{row['label']} for the month to date is {amount}: {before} on the previous month, {year} on last year."
        )
    if len(summary.stock):
        sentences.append(f"{_some(len(summary.to_order()), 'product')} to order now.")
    if len(summary.anomalies):
        sentences.append(f"{_some(len(summary.anomalies), 'unusual day')} among the KPIs.")
    rejected = _total(summary.data_quality, "rows_rejected")
    if rejected:
        sentences.append(f"{_some(rejected, 'source row')} could not be used: see Data quality.")
    return [Spacer(0, 6), paragraph(" ".join(sentences)), Spacer(0, 6)] if sentences else []


def _total(frame: pd.DataFrame, column: str) -> int:
    return int(sum(number(v) or 0 for v in frame[column]))


def _daily(summary: SalesSummary) -> list[Flowable]:
    chart = revenue_chart(summary.daily, summary.forecast, currency=summary.currency)
    absent = [s for s in ("daily", "forecast") if getattr(summary, s).empty]
    if chart is None:
        return _section("Daily revenue and forecast", reason=summary.reason("daily"))
    notes = [paragraph(summary.reason(s), "note") for s in absent]
    return _section("Daily revenue and forecast", chart, *notes, note=_forecast_note(summary))


def _forecast_note(summary: SalesSummary) -> str:
    means = [v for v in map(number, summary.forecast["mean"]) if v is not None]
    if not means:
        return ""
    total = quantity(sum(means), "money", summary.currency)
    return f"{total} expected over the next {_some(len(means), 'day')}"


def _monthly(summary: SalesSummary) -> list[Flowable]:
    chart = monthly_chart(summary.monthly, currency=summary.currency, as_of_date=summary.as_of_date)
    if summary.monthly.empty:
        return _section("Revenue by month", reason=summary.reason("monthly"))
    names = ("gross_sales", "discounts", "returns", "net_revenue", "charges")
    columns = [
        Column("Month", 1.1, is_number=False),
        *(Column(summary.label(n), 1.25) for n in (*names, "orders", "units", "average_order_value")),
        Column(summary.label("return_rate_pct"), 0.9),
    ]
    last = summary.monthly.sort_values("month", kind="stable").tail(MONTHS_IN_TABLE)[::-1]
    body = [
        [
            month_name(r["month"]),  # type: ignore[arg-type]
            *(money(r[n], summary.currency, decimals=0) for n in names),
            count(r["orders"]),
            count(r["units"]),
            money(r["average_order_value"], summary.currency),
            pct(r["return_rate_pct"]),
        ]
        for r in _rows(last)
    ]
    return [
        *_section("Revenue by month", chart, Spacer(0, 6), reason=summary.reason("monthly")),
        CondPageBreak(ROOM_FOR_TABLE_PT),
        table(columns, body),
    ]


def _top(summary: SalesSummary, section: str, title: str, fields: tuple[str, str, str, str]) -> list[Flowable]:
    """The first products or customers, each with a bar; fields are its name, id, second text and count."""
    frame = getattr(summary, section)
    if frame.empty:
        return _section(title, reason=summary.reason(section))
    rows = _rows(frame.head(TOP_SHOWN))
    name, key, second, counted = fields
    largest = max(abs(number(r["net_revenue"]) or 0.0) for r in rows)
    columns = [
        Column(section[:-1].capitalize(), 3.3, is_number=False),
        Column(second.capitalize(), 1.2, is_number=False),
        Column("Net revenue", 1.1), Column("", 2.1, is_number=False), Column(counted.capitalize(), 0.8),
        Column("Share", 0.7),
    ]  # fmt: skip
    body = [
        [_name(r[name], r[key]), r[second], money(r["net_revenue"], summary.currency, decimals=0),
         bar(r["net_revenue"], largest, width_pt=94), count(r[counted]), pct(r["share_pct"])]
        for r in rows
    ]  # fmt: skip
    note = _first_of(len(rows), len(frame), section) or f"Net revenue over {summary.top_period}"
    return _section(title, table(columns, body), note=note)


def _name(name: object, key: object) -> str:
    """What a thing is called, or its id where nobody named it."""
    return str(key) if name is None or name != name or not str(name).strip() else str(name)


def _products(summary: SalesSummary) -> list[Flowable]:
    return _top(summary, "products", "Top products", ("product_name", "product_id", "category", "units"))


def _customers(summary: SalesSummary) -> list[Flowable]:
    return _top(summary, "customers", "Top customers", ("customer_name", "customer_id", "country", "orders"))


def _stock(summary: SalesSummary) -> list[Flowable]:
    title = "Stock to order now"
    if summary.stock.empty:
        return _section(title, reason=summary.reason("stock"))
    to_order = summary.to_order()
    unknown = int((summary.stock["status"] == "stock unknown").sum())
    unknown_note = f" The stock of {_some(unknown, 'product')} is not known." if unknown else ""
    if to_order.empty:
        enough = f"Nothing to order now: of {_some(len(summary.stock), 'product')} none is at its reorder point."
        return _section(title, reason=enough + unknown_note)
    columns = [
        Column("Product", 2.4, is_number=False), Column("On hand", 0.8), Column("Reorder point", 0.8),
        Column("Order", 0.8), Column("Lead time", 0.8), Column("Why", 3.4, is_number=False),
    ]  # fmt: skip
    body = [
        [_name(r["product_name"], r["product_id"]),
         *(count(r[n]) for n in ("on_hand_units", "reorder_point_units", "order_qty_units")),
         f"{count(r['lead_time_days'])} d", r["reason"]]
        for r in _rows(to_order.head(ORDERS_SHOWN))
    ]  # fmt: skip
    flow = _section(title, table(columns, body), note=_first_of(ORDERS_SHOWN, len(to_order), "products to order"))
    return [*flow, Spacer(0, 4), paragraph(unknown_note.strip(), "note")] if unknown else flow


def _anomalies(summary: SalesSummary) -> list[Flowable]:
    title = "Unusual days"
    if summary.anomalies.empty:
        return _section(title, reason=summary.reason("anomalies"))
    columns = [
        Column("Day", 1, is_number=False), Column("KPI", 1.8, is_number=False), Column("Value", 1.2),
        Column("Expected", 1.2), Column("Expected range", 2), Column("", 0.9, is_number=False),
    ]  # fmt: skip
    recent = summary.anomalies.sort_values("day", ascending=False, kind="stable")
    body = [_anomaly(r, summary.currency) for r in _rows(recent.head(ANOMALIES_SHOWN))]
    return _section(title, table(columns, body), note=_first_of(ANOMALIES_SHOWN, len(recent), "unusual days"))


def _anomaly(row: Row, currency: str) -> list[object]:
    unit = str(row["unit"])
    value, expected, low, high = (quantity(row[n], unit, currency) for n in ("value", "expected", "lo", "hi"))
    words = {"high": "above", "low": "below"}.get(str(row["direction"]), str(row["direction"]))
    return [short_date(row["day"]), row["label"], value, expected, f"{low} to {high}", words]  # type: ignore[arg-type]


def _data_quality(summary: SalesSummary) -> list[Flowable]:
    title = "Data quality"
    frame = summary.data_quality
    marks = _unshown_note(summary)
    if frame.empty:
        return [*_section(title, reason=summary.reason("data_quality")), *marks]
    names = ("rows_read", "rows_inserted", "rows_replaced", "rows_duplicate", "rows_rejected")
    columns = [
        Column("File", 3, is_number=False), Column("Source", 1.6, is_number=False), Column("Read", 1),
        Column("New", 1), Column("Replaced", 1), Column("Already there", 1), Column("Rejected", 1),
    ]  # fmt: skip
    worst_first = frame.sort_values("rows_rejected", ascending=False, kind="stable").head(FILES_SHOWN)
    body: list[list[object]] = [[r["file"], r["source"], *(count(r[n]) for n in names)] for r in _rows(worst_first)]
    body.append([f"All {_some(len(frame), 'file')}", "", *(count(_total(frame, n)) for n in names)])
    note = _first_of(FILES_SHOWN, len(frame), "files")
    return [*_section(title, table(columns, body, bold_rows=[len(body) - 1]), note=note), *marks]


def _unshown_note(summary: SalesSummary) -> list[Flowable]:
    """Say which characters of the names shown no font could draw."""
    names = [summary.business, *summary.headline["label"]]
    for section, columns in (
        ("products", ("product_name", "category")), ("customers", ("customer_name", "country")),
        ("stock", ("product_name", "reason")), ("data_quality", ("file", "source")),
    ):  # fmt: skip
        for column in columns:
            names += [str(v)[:400] for v in getattr(summary, section)[column].head(ORDERS_SHOWN)]
    marks = unshown("".join(map(str, names)))
    if not marks:
        return []
    listed = ", ".join(f"U+{ord(c):04X}" for c in marks[:MARKS_SHOWN])
    found = _some(len(marks), "character")
    sentence = f"{found} could not be shown with the fonts at hand and stand as ‹U+…›: {listed}."
    return [Spacer(0, 4), paragraph(sentence, "note")]


def _definitions(summary: SalesSummary) -> list[Flowable]:
    rows = summary.definitions_shown()
    if not rows:
        return []
    columns = [Column("KPI", 1, is_number=False), Column("Meaning", 4, is_number=False)]
    return _section("What the KPIs mean", table(columns, rows))
