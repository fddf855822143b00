"""How right earlier nights' forecasts were, what each step of the forecasting was worth, and what drifts: the frames.

Not here: writing and showing them (defs/forecast_accuracy.py), reading what came (outcomes.py and its neighbours).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from forecasting.accuracy import MEASURES, error_measures
from forecasting.drift import drift_table
from forecasting.value_added import VALUE_COLUMNS, value_added
from orchestration.forecast_drift import drift_of
from orchestration.outcomes import Family, Outcomes, families, outcomes_of
from orchestration.overrides import judged_overrides
from orchestration.submissions import judged_submissions
from orchestration.warehouse import Connection

FORGET_DAYS = 400  # a family that was not forecast for so long is no longer looked for
OVERRIDE_DAYS = 365  # of periods whose overrides are judged
BY_LEAD = ("series", "demand_class", "lead", *MEASURES)
RECORD = ("series", "unique_id", "first_ds", "last_ds", *MEASURES, "n_one_step", "cusum", "tracking_signal",
          "is_drifting", "drift_direction")  # fmt: skip
VALUE = ("step", "series", "dimension", "member", *VALUE_COLUMNS)
ENGINE, OVERRIDES, REPS, OVER_REPS = "engine over naive", "override over engine", "reps over naive", "engine over reps"
# As value_added names what the sums of a family's errors say.
_OF_NAIVE = {"size": "actual_total", "naive_wape_pct": "baseline_wape_pct", "naive_bias_pct": "baseline_bias_pct"}
_DIMENSIONS = {
    OVERRIDES: {"planner": "planner", "member": "unique_id"},
    REPS: {"cycle": "cycle_id", "rep": "rep_id", "territory": "territory_id", "category": "category",
           "product": "product_id"},
}  # fmt: skip
_DIMENSIONS[OVER_REPS] = _DIMENSIONS[REPS]


@dataclass(frozen=True)
class TrackRecord:
    """One night's judgement, a frame per table of schema forecast; ``sizes`` are the volumes of the record's rows.

    ``n_judged`` counts the forecasts that came due, ``unknown`` names the families that the marts cannot judge.
    """

    by_lead: pd.DataFrame
    record: pd.DataFrame
    drift: pd.DataFrame
    value: pd.DataFrame
    n_judged: int
    unknown: tuple[str, ...]

    @property
    def shown(self) -> pd.DataFrame:
        """The record as its table has it."""
        return self.record[list(RECORD)]


def judge(connection: Connection, as_of: date, *, alert_pct: float, say: Callable[[str], object]) -> TrackRecord:
    """Judge everything that earlier nights forecast and that is over at ``as_of``, in the windows of outcomes.py.

    Args:
        connection: to the warehouse, whose marts are tonight's.
        as_of: the night.
        alert_pct: see :func:`orchestration.forecast_drift.drift_of`.
        say: is told of each family as it is judged.
    """
    by_lead, records, values, unknown = [], [], [], []
    for series in families(connection, as_of - timedelta(days=FORGET_DAYS), as_of):
        family = Family.of(series)
        if family is None:
            unknown.append(series)
            continue
        outcomes = outcomes_of(connection, family, as_of)
        if outcomes is None:
            say(f"{series}: no forecast has come due yet")
            continue
        leads = error_measures(outcomes.by_class_and_lead).assign(series=series)
        by_lead.append(leads[list(BY_LEAD)])
        records.append(_record(outcomes).assign(series=series))
        sizes = outcomes.by_class_and_lead["size"].astype("float64")
        values.append(_over_naive(leads.assign(size=sizes.to_numpy())))
        say(f"{series}: {int(leads['n_forecasts'].iloc[0])} forecasts came due")
    record = _below(records, [*RECORD, "size"])
    values += _over_others(connection, as_of)
    leads = _below(by_lead, BY_LEAD)
    return TrackRecord(
        by_lead=leads,
        record=record,
        drift=drift_of(connection, record, as_of=as_of, alert_pct=alert_pct),
        value=_below(values, VALUE),
        n_judged=int(leads.loc[(leads["lead"] == 0) & (leads["demand_class"] == "all"), "n_forecasts"].sum()),
        unknown=tuple(unknown),
    )


def _record(outcomes: Outcomes) -> pd.DataFrame:
    """Per series: its measures over all leads, and whether its one-step errors drift."""
    measured = error_measures(outcomes.by_series).assign(size=outcomes.by_series["size"].astype("float64"))
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
