"""The content of the sales-summary edition: one frozen value that the workbook and the PDF are made from.

Not here: reading it from the database (the caller's), or how it looks (excel.py, pdf.py).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType

import pandas as pd

# The columns each section must bring; more are allowed and not shown.
COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "headline": (
            "period", "kpi", "label", "unit", "value", "previous_period", "previous_year", "is_up_good",
        ),
        "daily": ("day", "net_revenue", "orders"),
        "monthly": (
            "month", "gross_sales", "discounts", "returns", "net_revenue", "charges", "orders", "units",
            "average_order_value", "return_rate_pct",
        ),
        "products": ("product_id", "product_name", "category", "net_revenue", "units", "share_pct"),
        "customers": ("customer_id", "customer_name", "country", "net_revenue", "orders", "share_pct"),
        "forecast": ("ds", "mean", "lo_80", "hi_80", "lo_95", "hi_95"),
        "stock": (
            "product_id", "product_name", "on_hand_units", "reorder_point_units", "order_qty_units",
            "lead_time_days", "status", "reason",
        ),
        "anomalies": ("label", "unit", "day", "value", "expected", "lo", "hi", "direction"),
        "data_quality": (
            "file", "source", "rows_read", "rows_inserted", "rows_replaced", "rows_duplicate",
            "rows_rejected",
        ),
    }
)  # fmt: skip

# What a section says when it has no rows and the caller gives no better reason.
EMPTY_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "headline": "No KPIs: no sales have been published yet.",
        "daily": "No daily sales: no sales have been published yet.",
        "monthly": "No monthly sales: no sales have been published yet.",
        "products": "No product has sold in this period.",
        "customers": "No source for customers, or no sale in this period names its customer.",
        "forecast": "No forecast: the sales history is still too short for one.",
        "stock": "No source for inventory: stock levels are needed to say what to order.",
        "anomalies": "No unusual days: every KPI stayed within its expected range.",
        "data_quality": "No files were loaded for this edition: the figures rest on earlier loads.",
    }
)

UNITS = frozenset({"money", "count", "units", "pct", "days", "times"})
PERIODS: Mapping[str, str] = MappingProxyType({"month": "Month to date", "year": "Year to date"})


def _empty() -> pd.DataFrame:
    return pd.DataFrame()


@dataclass(frozen=True, eq=False, kw_only=True)
class SalesSummary:
    """Everything the sales-summary edition says. Any frame may be empty, with or without columns.

    Attributes:
        business: the business's name. currency: ISO 4217 code.
        as_of_date: the last sales day in the figures (the data cut-off).
        published_at: when the figures were published, with a time zone; every document is dated by it.
        headline: one row per period ('month' or 'year', to date) and KPI; unit is money, count, units or pct.
        daily, monthly: one row per day, one row per month (its first day).
        products, customers: one row each, best first; share_pct is of the period's net revenue.
        forecast: one row per day of daily revenue, with 80 % and 95 % intervals.
        stock: one row per product with what to order now. anomalies: one row per KPI and unusual day.
        data_quality: one row per file loaded.
        top_period: what products and customers are measured over, in words.
        empty_reasons: sentences for sections without rows that fit better than the built-in ones.
        labels, definitions: what a KPI is called, and what it means in words, by kpi; as the catalogue has them.

    Raises:
        ValueError: a column is missing, a period or unit is unknown, the currency is no code,
            or published_at has no time zone.

    >>> from datetime import UTC
    >>> day, moment = date(2026, 2, 28), datetime(2026, 3, 1, 4, tzinfo=UTC)
    >>> summary = SalesSummary(business="Café", currency="EUR", as_of_date=day, published_at=moment)
    >>> summary.reason("stock")
    'No source for inventory: stock levels are needed to say what to order.'
    """

    business: str
    currency: str
    as_of_date: date
    published_at: datetime
    headline: pd.DataFrame = field(default_factory=_empty)
    daily: pd.DataFrame = field(default_factory=_empty)
    monthly: pd.DataFrame = field(default_factory=_empty)
    products: pd.DataFrame = field(default_factory=_empty)
    customers: pd.DataFrame = field(default_factory=_empty)
    forecast: pd.DataFrame = field(default_factory=_empty)
    stock: pd.DataFrame = field(default_factory=_empty)
    anomalies: pd.DataFrame = field(default_factory=_empty)
    data_quality: pd.DataFrame = field(default_factory=_empty)
    top_period: str = "the year to date"
    empty_reasons: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    definitions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Hold every frame to its columns, in their order."""
        if self.published_at.tzinfo is None:
            raise ValueError("published_at needs a time zone: a moment without one is not a moment")
        if not re.fullmatch("[A-Za-z]{3}", self.currency):
            raise ValueError(f"currency {self.currency!r:.20} is no ISO 4217 code of three letters")
        for name, columns in COLUMNS.items():
            frame = getattr(self, name)
            missing = [c for c in columns if c not in frame.columns]
            if missing and len(frame):
                raise ValueError(f"{name} lacks the columns {', '.join(missing)}")
            ordered = (
                frame[list(columns)].reset_index(drop=True) if not missing else pd.DataFrame(columns=list(columns))
            )
            object.__setattr__(self, name, ordered)
        for name, column, known in (
            ("headline", "unit", UNITS), ("headline", "period", set(PERIODS)), ("anomalies", "unit", UNITS),
        ):  # fmt: skip
            unknown = set(getattr(self, name)[column]) - known
            if unknown:
                raise ValueError(f"{name}: unknown {column} {sorted(map(str, unknown))}, expected {sorted(known)}")

    def reason(self, section: str) -> str:
        """Why the section has no rows, as a sentence."""
        return self.empty_reasons.get(section) or EMPTY_REASONS[section]

    def headline_of(self, period: str) -> pd.DataFrame:
        """The KPIs of one period, in the caller's order."""
        return self.headline[self.headline["period"] == period].reset_index(drop=True)

    def definitions_shown(self) -> list[tuple[str, str]]:
        """(label, definition) of every KPI in the headline, each once; a KPI nobody defined says so."""
        labels = dict(zip(self.headline["kpi"], self.headline["label"], strict=True))
        return [(str(label), self.definitions.get(kpi, "No definition was given.")) for kpi, label in labels.items()]

    def label(self, kpi: str) -> str:
        """What the catalogue calls a KPI, or else the words of its name."""
        return self.labels.get(kpi) or kpi.removesuffix("_pct").replace("_", " ").capitalize()

    def to_order(self) -> pd.DataFrame:
        """The stock rows that say to order now."""
        return self.stock[self.stock["status"] == "order now"].reset_index(drop=True)
