"""A load's counts in the order in which the tests of loads write them.

Not here: what they must be (tests/integration/test_ingestion_*.py).
"""

from orchestration.ingestion.load import LoadReport


def counts(report: LoadReport) -> tuple[int, int, int, int, int]:
    return (
        report.rows_read, report.rows_inserted, report.rows_replaced, report.rows_duplicate, report.rows_rejected,
    )  # fmt: skip
