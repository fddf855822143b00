"""The documentation says what the code does: its tree, settings, keys, tables, commands, links and files."""

import re
import shlex
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from orchestration import errors
from orchestration.business import Alerts, Profile, load_business
from orchestration.cli import app
from orchestration.forecasts.families import Family, ForecastPlan
from orchestration.forecasts.what_if import WhatIf
from orchestration.ingestion.contract import ENTITIES
from orchestration.ingestion.expressions import FUNCTIONS
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.shapes import CsvDialect, DatabaseQuery, ExcelSheet, Join, SqlDump, Store, Tree
from orchestration.sources import DERIVED, Classification, ColumnMapping, RejectionRule, Source

DOCS = [PROJECT_ROOT / "README.md", PROJECT_ROOT / "DEVELOPERS.md", *sorted((PROJECT_ROOT / "docs").glob("*.md"))]
ROOMS = (
    "orchestration",
    "dbt_project",
    "forecasting",
    "reporting",
    "examples",
    "benchmarks",
    "docs",
    "tests",
    "deploy",
)
NOT_OURS = {"__pycache__", "target", "logs", "build"}

every_page = pytest.mark.parametrize("page", DOCS, ids=lambda p: p.name)


def text_of(page: str | Path) -> str:
    return (PROJECT_ROOT / page).read_text(encoding="utf-8")


def blocks(page: str | Path, language: str) -> list[str]:
    """The fenced blocks of a language, also those that stand indented in a list."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", text_of(page), re.DOTALL | re.MULTILINE)
    return [body for _, body in found]


def without_blocks(page: str | Path) -> str:
    return re.sub(r"^( *)```.*?^\1```", "", text_of(page), flags=re.DOTALL | re.MULTILINE)


def section(page: str, heading: str) -> str:
    """What stands below a heading, up to the next one."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", without_blocks(page), re.DOTALL | re.MULTILINE)
    assert found, f"{page} has no heading {heading!r}"
    return found.group(1)


def table(text: str) -> dict[str, list[str]]:
    """The rows of a table by the first cell's code; the other cells without their code marks."""
    rows = {}
    for line in text.splitlines():
        cells = re.split(r" *\| *", line.strip().removeprefix("|").removesuffix("|").strip(" "))
        if code := re.fullmatch(r"`([^`]+)`", cells[0]):
            rows[code.group(1)] = [cell.strip("`") for cell in cells[1:]]
    return rows


# The tree -------------------------------------------------------------------------------------------------------------


def documented_tree() -> set[str]:
    (block,) = blocks("docs/architecture.md", "tree")
    paths, parents = set(), [""]
    for line in block.splitlines():
        name = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 4
        parents[depth + 1 :] = [parents[depth] + name]
        paths.add(parents[depth] + name)
    return paths


def real_tree() -> set[str]:
    """Folders, the files of the root, and the modules of the night."""
    suffixes = {".md", ".toml", ".lock", ".yaml", ".yml"}
    found = {p.name for p in PROJECT_ROOT.iterdir() if p.is_file() and p.name[0] != "." and p.suffix in suffixes}
    found |= {name for name in ("Makefile", "Dockerfile", "LICENSE") if (PROJECT_ROOT / name).is_file()}
    found |= {".ci/", ".ci/run"} if (PROJECT_ROOT / ".ci" / "run").is_file() else set()
    for room in filter(lambda room: (PROJECT_ROOT / room).is_dir(), ROOMS):
        folders = [PROJECT_ROOT / room, *(p for p in (PROJECT_ROOT / room).rglob("*") if p.is_dir())]
        names = [f.relative_to(PROJECT_ROOT).as_posix() for f in folders if any(f.iterdir())]
        found |= {f"{name}/" for name in names if not NOT_OURS & set(name.split("/")) and "/." not in name}
    for folder in ("", "/defs", "/forecasts", "/messages", "/stack"):
        modules = (PROJECT_ROOT / f"orchestration{folder}").glob("*.py")
        found |= {m.relative_to(PROJECT_ROOT).as_posix() for m in modules if m.name != "__init__.py"}
    return found


def test_the_tree_is_the_project() -> None:
    documented, real = documented_tree(), real_tree()
    assert sorted(documented - real) == [], "docs/architecture.md shows what does not exist"
    assert sorted(real - documented) == [], "docs/architecture.md does not show what exists"


def test_the_house_has_no_room_that_the_docs_do_not_know() -> None:
    rooms = {p.parent.name for p in PROJECT_ROOT.glob("*/__init__.py")}
    assert rooms <= set(ROOMS)


# Settings, keys, entities, tables, errors -----------------------------------------------------------------------------


def shown(field: FieldInfo) -> str:
    """A default as the docs write it."""
    default = field.default
    if default is PydanticUndefined:
        return "required"
    if isinstance(default, BaseModel):
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, Path):
        return (default.relative_to(PROJECT_ROOT) if default.is_absolute() else default).as_posix()
    if isinstance(default, tuple) and default and default != ("",):
        return "" if isinstance(default[0], BaseModel) else ", ".join(map(str, default))
    if default in ((), {}, ("",)):
        return "empty text" if default == ("",) else "empty"
    return "–" if default is None else str(default)


def test_every_setting_is_documented_with_its_default() -> None:
    documented = {name: cells[0] for name, cells in table(section("docs/operations.md", "Settings")).items()}
    real = {f"DAYBREAK_{name.upper()}": shown(field) for name, field in Settings.model_fields.items()}
    assert documented == real


def test_no_secret_has_a_default() -> None:
    secret = [f for f in Settings.model_fields.values() if SecretStr in getattr(f.annotation, "__args__", ())]
    assert secret
    assert all(field.default is None for field in secret)


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("business.yaml", Profile),
        ("forecast", ForecastPlan),
        ("A family", Family),
        ("A source", Source),
        ("csv", CsvDialect),
        ("excel", ExcelSheet),
        ("tree", Tree),
        ("sql", SqlDump),
        ("joins", Join),
        ("stores", Store),
        ("database", DatabaseQuery),
        ("columns", ColumnMapping),
        ("classify", Classification),
        ("reject", RejectionRule),
        ("alerts.yaml", Alerts),
        ("scenarios.yaml", WhatIf),
    ],
)
def test_every_key_of_the_business_folder_is_documented(heading: str, model: type[BaseModel]) -> None:
    documented = {name: cells[0] for name, cells in table(section("docs/sources.md", heading)).items()}
    real = {field.alias or name: shown(field) for name, field in model.model_fields.items()}
    assert documented == real


@pytest.mark.parametrize("entity", ENTITIES)
def test_every_column_of_an_entity_is_documented(entity: str) -> None:
    needed = {}
    for column in ENTITIES[entity].columns:
        by_default = "" if column.default is None else f"or `{column.default}`"
        needed[column.name] = "yes" if column.required and column.default is None else by_default
        if entity == "sales_lines" and column.name in DERIVED:
            needed[column.name] = "derived"
    rows = table(section("docs/sources.md", entity))
    assert {name: cells[0] for name, cells in rows.items()} == {k: v.strip("`") for k, v in needed.items()}
    assert {name: cells[1] for name, cells in rows.items()} == {c.name: c.description for c in ENTITIES[entity].columns}


def test_no_entity_is_documented_that_is_none() -> None:
    below = text_of("docs/sources.md").split("\n## Entities\n")[1].split("\n## ")[0]
    assert re.findall(r"^### (.*)$", below, re.MULTILINE) == list(ENTITIES)


def test_the_functions_of_expressions_are_documented() -> None:
    listed = section("docs/sources.md", "expressions").split("no queries:")[1].split(".\n")[0]
    assert re.findall(r"`(\w+)`", listed) == sorted(FUNCTIONS)


def test_every_table_of_bi_is_documented() -> None:
    models = {f"bi.{p.stem.removeprefix('bi_')}" for p in (PROJECT_ROOT / "dbt_project/models/bi").glob("*.sql")}
    assert set(table(section("docs/bi.md", "The tables"))) == models | {"bi.publication"}


def test_the_exit_codes_are_documented() -> None:
    family = {errors.DaybreakError, *errors.DaybreakError.__subclasses__()}
    documented = {name: cells[0] for name, cells in table(section("docs/architecture.md", "Errors")).items()}
    assert documented == {error.__name__: str(error.exit_code) for error in family}


def test_the_worked_example_is_a_business_folder_that_loads(tmp_path: Path) -> None:
    profile, sources = (
        next(block for block in blocks("docs/sources.md", "yaml") if block.startswith(start))
        for start in ("name: Corner Shop", "sources:\n  - name: till")
    )
    (tmp_path / "business.yaml").write_text(profile, encoding="utf-8")
    (tmp_path / "sources.yaml").write_text(sources, encoding="utf-8")
    (source,) = load_business(tmp_path).sources
    (export,) = blocks("docs/sources.md", "csv")
    header, *rows = [line.split(source.csv.delimiter) for line in export.splitlines()]
    assert {m.from_ for m in source.columns.values() if m.from_} <= set(header)
    assert all(len(row) == len(header) for row in rows)
    written = rows[-1][header.index("Time")]
    with pytest.raises(ValueError, match="day is out of range"):
        datetime.strptime(written, source.columns["ordered_at"].format or "")
    assert written in text_of("docs/sources.md").split("is rejected")[1]
    assert 100 / len(rows) <= source.max_rejected_pct, "the example would be refused"


# Commands -------------------------------------------------------------------------------------------------------------

PROGRAMS = {"make", "daybreak", "docker", "pg_dump", "export", "printf", "chmod"}


def commands() -> Iterator[tuple[str, list[str]]]:
    for page in DOCS:
        for block in blocks(page, "sh"):
            for line in block.splitlines():
                if words := shlex.split(line, comments=True):
                    yield page.name, words


@cache
def daybreak() -> Any:
    return typer.main.get_command(app)


def test_there_are_commands_to_check() -> None:
    said = [" ".join(words) for _, words in commands()]
    assert {"make run", "make test"} <= set(said)
    assert {c.split()[1] for c in said if c.startswith(".venv/bin/daybreak")} == set(daybreak().commands)


@pytest.mark.parametrize(("page", "words"), list(commands()), ids=lambda v: v if isinstance(v, str) else " ".join(v))
def test_a_documented_command_exists(page: str, words: list[str]) -> None:
    program, *arguments = words
    name = program.removeprefix(".venv/bin/")
    assert name in PROGRAMS
    if name == "make":
        targets = re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE)
        assert set(arguments) <= set(targets)
    if name == "daybreak":
        assert program == ".venv/bin/daybreak", "without activation only the full path works"
        command = daybreak().commands[arguments[0]]
        options = {o for parameter in command.params for o in parameter.opts}
        assert {a for a in arguments[1:] if a.startswith("-")} <= options
        business = arguments[arguments.index("--business") + 1] if "--business" in arguments else None
        is_written = business in {words[2] for _, words in commands() if words[1:2] == ["init"]}
        assert business is None or is_written or (PROJECT_ROOT / business / "business.yaml").is_file()
    if name == "export":
        known = {f"DAYBREAK_{field.upper()}" for field in Settings.model_fields}
        known |= set(re.findall(r"\$\{([A-Z_]+)", text_of("docker-compose.yml")))
        assert {a.split("=")[0] for a in arguments} <= known


def test_every_option_named_in_passing_exists() -> None:
    options = {o for command in daybreak().commands.values() for p in command.params for o in p.opts}
    for page in DOCS:
        for code in re.findall(r"`daybreak ([^`]+)`", without_blocks(page)):
            words = code.split()
            assert words[0] in daybreak().commands, f"{page.name}: daybreak {code}"
            assert {w for w in words if w.startswith("--")} <= options, f"{page.name}: daybreak {code}"


# Links and files ------------------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", without_blocks(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", without_blocks(page)):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        aim = (page.parent / name).resolve() if name else page
        assert aim.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors(aim), f"{page.name}: {target}"


def test_every_page_is_reached_from_the_readme() -> None:
    linked = set(re.findall(r"\]\(([\w/]+\.md)", text_of("README.md")))
    assert {p.relative_to(PROJECT_ROOT).as_posix() for p in DOCS} - linked == {"README.md"}


# What a user's folders hold, as the docs speak of it; everything else that looks like a file must be one of ours.
OF_A_USER = {"business.yaml", "sources.yaml", "alerts.yaml", "scenarios.yaml", "up.lock"}


@pytest.fixture(scope="module")
def our_names() -> set[str]:
    files = [p for room in ROOMS for p in (PROJECT_ROOT / room).rglob("*") if p.is_file()]
    return {p.name for p in [*files, *PROJECT_ROOT.iterdir()]}


@every_page
def test_no_file_is_named_that_does_not_exist(page: Path, our_names: set[str]) -> None:
    for code in re.findall(r"`([\w./-]+)`", without_blocks(page)):
        if code.split("/")[0] in ROOMS and "/" in code:
            assert (PROJECT_ROOT / code).exists(), f"{page.name}: {code}"
        elif re.search(r"\.(py|yaml|yml|md|toml|lock|sql)$", code) and code not in OF_A_USER:
            assert Path(code).name in our_names, f"{page.name}: {code}"


@every_page
def test_a_page_is_finished_and_fits_the_screen(page: Path) -> None:
    text = text_of(page)
    assert "@@" not in text
    assert not re.search(r"\b(TODO|TBD|FIXME)\b", text)
    assert text.count("```") % 2 == 0
    too_long = [line for line in without_blocks(page).splitlines() if len(line) > 130 and not line.startswith("|")]
    assert not too_long


def test_the_readmes_picture_names_schemas_that_exist() -> None:
    (picture,) = blocks("README.md", "mermaid")
    ddl = "".join(text_of(p) for p in ("orchestration/sql/ops.sql", "orchestration/sql/stages.sql"))
    project = yaml.safe_load(text_of("dbt_project/dbt_project.yml"))["models"]["daybreak"]
    known = {"raw", "quarantine", "bi", *re.findall(r"create schema if not exists (\w+)", ddl), *project}
    drawn = set(re.findall(r"\b(raw|quarantine|marts|kpis|forecast|stock|anomaly|bi)\b", picture))
    assert drawn == {"raw", "quarantine", "marts", "kpis", "forecast", "stock", "anomaly", "bi"}
    assert drawn <= known
