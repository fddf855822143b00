"""daybreak forecast: any one series, as far ahead and at whatever levels somebody asks, from the warehouse's facts.

What the night published of the same series and periods stands beside.

Not here: what the night forecasts (family_forecasts.py), or how an answer looks on a terminal (screens.py).
"""

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, get_args

import pandas as pd
from pydantic import ValidationError

from orchestration.business import Profile
from orchestration.errors import ConfigurationError, ContractError
from orchestration.forecasts.facts import daily_facts, known_products, names_of
from orchestration.forecasts.families import Family, Level
from orchestration.forecasts.family_forecasts import Say, forecast_family
from orchestration.forecasts.histories import history_of
from orchestration.warehouse import Connection, read_frame

NEAREST = 3
# What bi.forecasts says: an override, where a planner made one.
PUBLISHED = """
    select f.ds, coalesce(o.mean, f.mean) as published
    from forecast.forecasts as f
    left join forecast.overridden as o using (as_of_date, series, unique_id, ds)
    where f.as_of_date = %(as_of)s and f.series = %(series)s and f.unique_id = %(unique_id)s"""
USUAL_PERIODS = {"day": 91, "week": 13, "month": 12, "quarter": 8, "year": 2, "fiscal_quarter": 8, "fiscal_year": 2}


@dataclass(frozen=True)
class Question:
    """What is asked: one family, and which series of it (None: the company)."""

    family: Family
    unique_id: str


@dataclass(frozen=True)
class Answer:
    """A series' forecast, one row per period: ``ds, mean``, ``lo-`` and ``hi-`` by level; and what is known of it.

    ``published``: what the night said of each period, NaN where it said nothing, in the order of the rows. It differs
    from ``mean`` by what is not asked here: stockouts and returns, second opinions, what adds up, overrides.
    """

    question: Question
    name: str
    as_of_date: date
    currency: str
    about: dict[str, Any]
    rows: pd.DataFrame
    published: pd.Series

    def as_json(self) -> str:
        """The answer as one JSON object; what is missing is null."""
        family = self.question.family
        answer = {
            "level": family.level, "unique_id": self.question.unique_id, "name": self.name,
            "measure": family.measure, "grain": family.grain, "as_of_date": self.as_of_date,
            "currency": self.currency if family.measure == "revenue" else None, **self.about,
            "forecast": self.rows.assign(
                ds=self.rows["ds"].dt.strftime("%Y-%m-%d"),
                published_mean=self.published.astype(object).where(self.published.notna(), None),
            ).to_dict("records"),
        }  # fmt: skip
        return json.dumps(answer, default=str, ensure_ascii=False, indent=1)


def asked(
    what: str, *, measure: str, grain: str, periods: int | None, levels_pct: Sequence[float] | None = None
) -> Question:
    """The question behind a command line.

    Args:
        what: ``company``, or ``LEVEL=ID`` as in ``product=MUG``.
        measure, grain: see :class:`orchestration.forecasts.families.Family`.
        periods: ahead; None for the grain's usual horizon.
        levels_pct: of the intervals; none for 80 and 95 %.

    Raises:
        ConfigurationError: a word is none of those known, or a number is out of range.

    >>> asked("product=MUG", measure="units", grain="week", periods=20).family.series
    'product_weekly_units'
    """
    level, equals, unique_id = what.partition("=")
    if level != "company" and not (equals and unique_id):
        raise ConfigurationError(
            f"{what!r} does not say of what", remedy=f"say company, or LEVEL=ID of {', '.join(get_args(Level)[:-1])}"
        )
    grain = grain.replace("-", "_").replace(" ", "_")
    horizon = USUAL_PERIODS.get(grain, 1) if periods is None else periods
    chosen = {} if not levels_pct else {"levels_pct": tuple(levels_pct)}
    try:
        family = Family.model_validate(
            {"level": level, "measure": measure, "grain": grain, "horizon": horizon, **chosen}
        )
    except ValidationError as error:
        wrong = "; ".join(f"{_option(e)}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors())
        raise ConfigurationError(wrong, remedy="daybreak forecast --help lists what can be asked") from None
    return Question(family, unique_id or "company")


def answer(connection: Connection, profile: Profile, question: Question, *, say: Say = lambda _: None) -> Answer:
    """Forecast the series from what the warehouse holds; nothing is written.

    Raises:
        ConfigurationError: there is no such series; the nearest names are told.
        ContractError: no night has built the facts yet, or the series has no sales.
    """
    as_of = _as_of(connection)
    family = question.family
    connection.execute("set default_transaction_read_only = on")
    unique_id, name = _known(names_of(connection, family.level, as_of), question)
    daily = daily_facts(connection, family.level, family.measure, as_of, only=unique_id)
    if daily.empty:
        raise ContractError(f"{family.level} {unique_id!r} has no sales up to {as_of}", remedy="ask for another one")
    products = known_products(connection, as_of)
    history = history_of(family, daily, profile, as_of)
    outcome = forecast_family(family, history, products=products, profile=profile, say=say)
    bounds = [f"{side}-{level:g}" for level in sorted(family.levels_pct) for side in ("lo", "hi")]
    return Answer(
        question=Question(family, unique_id),
        name=name,
        as_of_date=as_of,
        currency=profile.currency,
        about=_about(outcome.series, outcome.accuracy),
        rows=outcome.forecasts[["ds", "mean", *bounds]],
        published=_published(connection, as_of, Question(family, unique_id), outcome.forecasts["ds"]),
    )


def _published(connection: Connection, as_of: date, question: Question, ds: pd.Series) -> pd.Series:
    """What the night of this date has said of these periods; NaN where it said nothing."""
    asked_for = {"as_of": as_of, "series": question.family.series, "unique_id": question.unique_id}
    told = read_frame(connection, PUBLISHED, asked_for)
    by_period = pd.Series(told["published"].to_numpy(dtype="float64"), index=pd.to_datetime(told["ds"]))
    return ds.map(by_period).astype("float64")


def _as_of(connection: Connection) -> date:
    """The newest night's as-of date, if that night built facts."""
    has_facts = connection.execute("select to_regclass('marts.mv_sales_daily_summary') is not null").fetchone()
    row = connection.execute(
        "select as_of_date from ops.nights where as_of_date is not null order by token desc limit 1"
    ).fetchone()
    if row is None or not (has_facts and has_facts[0]):
        raise ContractError("no night has built the facts yet", remedy="run daybreak nightly")
    as_of: date = row[0]
    return as_of


def _known(names: pd.DataFrame, question: Question) -> tuple[str, str]:
    """Id and name of what is asked for, by its id or its exact name in any case."""
    level, asked_for = question.family.level, question.unique_id
    by_id = dict(zip(names["unique_id"].astype(str), names["name"].fillna("").astype(str), strict=True))
    if asked_for in by_id:
        return asked_for, by_id[asked_for]
    folded = asked_for.casefold()
    meant = [i for i, name in by_id.items() if folded in (i.casefold(), name.casefold())]
    if len(meant) == 1:
        return meant[0], by_id[meant[0]]
    near = meant or _nearest(folded, by_id)
    named = " or ".join(f"{level}={i}" + (f" ({by_id[i]})" if by_id[i] not in ("", i) else "") for i in near)
    raise ConfigurationError(
        f"there is no {level} {asked_for!r}" if not meant else f"{asked_for!r} is the name of several",
        remedy=f"did you mean {named}?" if near else f"the warehouse knows no {level} with sales",
    )


def _nearest(folded: str, by_id: dict[str, str]) -> list[str]:
    """The ids whose id or name is most like what was asked for, best first."""
    likeness = {
        i: max(difflib.SequenceMatcher(None, folded, text.casefold()).quick_ratio() for text in (i, name or i))
        for i, name in by_id.items()
    }
    return sorted(likeness, key=lambda i: (-likeness[i], i))[:NEAREST]


def _about(series: pd.DataFrame, accuracy: pd.DataFrame) -> dict[str, Any]:
    """What is known of the one series: class, model, reason, history, direction, errors; None where it is not."""
    both = series.merge(accuracy, on="unique_id").drop(columns="unique_id")
    row = both.astype(object).where(both.notna(), None).to_dict("records")[0]
    days = ("first_ds", "last_ds")
    return {key: value.date() if key in days and value is not None else value for key, value in row.items()}


def _option(problem: Any) -> str:
    """The option that the wrong field is filled from."""
    error = problem.get("ctx", {}).get("error")
    location = (*problem["loc"], *getattr(error, "location", ()))
    options = {"horizon": "--periods", "levels_pct": "--level", "measure": "--measure", "grain": "--grain"}
    return options.get(str(location[0]) if location else "", "what is asked")
