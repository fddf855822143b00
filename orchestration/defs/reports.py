"""Report editions: the sales summary as a workbook and a PDF, from what was published.

Not here: their content (orchestration/editions.py) and their looks (reporting/).
"""

import dagster as dg

from orchestration.defs.resources import NightResource
from orchestration.editions import write_editions
from orchestration.metadata import table_of
from orchestration.night import Counts
from orchestration.settings import Settings


@dg.asset(
    key=["ops", "editions"],
    deps=[["ops", "publications"]],
    group_name="reports",
    kinds={"excel", "python"},
    description="One row per report edition in the editions folder.",
)
def editions(night: NightResource) -> dg.MaterializeResult:
    """Write the editions."""
    tonight = night.get()
    with tonight.stage("reports") as record:
        written = write_editions(tonight, Settings().editions)
        record.counts = Counts(written=len(written))
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(written),
            "editions": table_of(written),
            "folder": dg.MetadataValue.path(str(Settings().editions)),
        }
    )
