"""Forecasts that came due, beside what came: their errors summed by series, by demand class and by lead.

Not here: what the sums mean (forecasting/accuracy.py), and where the marts hold what came (outcomes.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from forecasting.accuracy import SUMS, error_terms
from orchestration.forecasts.outcomes import ACTUALS, MEASURES, Family, Periods
from orchestration.warehouse import Connection, read_numbers

ONE_STEP = ("unique_id", "ds", "y", "mean", "hi_80", "hi_95")
BOUNDS = ("lo_80", "hi_80", "lo_95", "hi_95")


# Judged as a whole; of more, every second or third night is. Of ten thousand products' weeks there are 3.4 million,
# which say the same: so thinned, the night that ends a week takes 23 s for them on two shared cores, other nights none.
MOST_FORECASTS = 1_200_000


@dataclass(frozen=True)
class Outcomes:
    """What came of a family's forecasts: sums of errors by (class, lead), by class, by lead, over all, and by series.

    ``by_class_and_lead``: ``demand_class`` ('all' for every one), ``lead`` (0 for every one) and the sums;
    ``by_series``: ``unique_id, first_ds, last_ds`` and the sums; ``one_step``: ``unique_id, ds, y, mean, hi_80,
    hi_95``. The sums are those of ``forecasting.accuracy.error_terms``.
    """

    by_class_and_lead: pd.DataFrame
    by_series: pd.DataFrame
    one_step: pd.DataFrame


def outcomes_of(connection: Connection, family: Family, as_of: date) -> Outcomes | None:
    """Judge the forecasts of earlier nights whose periods are over at ``as_of``; None where there are none.

    Of the nights that forecast from the same period on only the first counts: the one that knew least. A series is
    judged if the marts know it; a period without a line counts as 0 for it, so that a product that vanished shows.
    Seasonal naive is what it would have said then: the newest value of the same season that was over, or the last one
    known while the series was younger than a season. The scale of MASE and RMSSE is the mean (square) difference of a
    season in the past before the window, or of one period where that past is no longer than a season.

    It goes night by night, so that no more than one night's forecasts are in memory. Of a large family every k-th night
    is judged as a whole, and of the others the first step, which drift is told by: see ``MOST_FORECASTS``.
    """
    newest = connection.execute(_NEWEST, {"series": family.series, "as_of": as_of}).fetchone()
    if newest is None or newest[0] is None:
        return None
    periods = Periods(family.grain, newest[0])
    begins = periods.of(as_of) + 1 - family.grain.window  # the window, unless the period of as_of is not over
    if periods.first(periods.of(as_of) + 1) > _day_after(as_of):
        begins -= 1
    nights = _nights(connection, family, periods, as_of, begins)
    if not nights:
        return None
    parts: list[_Part] = []
    classes: dict[int, str] = {}
    with connection.transaction():
        came = _came(connection, family, periods, begins)
        whole, ends = _judged_whole(connection, family, nights), begins + family.grain.window
        for origin, night in nights:
            is_whole = origin in whole
            since, until = max(begins, origin), ends if is_whole else min(origin + 1, ends)
            due = _due_of(connection, family, periods, night, since=since, until=until, classes=classes)
            if len(due):
                parts.append(_add_up(came.beside(due, origin), is_whole=is_whole))
    return _together(parts, came.members, periods) if parts else None


_NEWEST = """
    select min(ds) from forecast.forecasts where series = %(series)s and as_of_date =
    (select max(as_of_date) from forecast.forecasts where series = %(series)s and as_of_date <= %(as_of)s)"""
_NIGHTS = """
    select d::date from generate_series(%(since)s::timestamp, %(until)s::timestamp, interval '1 day') as days(d)
    where exists (select from forecast.forecasts where as_of_date = d::date and series = %(series)s) order by 1"""


@dataclass(frozen=True)
class _Came:
    """What came of every series the marts know: ``y`` of shape (series, periods) from period ``begins - reach`` on.

    ``first`` is the column of each series' first line, ``scale`` and ``square_scale`` its differences before.
    """

    members: Sequence[str]
    y: np.ndarray
    first: np.ndarray
    scale: np.ndarray
    square_scale: np.ndarray
    start: int  # the period of column 0
    season: int

    def beside(self, due: pd.DataFrame, origin: int) -> pd.DataFrame:
        """The forecasts of one night that came due with ``lead, y, naive, scale, square_scale``."""
        member, column = due["member"].to_numpy(), due["period"].to_numpy() - self.start
        lead, first = due["period"].to_numpy() - origin + 1, self.first[member]
        back = column - self.season * -(-lead // self.season)
        before = np.where(origin - self.start - first >= self.season, back, origin - self.start - 1)
        naive = np.where(before >= 0, self.y[member, np.maximum(before, 0)], 0.0)
        scales = {"scale": self.scale[member], "square_scale": self.square_scale[member]}
        beside = due.assign(lead=lead, y=self.y[member, column], naive=naive, **scales)
        return beside[beside["lead"] >= 1]


@dataclass(frozen=True)
class _Part:
    """The sums of one night's forecasts, and those of one step ahead."""

    by_class_and_lead: pd.DataFrame
    by_member: pd.DataFrame
    one_step: pd.DataFrame


def _nights(
    connection: Connection, family: Family, periods: Periods, as_of: date, begins: int
) -> list[tuple[int, date]]:
    """The nights that count, each with the first period it did not know, in order."""
    since = periods.first(begins - family.grain.reach)
    asked = {"since": since, "until": as_of, "series": family.series}
    first: dict[int, date] = {}
    for (night,) in connection.execute(_NIGHTS, asked):
        first.setdefault(periods.of(_day_after(night)), night)
    last = begins + family.grain.window
    return [(origin, night) for origin, night in first.items() if origin < last]


def _judged_whole(connection: Connection, family: Family, nights: Sequence[tuple[int, date]]) -> set[int]:
    """The origins of the nights of which every step is judged; by the size of the newest one."""
    count = "select count(*) from forecast.forecasts where as_of_date = %s and series = %s"
    (n,) = connection.execute(count, [nights[-1][1], family.series]).fetchone() or (0,)
    step = max(1, -(-int(n) * min(len(nights), family.grain.window) // MOST_FORECASTS))
    return {origin for origin, _ in nights if origin % step == 0} or {nights[0][0]}


def _came(connection: Connection, family: Family, periods: Periods, begins: int) -> _Came:
    """Read what came, number its series in a temporary table, and measure how their past differs."""
    table, member = ACTUALS[family.level]
    grain = family.grain
    start, n = begins - grain.reach, grain.reach + grain.window
    span = {"since": periods.first(start), "until": periods.first(start + n)}
    where = f"order_date >= %(since)s and order_date < %(until)s and {member} is not null"
    connection.execute("create temporary table outcome_members (unique_id text, member int) on commit drop")
    connection.execute(
        f"insert into outcome_members select unique_id, row_number() over (order by unique_id) - 1"
        f" from (select distinct ({member})::text as unique_id from {table} where {where}) as known",
        span,
    )
    connection.execute("analyze outcome_members")
    members = [row[0] for row in connection.execute("select unique_id from outcome_members order by member")]
    lines = read_numbers(
        connection,
        f"select member, ({periods.ordinal('order_date')} - {start})::int4,"
        f" coalesce(sum({MEASURES[family.measure]}), 0)::double precision"
        f" from {table} join outcome_members on unique_id = ({member})::text where {where} group by 1, 2",
        span,
        {"member": "i4", "column": "i4", "y": "f8"},
    )
    cell = lines["member"].astype(np.int64) * n + lines["column"]
    y = np.bincount(cell, lines["y"], minlength=len(members) * n).reshape(-1, n)
    sold = np.bincount(cell, minlength=len(members) * n).reshape(-1, n) > 0
    first = np.argmax(sold, axis=1) if n else np.zeros(0, np.int64)
    scale, square = _scales(y[:, : grain.reach], first, grain.season)
    return _Came(members, y, first, scale, square, start, grain.season)


def _scales(past: np.ndarray, first: np.ndarray, season: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean absolute and mean square difference of each row's past from its first column on; NaN where there is none."""
    n = past.shape[1]
    lag = np.where(n - first > season, season, 1)
    scales = np.full((2, len(past)), np.nan)
    for one in (1, season):
        rows = np.flatnonzero((lag == one) & (n - first > one))
        steps = past[rows, one:] - past[rows, :-one]
        is_known = np.arange(n - one) >= first[rows, None]
        for k, sizes in enumerate((np.abs(steps), steps**2)):
            scales[k, rows] = np.where(is_known, sizes, 0.0).sum(axis=1) / is_known.sum(axis=1)
    return scales[0], scales[1]


def _due_of(  # noqa: PLR0913 - one night's forecasts have that many sides
    connection: Connection,
    family: Family,
    periods: Periods,
    night: date,
    *,
    since: int,
    until: int,
    classes: dict[int, str],
) -> pd.DataFrame:
    """What one night said of the periods ``since`` to ``until - 1``: ``member, period, demand_class, mean``, bounds.

    ``classes`` are the names by their hash, which are learned on the way: to read a text per row would cost as much as
    all the numbers.
    """
    asked = {
        "night": night,
        "series": family.series,
        "since": periods.first(since),
        "until": periods.first(until),
    }
    where = "as_of_date = %(night)s and series = %(series)s and ds >= %(since)s and ds < %(until)s"
    numbers = read_numbers(
        connection,
        f"select member, {periods.ordinal('ds')}::int4, hashtext(demand_class), mean, {', '.join(BOUNDS)}"
        f" from forecast.forecasts join outcome_members using (unique_id) where {where}",
        asked,
        {"member": "i4", "period": "i4", "class": "i4", "mean": "f8"} | dict.fromkeys(BOUNDS, "f8"),
    )
    codes = numbers.pop("class")
    if not set(np.unique(codes)) <= classes.keys():
        named = f"select distinct hashtext(demand_class), demand_class from forecast.forecasts where {where}"
        classes |= dict(connection.execute(named, asked).fetchall())
    return pd.DataFrame(numbers).assign(demand_class=pd.Series(codes).map(classes).astype("str"))


def _add_up(outcomes: pd.DataFrame, *, is_whole: bool) -> _Part:
    """The sums of a night that is judged as a whole, else none of them; and the first step."""
    is_next = outcomes["lead"] == 1
    steps = outcomes.loc[is_next, ["member", "period", "y", "mean", "hi_80", "hi_95"]]
    outcomes = outcomes if is_whole else outcomes.iloc[:0]
    terms = error_terms(outcomes)
    span = terms.assign(first=outcomes["period"], last=outcomes["period"])
    how = dict.fromkeys(SUMS, "sum") | {"first": "min", "last": "max"}
    return _Part(
        terms.groupby([outcomes["demand_class"], outcomes["lead"]]).sum().reset_index(),
        span.groupby(outcomes["member"]).agg(how).reset_index(),
        steps,
    )


def _together(parts: Sequence[_Part], members: Sequence[str], periods: Periods) -> Outcomes:
    """The parts' sums added up, with names and days instead of numbers."""
    cells = pd.concat([part.by_class_and_lead for part in parts], ignore_index=True)
    every = [cells, cells.assign(lead=0), cells.assign(demand_class="all"), cells.assign(demand_class="all", lead=0)]
    by_class = pd.concat(every, ignore_index=True).groupby(["demand_class", "lead"], as_index=False)[list(SUMS)].sum()
    rows = pd.concat([part.by_member for part in parts], ignore_index=True)
    how = dict.fromkeys(SUMS, "sum") | {"first": "min", "last": "max"}
    sums = rows.groupby("member", as_index=False).agg(how)
    names = np.asarray(members, dtype="object")
    ends = {f"{end}_ds": [periods.first(int(p)) for p in sums[end]] for end in ("first", "last")}
    by_series = sums.assign(unique_id=names[sums["member"]], **ends)
    steps = pd.concat([part.one_step for part in parts], ignore_index=True).sort_values(["member", "period"])
    days = {int(p): periods.first(int(p)) for p in steps["period"].unique()}
    one_step = steps.assign(unique_id=names[steps["member"]], ds=[days[int(p)] for p in steps["period"]])
    return Outcomes(
        by_class,
        by_series[["unique_id", "first_ds", "last_ds", *SUMS]],
        one_step[list(ONE_STEP)].reset_index(drop=True),
    )


def _day_after(day: date) -> date:
    return date.fromordinal(day.toordinal() + 1)
