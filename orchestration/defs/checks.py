"""The expectation suites as asset checks: on what was loaded, and on tonight's build of bi before it is published.

Not here: the rules (orchestration/suites.py). A broken critical rule blocks what follows, and so fails the night.
"""

import dagster as dg

from orchestration.checks import Failure, Suite, SuiteResult, run_suite, suites
from orchestration.defs.resources import NightResource
from orchestration.metadata import table_of
from orchestration.publication import BUILT, LIVE


def _check_of(suite: Suite) -> dg.AssetChecksDefinition:
    schema = BUILT if suite.schema == LIVE else suite.schema

    @dg.asset_check(
        name=f"{suite.schema}_{suite.table}_expectations",
        asset=dg.AssetKey([suite.schema, suite.table]),
        blocking=True,
        description=f"Great Expectations suite of {suite.schema}.{suite.table}: {len(suite.rules)} rules.",
    )
    def check(night: NightResource) -> dg.AssetCheckResult:
        return _as_check_result(run_suite(night.get().url, suite.name, schema))

    return check


def _as_check_result(result: SuiteResult) -> dg.AssetCheckResult:
    """The suite's result with the failing rows in its metadata."""
    failures = [
        {"rule": f.expectation, "column": f.column or "", "severity": f.severity, "rows": f.unexpected_count}
        for f in result.failures
    ]
    examples = {f"rows that break {f.expectation}"[:100]: table_of(f.examples) for f in result.failures if f.examples}
    return dg.AssetCheckResult(
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
expectation_checks = [_check_of(suite) for suite in suites().values()]
