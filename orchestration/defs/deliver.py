"""The last stage: say that the figures are ready, and close the night.

Not here: sending (the dispatcher does, from the outbox) and what is said of a failed night (orchestration/failures.py).
"""

import dagster as dg

from orchestration.defs.resources import NightResource
from orchestration.editions import sales_summary
from orchestration.messages.outbox import enqueue
from orchestration.night import Counts
from orchestration.warehouse import writing
from reporting.alerts import night_published
from reporting.format import quantity


@dg.asset(
    key=["ops", "outbox"],
    deps=[["ops", "editions"], ["ops", "dbt_docs"]],  # the night ends here, after all that may still write to it
    group_name="deliver",
    kinds={"postgres"},
    description="One row per message and recipient; the dispatcher sends what is due.",
)
def outbox(night: NightResource) -> dg.MaterializeResult:
    """Put the good news into the outbox and mark the night as succeeded."""
    tonight = night.get()
    summary = sales_summary(tonight.connection, tonight.business.profile.zone)
    # a KPI that no source allows is no news
    month = summary.headline_of("month").dropna(subset="value")
    message = night_published(
        business=summary.business,
        as_of_date=summary.as_of_date,
        published_at=summary.published_at,
        highlights=[f"{r.label}: {quantity(r.value, r.unit, summary.currency)}" for r in month.itertuples()],
        rejected_rows=int(summary.data_quality["rows_rejected"].sum()),
    )
    with tonight.stage("deliver") as record, writing(tonight.connection):
        new = enqueue(
            tonight.connection,
            dedupe_key=f"night_published:{summary.as_of_date}:{tonight.token}",
            message=message,
            emails=tonight.business.alerts.email,
            slack=tonight.business.alerts.slack,
        )
        record.counts = Counts(written=new)
        # in the same transaction: good news is never sent for a night that does not count as one
        tonight.finish("succeeded")
    return dg.MaterializeResult(metadata={"dagster/row_count": new, "text": dg.MetadataValue.text(message.text)})
