"""What is written of the KPIs' entries: dbt's metrics, and docs/kpis.md. ``make kpis`` writes both; a test asks for it.

Not here: the entries themselves. They stand once, in the YAML of the dbt models that compute the KPIs.
"""

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from orchestration.errors import ConfigurationError
from orchestration.settings import PROJECT_ROOT

MODELS = PROJECT_ROOT / "dbt_project" / "models"
METRICS = MODELS / "semantic" / "_metrics.yml"
PAGE = PROJECT_ROOT / "docs" / "kpis.md"
WIDTH = 120

SUBJECTS = ((100, "Money"), (200, "Operations"), (300, "Customers"), (400, "Products"))
UNITS = {
    "money": "money, in the business's currency", "count": "a number", "units": "units of goods", "pct": "percent",
    "days": "days", "times": "times",
}  # fmt: skip

_METRICS_HEAD = """\
# Written by `make kpis`: names and words are those of the KPI entries, how each is computed stands in
# _semantic_models.yml. Change those.
"""
_PAGE_HEAD = """\
# KPIs

Every KPI is defined once, in the YAML of the dbt model that computes it; this page, the metrics, `bi.kpi_catalogue` and
the labels of every report are made of that entry. `make kpis` writes this page anew.

A value that cannot be known is empty, never 0, and `bi.kpi_snapshots` says why in `reason`: no source for an entity it
needs, a day before the first sale, a zero denominator. Where an entry says *cut by any dimension*, `daybreak metric`
computes it by product, category, customer, segment, country, channel, territory, rep and place, for any days, as
[BI](bi.md#metrics) shows.
"""


@dataclass(frozen=True)
class Kpi:
    """A KPI's entry in the YAML of ``source_model``."""

    source_model: str
    kpi: str
    sort_order: int
    label: str
    definition: str
    formula: str
    unit: str
    format: str
    is_up_good: bool | None
    is_additive: bool
    grains: tuple[str, ...]
    owner: str
    needs: tuple[str, ...]


def main() -> None:
    """Write both files, and say what the semantic models compute that nobody has defined."""
    kpis = defined_kpis()
    METRICS.write_text(metrics_yaml(kpis), encoding="utf-8")
    PAGE.write_text(kpi_page(kpis), encoding="utf-8")
    for name in undefined_metrics(kpis):
        print(f"left out: the metric {name} is of no KPI, and has no words of its own")
    print(f"{len(kpis)} KPIs in {PAGE.relative_to(PROJECT_ROOT)} and {METRICS.relative_to(PROJECT_ROOT)}")


def defined_kpis() -> list[Kpi]:
    """Every entry of the project, in the order in which KPIs are shown.

    Raises:
        ConfigurationError: an entry lacks a key; what else it may not be, dbt says (macros/kpis.sql).
    """
    return sorted((_kpi(model, entry) for model, entry in _entries()), key=lambda kpi: kpi.sort_order)


def metrics_yaml(kpis: list[Kpi]) -> str:
    """The metrics as dbt reads them: every one that the semantic models say how to compute and a KPI's entry defines.

    Raises:
        ConfigurationError: a metric has words of its own and is a KPI, whose words they should be.
    """
    known = {kpi.kpi: kpi for kpi in kpis}
    recipes = metric_recipes()
    metrics = []
    for name, recipe in recipes.items():
        if name in known and "label" in recipe:
            raise ConfigurationError(
                f"the metric {name} has a label, and is a KPI with one", remedy="say it in the KPI's entry alone"
            )
    for name in [name for name in recipes if name not in undefined_metrics(kpis)]:
        words, technical = _words(known, name, recipes), _technical(recipes[name], recipes)
        metrics.append({"name": name, **words, **technical, "config": {"meta": _meta(known, name)}})
    body = yaml.safe_dump({"metrics": metrics}, sort_keys=False, allow_unicode=True, width=WIDTH)
    return _METRICS_HEAD + body


def undefined_metrics(kpis: list[Kpi]) -> list[str]:
    """What is computed but not defined: of no KPI and without words of its own, or made of such a one."""
    recipes = metric_recipes()
    known = {kpi.kpi for kpi in kpis}
    unknown = [name for name in recipes if name not in known and "label" not in recipes[name]]
    return unknown + [
        name for name in recipes if name not in unknown and {*_parts(recipes[name], recipes)} & {*unknown}
    ]


def metric_recipes() -> dict[str, dict[str, Any]]:
    """How each metric is computed, by its name: ``measure`` or ``expr``."""
    found: dict[str, dict[str, Any]] = {}
    for _, document in _documents():
        for model in document.get("semantic_models") or ():
            found |= model.get("config", {}).get("meta", {}).get("metrics", {})
    return found


def kpi_page(kpis: list[Kpi]) -> str:
    """docs/kpis.md."""
    computed = metric_recipes()
    sections = [_PAGE_HEAD]
    for subject, own in groupby(kpis, key=_subject):
        sections.append(f"## {subject}\n")
        sections += [_section(kpi, is_metric=kpi.kpi in computed) for kpi in own]
    return "\n".join(sections)


def _section(kpi: Kpi, *, is_metric: bool) -> str:
    good = {True: "more is better", False: "less is better", None: "neither way is better"}[kpi.is_up_good]
    adds = "adds up over days and grains" if kpi.is_additive else "never add it up"
    rows = {
        "Formula": kpi.formula,
        "Unit": f"{UNITS.get(kpi.unit, kpi.unit)}; {adds}",
        "Good": good,
        "Computed for": ", ".join(kpi.grains) + ("; cut by any dimension" if is_metric else ""),
        "Owner": kpi.owner,
        "Needs": ", ".join(kpi.needs) or "sales lines only",
        "Model": f"`{kpi.source_model}`",
    }
    lines = [f"### {kpi.label}", "", *textwrap.wrap(kpi.definition, WIDTH), "", f"| `{kpi.kpi}` | |", "|---|---|"]
    lines += [f"| {name} | {text.replace('|', chr(92) + '|')} |" for name, text in rows.items()]
    return "\n".join(lines) + "\n"


def _subject(kpi: Kpi) -> str:
    return next((subject for end, subject in SUBJECTS if kpi.sort_order < end), "More")


def _words(known: Mapping[str, Kpi], name: str, recipes: Mapping[str, Any]) -> dict[str, str]:
    if name in known:
        return {"label": known[name].label, "description": known[name].definition}
    return {"label": recipes[name]["label"], "description": recipes[name]["description"]}


def _technical(recipe: Mapping[str, Any], recipes: Mapping[str, Any]) -> dict[str, Any]:
    if measure := recipe.get("measure"):
        return {"type": "simple", "type_params": {"measure": measure}}
    parts = [{"name": name} for name in _parts(recipe, recipes)]
    return {"type": "derived", "type_params": {"expr": recipe["expr"], "metrics": parts}}


def _parts(recipe: Mapping[str, Any], recipes: Mapping[str, Any]) -> list[str]:
    """The metrics that an expression is made of."""
    return [word for word in dict.fromkeys(re.findall(r"\w+", recipe.get("expr", ""))) if word in recipes]


def _meta(known: Mapping[str, Kpi], name: str) -> dict[str, Any]:
    if name not in known:
        return {"is_kpi": False}
    return {"is_kpi": True, "unit": known[name].unit, "format": known[name].format}


def _kpi(model: str, entry: Mapping[str, Any]) -> Kpi:
    keys = [key for key in Kpi.__dataclass_fields__ if key != "source_model"]
    if missing := [key for key in keys if key not in entry]:
        raise ConfigurationError(f"KPI {entry.get('kpi')} of model {model} says nothing of {', '.join(missing)}")
    values: dict[str, Any] = {key: tuple(entry[key]) if isinstance(entry[key], list) else entry[key] for key in keys}
    return Kpi(source_model=model, **values)


def _entries() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for _, document in _documents():
        for model in document.get("models") or ():
            for entry in (model.get("config") or {}).get("meta", {}).get("kpis", ()):
                yield model["name"], entry


def _documents() -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(MODELS.rglob("*.yml")):
        yield path, yaml.safe_load(path.read_text(encoding="utf-8")) or {}


if __name__ == "__main__":
    main()
