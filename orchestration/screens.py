"""What `daybreak init`, `check`, `metric` and `forecast` show on a terminal: tables there, plain lines elsewhere.

Not here: finding it out (check.py, starter/, metrics.py, ad_hoc_forecast.py).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from orchestration.check import Finding
from orchestration.starter.init import Started
from reporting.format import MISSING, count, pct

if TYPE_CHECKING:  # metricflow and statsmodels take seconds to import, and init and check need none of them
    from orchestration.forecasts.ad_hoc import Answer
    from orchestration.metrics import Metrics

MOST_NAMES = 12
WIDEST = 400  # characters of a table that is not to be cut
LARGE = 1000  # values from which decimals are left out


def show_started(console: Console, started: Started) -> None:
    """The sources found, the files that are none, and what a person must confirm."""
    table = Table(
        "source", "entity", "files", "sure", "columns mapped", "to confirm", title=f"Written to {started.folder}"
    )
    for p in started.proposals:
        mapped = sum(made.confidence_pct > 0 for made in p.guesses.values())
        asked = sum(made.confirm is not None for made in p.guesses.values())
        name = p.name if p.is_written else f"({p.name})"
        table.add_row(
            escape(name), p.entity, escape(p.table.shape.files), f"{p.confidence_pct} %", str(mapped), str(asked or "")
        )
    _show(console, table)
    for p in started.proposals:
        if p.missing:
            what = "is written with a ? there" if p.is_written else "stands in sources.yaml as a comment only"
            line = f"[bold]{escape(p.name)}[/]: nothing was found for {', '.join(p.missing)}; it {what}"
            console.print(line, soft_wrap=True)
    if not any(p.entity == "sales_lines" for p in started.proposals):
        console.print("[bold red]No sales were recognised[/]: without sales_lines there is no night.", soft_wrap=True)
    if started.strangers:
        shown = [f"{name} ({why})" for name, why in started.strangers.items()]
        more = f" and {len(shown) - MOST_NAMES} more, see sources.yaml" if len(shown) > MOST_NAMES else ""
        console.print(f"Not recognised: {escape('; '.join(shown[:MOST_NAMES]))}{more}", soft_wrap=True)
    if started.to_confirm:
        console.print("[bold]To confirm[/] in sources.yaml, marked CONFIRM; check counts what is left:")
        for line in started.to_confirm:
            console.print(f"  {escape(line)}", soft_wrap=True)


def show_findings(console: Console, findings: Sequence[Finding]) -> None:
    """Every source with its verdict, its first rejects, what nothing reads, what is empty, and its totals."""
    table = Table("source", "files", "newest", "rows sampled", "rejected", "verdict")
    for f in findings:
        verdict = "fine" if f.is_fine else "[bold red]stops[/]"
        rows = f"{f.judged.read:,}" + ("" if f.judged.is_whole else " (its beginning)")
        table.add_row(escape(f.source), str(f.files), escape(f.newest or ""), rows, f"{f.judged.rejected:,}", verdict)
    _show(console, table)
    for f in findings:
        for line in _lines(f):
            console.print(line, soft_wrap=True)


def _lines(finding: Finding) -> list[str]:
    """What is to be said of one source, below the table."""
    judged, lines = finding.judged, []
    if finding.problem:
        lines.append(f"  [bold red]{escape(finding.problem)}[/]")
    for group, examples in finding.first_rejects():
        lines.append(f"  rejected {group.count:,} × {group.rule}{f' ({group.column})' if group.column else ''}:")
        lines += [f"    line {e.line}: {escape(e.reason)}" for e in examples]
    rest = len(judged.rejects) - len(finding.first_rejects())
    if rest > 0:
        lines.append(f"  and rows by {rest} more rules")
    if judged.totals:
        days = f", {judged.first_day} to {judged.last_day}"
        totals = "; ".join(f"{t.kind} {t.amount:,.2f} ({t.rows:,} lines, {t.units:,.0f} units)" for t in judged.totals)
        whole = "" if judged.is_whole else " (of the rows sampled)"
        lines.append(f"  compare with the system these come from{whole}: {totals}{days}")
    if judged.unread:
        more = f" and {len(judged.unread) - MOST_NAMES} more" if len(judged.unread) > MOST_NAMES else ""
        lines.append(f"  nothing reads: {escape(', '.join(judged.unread[:MOST_NAMES]))}{more}")
    empty = {name: share for name, share in judged.null_share.items() if share > 0}
    if empty:
        lines.append("  without a value: " + ", ".join(f"{name} {share:.1%}" for name, share in empty.items()))
    where = f" ({finding.newest})" if finding.newest else ""
    return [f"[bold]{escape(finding.source)}[/]{escape(where)}", *lines] if lines else []


def show_metrics(console: Console, metrics: "Metrics") -> None:
    """Every metric, and what they can be cut by."""
    table = Table("metric", "name", "what it is")
    for m in metrics.metrics():
        table.add_row(m.name, m.label, m.description)
    _show(console, table)
    names = [m.name for m in metrics.metrics()]
    console.print(f"--grain {' | '.join(metrics.grains())}", soft_wrap=True)
    console.print(f"--by {' | '.join(d.replace('__', '.') for d in metrics.dimensions(names))}", soft_wrap=True)


def show_values(console: Console, metrics: "Metrics", values: pd.DataFrame, names: Sequence[str]) -> None:
    """One row per combination of the dimensions; numbers in their unit, and amounts without a currency's sign."""
    if values.empty:
        console.print("There is no line in these days.")
        return
    about = {m.name: m for m in metrics.metrics()}
    table = Table(*(about[c].label if c in names else c for c in values.columns))
    for row in values.itertuples(index=False, name=None):
        pairs = zip(values.columns, row, strict=True)
        table.add_row(*(_value(v, about[c].unit) if c in names else escape(_member(v)) for c, v in pairs))
    for column in table.columns[len(values.columns) - len(names) :]:
        column.justify = "right"
    _show(console, table)


def show_forecast(console: Console, found: "Answer") -> None:
    """One row per period, then how it was made and which way the history goes."""
    family, about = found.question.family, found.about
    # cents of what may come mean nothing, and would be the first thing that a narrow terminal cuts off
    decimals = 0 if found.rows["mean"].abs().max() >= LARGE else 1 + (family.measure == "revenue")
    is_published = bool(found.published.notna().any())
    rows = found.rows.assign(published=found.published) if is_published else found.rows
    bounds = list(found.rows.columns[2:])
    headers = [f"{'from' if name.startswith('lo') else 'to'} ({name[3:]}%)" for name in bounds]
    of = "company" if family.level == "company" else f"{family.level} {found.question.unique_id}"
    named = f" ({found.name})" if found.name not in ("", "company", found.question.unique_id) else ""
    unit = f" in {found.currency}" if family.measure == "revenue" else ""
    grain = family.grain.replace("_", " ")
    title = f"{of}{named}: {family.measure}{unit} by {grain}, known to {found.as_of_date}"
    table = Table(grain, "forecast", *headers, *(["published"] if is_published else []), title=escape(title))
    for row in rows.itertuples(index=False, name=None):
        numbers = (MISSING if value != value else count(value, decimals=decimals) for value in row[1:])
        table.add_row(f"{row[0]:%Y-%m-%d}", *numbers)
    for column in table.columns[1:]:
        column.justify = "right"
    for column in table.columns:  # a number is never cut: a table too wide for the terminal goes on in its next line
        column.no_wrap = True
        column.min_width = max(len(str(cell)) for cell in (column.header, *column.cells))
    _show(console, table)
    history = f"{about['n_periods']} whole periods" + (f" since {about['first_ds']}" if about["first_ds"] else "")
    lines = [f"Model: {about['model_used']}; demand is {about['demand_class']}; learned from {history}."]
    if about["fallback_reason"]:
        lines.append(f"Why: {about['fallback_reason']}.")
    lines.append(_direction(about))
    if about["wape_pct"] is not None:
        lines.append(
            f"Errors over {about['n_origins']} past origins: {pct(about['wape_pct'])} of what came, "
            f"seasonal naive {pct(about['naive_wape_pct'])}."
        )
    if is_published:
        lines.append(
            "Published: what the night said, with second opinions and overrides, and adding up with the other levels; "
            "the forecast here is of this series alone, from what was sold less what came back."
        )
    for line in lines:
        console.print(escape(line), soft_wrap=True)


def _direction(about: dict[str, Any]) -> str:
    """Which way the history goes, in a sentence."""
    if about["trend_direction"] is None:
        return "Trend: unknown, the history is too short."
    pace = about["trend_slope_pct"]
    slope = "" if pace is None else f", {count(pace, decimals=1)} % of its mean a year"
    return f"Trend: {about['trend_direction']}{slope} (p = {about['trend_p_value']:.3f})."


def _value(value: float, unit: str) -> str:
    return pct(value) if unit == "pct" else count(value, decimals=0 if unit in ("count", "units") else 2)


def _member(value: object) -> str:
    """A member of a dimension; an en dash for none."""
    return MISSING if value is None or value != value else str(value)


def _show(console: Console, table: Table) -> None:
    """A table with lines on a terminal; elsewhere its cells with tabs between, as other programs read them."""
    if console.is_terminal:
        is_whole = all(column.no_wrap for column in table.columns)
        widest = console.measure(table, options=console.options.update(max_width=WIDEST)).maximum
        console.print(table, width=max(console.width, widest) if is_whole else None, crop=False)
        return
    if table.title:
        print(table.title, file=console.file)
    rows = zip(*(column.cells for column in table.columns), strict=True)
    for row in [[column.header for column in table.columns], *rows]:
        print("\t".join(Text.from_markup(str(cell)).plain for cell in row), file=console.file)
