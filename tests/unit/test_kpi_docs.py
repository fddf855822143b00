"""What is written of the KPIs' entries is as new as they are. Not here: what the KPIs are."""

import pytest
import yaml

from orchestration import kpi_docs
from orchestration.errors import ConfigurationError
from orchestration.kpi_docs import METRICS, PAGE, defined_kpis, kpi_page, metrics_yaml, undefined_metrics

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


def test_what_is_computed_is_defined() -> None:
    """A metric that no entry defines is left out: here none is."""
    assert undefined_metrics(KPIS) == []


def test_words_stand_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A metric that is a KPI takes its words from the KPI's entry: beside them there are none."""
    monkeypatch.setattr(kpi_docs, "metric_recipes", lambda: {"orders": {"measure": "orders", "label": "Sales"}})
    with pytest.raises(ConfigurationError, match="the metric orders has a label, and is a KPI with one"):
        metrics_yaml(KPIS)


def test_what_is_made_of_nothing_is_left_out_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    recipes = {"orders": {"measure": "orders"}, "zzz": {"measure": "z"}, "returns": {"expr": "100 * zzz / orders"}}
    monkeypatch.setattr(kpi_docs, "metric_recipes", lambda: recipes)
    assert undefined_metrics(KPIS) == ["zzz", "returns"]
    assert [metric["name"] for metric in yaml.safe_load(metrics_yaml(KPIS))["metrics"]] == ["orders"]
