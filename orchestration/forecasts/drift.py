"""Which families of series drift tonight, since when, and telling it once: when it begins and when it is over.

Not here: what drift of a series is (forecasting/drift.py).
"""

from collections.abc import Sequence
from datetime import date

import pandas as pd

from orchestration.messages.outbox import enqueue
from orchestration.night import Night
from orchestration.warehouse import Connection, read_frame
from reporting.alerts import forecast_drifts, forecast_recovered

DRIFT = ("series", "n_series", "n_drifting", "drifting_share_pct", "is_alert", "since")
MOST_NAMED = 5
BEFORE = """
    select distinct on (series) series, since from forecast.drift
    where as_of_date < %(as_of)s order by series, as_of_date desc"""


def drift_of(connection: Connection, record: pd.DataFrame, *, as_of: date, alert_pct: float) -> pd.DataFrame:
    """One row per family of ``record``: how much of it drifts, whether that is an alert, and since which night.

    Volume is what its series really sold in the window. An alert begins at ``alert_pct`` and ends below half of it, so
    that a family on the threshold is not told of every other night.

    Args:
        connection: to read what earlier nights said.
        record: the track record, ``series, unique_id, actual_total, is_drifting``.
        as_of: the night.
        alert_pct: of the volume, above 0.
    """
    rows = record.assign(
        drifting=record["actual_total"].where(record["is_drifting"].astype(bool), 0.0),
        n=1,
        n_drifting=record["is_drifting"].astype("int64"),
    )
    found = rows.groupby("series", as_index=False)[["n", "n_drifting", "actual_total", "drifting"]].sum()
    # of a family that sold nothing the series are counted
    share = (found["drifting"] / found["actual_total"]).where(
        found["actual_total"] > 0, found["n_drifting"] / found["n"]
    )
    before = dict(read_frame(connection, BEFORE, {"as_of": as_of}).itertuples(index=False, name=None))
    began = [before.get(series) for series in found["series"]]
    since = [
        (then or as_of) if pct >= (alert_pct / 2 if then else alert_pct) else None
        for then, pct in zip(began, 100.0 * share, strict=True)
    ]
    return found.rename(columns={"n": "n_series"}).assign(
        drifting_share_pct=100.0 * share,
        since=pd.Series(since, index=found.index, dtype="object"),
        is_alert=[day is not None for day in since],
    )[list(DRIFT)]


def tell_of_forecast_drift(night: Night, drift: pd.DataFrame, record: pd.DataFrame) -> int:
    """Put an alert into the outbox for every episode that began, and a recovery for every one that is over.

    To be called in the transaction that writes ``drift``. Returns how many messages are new.
    """
    as_of, alerts = night.as_of_date, night.business.alerts
    before = dict(read_frame(night.connection, BEFORE, {"as_of": as_of}).itertuples(index=False, name=None))
    new = 0
    for row in drift.itertuples():
        business, family = night.business.profile.name, in_words(str(row.series))
        began = before.get(row.series)
        if row.is_alert:
            key = f"forecast_drift:{row.series} since {row.since}"
            message = forecast_drifts(
                business=business,
                family=family,
                share_pct=row.drifting_share_pct,
                worst=_worst(record, str(row.series)),
                as_of_date=as_of,
            )
        elif began is not None:
            key = f"forecast_recovered:{row.series} since {began}"
            message = forecast_recovered(business=business, family=family, since=began, as_of_date=as_of)
        else:
            continue
        new += enqueue(night.connection, dedupe_key=key, message=message, emails=alerts.email, slack=alerts.slack)
    return new


def in_words(series: str) -> str:
    """A family as people say it.

    >>> in_words("product_weekly_units"), in_words("company_daily_revenue")
    ('weekly units per product', 'daily revenue')
    """
    level, _, rest = series.partition("_")
    if level == "submissions":
        return f"{rest} as submitted"
    what = rest.replace("_", " ")
    return what if level == "company" else f"{what} per {level}"


def _worst(record: pd.DataFrame, series: str) -> Sequence[str]:
    """The largest drifting series, and which way."""
    drifting = record[(record["series"] == series) & record["is_drifting"].astype(bool)]
    largest = drifting.sort_values(["actual_total", "unique_id"], ascending=[False, True])
    named = [f"{one.unique_id}: {one.drift_direction}" for one in largest.head(MOST_NAMED).itertuples()]
    more = len(largest) - MOST_NAMED
    return [*named, f"and {more} more"] if more > 0 else named
