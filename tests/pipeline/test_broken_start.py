"""Nights that cannot begin: a broken business folder, and no files.

Not here: nights that fail later (test_night.py).
"""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.night import (
    FIRST_UNTIL,
    NEXT_DAY,
    bi_tables,
    new_home,
)

pytestmark = [pytest.mark.timeout(900)]


def test_a_broken_business_folder_is_told_with_file_and_line(tmp_path: Path) -> None:
    home = new_home(tmp_path / "shop")
    path = home.business / "sources.yaml"
    text = path.read_text(encoding="utf-8")
    line = 1 + text[: text.index("duplicates: skip")].count("\n")
    path.write_text(text.replace("duplicates: skip", "duplicate: skip"), encoding="utf-8")
    run = home.nightly()
    assert run.exit_code == 2
    assert (run.report["succeeded"], run.report["exit_code"]) == (False, 2)
    assert f"sources.yaml:{line}" in run.report["reason"]
    assert "duplicates" in run.report["reason"] + (run.report["remedy"] or "")
    assert not home.folder.exists()


def test_a_night_without_any_file_says_so(tmp_path: Path) -> None:
    home = new_home(tmp_path / "shop")
    run = home.nightly()
    assert run.exit_code == 3
    assert (run.report["succeeded"], run.report["failed_stage"]) == (False, "raw sales_lines")
    assert "sales/*.csv" in run.report["reason"]
    assert run.report["remedy"]
    with home.serving():
        assert bi_tables(home.url()) == []
        assert home.rows("select status from ops.nights") == [("failed",)]
        assert home.rows("select count(*) from ops.outbox where dedupe_key like 'run_failed:%'") == [(1,)]
    shutil.rmtree(home.root)


def test_the_second_day_is_the_day_after_a_sunday() -> None:
    assert FIRST_UNTIL + timedelta(days=2) == NEXT_DAY
