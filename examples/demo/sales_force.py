"""Who sells where: the territories, the reps, and which rep has which seat of a territory on which day.

Not here: what is sold (demand.py) and what the reps are asked to sell (plans.py). A seat is a place in a territory;
now and then, on 1 April, two reps change seats.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from examples.demo.catalogue import PEOPLE, SEATS, Customers, Ints, lives
from examples.demo.house_words import FIRST_NAMES, LAST_NAMES, TERRITORIES
from examples.demo.trading_days import FOUNDED
from examples.demo.vocabulary import COUNTRIES

CUSTOMERS_PER_REP = 120
MOST_SEATS = 9  # of one territory
SWAP_SHARE = 0.6  # of the years have two reps change seats
_FIRST_YEAR = FOUNDED.year - 2  # nothing that is asked for lies before it


@dataclass(frozen=True)
class Rep:
    """A sales rep: days are proleptic ordinals, ``desk`` the line of succession he or she stands in."""

    id: str
    name: str
    email: str
    desk: int
    hired: int
    left: int  # last day
    commission_pct: float


@dataclass(frozen=True)
class Stay:
    """The days that a rep had a seat, first and last."""

    rep: int
    seat: int
    first: int
    last: int


@dataclass(frozen=True)
class SalesForce:
    """All reps ever hired up to the horizon, and their stays."""

    reps: list[Rep]
    seats: Ints  # index into TERRITORIES of each seat
    stays: list[Stay]

    def rep_of_seat(self, day: date) -> Ints:
        """The rep who has each seat on that day; shape (seats,)."""
        holder = np.zeros(len(self.seats), np.int64)
        for stay in self.stays:
            if stay.first <= day.toordinal() <= stay.last:
                holder[stay.seat] = stay.rep
        return holder


def make_sales_force(seed: int, customers: int, horizon: date) -> SalesForce:
    """The reps for a house with ``customers`` places for customers."""
    seats = _seats(customers)
    reps = [rep for desk in range(len(seats)) for rep in _succession(seed, desk, horizon)]
    changes = _seat_of_desk_by_year(seed, len(seats), horizon.year)
    stays = [stay for n, rep in enumerate(reps) for stay in _stays(n, rep, changes, horizon)]
    return SalesForce(reps, seats, stays)


def _seats(customers: int) -> Ints:
    """How many seats each territory has: one for every 120 customers it may expect."""
    share = {code: share / len(cities) for code, cities, share, _ in COUNTRIES}
    cities_of = {code: len(cities) for code, cities, _, _ in COUNTRIES}
    seats: list[int] = []
    for number, territory in enumerate(TERRITORIES):
        expected = sum(share[code] * (1 if city else cities_of[code]) for code, city in territory.places) * customers
        seats += [number] * min(max(1, round(expected / CUSTOMERS_PER_REP)), MOST_SEATS)
    return np.array(seats)


def _succession(seed: int, desk: int, horizon: date) -> list[Rep]:
    """Everyone who stood in one line of succession: the next one begins on the day after the last one's last day."""
    spans = lives(
        np.random.default_rng([seed, PEOPLE, desk]), rotating=True, cycle_days=(600, 1500), gap_days=1, horizon=horizon
    )
    reps = []
    for generation, (first, last) in enumerate(_from_before(list(spans))):
        rng = np.random.default_rng([seed, PEOPLE, desk, generation])
        given, family = FIRST_NAMES[rng.integers(len(FIRST_NAMES))], LAST_NAMES[rng.integers(len(LAST_NAMES))]
        rep_id = f"V{100 + desk * 20 + generation}"
        commission = float(rng.choice([1.0, 1.25, 1.5, 2.0]))
        reps.append(Rep(rep_id, f"{given} {family}", f"{rep_id.lower()}@example.com", desk, first, last, commission))
    return reps


def _from_before(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The first one was there long before the house's books begin."""
    return [(date(_FIRST_YEAR, 1, 1).toordinal(), spans[0][1]), *spans[1:]]


def _seat_of_desk_by_year(seed: int, n: int, last_year: int) -> dict[int, list[int]]:
    """The seat of each desk from 1 April of each year on."""
    seat_of_desk = list(range(n))
    by_year = {}
    for year in range(_FIRST_YEAR, last_year + 1):
        rng = np.random.default_rng([seed, SEATS, year])
        if rng.random() < SWAP_SHARE and n > 1:
            one, other = rng.choice(n, 2, replace=False).tolist()
            seat_of_desk[one], seat_of_desk[other] = seat_of_desk[other], seat_of_desk[one]
        by_year[year] = list(seat_of_desk)
    return by_year


def _stays(number: int, rep: Rep, seat_of_desk: dict[int, list[int]], horizon: date) -> list[Stay]:
    """The rep's stays one after another; who changes seats next spring is not known before."""
    stays: list[Stay] = []
    for year, seats in seat_of_desk.items():
        begins, ends = date(year, 4, 1).toordinal(), date(year + 1, 4, 1).toordinal() - 1
        if begins > horizon.toordinal():
            break
        first, last = max(begins, rep.hired), min(ends, rep.left)
        if year == _FIRST_YEAR:
            first = rep.hired
        if first > last:
            continue
        if stays and stays[-1].seat == seats[rep.desk]:
            stays[-1] = Stay(number, stays[-1].seat, stays[-1].first, last)
        else:
            stays.append(Stay(number, seats[rep.desk], first, last))
    return stays


def seats_of_customers(force: SalesForce, customers: Customers) -> Ints:
    """The seat that looks after each customer, for good; shape (customers,)."""
    territory_of = {place: number for number, t in enumerate(TERRITORIES) for place in t.places}
    seats_of = [np.flatnonzero(force.seats == number) for number in range(len(TERRITORIES))]
    chosen = np.zeros(len(customers.ids), np.int64)
    for row, (country, city) in enumerate(zip(customers.country.tolist(), customers.city.tolist(), strict=True)):
        code, cities = COUNTRIES[country][:2]
        number = territory_of.get((code, cities[city]), territory_of.get((code, ""), 0))
        seats = seats_of[number]
        chosen[row] = seats[int(customers.seat[row] * len(seats))]
    return chosen
