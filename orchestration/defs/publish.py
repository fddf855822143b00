"""bi: tonight's build becomes what everybody reads, in one transaction.

Not here: how (orchestration/publication.py).
"""

from datetime import timedelta

import dagster as dg

from orchestration.business import load_business
from orchestration.defs.dbt import PROJECT
from orchestration.defs.resources import NightResource
from orchestration.metadata import preview
from orchestration.night import Counts
from orchestration.publication import bi_tables, publish
from orchestration.settings import Settings

TABLES = bi_tables(PROJECT.manifest_path)


@dg.asset(
    key=["ops", "publications"],
    deps=[["bi", table.name] for table in TABLES],
    group_name="publish",
    kinds={"postgres"},
    description="One row per publication: bi as readers see it changes with it, or not at all.",
    freshness_policy=dg.FreshnessPolicy.cron(
        deadline_cron="0 6 * * *",
        lower_bound_delta=timedelta(hours=6),
        timezone=load_business(Settings().business_folder).profile.time_zone,
    ),
)
def publications(night: NightResource) -> dg.MaterializeResult:
    """Publish."""
    tonight = night.get()
    with tonight.stage("publish") as record:
        published = publish(tonight, TABLES, night.code_fingerprint)
        record.counts = Counts(read=published.rows_written, written=published.rows_written)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": published.rows_written,
            "days": published.days,
            "whole schema replaced": published.is_full,
            "headline": preview(
                tonight.connection,
                "select period, label, round(value, 2) as value, round(previous_period, 2) as previous_period, "
                "round(previous_year, 2) as previous_year from bi.kpi_snapshots "
                "where as_of_date = %(as_of)s and grain = 'company' and period in ('month', 'year') "
                "order by period, sort_order",
                {"as_of": tonight.as_of_date},
            ),
        }
    )
