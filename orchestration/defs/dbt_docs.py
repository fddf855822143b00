"""ops.dbt_docs: every model, column, test and metric with its words and lineage, as one page in DAYBREAK_HOME.

Not here: the words; they stand in the dbt project. Written only where the project has changed: it takes five seconds.
"""

import shutil
from pathlib import Path

import dagster as dg
from dagster_dbt import DbtCliResource

from orchestration.dbt_manifest import project_hash
from orchestration.defs.resources import NightResource
from orchestration.night import Counts
from orchestration.settings import Settings


@dg.asset(
    key=["ops", "dbt_docs"],
    deps=[["ops", "publications"]],
    group_name="publish",
    kinds={"dbt", "html"},
    description="dbt's documentation as one HTML file that needs no server; written anew when the dbt project changes.",
)
def dbt_docs(context: dg.AssetExecutionContext, night: NightResource, dbt: DbtCliResource) -> dg.MaterializeResult:
    """Write the page if it is not of this project. A page that cannot be written fails no night: the figures stand."""
    page = Settings().dbt_docs
    stamp, wanted = page.with_suffix(".sha256"), project_hash()
    is_current = page.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted
    with night.get().stage("docs") as record:
        problem = "" if is_current else _write(dbt, page)
        record.counts = Counts(written=0 if is_current or problem else 1)
    if problem:
        context.log.warning(f"the documentation of dbt was not written: {problem}")
    elif not is_current:
        stamp.write_text(wanted, encoding="utf-8")
    state = f"not written: {problem}" if problem else "unchanged" if is_current else "written anew"
    return dg.MaterializeResult(
        metadata={
            "page": dg.MetadataValue.path(str(page)),
            "open": dg.MetadataValue.url(page.as_uri()),
            "state": state,
        }
    )


def _write(dbt: DbtCliResource, page: Path) -> str:
    """Have dbt write the page, and put it in its place; what went wrong, or nothing."""
    work = Settings().dbt_target / "dbt_docs"
    work.mkdir(parents=True, exist_ok=True)
    # Without compiling, which takes as long again and is not shown, dbt writes no manifest and looks for the last one.
    shutil.copyfile(Settings().dbt_target / "manifest.json", work / "manifest.json")
    arguments = ["docs", "generate", "--static", "--no-compile"]
    invocation = dbt.cli(arguments, raise_on_error=False, target_path=work).wait()
    made = work / "static_index.html"
    if not invocation.is_successful() or not made.exists():
        error = invocation.get_error()
        return str(error or "dbt made no page")[:2000]
    page.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(made, page.with_suffix(".new"))
    page.with_suffix(".new").replace(page)
    return ""
