"""What is written of the KPIs' entries is as new as they are. Not here: what the KPIs are."""

import pytest

from orchestration import kpi_docs
from orchestration.errors import ConfigurationError
from orchestration.kpi_docs import METRICS, PAGE, defined_kpis, kpi_page, metric_recipes, metrics_yaml

KPIS = defined_kpis()


def test_the_files_are_current() -> None:
    assert METRICS.read_text(encoding="utf-8") == metrics_yaml(KPIS), "make kpis"
    assert PAGE.read_text(encoding="utf-8") == kpi_page(KPIS), "make kpis"


def test_every_kpi_is_on_the_page_once() -> None:
    page = kpi_page(KPIS)
    assert len(KPIS) >= 12
    for kpi in KPIS:
        assert page.count(f"\n### {kpi.label}\n") == 1
        assert page.count(f"| `{kpi.kpi}` |") == 1
        assert kpi.source_model in page


def test_words_stand_once() -> None:
    """A metric that is a KPI takes its words from the KPI's entry: beside them there are none."""
    kpis = {kpi.kpi for kpi in KPIS}
    recipes = metric_recipes()
    assert [name for name in kpis & set(recipes) if {"label", "description"} & set(recipes[name])] == []
    assert all(recipes[name].get("label") for name in set(recipes) - kpis)


def test_a_metric_that_is_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kpi_docs, "metric_recipes", lambda: {"profitt": {"measure": "profit"}})
    with pytest.raises(ConfigurationError, match="the metric profitt is no KPI"):
        metrics_yaml(KPIS)
