"""ops.nights: which day tonight is about, fixed once everything is loaded and before anything is computed.

Not here: the rule (business.yaml's as_of).
"""

from datetime import date

import dagster as dg
from pydantic import field_validator

from orchestration.defs.resources import NightResource
from orchestration.ingestion.contract import ENTITIES
from orchestration.reopening import reopen_days


class AsOf(dg.Config):
    """Run option: the day the night is about, as YYYY-MM-DD; empty for the rule of business.yaml."""

    as_of: str = ""

    @field_validator("as_of")
    @classmethod
    def _a_day(cls, text: str) -> str:
        if text:
            date.fromisoformat(text)
        return text


@dg.asset(
    key=["ops", "nights"],
    deps=[["raw", entity] for entity in ENTITIES],
    group_name="ops",
    kinds={"postgres"},
    description="One row per attempt at a night, with its as-of date.",
)
def nights(config: AsOf, night: NightResource) -> dg.MaterializeResult:
    """Fix the as-of date."""
    tonight = night.get()
    as_of = tonight.set_as_of(date.fromisoformat(config.as_of) if config.as_of else None)
    reopened = reopen_days(tonight.connection, tonight.token)
    # its statistics are of the last night: taken for a thousand open days, one had dbt read all lines and not an index
    tonight.connection.execute("analyze ops.touched_days")
    open_days = tonight.connection.execute("select count(*) from ops.open_days").fetchone()
    return dg.MaterializeResult(
        metadata={
            "as of": as_of.isoformat(),
            "days to compute": int(open_days[0]) if open_days else 0,
            "of them for new costs, territories or rates": reopened,
            "fencing token": tonight.token,
        }
    )
