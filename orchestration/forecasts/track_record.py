"""How right earlier nights' forecasts were, what each step of the forecasting was worth, and what drifts.

Not here: showing it (defs/forecast_accuracy.py), reading what came (outcomes.py and its neighbours).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from forecasting.accuracy import MEASURES, error_measures
from forecasting.drift import drift_table
from forecasting.value_added import VALUE_COLUMNS, value_added
from orchestration.forecasts.drift import drift_of, tell_of_forecast_drift
from orchestration.forecasts.due import Outcomes, outcomes_of
from orchestration.forecasts.outcomes import Family, Periods, families
from orchestration.forecasts.overrides import judged_overrides
from orchestration.forecasts.submissions import judged_submissions
from orchestration.night import Night
from orchestration.warehouse import Connection, read_frame, replace_as_of, writing

FORGET_DAYS = 400  # a family that was not forecast for so long is no longer looked for
OVERRIDE_DAYS = 365  # of periods whose overrides are judged
BY_LEAD = ("series", "demand_class", "lead", *MEASURES)
RECORD = ("series", "unique_id", "first_ds", "last_ds", *MEASURES, "n_one_step", "cusum", "tracking_signal",
          "is_drifting", "drift_direction")  # fmt: skip
VALUE = ("step", "series", "dimension", "member", *VALUE_COLUMNS)
ENGINE, OVERRIDES, REPS, OVER_REPS = "engine over naive", "override over engine", "reps over naive", "engine over reps"
# As value_added names what the sums of a family's errors say.
_OF_NAIVE = {"naive_wape_pct": "baseline_wape_pct", "naive_bias_pct": "baseline_bias_pct"}
_DIMENSIONS = {
    OVERRIDES: {"planner": "planner", "member": "unique_id"},
    REPS: {"cycle": "cycle_id", "rep": "rep_id", "territory": "territory_id", "category": "category",
           "product": "product_id"},
}  # fmt: skip
_DIMENSIONS[OVER_REPS] = _DIMENSIONS[REPS]


@dataclass(frozen=True)
class TrackRecord:
    """One night's judgement, a frame per table of schema forecast.

    ``n_judged`` counts the forecasts that came due, ``unknown`` names the families that the marts cannot judge.
    """

    by_lead: pd.DataFrame
    record: pd.DataFrame
    drift: pd.DataFrame
    value: pd.DataFrame
    n_judged: int
    unknown: tuple[str, ...]

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """What is written, per table of schema forecast."""
        return {
            "accuracy_by_lead": self.by_lead,
            "track_record": self.record,
            "drift": self.drift,
            "value_added": self.value,
        }


def write_track_record(night: Night, say: Callable[[str], object]) -> tuple[TrackRecord, int]:
    """Judge what came due, replace what was said at this as-of date, and tell of drift that began or ended.

    Returns the judgement and how many messages about drift are new.
    """
    as_of, connection = night.as_of_date, night.connection
    found = judge(connection, as_of, alert_pct=night.business.alerts.forecast_drift_pct, say=say)
    with writing(connection):
        for table, frame in found.tables.items():
            replace_as_of(connection, f"forecast.{table}", as_of, frame)
        told = tell_of_forecast_drift(night, found.drift, found.record)
    return found, told


def judge(connection: Connection, as_of: date, *, alert_pct: float, say: Callable[[str], object]) -> TrackRecord:
    """Judge everything that earlier nights forecast and that is over at ``as_of``, in the windows of outcomes.py.

    Args:
        connection: to the warehouse, whose marts are tonight's.
        as_of: the night.
        alert_pct: see :func:`orchestration.forecasts.drift.drift_of`.
        say: is told of each family as it is judged.
    """
    by_lead, records, unknown = [], [], []
    for series in families(connection, as_of - timedelta(days=FORGET_DAYS), as_of):
        family = Family.of(series)
        if family is None:
            unknown.append(series)
            continue
        found = _carried(connection, family, as_of) or _judged(connection, family, as_of)
        if found is None:
            say(f"{series}: no forecast has come due yet")
            continue
        by_lead.append(found[0])
        records.append(found[1])
        say(f"{series}: {int(found[0]['n_forecasts'].max())} forecasts came due")
    leads, record = _below(by_lead, BY_LEAD), _below(records, RECORD)
    return TrackRecord(
        by_lead=leads,
        record=record,
        drift=drift_of(connection, record, as_of=as_of, alert_pct=alert_pct),
        value=_below([_over_naive(leads), *_over_others(connection, as_of)], VALUE),
        n_judged=int(leads.loc[(leads["lead"] == 0) & (leads["demand_class"] == "all"), "n_forecasts"].sum()),
        unknown=tuple(unknown),
    )


def _judged(connection: Connection, family: Family, as_of: date) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """The rows of a family for ``accuracy_by_lead`` and ``track_record``; None where nothing came due."""
    outcomes = outcomes_of(connection, family, as_of)
    if outcomes is None:
        return None
    leads = error_measures(outcomes.by_class_and_lead).assign(series=family.series)
    return leads[list(BY_LEAD)], _record(outcomes).assign(series=family.series)[list(RECORD)]


def _carried(connection: Connection, family: Family, as_of: date) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """The same as the night before said it, if no period has ended since; else None.

    Six nights of seven nothing comes due of what is forecast by the week. A correction of what was sold is so taken up
    when the next period ends.
    """
    asked = {"series": family.series, "as_of": as_of}
    row = connection.execute(_BEFORE, asked).fetchone()
    if row is None or row[0] is None or row[1] is None:
        return None
    periods = Periods(family.grain, row[1])
    if periods.of(row[0] + timedelta(days=1)) != periods.of(as_of + timedelta(days=1)):
        return None
    leads, record = (
        read_frame(
            connection,
            f"select {', '.join(columns)} from forecast.{table}"
            " where as_of_date = %(before)s and series = %(series)s order by 2, 3",
            asked | {"before": row[0]},
        )
        for table, columns in (("accuracy_by_lead", BY_LEAD), ("track_record", RECORD))
    )
    if leads.empty or record.empty:
        return None
    # null is None in what is read, and NaN in what is computed
    numbers = dict.fromkeys(MEASURES[1:], "float64")
    return leads.astype(numbers), record.astype(numbers | {"tracking_signal": "float64"})


_BEFORE = """
    select max(as_of_date), (select min(ds) from forecast.forecasts f where f.series = %(series)s and f.as_of_date =
           (select max(as_of_date) from forecast.forecasts g where g.series = %(series)s and as_of_date <= %(as_of)s))
    from forecast.accuracy_by_lead where series = %(series)s and as_of_date < %(as_of)s"""


def _record(outcomes: Outcomes) -> pd.DataFrame:
    """Per series: its measures over all leads, and whether its one-step errors drift."""
    measured = error_measures(outcomes.by_series)
    drift = drift_table(outcomes.one_step).rename(columns={"n_periods": "n_one_step"})
    whole = measured.merge(drift, on="unique_id", how="left")
    # a series of which only longer leads came due, because the nights between are missing, has not begun to be watched
    kept = {"n_one_step": 0, "cusum": 0.0, "is_drifting": False}
    filled = {name: whole[name].astype("object").where(whole[name].notna(), value) for name, value in kept.items()}
    return whole.assign(**filled).astype({"n_one_step": "int64", "cusum": "float64", "is_drifting": "bool"})


def _over_naive(leads: pd.DataFrame) -> pd.DataFrame:
    """The engine's value over seasonal naive, for the family and for each demand class, over all leads."""
    whole = leads[leads["lead"] == 0].rename(columns=_OF_NAIVE)
    is_all = whole["demand_class"] == "all"
    dimension = is_all.map({True: "all", False: "demand class"})
    return whole.assign(step=ENGINE, dimension=dimension, member=whole["demand_class"])[list(VALUE)]


def _over_others(connection: Connection, as_of: date) -> Iterable[pd.DataFrame]:
    """The value of overrides over the engine, of the reps over naive, and of the engine over the reps."""
    overrides = judged_overrides(connection, as_of, as_of - timedelta(days=OVERRIDE_DAYS))
    submitted = judged_submissions(connection, as_of)
    pairs = {
        OVERRIDES: overrides,
        REPS: submitted.assign(baseline=submitted["naive"], forecast=submitted["reps"]),
        OVER_REPS: submitted.assign(baseline=submitted["reps"], forecast=submitted["engine"]),
    }
    for step, frame in pairs.items():
        for dimension, column in {"all": None, **_DIMENSIONS[step]}.items():
            members = "all" if column is None else frame[column]
            named = frame.assign(step=step, dimension=dimension, member=members).dropna(subset=["member"])
            yield value_added(named, ["step", "series", "dimension", "member"])


def _below(frames: Iterable[pd.DataFrame], columns: Iterable[str]) -> pd.DataFrame:
    """The frames that have rows, below each other, with just these columns."""
    some = [frame for frame in frames if len(frame)]
    return pd.concat(some, ignore_index=True)[list(columns)] if some else pd.DataFrame(columns=list(columns))
