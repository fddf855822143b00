"""Why a run failed, in words for whoever is woken: stage, reason, remedy, and no secret.

Not here: who is told of it, and how often (test_definitions.py).
"""

import dagster as dg
import psycopg
import pytest

from orchestration.errors import ContractError, NightRunningError, SourceError
from orchestration.failures import why_it_failed
from tests.support.failed_runs import failed_run


@pytest.mark.parametrize(
    ("error", "exit_code", "reason"),
    [
        (SourceError("s", remedy="r"), 3, "s"),
        (ContractError("c"), 4, "c"),
        (NightRunningError("n"), 6, "n"),
        (ZeroDivisionError("Division, Ähem: by zero"), 1, "Division, Ähem: by zero"),
        (psycopg.OperationalError("no postgresql://me:secret@db/sales"), 1, "no postgresql://me:***@db/sales"),
    ],
)
def test_why_a_run_failed(error: Exception, exit_code: int, reason: str) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        why = why_it_failed(instance, failed_run(instance, error).run_id)
    assert (why.stage, why.reason, why.exit_code) == ("raw sales_lines", reason, exit_code)
    assert why.remedy == getattr(error, "remedy", None)


def test_what_dbt_says_is_told_without_its_command_and_paths() -> None:
    page = (
        "The dbt CLI process with command\n\n`some/dbt build`\n\nfailed with exit code `1`.\n\n"
        "Errors parsed from dbt logs:\n\nFailure in test unique_x\n  Got 2 results\n  compiled code at some/y.sql"
    )

    @dg.op
    def build() -> None:
        raise RuntimeError(page)

    @dg.job
    def job() -> None:
        build()

    with dg.DagsterInstance.ephemeral() as instance:
        run = job.execute_in_process(instance=instance, raise_on_error=False)
        assert why_it_failed(instance, run.run_id).reason == "Failure in test unique_x\n  Got 2 results"


def test_a_run_that_left_no_word() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        why = why_it_failed(instance, "11111111-2222-3333-4444-555555555555")
    assert why.stage == "the run"
    assert "without a word" in why.reason


def test_a_broken_blocking_check_is_told_with_its_rule_and_row() -> None:
    """Dagster's own error only names the check: whoever is woken needs to know what is wrong."""
    from orchestration.checks import Failure, SuiteResult
    from orchestration.defs.checks import _as_check_result

    failures = (
        Failure("qty_units is below 10", "qty_units", "critical", 2, [{"order_id": "RE-7", "qty_units": "1e9"}]),
        Failure("a sale is not negative", "qty_units", "warning", 1, []),
    )

    @dg.asset(key=["raw", "sales_lines"])
    def sales_lines() -> None: ...

    @dg.asset_check(asset=sales_lines, blocking=True)
    def raw_sales_lines_expectations() -> dg.AssetCheckResult:
        return _as_check_result(SuiteResult("raw.sales_lines", success=False, statistics={}, failures=failures))

    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize([sales_lines, raw_sales_lines_expectations], instance=instance, raise_on_error=False)
        why = why_it_failed(instance, done.run_id)
    assert (why.stage, why.exit_code) == ("raw sales_lines", ContractError.exit_code)
    assert why.reason == (
        "raw.sales_lines: 2 rows break the rule “qty_units is below 10” (first: order_id RE-7, qty_units 1e9); "
        "1 row breaks the rule “a sale is not negative”"
    )
    assert "the check raw_sales_lines_expectations" in (why.remedy or "")
