"""staging, marts, kpis and bi: every dbt model and test as an asset and a check. in two steps around the Python stages.

Not here: the SQL (dbt_project/) and the publication of bi (publish.py).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliInvocation, DbtCliResource, DbtProject, dbt_assets

from orchestration import failpoints
from orchestration.dbt_manifest import prepared_project, prune_artifacts
from orchestration.defs.resources import NightResource
from orchestration.metadata import rows_about
from orchestration.night import Counts
from orchestration.publication import BUILT, LIVE, needs_full_build
from orchestration.settings import Settings
from orchestration.warehouse import Connection

PROJECT = prepared_project(Settings())


class Translator(DagsterDbtTranslator):
    """A model is the asset [folder, table name], in the group of its folder."""

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """The model's spec."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = manifest["nodes"].get(unique_id)
        if node is None or node["resource_type"] not in ("model", "seed"):
            return spec
        folder = node["fqn"][1]
        return spec.replace_attributes(key=dg.AssetKey([folder, node["alias"]]), group_name=folder)


@dbt_assets(
    manifest=PROJECT.manifest_path,
    project=PROJECT,
    dagster_dbt_translator=Translator(),
    select="path:models/staging path:models/marts path:models/kpis",
    name="dbt_facts",
)
def dbt_facts(context: dg.AssetExecutionContext, night: NightResource, dbt: DbtCliResource) -> Iterator[Any]:
    """What sales make of themselves: everything that forecasts, stock and anomalies read."""
    yield from _build("facts", context, night, dbt)


@dbt_assets(
    manifest=PROJECT.manifest_path,
    project=PROJECT,
    dagster_dbt_translator=Translator(),
    select="path:models/bi",
    name="dbt_bi",
)
def dbt_bi(context: dg.AssetExecutionContext, night: NightResource, dbt: DbtCliResource) -> Iterator[Any]:
    """What is published: facts, forecasts, stock and anomalies, in ``bi_build``."""
    yield from _build("bi", context, night, dbt)


def _build(stage: str, context: dg.AssetExecutionContext, night: NightResource, dbt: DbtCliResource) -> Iterator[Any]:
    """Build the selected models and run their tests; unit tests belong to the test suite, not to the night."""
    tonight = night.get()
    is_full = needs_full_build(tonight.connection, night.code_fingerprint)
    tonight.begin_build(night.code_fingerprint)
    arguments = ["build", "--exclude-resource-type", "unit_test"]
    if is_full:
        context.log.info("nothing was published yet, or by other code or another calendar: building all days anew")
        arguments.append("--full-refresh")
    # a part of the models, as somebody may select in the UI, is no stage done: publishing asks for both of them whole
    name = f"{stage}, in part" if context.assets_def.is_subset else stage
    with tonight.stage(name) as record:
        invocation = dbt.cli(arguments, context=context)
        for number, event in enumerate(invocation.stream(), start=1):
            if number == 5:
                failpoints.reach(f"dbt.{stage}")
            yield _with_row_count(tonight.connection, context, event)
        record.counts = Counts(written=_rows_affected(invocation))
    prune_artifacts(Settings())


def _with_row_count(connection: Connection, context: dg.AssetExecutionContext, event: Any) -> Any:
    """A table's event with about how many rows it has; dagster-dbt's own counts read every table whole."""
    if not isinstance(event, dg.Output):
        return event
    schema, table = context.asset_key_for_output(event.output_name).path
    if schema == "staging":  # views
        return event
    rows = rows_about(connection, f"{BUILT if schema == LIVE else schema}.{table}")
    return event.with_metadata({**event.metadata, "dagster/row_count": rows})


def _rows_affected(invocation: DbtCliInvocation) -> int:
    """The rows that dbt's statements wrote, as PostgreSQL counted them."""
    results = invocation.get_artifact("run_results.json")["results"]
    return sum(max(int(r["adapter_response"].get("rows_affected") or 0), 0) for r in results)
