"""dbt in the test's own process, on any database of the test run, from a project that is parsed once for all of them.

Not here: warehouses to run it on (dbt_warehouse.py, recompute_night.py).
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from orchestration.settings import PROJECT_ROOT
from tests.support.once import built_once
from tests.support.postgres import DATABASE_NAME

# dbt writes the database's name into all that it parses, and throws a project away that was parsed for another one:
# 6 s of CPU for every warehouse. All names are equally long, so that the parsed bytes can be told another one.
PARSED_FOR = DATABASE_NAME.format(process=0, number=0)
PARSED = "partial_parse.msgpack"


@pytest.fixture(scope="session")
def parsed_project(run_folder: Path) -> Path:
    """The folder that the dbt project was parsed into, for a database called ``PARSED_FOR``; once per test run."""

    def parse(folder: Path) -> None:
        from dbt.cli.main import dbtRunner

        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DAYBREAK_PG_DATABASE", PARSED_FOR)
            result = dbtRunner().invoke(["parse", *_places(folder)])
        assert result.success, result.exception

    return built_once(run_folder / "parsed", parse)


def run_dbt(parsed: Path, url: str, *arguments: str, work: Path, token: int | None = None) -> Any:
    """Run dbt on the database at ``url``, with its artifacts in ``work``; with a token it writes as that night."""
    from dbt.cli.main import dbtRunner
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumuro_decoder

    parts = urlsplit(url)
    database = parts.path.lstrip("/")
    manifest = Manifest.from_msgpack(_told(parsed / "target" / PARSED, database), decoder=extended_mashumuro_decoder)
    manifest.build_flat_graph()
    for name in ("manifest.json", "semantic_manifest.json"):
        (work / "target").mkdir(parents=True, exist_ok=True)
        (work / "target" / name).write_bytes(_told(parsed / "target" / name, database))
    environment = {
        "DAYBREAK_PG_HOST": parts.hostname or "",
        "DAYBREAK_PG_PORT": str(parts.port),
        "DAYBREAK_PG_USER": unquote(parts.username or ""),
        "DAYBREAK_PG_PASSWORD": unquote(parts.password or ""),
        "DAYBREAK_PG_DATABASE": database,
        "PGOPTIONS": "" if token is None else f"-c daybreak.token={token}",
    }
    with pytest.MonkeyPatch.context() as patch, _without_collections():
        for name, value in environment.items():
            patch.setenv(name, value)
        return dbtRunner(manifest=manifest).invoke([*arguments, *_places(work)])


@contextmanager
def _without_collections() -> Iterator[None]:
    """No search for garbage meanwhile: over all that pytest and dbt hold it is a fifth of dbt's own time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _places(work: Path) -> list[str]:
    """The project, and where dbt writes."""
    folder = str(PROJECT_ROOT / "dbt_project")
    return [
        "--project-dir", folder, "--profiles-dir", folder, "--quiet", "--no-send-anonymous-usage-stats",
        "--log-level-file", "none",
        "--target-path", str(work / "target"), "--log-path", str(work / "logs"),
    ]  # fmt: skip


def _told(parsed: Path, database: str) -> bytes:
    """What was parsed, for that database."""
    assert len(database) == len(PARSED_FOR), f"a database of the tests is called like {PARSED_FOR}, not {database}"
    return parsed.read_bytes().replace(PARSED_FOR.encode(), database.encode())
