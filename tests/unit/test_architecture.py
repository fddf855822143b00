"""The rules of the house, held by reading the code: who imports whom, who reads the environment, how long a module is.

Not here: what the code does.
"""

import ast
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from orchestration.settings import PROJECT_ROOT

ROOMS = ("orchestration", "forecasting", "reporting", "examples")
LONGEST_MODULE_LINES = 400
LONGEST_DOCSTRING_LINES = 4  # the first sentence, and up to three on what does not belong here
NOT_OURS = (".venv", ".git", ".daybreak", ".hypothesis", "build", "target", "logs", "__pycache__")
CACHES = ("_cache", ".egg-info")

# What each room may import of the house. Between orchestration and the two rooms of numbers and documents lie plain
# values; what is more than that (dagster, SQL) stays in orchestration.
MAY_IMPORT = {
    "forecasting": {"forecasting"},
    "reporting": {"reporting"},
    "examples": {"examples"},
    "orchestration": {"orchestration", "forecasting", "reporting"},
}
# `daybreak up` makes the demo's data: the one place that knows the demo's code.
EXAMPLES_IMPORTED_BY = {"orchestration/up.py"}

# dagster is imported by what defines the night, runs it, tells of its failure, or writes into its records.
DAGSTER_IMPORTED_BY = re.compile(
    r"orchestration/(defs/\w+|definitions|headless|failures|stack/janitor|metadata|dbt_manifest)\.py"
)
DATABASE_PACKAGES = {"psycopg", "psycopg2", "sqlalchemy"}
PURE_ROOMS = ("forecasting", "reporting")

# Who touches os.environ besides settings.py, and why.
MAY_TOUCH_ENVIRONMENT = {
    "orchestration/cli.py": "writes what the command line says, for the processes it starts",
    "orchestration/database.py": "writes: the process becomes one of its home's",
    "orchestration/defs/resources.py": "writes the fencing token for dbt, a process of its own",
    "orchestration/checks.py": "writes: Great Expectations reads its switch for analytics from there",
    "orchestration/stack/environment.py": "passes all of it on to the stack's processes",
    "orchestration/dbt_manifest.py": "passes all of it on to dbt",
}
READS_NOTHING = {name for name, why in MAY_TOUCH_ENVIRONMENT.items() if why.startswith("writes")}


def modules(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (PROJECT_ROOT / room).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PROJECT_ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """Every module that ``path`` imports, anywhere in it, with the line."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno}: a relative import"
            for alias in node.names:
                # `from forecasting import arima` imports forecasting.arima; of a plain name the module is enough
                is_module = (PROJECT_ROOT / (node.module or "").replace(".", "/") / f"{alias.name}.py").exists()
                yield (f"{node.module}.{alias.name}" if is_module else node.module or "", node.lineno)


def files_of_the_project() -> list[Path]:
    """Every text file that is or could be committed."""
    suffixes = {
        ".py",
        ".sql",
        ".yml",
        ".yaml",
        ".toml",
        ".md",
        ".txt",
        ".lock",
        ".csv",
        ".html",
        ".svg",
        ".ini",
        ".cfg",
        "",
    }
    found = []
    for folder, subfolders, names in os.walk(PROJECT_ROOT):
        subfolders[:] = [name for name in subfolders if name not in NOT_OURS and not name.endswith(CACHES)]
        found += [Path(folder) / name for name in names if Path(name).suffix in suffixes]
    return sorted(found)


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_only_whom_they_may(room: str) -> None:
    wrong = [
        f"{name_of(path)}:{line} imports {name}"
        for path in modules(room)
        for name, line in imported(path)
        if name.split(".")[0] in {*ROOMS, "tests"} - MAY_IMPORT[room]
        and not (name.startswith("examples.") and name_of(path) in EXAMPLES_IMPORTED_BY)
    ]
    assert wrong == []


def test_nobody_but_the_loader_imports_the_definitions() -> None:
    """``orchestration.defs`` is the top of the house: what others need of it belongs below it."""
    wrong = [
        f"{name_of(path)}:{line} imports {name}"
        for path in modules(*ROOMS)
        if not name_of(path).startswith("orchestration/defs/")
        for name, line in imported(path)
        if name.startswith("orchestration.defs")
    ]
    assert wrong == []


def test_dagster_is_imported_only_where_the_night_is_defined_or_run() -> None:
    wrong = [
        f"{name_of(path)}:{line} imports {name}"
        for path in modules(*ROOMS)
        if not DAGSTER_IMPORTED_BY.fullmatch(name_of(path))
        for name, line in imported(path)
        if name.split(".")[0] in {"dagster", "dagster_dbt", "dagster_postgres"}
    ]
    assert wrong == []


@pytest.mark.parametrize("room", PURE_ROOMS)
def test_numbers_and_documents_know_no_database(room: str) -> None:
    wrong = [
        f"{name_of(path)}:{line} imports {name}"
        for path in modules(room)
        for name, line in imported(path)
        if name.split(".")[0] in DATABASE_PACKAGES
    ]
    assert wrong == []


def test_numbers_know_no_files_no_clock_and_no_chance() -> None:
    """forecasting/ gives the same numbers for the same numbers, on every machine and at every hour.

    Only where machine code is kept is it told a folder.
    """
    keepers = {PROJECT_ROOT / "forecasting" / "kernel" / name for name in ("compiled.py", "warm_up.py")}
    forbidden = {"pathlib", "io", "os", "random", "tempfile", "time", "shutil", "subprocess", "requests", "urllib"}
    wrong = [
        f"{name_of(path)}:{line} imports {name}"
        for path in modules("forecasting")
        if path not in keepers
        for name, line in imported(path)
        if name.split(".")[0] in forbidden
    ]
    calls = re.compile(r"\b(open|print)\(|\.(now|today|utcnow)\(|np\.random\.(?!default_rng\(\w)|read_csv|to_csv")
    wrong += [
        f"{name_of(path)}:{number}: {line.strip()}"
        for path in modules("forecasting")
        if path not in keepers
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if calls.search(line.partition("#")[0]) and ">>>" not in line and "..." not in line
    ]
    assert wrong == []


def environment_uses(path: Path) -> Iterator[tuple[int, bool]]:
    """Line and whether it only writes, of every use of the environment."""
    tree = tree_of(path)
    parents = {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            assert not {alias.name for alias in node.names} & {"environ", "getenv", "environb"}, name_of(path)
        if not (isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv")):
            continue
        if not (isinstance(node.value, ast.Name) and node.value.id == "os"):
            continue
        parent = parents[node]
        sets_item = isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Store | ast.Del)
        updates = isinstance(parent, ast.Attribute) and parent.attr in ("update", "pop")
        yield node.lineno, sets_item or updates


def test_only_settings_reads_the_environment() -> None:
    uses = {name_of(path): list(environment_uses(path)) for path in modules(*ROOMS)}
    strangers = {name for name, found in uses.items() if found} - {*MAY_TOUCH_ENVIRONMENT, "orchestration/settings.py"}
    assert strangers == set()
    readers = [f"{name}:{line}" for name in READS_NOTHING for line, only_writes in uses[name] if not only_writes]
    assert readers == []
    # An exception that is no longer needed is struck off the list.
    assert [name for name in MAY_TOUCH_ENVIRONMENT if not uses[name]] == []


@pytest.mark.parametrize("path", [p for p in modules(*ROOMS) if p.name != "__init__.py"], ids=name_of)
def test_every_module_says_what_belongs_in_it(path: Path) -> None:
    docstring = ast.get_docstring(tree_of(path))
    assert docstring, "a module begins by saying what belongs in it"
    lines = [line for line in docstring.splitlines() if line.strip()]
    assert len(lines) <= LONGEST_DOCSTRING_LINES
    assert re.search(r"Not here|nothing else", docstring), "and what does not"


@pytest.mark.parametrize("path", [*modules(*ROOMS), *modules("tests")], ids=name_of)
def test_a_module_can_be_held_in_the_head(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE_LINES


def test_packages_re_export_nothing() -> None:
    assert [
        name_of(path) for path in modules(*ROOMS, "tests") if path.name == "__init__.py" and path.stat().st_size
    ] == []


def test_no_file_knows_a_machine_or_a_registry() -> None:
    # Written so that this file does not find itself.
    machine = re.compile(r"(?<![\w.])/(?:work|root|Users)/|(?<![\w./])/home/\w+/")
    registry = re.compile(
        "|".join([r"pypi\.(?:org|python)", "python" + "hosted", "arti" + "factory", r"--(?:extra-)?index" + "-url"])
    )
    wrong = [
        f"{name_of(path)}:{number}: {line.strip()[:100]}"
        for path in files_of_the_project()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
        if machine.search(line) or registry.search(line)
    ]
    assert wrong == []


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    """The rules above are only as good as these: an import in a function, an alias, a read among writes."""
    path = tmp_path / "m.py"
    path.write_text(
        "def f():\n    import dagster as d\nfrom forecasting import arima\nimport os\n"
        "os.environ['A'] = '1'\nx = os.environ['A']\nos.environ.update(B='2')\ny = os.getenv('C')\n"
    )
    assert {name for name, _ in imported(path)} == {"dagster", "forecasting.arima", "os"}
    assert sorted(environment_uses(path)) == [(5, True), (6, False), (7, True), (8, False)]
    assert len(files_of_the_project()) > 100
