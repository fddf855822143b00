"""The demo's business: trend, week, seasons, promotions, life cycles and stock are really in the numbers.

Not here: files and their Summary (test_demo_generate.py).
"""

import csv
import io
from datetime import date, timedelta

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.demo.catalogue import NEVER, make_customers, make_products
from examples.demo.demand import (
    ADJUSTMENT,
    CHARGE,
    DOCUMENTS_PER_DAY,
    RETURN,
    SALE,
    House,
    Lines,
    promotions,
    sold_on,
    trade,
)  # fmt: skip
from examples.demo.dialect import money, quoted
from examples.demo.master_files import stock_parquet
from examples.demo.trading_days import easter, is_open
from examples.demo.vocabulary import CATEGORIES

FIRST, LAST = date(2023, 1, 1), date(2024, 12, 31)


@pytest.fixture(scope="module")
def house() -> House:
    return House(7, 180, 120, make_products(7, 120, LAST), make_customers(7, 300, LAST))


@pytest.fixture(scope="module")
def days(house: House) -> dict[date, Lines]:
    return dict(trade(house, FIRST, LAST))


@pytest.fixture(scope="module")
def sales(days: dict[date, Lines]) -> Lines:
    booked = np.concatenate(list(days.values()))
    return booked[booked["kind"] == SALE]


def sale_counts(days: dict[date, Lines], weekday: int) -> list[int]:
    return [int((x["kind"] == SALE).sum()) for day, x in days.items() if day.weekday() == weekday and is_open(day)]


def test_the_week_has_its_profile(days: dict[date, Lines]) -> None:
    mean = [np.mean(sale_counts(days, weekday)) for weekday in range(6)]
    assert mean[0] > mean[4] > mean[2] > 3 * mean[5] > 0
    assert np.mean(mean[:5]) == pytest.approx(180, rel=0.15)
    assert all(not len(lines) for day, lines in days.items() if not is_open(day))


def test_the_house_grows(days: dict[date, Lines]) -> None:
    sold = {year: sum(len(x) for day, x in days.items() if day.year == year) for year in (2023, 2024)}
    assert 1.02 < sold[2024] / sold[2023] < 1.12


def test_categories_have_their_seasons(house: House, sales: Lines) -> None:
    days_of = sales["document"] // DOCUMENTS_PER_DAY
    months = np.array([date.fromordinal(n).month for n in range(FIRST.toordinal(), LAST.toordinal() + 1)])
    month = months[days_of - FIRST.toordinal()]
    category = house.products.category[sales["product"]]
    share = {
        (name, m): np.mean(category[month == m] == n)
        for n, name in enumerate(c.name for c in CATEGORIES)
        for m in (1, 7, 12)
    }
    assert share["Getränke", 7] > 1.4 * share["Getränke", 1]
    assert share["Süßwaren", 12] > 1.8 * share["Süßwaren", 7]


def test_a_promotion_lifts_demand_and_a_dip_follows(house: House, sales: Lines) -> None:
    slot = house.products.slot[sales["product"]]
    seen = np.zeros(3)
    expected = np.zeros(3)
    base = np.bincount(slot, minlength=house.slots) / (LAST - FIRST).days
    ordinal = sales["document"] // DOCUMENTS_PER_DAY
    for n in range((LAST - FIRST).days + 1):
        day = FIRST + timedelta(days=n)
        if day.weekday() > 4 or not is_open(day):
            continue
        cut_pct, factor = promotions(house.seed, house.slots, day)
        phase = np.where(cut_pct > 0, 1, np.where(factor < 1, 2, 0))
        seen += np.bincount(phase, np.bincount(slot[ordinal == day.toordinal()], minlength=house.slots), 3)
        expected += np.bincount(phase, base, 3)
    plain, promoted, after = seen / expected
    assert promoted > 1.7 * plain
    assert after < 0.9 * plain


def test_few_products_and_customers_bring_most(sales: Lines) -> None:
    for column in ("product", "customer"):
        brought = np.sort(np.bincount(sales[column] + 1))[::-1]
        brought = brought[brought > 0]
        assert 0.5 < brought[: len(brought) // 5].sum() / brought.sum() < 0.85


def test_products_and_customers_come_and_go_within_their_lives(house: House, sales: Lines) -> None:
    day = sales["document"] // DOCUMENTS_PER_DAY
    known = sales["customer"] >= 0
    products, customers = house.products, house.customers
    assert (day >= products.launched[sales["product"]]).all()
    assert (day <= products.last_day[sales["product"]]).all()
    assert (day >= customers.created[sales["customer"]])[known].all()
    assert (day <= customers.last_day[sales["customer"]])[known].all()
    recent = products.launched > (LAST - timedelta(days=180)).toordinal()
    assert recent.any()
    assert (products.last_day[~recent] < NEVER).any()


def test_intermittent_products_have_many_empty_days(house: House, sales: Lines) -> None:
    lumpy = house.products.is_intermittent[sales["product"]]
    day = sales["document"] // DOCUMENTS_PER_DAY
    top = np.bincount(sales["product"][lumpy]).argmax()
    selling = len(np.unique(day[sales["product"] == top]))
    assert 0.03 < selling / len(np.unique(day)) < 0.16


def test_prices_rise_once_a_year(house: House) -> None:
    ratio = house.products.price_cents(2025) / house.products.price_cents(2024)
    assert 1.01 < ratio.mean() < 1.06
    assert (house.products.price_cents(2025) % 10 == 9).all()


def test_all_kinds_of_lines_have_their_signs(days: dict[date, Lines]) -> None:
    booked = np.concatenate(list(days.values()))
    units, kind = booked["qty_units"], booked["kind"]
    assert (units[(kind == SALE) | (kind == CHARGE)] > 0).all()
    assert (units[(kind == RETURN) | (kind == ADJUSTMENT)] < 0).all()
    assert (booked["price_cents"] > 0).all()
    assert (booked["discount_cents"] * np.sign(units) >= 0).all()
    assert 0.015 < (kind == RETURN).sum() / (kind == SALE).sum() < 0.035
    assert 5 < (kind == ADJUSTMENT).sum() < 60
    assert booked["minute"].min() >= 360  # never in the hour that a change of the clock skips or repeats
    assert booked["minute"].max() < 18 * 60


def test_the_stock_fits_the_sales(house: House, sales: Lines) -> None:
    stock = pq.read_table(io.BytesIO(stock_parquet(house, LAST))).to_pydict()
    rows = np.array([house.products.ids.index(product_id) for product_id in stock["Artikelnummer"]])
    recent = sales["document"] // DOCUMENTS_PER_DAY > LAST.toordinal() - 90
    units = np.bincount(sales["product"][recent], sales["qty_units"][recent], len(house.products.ids))[rows] / 90
    on_hand, on_order = np.array(stock["Bestand"]), np.array(stock["Bestellt"])
    cover_days = on_hand[units > 0] / units[units > 0]
    assert 5 < np.median(cover_days) < 40
    assert on_hand.min() >= 0
    short = on_hand + on_order < units * house.products.lead_time_days[rows]
    assert 0.02 < short.mean() < 0.3


def test_a_day_does_not_depend_on_the_horizon(house: House) -> None:
    later = date(2033, 1, 31)
    wide = House(7, 180, 120, make_products(7, 120, later), make_customers(7, 300, later))
    assert len(wide.products.ids) > len(house.products.ids)
    one, other = (np.concatenate([sold_on(h, date(2024, 5, n)) for n in range(2, 9)]) for h in (house, wide))
    for column, mine, theirs in (
        ("product", house.products.ids, wide.products.ids),
        ("customer", house.customers.ids, wide.customers.ids),
    ):
        assert [n if n < 0 else mine[n] for n in one[column]] == [n if n < 0 else theirs[n] for n in other[column]]
    assert (one["customer"] < 0).any()
    for column in ("document", "position", "minute", "qty_units", "price_cents", "discount_cents", "due"):
        assert (one[column] == other[column]).all()


@given(st.integers(1900, 2199))
def test_easter_is_a_sunday_between_its_limits(year: int) -> None:
    assert easter(year).weekday() == 6
    assert date(year, 3, 22) <= easter(year) <= date(year, 4, 25)


@given(st.integers(-(10**14), 10**14))
def test_money_can_be_read_back(cents: int) -> None:
    whole, rest = money(cents).split(",")
    assert int(whole + rest) == cents


@given(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])))
def test_a_quoted_field_is_read_back_by_csv(text: str) -> None:
    assert next(csv.reader([quoted(text) + ";x"], delimiter=";", strict=True)) == [text, "x"]
