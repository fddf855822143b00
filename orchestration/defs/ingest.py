"""raw.*: one asset per entity of the source contract.

Not here: taking a source in (orchestration/ingestion/), and the checks on what was loaded (checks.py).
"""

import dagster as dg

from orchestration.defs.resources import NightResource
from orchestration.errors import SourceError
from orchestration.ingestion.contract import ENTITIES
from orchestration.ingestion.entity import Entity
from orchestration.ingestion.load import LoadReport, load_source
from orchestration.ingestion.staging import Progress
from orchestration.metadata import preview, table_of
from orchestration.night import Counts, Night
from orchestration.settings import Settings
from orchestration.warehouse import read_frame

GROUP = "raw"


def _ingest(context: dg.AssetExecutionContext, night: Night, entity: Entity) -> dg.MaterializeResult:
    """Take in every pending file of the entity's sources."""
    reports: list[LoadReport] = []
    with night.stage(f"ingest {entity.name}") as record:
        for source in night.business.sources_of(entity.name):
            progress = _progress(context, source.name)
            data_folder = Settings().data_folder
            report = load_source(
                night.connection, night.business, source, data_folder, token=night.token, on_progress=progress
            )
            context.log.info(str(report))
            reports.append(report)
        record.counts = Counts(
            sum(r.rows_read for r in reports),
            sum(r.rows_written for r in reports),
            sum(r.rows_rejected for r in reports),
        )
    rows = int(read_frame(night.connection, f"select count(*) as n from {entity.table}")["n"].iloc[0])
    if rows == 0 and entity.is_required:
        globs = ", ".join(repr(source.files) for source in night.business.sources_of(entity.name))
        raise SourceError(
            f"{entity.name} has no rows: nothing that matches {globs} below {Settings().data_folder} brought any",
            remedy="daybreak check says what each source finds",
        )
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows,
            "loads": table_of(reports) if reports else dg.MetadataValue.text("no source brings this entity"),
            "preview": preview(
                night.connection, f"select * from {entity.table} order by _load_id desc, _line desc limit 5"
            ),
            "rejected": preview(
                night.connection,
                "select source, file_path, line, column_name, value, rule, reason from quarantine.rejected_rows "
                f"where entity = '{entity.name}' order by rejected_id desc limit 10",
            ),
        }
    )


def _progress(context: dg.AssetExecutionContext, source: str) -> Progress:
    """Says how far a load of many files is, four times over its length."""

    def say(done: int, total: int) -> None:
        if total > 20 and done * 4 // total != (done - 1) * 4 // total:
            context.log.info(f"{source}: {done} of {total} files")

    return say


def _asset_of(entity: Entity) -> dg.AssetsDefinition:
    @dg.asset(key=["raw", entity.name], group_name=GROUP, kinds={"postgres"}, description=entity.grain)
    def ingest(context: dg.AssetExecutionContext, night: NightResource) -> dg.MaterializeResult:
        return _ingest(context, night.get(), entity)

    return ingest


raw_sales_lines = _asset_of(ENTITIES["sales_lines"])
raw_products = _asset_of(ENTITIES["products"])
raw_customers = _asset_of(ENTITIES["customers"])
raw_inventory_levels = _asset_of(ENTITIES["inventory_levels"])
