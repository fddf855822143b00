"""raw.*: one asset per entity of the source contract.

Not here: taking a source in (orchestration/ingestion/), and the checks on what was loaded (checks.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from orchestration.business import load_business
from orchestration.defs.resources import NightResource
from orchestration.errors import (
    ConfigurationError,
    DaybreakError,
    LeaseLostError,
    PermanentError,
    SourceError,
    UnreachableError,
)
from orchestration.failures import tell_of_drift, tell_of_refusal
from orchestration.ingestion.contract import ENTITIES
from orchestration.ingestion.entity import Entity
from orchestration.ingestion.ledger import LoadReport
from orchestration.ingestion.load import load_source
from orchestration.ingestion.staging import Progress
from orchestration.metadata import preview, rows_about, table_of
from orchestration.night import Counts, Night
from orchestration.settings import Settings
from orchestration.sources import Source

GROUP = "raw"
# What is wrong with one source, its place or its mapping, and with nothing that other sources need.
REFUSALS = (SourceError, UnreachableError, PermanentError, ConfigurationError)


@dataclass
class _Intake:
    """What the sources of one entity brought tonight, and which of them were refused."""

    reports: list[LoadReport] = field(default_factory=list)
    refusals: dict[str, DaybreakError] = field(default_factory=dict)


def _ingest(context: dg.AssetExecutionContext, night: Night, entity: Entity) -> dg.MaterializeResult:
    """Take in every pending file of the entity's sources; a source that is refused stops nothing but itself.

    Raises:
        DaybreakError: of the kind of the first refusal; the entity is required, and lacks what one of its sources has
            for it: the figures of half a day would be wrong. Of any other entity the night goes on with what its table
            held before.
        SourceError: the entity is required and has no rows.
    """
    sources = night.business.sources_of(entity.name)
    if not sources:
        return dg.MaterializeResult(
            asset_key=_key(entity),
            metadata={"loads": dg.MetadataValue.text("no source brings this entity")},
            check_results=[_check_result(entity, _Intake())],
        )
    intake = _take_in(context, night, entity, sources)
    if entity.is_required and intake.refusals:
        raise _as_one(list(intake.refusals.values()))
    for name, refusal in intake.refusals.items():
        context.log.warning(f"{name} was refused: {refusal.message}")
        tell_of_refusal(night, source=name, refusal=refusal)
    if entity.is_required and rows_about(night.connection, entity.table) == 0:
        globs = ", ".join(repr(source.files) for source in sources)
        raise SourceError(
            f"{entity.name} has no rows: nothing that matches {globs} below {Settings().data_folder} brought any",
            remedy="daybreak check says what each source finds",
        )
    return dg.MaterializeResult(
        asset_key=_key(entity),
        metadata=_metadata(night, entity, intake),
        check_results=[_check_result(entity, intake)],
    )


def _take_in(context: dg.AssetExecutionContext, night: Night, entity: Entity, sources: Sequence[Source]) -> _Intake:
    """Load one source after the other; the stage of an entity of which one was refused is on record as a part."""
    intake = _Intake()
    data_folder = Settings().data_folder
    with night.stage(f"ingest {entity.name}") as record:
        for source in sources:
            progress = _progress(context, source.name)
            try:
                report = load_source(
                    night.connection, night.business, source, data_folder, token=night.token, on_progress=progress
                )
            except LeaseLostError:
                raise
            except REFUSALS as refusal:
                intake.refusals[source.name] = refusal
                continue
            context.log.info(str(report))
            intake.reports.append(report)
            for change in report.drifts:
                context.log.warning(f"{source.name}: {change}")
            if report.drifts:
                tell_of_drift(night, report)
        record.counts = Counts(
            sum(r.rows_read for r in intake.reports),
            sum(r.rows_written for r in intake.reports),
            sum(r.rows_rejected for r in intake.reports),
        )
        record.is_partial = bool(intake.refusals)
    return intake


def _as_one(refusals: Sequence[DaybreakError]) -> DaybreakError:
    """The first refusal, with what the others say below it."""
    first, *others = refusals
    return type(first)("\n".join(r.message for r in refusals), remedy=first.remedy) if others else first


def _metadata(night: Night, entity: Entity, intake: _Intake) -> dict[str, Any]:
    """What the UI shows: the loads, the newest rows and what was rejected tonight; and about how many rows there are.

    Nothing here reads the whole table. Of ten million rows a count takes 0.5 s, and so does finding the newest five.
    """
    metadata: dict[str, Any] = {
        "dagster/row_count": rows_about(night.connection, entity.table),
        "loads": table_of(intake.reports),
        "preview": preview(
            night.connection,
            # new rows lie in a table's last pages
            f"""select * from {entity.table} where ctid >= format('(%%s,0)', greatest(
                    pg_relation_size(%(table)s) / current_setting('block_size')::int - 8, 0))::tid
                order by _load_id desc, _line desc limit 5""",
            {"table": entity.table},
        ),
    }
    if intake.refusals:
        refused = [{"source": name, "why": refusal.message} for name, refusal in intake.refusals.items()]
        metadata["refused"] = table_of(refused)
    changes = [{"source": r.source, "change": change} for r in intake.reports for change in r.drifts]
    if changes:
        metadata["changes"] = table_of(changes)
    if intake.refusals or any(report.rows_rejected for report in intake.reports):
        metadata["rejected"] = preview(
            night.connection,
            """select source, file_path, line, column_name, value, rule, reason from quarantine.rejected_rows
               where load_id in (select load_id from ops.loads where token = %(token)s and entity = %(entity)s)
               order by rejected_id desc limit 10""",
            {"token": night.token, "entity": entity.name},
        )
    return metadata


def _check_name(entity: Entity) -> str:
    return f"raw_{entity.name}_sources"


def _check_result(entity: Entity, intake: _Intake) -> dg.AssetCheckResult:
    """A warning if a source was refused: the run is green, and the table is not what the sources say."""
    refused = "; ".join(f"{name} was refused: {refusal.message}" for name, refusal in intake.refusals.items())
    return dg.AssetCheckResult(
        asset_key=_key(entity),
        check_name=_check_name(entity),
        passed=not intake.refusals,
        severity=dg.AssetCheckSeverity.WARN,
        description=refused or "every source was taken in",
    )


def _progress(context: dg.AssetExecutionContext, source: str) -> Progress:
    """Says how far a load of many files is, four times over its length."""

    def say(done: int, total: int) -> None:
        if total > 20 and done * 4 // total != (done - 1) * 4 // total:
            context.log.info(f"{source}: {done} of {total} files")

    return say


def _key(entity: Entity) -> dg.AssetKey:
    return dg.AssetKey(["raw", entity.name])


def _spec(entity: Entity) -> dg.AssetSpec:
    return dg.AssetSpec(_key(entity), group_name=GROUP, kinds={"postgres"}, description=entity.grain)


def _check_spec(entity: Entity) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        _check_name(entity),
        asset=_key(entity),
        blocking=True,
        description="Every source was taken in; one that was refused left the table as it was.",
    )


def _assets_of(name: str, entities: Sequence[Entity]) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=name,
        specs=[_spec(entity) for entity in entities],
        check_specs=[_check_spec(entity) for entity in entities],
        can_subset=len(entities) > 1,
    )
    def ingest(context: dg.AssetExecutionContext, night: NightResource) -> Iterator[dg.MaterializeResult]:
        for entity in entities:
            if _key(entity) in context.selected_asset_keys:
                yield _ingest(context, night.get(), entity)

    return ingest


def _all_assets() -> list[dg.AssetsDefinition]:
    """One step for each entity that the business has a source for, and one for all others: a step costs 0.15 s.

    Which entities those are is known when the code is loaded. A source that is added later is taken in all the same,
    in the step of the others.
    """
    business = load_business(Settings().business_folder)
    brought = [entity for entity in ENTITIES.values() if business.sources_of(entity.name)]
    others = [entity for entity in ENTITIES.values() if entity not in brought]
    assets = [_assets_of(f"raw__{entity.name}", [entity]) for entity in brought]
    return [*assets, _assets_of("raw_without_a_source", others)] if others else assets


# The autoloader takes module-level values; a list of assets is one.
raw_assets = _all_assets()
