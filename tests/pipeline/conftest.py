"""Homes that cost a night each, built once per test run: the tests work on copies, or read what was kept of them."""

import json
from pathlib import Path

import pytest

from tests.support.night import add_second_day, bi_rows, fill, new_home
from tests.support.once import built_once


@pytest.fixture(scope="session")
def first_night(run_folder: Path) -> Path:
    """The root of a home after its first night, its server stopped. To be copied, not to be used."""

    def build(root: Path) -> None:
        home = new_home(root)
        fill(home)
        run = home.nightly().must_succeed()
        (root / "first_night.json").write_text(json.dumps({"stdout": run.stdout, "seconds": run.seconds}))

    return built_once(run_folder / "nights" / "first", build)


@pytest.fixture(scope="session")
def never_interrupted(run_folder: Path) -> dict[str, list[str]]:
    """What ``bi`` says in a home that got the files of both days at once and had one night, without a crash."""

    def build(root: Path) -> None:
        home = new_home(root)
        fill(home)
        add_second_day(home)
        with home.serving():
            home.nightly().must_succeed()
            (root / "bi.json").write_text(json.dumps(bi_rows(home.url())), encoding="utf-8")

    folder = built_once(run_folder / "nights" / "uninterrupted", build)
    rows: dict[str, list[str]] = json.loads((folder / "bi.json").read_text(encoding="utf-8"))
    return rows
