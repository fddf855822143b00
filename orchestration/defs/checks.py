"""The expectation suites as asset checks: on what was loaded, and on tonight's build of bi before it is published.

Not here: the rules (orchestration/suites.py). A broken critical rule blocks what follows, and so fails the night.
"""

from collections.abc import Iterator

import dagster as dg

from orchestration.checks import Failure, SuiteResult, run_suite, unpublished_rows
from orchestration.defs.resources import NightResource
from orchestration.ingestion.contract import ENTITIES
from orchestration.metadata import table_of
from orchestration.publication import BUILT, LIVE, needs_full_build
from orchestration.suites import suites


def _checks_of(schema: str) -> dg.AssetChecksDefinition:
    """All suites of a schema in one step: of raw most tables are empty, and a step costs more than looking at them."""
    own = [suite for suite in suites().values() if suite.schema == schema]
    specs = [
        dg.AssetCheckSpec(
            _check_name(suite.name),
            asset=dg.AssetKey([suite.schema, suite.table]),
            blocking=True,
            description=f"Great Expectations suite of {suite.name}: {len(suite.rules)} rules.",
        )
        for suite in own
    ]

    @dg.multi_asset_check(name=f"{schema}_expectations", specs=specs, can_subset=True)
    def check(context: dg.AssetCheckExecutionContext, night: NightResource) -> Iterator[dg.AssetCheckResult]:
        wanted = {key.name for key in context.selected_asset_check_keys}
        built = BUILT if schema == LIVE else schema
        # of raw only what is not published yet; all of it where the code changed
        is_all = schema != "raw" or needs_full_build(night.get().connection, night.code_fingerprint)
        for suite in own:
            if _check_name(suite.name) in wanted:
                looked_at = "true" if is_all else unpublished_rows(ENTITIES[suite.table])
                yield _as_check_result(run_suite(night.get().url, suite.name, built, looked_at))

    return check


def _check_name(suite_name: str) -> str:
    return f"{suite_name.replace('.', '_')}_expectations"


def _as_check_result(result: SuiteResult) -> dg.AssetCheckResult:
    """The suite's result with the failing rows in its metadata."""
    failures = [
        {"rule": f.expectation, "column": f.column or "", "severity": f.severity, "rows": f.unexpected_count}
        for f in result.failures
    ]
    examples = {f"rows that break {f.expectation}"[:100]: table_of(f.examples) for f in result.failures if f.examples}
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey(result.suite.split(".")),
        check_name=_check_name(result.suite),
        passed=not result.failures,
        severity=dg.AssetCheckSeverity.WARN if result.success else dg.AssetCheckSeverity.ERROR,
        description="; ".join(map(_in_words, result.failures)) or "all rules hold",
        metadata={
            "statistics": dg.MetadataValue.json(result.statistics),
            "broken rules": table_of(failures),
            **examples,
        },
    )


def _in_words(failure: Failure) -> str:
    """The broken rule, how many rows break it, and the first of them: this sentence goes into the alert."""
    first = ", ".join(f"{column} {value}" for column, value in (failure.examples or [{}])[0].items())
    count = f"{failure.unexpected_count} row{'s break' if failure.unexpected_count != 1 else ' breaks'}"
    return f"{count} the rule “{failure.expectation}”" + (f" (first: {first})" if first else "")


# The autoloader takes module-level values; a list of checks is one.
expectation_checks = [_checks_of(schema) for schema in dict.fromkeys(suite.schema for suite in suites().values())]
