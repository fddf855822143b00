"""The KPIs that are metrics, cut by any dimension: MetricFlow writes the SQL, and it is read from what is published.

Not here: what a metric is (dbt_project/models/semantic/). The one module that imports metricflow; nothing is written.
"""

import difflib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import pandas as pd
from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
from metricflow.protocols.sql_client import SqlClient, SqlEngine
from metricflow.sql.render.postgres import PostgresSQLSqlPlanRenderer
from metricflow_semantics.model.dbt_manifest_parser import parse_manifest_from_dbt_generated_manifest
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

from orchestration.errors import ConfigurationError, ContractError, PermanentError
from orchestration.publication import LIVE
from orchestration.settings import Settings
from orchestration.warehouse import connect, read_frame

# A week is the business's, not ISO's; the others are the calendar's.
GRAINS = {
    "day": "metric_time__day", "week": "metric_time__business_week", "month": "metric_time__month",
    "quarter": "metric_time__quarter", "year": "metric_time__year", "fiscal_year": "metric_time__fiscal_year",
}  # fmt: skip
_OF_THE_LINE = "line__"


@dataclass(frozen=True)
class Metric:
    """A metric: its name, what people call it, what it counts and the unit of its values."""

    name: str
    label: str
    description: str
    unit: str


class _Dialect:
    """What MetricFlow asks of a database to write SQL for it; we run it, in a transaction that cannot write."""

    sql_engine_type = SqlEngine.POSTGRES
    sql_plan_renderer = PostgresSQLSqlPlanRenderer()


class Metrics:
    """The metrics of one semantic manifest, read from one schema. Building it takes about a second.

    Args:
        manifest: dbt's semantic_manifest.json.
        schema: where the star lies that the metrics are read from.
    """

    def __init__(self, manifest: Path, *, schema: str = LIVE) -> None:
        self._manifest: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
        for holder in (*self._manifest["semantic_models"], *self._manifest["project_configuration"]["time_spines"]):
            relation = holder["node_relation"]
            # dbt knows them where it builds them; a reader knows them where they are published
            relation |= {"schema_name": schema, "relation_name": f'"{schema}"."{relation["alias"]}"'}

    @cached_property
    def _engine(self) -> MetricFlowEngine:
        logging.getLogger("metricflow").setLevel(logging.WARNING)
        logging.getLogger("metricflow_semantics").setLevel(logging.WARNING)
        parsed = parse_manifest_from_dbt_generated_manifest(json.dumps(self._manifest))
        return MetricFlowEngine(SemanticManifestLookup(parsed), cast(SqlClient, _Dialect()))

    def metrics(self) -> list[Metric]:
        """Every metric, in the order of the catalogue's file."""
        return [
            Metric(m["name"], m["label"], m["description"], m["config"]["meta"].get("unit", "money"))
            for m in self._manifest["metrics"]
        ]

    def grains(self) -> list[str]:
        """The periods of time that any metric can be cut by."""
        return list(GRAINS)

    def dimensions(self, names: Sequence[str]) -> list[str]:
        """What all of these metrics can be cut by besides time, as ``entity__attribute``."""
        found = {d.dunder_name for d in self._engine.list_dimensions(list(names))}
        return sorted(name for name in found if not name.startswith("metric_time") and "date" not in name)

    def sql(self, names: Sequence[str], *, group_by: Sequence[str], start: date | None, end: date | None) -> str:
        """The query that :meth:`query` runs.

        Raises:
            ConfigurationError: there is no such metric or dimension; with the nearest that there is.
        """
        _known(names, [m["name"] for m in self._manifest["metrics"]], "metric")
        items = self._items(names, group_by)
        request = MetricFlowQueryRequest.create(
            metric_names=list(names), group_by_names=list(items.values()), order_by_names=list(items.values())
        )
        return self._of_days(str(self._engine.explain(request).sql_statement.sql), start, end)

    def query(
        self,
        url: str,
        names: Sequence[str],
        *,
        group_by: Sequence[str] = (),
        start: date | None = None,
        end: date | None = None,
    ) -> pd.DataFrame:
        """Metrics by dimensions, one row per combination that has lines.

        Args:
            url: of the database; its role need only read the schema.
            names: the metrics, by the ids of their KPIs.
            group_by: grains of time (``GRAINS``) and dimensions: ``category``, ``customer.region``, or the name of a
                thing for its id (``rep``). A name that several things have is the line's own, else ambiguous.
            start: first day counted; None for all.
            end: last day counted; None for the published as-of date, so that nothing later is in it.

        Returns:
            A column per item of ``group_by``, as it was named there, and one per metric (float64, NaN where unknown),
            in the order of the columns; money in the business's currency.

        Raises:
            ConfigurationError: an unknown metric or dimension, or nothing was published yet.
        """
        with connect(url) as connection, connection.transaction():
            connection.execute("set transaction read only")
            if end is None:
                if connection.execute(f"select to_regclass('{LIVE}.publication')").fetchone() == (None,):
                    raise ConfigurationError("nothing was published yet", remedy="run a night: daybreak nightly")
                row = connection.execute(f"select as_of_date from {LIVE}.publication").fetchone()
                end = row[0] if row else None
            frame = read_frame(connection, self.sql(names, group_by=group_by, start=start, end=end))
        named = {item: asked for asked, item in self._items(names, group_by).items()}
        frame = frame.rename(columns=named)[[*group_by, *names]]
        dated = {c: pd.to_datetime(frame[c]).dt.date for c in group_by if c in GRAINS and c != "fiscal_year"}
        return frame.assign(**dated).astype(dict.fromkeys(names, "float64"))

    def _of_days(self, statement: str, start: date | None, end: date | None) -> str:
        """The statement with every table of measures cut to these days, before anything is read of it.

        MetricFlow's own time constraint rounds up to whole months, where a month to date ends today, and its filters
        ask for date_trunc of the day: no index answers that, and ten million lines are read for a week.
        """
        for model in self._manifest["semantic_models"]:
            if not model["measures"]:
                continue
            relation, day = model["node_relation"]["relation_name"], model["defaults"]["agg_time_dimension"]
            within = f"{day} >= '{start or date.min}' and {day} <= '{end or date.max}'"
            cut = statement.replace(f"FROM {relation} ", f"FROM (select * from {relation} where {within}) ")
            if relation in statement and cut == statement:
                raise ContractError(f"MetricFlow's statement reads {relation} in a way that cannot be cut to days")
            statement = cut
        return statement

    def _items(self, names: Sequence[str], group_by: Sequence[str]) -> dict[str, str]:
        """MetricFlow's name of every dimension asked for."""
        if not group_by:
            return {}
        known = self.dimensions(names)
        return {asked: GRAINS.get(asked) or _resolved(asked, known) for asked in group_by}


def query_metrics(
    settings: Settings,
    url: str,
    metrics: Sequence[str],
    *,
    group_by: Sequence[str] = (),
    start: date | None = None,
    end: date | None = None,
) -> pd.DataFrame:
    """:meth:`Metrics.query` of the published figures, with the semantic manifest of this home."""
    return Metrics(semantic_manifest(settings)).query(url, metrics, group_by=group_by, start=start, end=end)


def semantic_manifest(settings: Settings) -> Path:
    """dbt's semantic manifest in this home; parses the project if no night has done so.

    Raises:
        PermanentError: dbt wrote none.
    """
    path = settings.dbt_target / "semantic_manifest.json"
    if not path.exists():
        from orchestration.dbt_manifest import prepared_project  # three seconds of imports

        prepared_project(settings)
    if not path.exists():
        raise PermanentError(f"dbt wrote no {path.name}", remedy=f"delete {path.parent}, and try again")
    return path


def _known(names: Sequence[str], known: Sequence[str], what: str) -> None:
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(near)}? " if near else ""
            raise ConfigurationError(f"there is no {what} {name!r}", remedy=f"{hint}daybreak metric lists them")


def _resolved(asked: str, known: Sequence[str]) -> str:
    """The dimension that is meant.

    >>> known = ["line__country", "customer__country", "customer__region", "territory__region", "rep__rep_id"]
    >>> _resolved("country", known), _resolved("customer.region", known), _resolved("rep", known)
    ('line__country', 'customer__region', 'rep__rep_id')
    """
    exact = asked.replace(".", "__")
    if exact in known:
        return exact
    meant = [name for name in known if name.split("__")[-1] in (asked, f"{asked}_id")]
    own = [name for name in meant if name in (_OF_THE_LINE + asked, f"{asked}__{asked}_id")]
    if len(own or meant) == 1:
        return (own or meant)[0]
    if meant:
        choice = " or ".join(name.replace("__", ".") for name in meant)
        raise ConfigurationError(f"{asked!r} may mean several things", remedy=f"say {choice}")
    _known([asked], [*GRAINS, *(name.split("__")[-1] for name in known)], "dimension")
    raise ConfigurationError(f"there is no dimension {asked!r}", remedy="daybreak metric lists them")
