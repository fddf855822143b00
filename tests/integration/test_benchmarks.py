"""The benchmarks run, at a size at which their figures mean nothing: nothing here is timed.

Not here: the nights among them, which cost minutes; test_definitions.py holds the stages that they leave out.
"""

from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.memory import into_one_file


def test_load_and_memory_are_measured_beside_what_is_promised(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "load", "memory", "--demo-days", "3", "--repetitions", "1", "--rows", "2000"]) == 0
    promised = capsys.readouterr().out.partition("promised and measured\n")[2].splitlines()
    assert [line.split("  promised: ")[1].split()[:2] for line in promised[:2]] == [["≤", "4"], ["≤", "600"]]
    assert promised[0].strip().startswith("loading demo, over a bare COPY")
    assert float(promised[1].split("MB  promised")[0].split()[-1]) > 20


def test_reconciliation_is_measured_beside_the_library(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "reconciliation"]) == 0
    said, _, promised = capsys.readouterr().out.partition("promised and measured\n")
    assert "hierarchicalforecast" in said
    assert [line.split("  promised: ")[1].split()[1] for line in promised.splitlines()[:2]] == ["2", "50"]


def test_files_become_one_with_every_document_number_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('Nr;Name\nRE-1;"Ä; RE-1"\n', encoding="utf-8")
    (tmp_path / "b.csv").write_text("Nr;Name\nGS-2;x\n", encoding="utf-8")
    into_one_file(tmp_path, 5)
    lines = (tmp_path / "all.csv").read_text(encoding="utf-8").splitlines()
    assert lines == ["Nr;Name", 'RE0-1;"Ä; RE-1"', "GS0-2;x", 'RE1-1;"Ä; RE-1"', "GS1-2;x"]
    assert list(tmp_path.iterdir()) == [tmp_path / "all.csv"]
