"""The reps' submitted forecasts whose periods are over, beside what came, what naive and what the engine said then.

Not here: the arithmetic of value added (forecasting/value_added.py).
"""

from datetime import date, timedelta

import numpy as np
import pandas as pd

from orchestration.warehouse import Connection, read_frame

WINDOW_DAYS = 183  # of rounds judged: the lines of their periods, of the year before and of a quarter are read for each
SHARE_DAYS = 91  # from which a rep's part of a category is taken
WHICH = ("rep_id", "territory_id", "category", "product_id")
AMOUNTS = {"revenue": ("forecast_amount", "net_revenue"), "units": ("forecast_units", "units")}
ITEMS = ("series", "cycle_id", *WHICH, "y", "reps", "naive", "engine")

# What was said last, before the period began: who knows half of the month forecasts no more.
SUBMITTED = """
    with rounds as (
        select cycle_id, period, period_start, (due_at at time zone b.time_zone)::date as due_on, b.time_zone,
               (period_start + case period when 'day' then interval '1 day' when 'week' then interval '7 days'
                    when 'month' then interval '1 month' when 'quarter' then interval '3 months'
                    else interval '1 year' end)::date as period_end
        from staging.stg_forecast_cycles cross join ops.business as b
    )
    select distinct on (cycle_id, rep_id, territory_id, category, product_id)
           cycle_id, rep_id, territory_id, category, product_id, forecast_amount::double precision as forecast_amount,
           forecast_units::double precision as forecast_units, period, period_start, period_end, due_on
    from staging.stg_forecast_submissions join rounds using (cycle_id)
    where period_end <= %(as_of)s::date + 1 and period_start > %(as_of)s::date - %(window)s
      and (submitted_at at time zone time_zone)::date < period_start
    order by cycle_id, rep_id, territory_id, category, product_id, submitted_at desc, submission_id desc"""
# Three spans of each round: what came, the same period a year before, and the quarter before submissions were due.
SOLD = """
    with spans as (
        select * from unnest(%(cycle)s::text[], %(span)s::text[], %(first)s::date[], %(last)s::date[])
            as spans(cycle_id, span, first_day, last_day)
    )
    select cycle_id, span, lines.rep_id, lines.territory_id, products.category,
           {product} as product_id, sum(net_revenue)::double precision as net_revenue,
           sum(units)::double precision as units
    from spans
    join marts.fct_sales_lines as lines on lines.order_date between first_day and last_day
    join marts.dim_product as products using (product_key)
    group by 1, 2, 3, 4, 5, 6"""
# What the engine said of a category, a territory or all by the day submissions were due.
ENGINE = """
    select mean from forecast.forecasts
    where series = %(series)s and unique_id = %(unique_id)s and ds = %(ds)s and as_of_date <= %(due)s
      and as_of_date > %(due)s::date - 60
    order by as_of_date desc limit 1"""
GRAIN = {"day": "daily", "week": "weekly", "month": "monthly", "quarter": "quarterly", "year": "yearly"}


def judged_submissions(connection: Connection, as_of: date) -> pd.DataFrame:
    """One row per thing that a rep forecast in a round of the last half-year: :data:`ITEMS`.

    ``series`` is ``submissions_revenue`` or ``submissions_units``. ``y`` is what the rep sold of it (in the territory,
    of the category or product that the submission names); ``naive`` the same of a year before, or of the quarter
    before submissions were due, per day, where there was none. ``engine`` is the newest forecast that was there on the
    due day (of the category, else the territory, else the company), times the rep's part of it in that quarter; NaN
    where the engine said nothing yet. Each of the three knew what the reps could know.
    """
    said = read_frame(connection, SUBMITTED, {"as_of": as_of, "window": WINDOW_DAYS})
    if said.empty:
        return pd.DataFrame(columns=list(ITEMS))
    sold = _sold(connection, said)
    return pd.concat([_items(connection, said, sold, measure) for measure in AMOUNTS], ignore_index=True)


def _sold(connection: Connection, said: pd.DataFrame) -> pd.DataFrame:
    rounds = said.drop_duplicates("cycle_id")
    spans = []
    for one in rounds.itertuples():
        for span, (first, last) in _spans(one.period, one.period_start, one.period_end, one.due_on).items():
            spans.append((one.cycle_id, span, first, last))
    cycles, names, firsts, lasts = (list(part) for part in zip(*spans, strict=True))
    product = "lines.product_id" if said["product_id"].notna().any() else "null::text"
    parameters = {"cycle": cycles, "span": names, "first": firsts, "last": lasts}
    return read_frame(connection, SOLD.format(product=product), parameters)


def _spans(period: str, start: date, end: date, due_on: date) -> dict[str, tuple[date, date]]:
    """First and last days of what is asked of a round."""
    back = pd.DateOffset(days=364) if period in ("day", "week") else pd.DateOffset(years=1)
    before = [(pd.Timestamp(day) - back).date() for day in (start, end)]
    return {
        "came": (start, end - timedelta(days=1)),
        "year before": (before[0], before[1] - timedelta(days=1)),
        "quarter before": (due_on - timedelta(days=SHARE_DAYS), due_on - timedelta(days=1)),
    }


def _items(connection: Connection, said: pd.DataFrame, sold: pd.DataFrame, measure: str) -> pd.DataFrame:
    """The submissions of one measure with what is beside them."""
    submitted, column = AMOUNTS[measure]
    items = said[said[submitted].notna()].rename(columns={submitted: "reps"})
    if items.empty:
        return pd.DataFrame(columns=list(ITEMS))
    for span, name in (("came", "y"), ("year before", "last_year"), ("quarter before", "quarter")):
        items = _beside(items, sold[sold["span"] == span], column, name)
    days = (pd.to_datetime(items["period_end"]) - pd.to_datetime(items["period_start"])).dt.days
    items = items.assign(
        y=items["y"].fillna(0.0), naive=items["last_year"].fillna(items["quarter"] * days / SHARE_DAYS).fillna(0.0)
    )
    whole = _of_whole(connection, items, sold[sold["span"] == "quarter before"], measure)
    return items.assign(series=f"submissions_{measure}", engine=whole)[list(ITEMS)]


def _beside(items: pd.DataFrame, sold: pd.DataFrame, column: str, name: str) -> pd.DataFrame:
    """The items with a column ``name``: what was sold of each, where it names less over all of the rest."""
    named = items[list(WHICH)].notna()
    parts = []
    for _, group in items.groupby([named[which] for which in WHICH], sort=False):
        keys = ["cycle_id", *(which for which in WHICH if group[which].notna().iloc[0])]
        sums = sold.groupby(keys, as_index=False)[column].sum().rename(columns={column: name})
        parts.append(group.merge(sums, on=keys, how="left").set_axis(group.index))
    return pd.concat(parts).sort_index()


def _of_whole(connection: Connection, items: pd.DataFrame, quarter: pd.DataFrame, measure: str) -> np.ndarray:
    """The engine's forecast of what each item is a part of, times that part; NaN where there is neither."""
    column, answers = AMOUNTS[measure][1], {}
    found = []
    for one in items.itertuples():
        level, member = next(
            ((level, str(value)) for level, value in (("category", one.category), ("territory", one.territory_id))
             if value is not None and not pd.isna(value)),
            ("company", "company"),
        )  # fmt: skip
        key = (one.cycle_id, level, member)
        if key not in answers:
            in_it = quarter[quarter["cycle_id"] == one.cycle_id]
            if level != "company":
                in_it = in_it[in_it["category" if level == "category" else "territory_id"] == member]
            row = connection.execute(
                ENGINE,
                {"series": f"{level}_{GRAIN[one.period]}_{measure}", "unique_id": member, "ds": one.period_start,
                 "due": one.due_on},
            ).fetchone()  # fmt: skip
            answers[key] = (row[0] if row else np.nan, float(in_it[column].sum()))
        mean, total = answers[key]
        found.append(mean * one.quarter / total if total else np.nan)
    return np.asarray(found, dtype="float64")
