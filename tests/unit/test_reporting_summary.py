"""The summary value: what it refuses, and a believable one that the other reporting tests share."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from reporting.sales_summary import COLUMNS, EMPTY_REASONS, SalesSummary

AS_OF = date(2026, 3, 17)
PUBLISHED = datetime(2026, 3, 18, 3, 42, 10, tzinfo=UTC)
NAMES = (
    "Teapot, stoneware 1.2 l", "Lantern “Łódź”", "Café set for two", "Кружка синяя", "湯呑み茶碗",
    "Wool throw & cushion", "Beeswax candles <12>", "Brass hook",
    "Picnic basket, wicker, with leather straps and enamel plates for six people",
    "Linen apron", "Garden trowel", "Salt cellar", "Oak board", "Enamel mug",
)  # fmt: skip


def believable(*, products: int = 120) -> SalesSummary:
    """Two years of daily sales of a small shop, with every section filled."""
    random = np.random.default_rng(7)
    days = [AS_OF - timedelta(days=k) for k in range(729, -1, -1)]
    season = np.array([1 + 0.45 * np.exp(-(((d.timetuple().tm_yday - 335) / 25) ** 2)) for d in days])
    week = np.array([0.9, 0.85, 0.95, 1.05, 1.3, 1.5, 0.45])[[d.weekday() for d in days]]
    revenue = 4200 * (1 + 0.00025 * np.arange(730)) * season * week * random.normal(1, 0.09, 730)
    daily = pd.DataFrame({"day": days, "net_revenue": revenue.round(2), "orders": (revenue / 43).astype(int)})
    return SalesSummary(
        business="Morgenröte Home & Garden", currency="GBP", as_of_date=AS_OF, published_at=PUBLISHED,
        headline=_headline(), daily=daily, monthly=_monthly(daily), products=_products(products),
        customers=_customers(), forecast=_forecast(daily), stock=_stock(products), anomalies=_anomalies(),
        definitions={"net_revenue": "Gross sales less discounts and returns."},
        data_quality=_files(),
    )  # fmt: skip


def _headline() -> pd.DataFrame:
    # KPI, label, unit, month to date, previous month, last year, does it grow with time, is up good
    month = (
        ("net_revenue", "Net revenue", "money", 84_213.4, 80_911.2, 86_020.0, True, True),
        ("orders", "Orders", "count", 1_958, 1_902, 1_871, True, True),
        ("average_order_value", "Average order value", "money", 43.01, 42.54, 45.97, False, True),
        ("units", "Units", "units", 7_420, 7_420, 7_001, True, True),
        ("return_rate_pct", "Return rate", "pct", 3.4, 2.9, 4.1, False, False),
        ("discounts", "Discounts", "money", 3_120.5, 2_900.0, None, True, None),
        ("charges", "Charges", "money", 2_411.0, 0.0, 2_200.0, True, True),
        ("customers", "Customers", "count", 1_210, 1_350, 1_100, True, True),
    )
    rows: list[tuple[object, ...]] = []
    for kpi, label, unit, now, previous, last_year, _, is_up_good in month:
        rows.append(("month", kpi, label, unit, now, previous, last_year, is_up_good))
    for kpi, label, unit, now, _, last_year, is_sum, is_up_good in month:
        then = last_year * (4.7 if is_sum else 1.0) if last_year is not None else None
        rows.append(("year", kpi, label, unit, now * (4.9 if is_sum else 1.0), then, then, is_up_good))
    return pd.DataFrame(rows, columns=list(COLUMNS["headline"]))


def _monthly(daily: pd.DataFrame) -> pd.DataFrame:
    month = pd.to_datetime(daily["day"]).dt.to_period("M")
    sums = daily.groupby(month)[["net_revenue", "orders"]].sum()
    net = sums["net_revenue"].to_numpy()
    return pd.DataFrame(
        {
            "month": [p.start_time.date() for p in sums.index], "gross_sales": net * 1.09,
            "discounts": net * 0.05, "returns": net * 0.04, "net_revenue": net, "charges": net * 0.03,
            "orders": sums["orders"].to_numpy(), "units": sums["orders"].to_numpy() * 4,
            "average_order_value": net / sums["orders"].to_numpy(),
            "return_rate_pct": np.linspace(3.1, 4.4, len(net)),
        }
    )  # fmt: skip


def _products(n: int) -> pd.DataFrame:
    net = 52_000 * 0.86 ** np.arange(n)
    return pd.DataFrame(
        {
            "product_id": [f"P-{k:05d}" for k in range(n)],
            "product_name": [NAMES[k % len(NAMES)] for k in range(n)],
            "category": [("Kitchen", "Light", "Garden")[k % 3] for k in range(n)],
            "net_revenue": net.round(2),
            "units": (net / 17).astype(int), "share_pct": net / net.sum() * 100 if n else net,
        }
    )  # fmt: skip


def _customers() -> pd.DataFrame:
    names = [
        "Ana Ðurić",
        "Żabka sp. z o.o.",
        "O'Hara & Sons",
        None,
        "山田商店",
        "Юлия Ким",
        "B. Müller",
        "Nordlys AS",
    ]
    net = np.array([9_812.5, 8_120, 5_530, 4_210, 3_999, 2_100, 1_410, 880.0])
    return pd.DataFrame(
        {
            "customer_id": [f"C{k:04d}" for k in range(8)], "customer_name": names,
            "country": ["HR", "PL", "IE", "GB", "JP", "KZ", "DE", "NO"], "net_revenue": net,
            "orders": [41, 33, 21, 19, 11, 9, 6, 2], "share_pct": net / 4126.0,
        }
    )  # fmt: skip


def _forecast(daily: pd.DataFrame) -> pd.DataFrame:
    ds = [AS_OF + timedelta(days=k) for k in range(1, 29)]
    mean = daily["net_revenue"].to_numpy()[-28:]
    spread = 500 + 18 * np.arange(28)
    return pd.DataFrame(
        {"ds": ds, "mean": mean, "lo_80": mean - spread, "hi_80": mean + spread, "lo_95": mean - 1.6 * spread,
         "hi_95": mean + 1.6 * spread}
    )  # fmt: skip


def _stock(n: int) -> pd.DataFrame:
    rows = []
    for k in range(n):
        on_hand, reorder_point, days = 10.0 + k, 14.0 + k % 9, 7 + k % 14
        is_short = on_hand < reorder_point
        why = f"On hand {on_hand:.0f} is below {reorder_point:.0f}: demand over {days} days plus safety stock."
        order = 20.0 + k if is_short else 0.0
        status = "order now" if is_short else "enough"
        rows.append((f"P-{k:05d}", NAMES[k % len(NAMES)], on_hand, reorder_point, order, days, status, why))
    return pd.DataFrame(rows, columns=list(COLUMNS["stock"]))


def _anomalies() -> pd.DataFrame:
    rows = [
        ("Net revenue", "money", date(2026, 3, 11), 9_850.0, 4_710.0, 3_400.0, 6_020.0, "high"),
        ("Orders", "count", date(2026, 3, 4), 31, 104, 78, 130, "low"),
        ("Return rate", "pct", date(2026, 2, 26), 9.8, 3.5, 1.2, 6.0, "high"),
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS["anomalies"]))


def _files() -> pd.DataFrame:
    rows = [
        ("sales_2026-03-17.csv", "webshop", 2_012, 1_958, 40, 3, 11),
        ("kasse_2026-03-17.xlsx", "shop till", 412, 410, 0, 2, 0),
        ("inventory.parquet", "warehouse", 118, 0, 118, 0, 0),
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS["data_quality"]))


def empty(**changes: object) -> SalesSummary:
    """A summary of which every section is empty, but for the changes."""
    content = {"business": "Empty", "currency": "EUR", "as_of_date": AS_OF, "published_at": PUBLISHED}
    return SalesSummary(**{**content, **changes})  # type: ignore[arg-type]


def test_empty_frames_get_their_columns_and_a_reason() -> None:
    summary = empty()
    for section, columns in COLUMNS.items():
        assert tuple(getattr(summary, section).columns) == columns
        assert summary.reason(section) == EMPTY_REASONS[section]
        assert summary.reason(section).endswith(".")


def test_the_callers_reason_wins() -> None:
    assert empty(empty_reasons={"stock": "No count today."}).reason("stock") == "No count today."


@pytest.mark.parametrize("section", list(COLUMNS))
def test_a_missing_column_is_named(section: str) -> None:
    frame = getattr(believable(), section)
    dropped = frame.columns[-1]
    with pytest.raises(ValueError, match=rf"{section} lacks the columns {dropped}"):
        empty(**{section: frame.drop(columns=dropped)})


def test_more_columns_are_allowed_and_left_out() -> None:
    frame = believable().daily.assign(extra=1)
    assert tuple(empty(daily=frame).daily.columns) == COLUMNS["daily"]


def test_a_moment_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        empty(published_at=datetime(2026, 1, 1))


@pytest.mark.parametrize("currency", ["", "€", "EURO", 'E"R', "12A"])
def test_a_currency_is_a_code(currency: str) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        empty(currency=currency)


@pytest.mark.parametrize(("column", "value"), [("unit", "litres"), ("period", "week")])
def test_an_unknown_unit_or_period_is_refused(column: str, value: str) -> None:
    headline = believable().headline
    headline.loc[0, column] = value
    with pytest.raises(ValueError, match=f"unknown {column}"):
        empty(headline=headline)


def test_a_kpi_nobody_defined_says_so() -> None:
    headline = believable().headline.head(2).assign(kpi=["net_revenue", "house_kpi"], label=["Net revenue", "House"])
    shown = empty(headline=headline, definitions={"house_kpi": "Ours."}).definitions_shown()
    assert dict(shown) == {"House": "Ours.", "Net revenue": "No definition was given."}


def test_only_what_is_to_be_ordered_is_ordered() -> None:
    summary = believable()
    assert set(summary.to_order()["status"]) == {"order now"}
    assert len(summary.to_order()) == (summary.stock["status"] == "order now").sum() > 0


def test_a_kpi_goes_by_its_label_or_else_its_name() -> None:
    summary = empty(labels={"units": "Units sold"})
    assert (summary.label("units"), summary.label("return_rate_pct")) == ("Units sold", "Return rate")
