"""The demo's business: trend, week, seasons, promotions and life cycles are really in the numbers.

Not here: files and their Summary (test_demo_generate.py), whether the files agree (test_demo_coherence.py).
"""

import csv
import itertools
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.demo.catalogue import NEVER, SELL_OFF_DAYS
from examples.demo.demand import (
    ADJUSTMENT,
    CHARGE,
    DOCUMENTS_PER_DAY,
    RETURN,
    SALE,
    Lines,
    ordered_on,
    promotions,
)  # fmt: skip
from examples.demo.house import House, make_house
from examples.demo.purchasing import LONGEST_CYCLE_DAYS, LONGEST_DELIVERY_DAYS
from examples.demo.stock import IN, MOVES, OUT
from examples.demo.text_columns import money, quoted
from examples.demo.trade import FOLLOW_UP_NUMBER, Day, trade
from examples.demo.trading_days import easter, is_open
from examples.demo.vocabulary import CATEGORIES

SIZE = {"products": 120, "customers": 300, "lines_per_day": 180}
FIRST, LAST = date(2023, 1, 1), date(2024, 12, 31)


@pytest.fixture(scope="module")
def house() -> House:
    return make_house(7, horizon=LAST, **SIZE)


@pytest.fixture(scope="module")
def history(house: House) -> list[Day]:
    return list(trade(house, FIRST, LAST))


@pytest.fixture(scope="module")
def days(history: list[Day]) -> dict[date, Lines]:
    return {day.date: day.lines for day in history}


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


def test_a_promotion_lifts_demand_and_a_dip_follows(house: House) -> None:
    ordered = np.concatenate([ordered_on(house, FIRST + timedelta(days=n)) for n in range((LAST - FIRST).days + 1)])
    slot = house.products.slot[ordered["product"]]
    seen = np.zeros(3)
    expected = np.zeros(3)
    base = np.bincount(slot, minlength=house.slots) / (LAST - FIRST).days
    ordinal = ordered["document"] // DOCUMENTS_PER_DAY
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
    waited = sales["document"] % DOCUMENTS_PER_DAY > FOLLOW_UP_NUMBER  # a lost customer still gets what it waits for
    assert (day <= customers.last_day[sales["customer"]])[known & ~waited].all()
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


def test_the_stock_fits_the_sales(house: House, history: list[Day]) -> None:
    n = len(house.products.ids)
    recent = history[-90:]
    sold = -sum(day.stock.moves[OUT, :n] for day in recent) / 90
    on_hand = np.array([day.stock.on_hand[:n] for day in recent])
    is_sold = sold > 0
    cover_days = on_hand.mean(axis=0)[is_sold] / sold[is_sold]
    assert 5 < np.median(cover_days) < 40
    assert on_hand.min() >= 0
    assert 0.005 < (on_hand[:, is_sold] == 0).mean() < 0.1


def test_a_stock_is_the_one_before_and_what_was_moved(history: list[Day]) -> None:
    for before, day in itertools.pairwise(history):
        assert (day.stock.on_hand == before.stock.on_hand + day.stock.moves.sum(axis=0)).all()
        ordered, came = day.stock.purchases["units"].sum(), day.stock.moves[IN].sum()
        n = len(day.stock.on_order) // 2  # what the store has asked for is not bought
        assert day.stock.on_order[:n].sum() == before.stock.on_order[:n].sum() + ordered - came
    assert all(sum((day.stock.moves[kind] != 0).any() for day in history) > 5 for kind in range(len(MOVES)))


def test_some_must_wait_and_nobody_waits_for_ever(house: House, history: list[Day]) -> None:
    sold = np.concatenate([day.lines for day in history])
    sold = sold[sold["kind"] == SALE]
    delay = sold["document"] // DOCUMENTS_PER_DAY - sold["wanted"]
    assert 0.005 < (delay > 0).mean() < 0.06
    assert delay.max() <= LONGEST_CYCLE_DAYS + LONGEST_DELIVERY_DAYS <= SELL_OFF_DAYS
    waited = sold["document"] % DOCUMENTS_PER_DAY > FOLLOW_UP_NUMBER
    assert (waited >= (delay > 0)).all()


def test_deliveries_scatter_around_what_was_promised(house: House, history: list[Day]) -> None:
    lines = np.concatenate([day.stock.purchases for day in history])
    late = (lines["full_on"] - lines["promised_on"])[lines["first_units"] == lines["units"]]
    assert 0.05 < (late > 0).mean() < 0.3
    assert (late < 0).mean() > 0.1
    assert late.max() <= 20
    assert 0.03 < (lines["first_units"] < lines["units"]).mean() < 0.15
    assert (lines["rejected_units"] > 0).any()
    supplier, delay = house.products.supplier[lines["product"]], lines["full_on"] - lines["promised_on"]
    lateness = [np.mean(delay[supplier == k] > 0) for k in np.unique(supplier)]
    assert max(lateness) > 2 * min(lateness)


def test_the_stock_forgets_where_a_simulation_began(house: House, history: list[Day]) -> None:
    """The bound is strict: with the least lead-in a day is the same as after years, to the last unit."""
    begins = date(2024, 10, 1)
    known = {day.date: day for day in history}
    for day in trade(house, begins, date(2024, 10, 31)):
        same = known[day.date]
        assert (day.lines == same.lines).all()
        for name in ("on_hand", "on_order", "moves", "purchases", "receipts", "shipped"):
            assert (getattr(day.stock, name) == getattr(same.stock, name)).all(), (name, day.date)


def test_a_day_does_not_depend_on_the_horizon(house: House) -> None:
    wide = make_house(7, horizon=date(2033, 1, 31), **SIZE)
    assert len(wide.products.ids) > len(house.products.ids)
    one, other = (np.concatenate([ordered_on(h, date(2024, 5, n)) for n in range(2, 9)]) for h in (house, wide))
    for column, mine, theirs in (
        ("product", house.products.ids, wide.products.ids),
        ("customer", house.customers.ids, wide.customers.ids),
    ):
        assert [n if n < 0 else mine[n] for n in one[column]] == [n if n < 0 else theirs[n] for n in other[column]]
    assert (one["customer"] < 0).any()
    for column in ("document", "position", "minute", "qty_units", "price_cents", "discount_cents", "comes_back"):
        assert (one[column] == other[column]).all()


def test_everyone_has_a_rep_on_every_day(house: House) -> None:
    holders = [house.force.rep_of_seat(day) for day in (FIRST, date(2024, 2, 29), LAST)]
    for day, holder in zip((FIRST, date(2024, 2, 29), LAST), holders, strict=True):
        reps = [house.force.reps[rep] for rep in holder.tolist()]
        assert len({rep.id for rep in reps}) == len(reps)
        assert all(rep.hired <= day.toordinal() <= rep.left for rep in reps)
    assert (holders[0] != holders[-1]).any()


@given(st.integers(1900, 2199))
def test_easter_is_a_sunday_between_its_limits(year: int) -> None:
    assert easter(year).weekday() == 6
    assert date(year, 3, 22) <= easter(year) <= date(year, 4, 25)


@given(st.integers(-(10**14), 10**14))
def test_money_can_be_read_back(cents: int) -> None:
    whole, rest = money(np.array([cents]))[0].as_py().split(",")
    assert int(whole + rest) == cents


@given(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])))
def test_a_quoted_field_is_read_back_by_csv(text: str) -> None:
    assert next(csv.reader([quoted(text) + ";x"], delimiter=";", strict=True)) == [text, "x"]
