"""The command line: daybreak up | nightly | init | check | accept | metric | forecast | url. Words in, one screen out.

Not here: any work. Errors of our family are shown without a traceback and give the exit code.
"""

import os
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from orchestration.errors import ConfigurationError, DaybreakError
from orchestration.settings import Settings

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Nightly sales analytics."
)
# Bound to the real stdout: a night sends what its stages print to a log, and its progress still comes here.
console = Console(highlight=False, file=sys.stdout)
problems = Console(stderr=True, highlight=False)

BusinessOption = Annotated[Path | None, typer.Option("--business", help="The business folder.", show_default=False)]
DataOption = Annotated[
    Path | None, typer.Option("--data", help="The folder with the source files.", show_default=False)
]


def main() -> None:
    """The entry point: runs a command, and turns our errors into a sentence and an exit code."""
    try:
        app()
    except DaybreakError as error:
        problems.print(f"[bold red]Error:[/] {escape(error.message)}", soft_wrap=True)
        if error.remedy:
            problems.print(f"[bold]Remedy:[/] {escape(error.remedy)}", soft_wrap=True)
        sys.exit(error.exit_code)


@app.command()
def up(business: BusinessOption = None, data: DataOption = None) -> None:
    """Start the database, run the first night if there was none, and serve the Dagster UI until Ctrl-C."""
    from orchestration.up import run_up

    run_up(_settings(business, data), say=_say)


@app.command()
def nightly(
    business: BusinessOption = None,
    data: DataOption = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", help="The day the night is about, YYYY-MM-DD.", show_default=False),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    progress_only: Annotated[bool, typer.Option("--progress-only", help="Print no summary of a good night.")] = False,
) -> None:
    """Run one night here, without a stack. Exit code 0 only if every stage did its work, else that of its error."""
    day = _day(as_of)
    settings = _settings(business, data)
    try:
        report = _run_night(settings, day, say=_say_to_stderr if json else _say)
    except DaybreakError as error:
        if not json:
            raise
        from orchestration.headless import refused

        report = refused(error)
    if json:
        print(report.as_json())
    elif not (progress_only and report.succeeded):
        _show_report(report)
    sys.exit(report.exit_code)


def _run_night(settings: Settings, day: date | None, *, say: Callable[[str], None]) -> Any:
    from orchestration.business import load_business
    from orchestration.database import database, enter_environment

    folder = load_business(settings.business_folder)
    with database(settings) as url:
        enter_environment(settings, url)
        from orchestration.headless import run_night

        return run_night(settings, folder, url, as_of=day, say=say)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The business folder to write.")],
    source: Annotated[
        list[Path], typer.Option("--from", help="A file to look at, or a folder of files; may be given again.")
    ],
    more: Annotated[list[Path] | None, typer.Argument(help="More files to look at.", show_default=False)] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a business folder that is there.")] = False,
) -> None:
    """Look at files and write a starter business folder for them, with what must be confirmed; then check it."""
    from orchestration.screens import show_started
    from orchestration.starter.init import start

    started = start(folder, [*source, *(more or [])], force=force, say=_say)
    show_started(console, started)
    _check(_settings(folder, started.data), as_json=False)


@app.command()
def check(
    business: BusinessOption = None,
    data: DataOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Validate the business folder and a sample of every source; writes nothing."""
    _check(_settings(business, data), as_json=json)


def _check(settings: Settings, *, as_json: bool) -> None:
    from orchestration import check
    from orchestration.screens import show_findings

    findings = check.check_business(settings, say=_say_to_stderr if as_json else _say)
    if as_json:
        print(check.as_json(findings))
    else:
        show_findings(console, findings)
    sys.exit(0 if all(f.is_fine for f in findings) else 3)


@app.command()
def accept(
    source: Annotated[str, typer.Argument(help="The source's name, as in sources.yaml.")],
    business: BusinessOption = None,
) -> None:
    """Take the next load of a source as it is: an export changed, and is meant to look so from now on."""
    from orchestration.business import load_business
    from orchestration.database import database
    from orchestration.ingestion.drift.memory import accept
    from orchestration.warehouse import connect

    settings = _settings(business, None)
    load_business(settings.business_folder).source(source)
    with database(settings) as database_url, connect(database_url) as connection:
        accept(connection, source)
    console.print(f"{source}: its next load is taken in as it looks, and what comes after is held against it.")


@app.command()
def metric(
    names: Annotated[
        list[str] | None, typer.Argument(help="KPIs; none for a list of them.", show_default=False)
    ] = None,
    by: Annotated[list[str] | None, typer.Option("--by", help="A dimension to cut by; may be given again.")] = None,
    grain: Annotated[
        str | None, typer.Option("--grain", help="day, week, month, quarter, year or fiscal_year.", show_default=False)
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="The first day counted, YYYY-MM-DD.", show_default=False)
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--to", help="The last day counted; without it the published as-of date.", show_default=False),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
) -> None:
    """Compute KPIs from what is published, by any dimension; without a name, list both."""
    first, last = _day(since, "--from"), _day(until, "--to")
    from orchestration.database import database
    from orchestration.metrics import Metrics, semantic_manifest
    from orchestration.screens import show_metrics, show_values

    settings = _read_settings()
    metrics = Metrics(semantic_manifest(settings))
    if not names:
        return show_metrics(console, metrics)
    with database(settings) as database_url:
        group_by = [*([grain] if grain else []), *(by or [])]
        values = metrics.query(database_url, names, group_by=group_by, start=first, end=last)
    if json:
        print(values.to_json(orient="records", date_format="iso", indent=1))
    else:
        show_values(console, metrics, values, names)
    return None


@app.command()
def forecast(  # noqa: PLR0913 - an option each
    what: Annotated[
        str, typer.Argument(help="company, or LEVEL=ID of a product, category, territory or location.")
    ] = "company",
    measure: Annotated[str, typer.Option("--measure", help="units, revenue or orders.")] = "units",
    grain: Annotated[
        str, typer.Option("--grain", help="day, week, month, quarter, year, fiscal_quarter or fiscal_year.")
    ] = "week",
    periods: Annotated[
        int | None, typer.Option("--periods", help="How many: 1 to 365 days, else 1 to 24.", show_default=False)
    ] = None,
    level: Annotated[
        list[float] | None,
        typer.Option("--level", help="Of an interval, 50 to 99 %; may be given again. 80 and 95.", show_default=False),
    ] = None,
    business: BusinessOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Forecast any one series from the warehouse's facts, with intervals, trend, model and reason; writes nothing."""
    from orchestration.business import load_business
    from orchestration.database import database
    from orchestration.forecasts.ad_hoc import answer, asked
    from orchestration.screens import show_forecast
    from orchestration.warehouse import connect

    question = asked(what, measure=measure, grain=grain, periods=periods, levels_pct=level)
    settings = _settings(business, None)
    profile = load_business(settings.business_folder).profile
    with database(settings) as database_url, connect(database_url) as connection:
        found = answer(connection, profile, question)
    if json:
        print(found.as_json())
    else:
        show_forecast(console, found)


@app.command()
def url(
    reader: Annotated[
        bool, typer.Option("--reader", help="The URL of the read-only login bi_reader (embedded server).")
    ] = False,
) -> None:
    """Print the connection URL of the database in use."""
    from orchestration.database import known_url

    print(known_url(_read_settings(), reader=reader))


def _settings(business: Path | None, data: Path | None) -> Settings:
    """The settings with the command line's word over the environment's; children inherit it."""
    for name, value in (("DAYBREAK_BUSINESS", business), ("DAYBREAK_DATA", data)):
        if value is not None:
            os.environ[name] = str(value.expanduser().resolve())
    return _read_settings()


def _read_settings() -> Settings:
    """The settings; a wrong one is named without its value, which may be a secret."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(f"DAYBREAK_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(wrong, remedy="docs/operations.md lists the settings") from None


def _day(text: str | None, option: str = "--as-of") -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a day of the form YYYY-MM-DD", param_hint=option) from None


def _say(line: str) -> None:
    console.print(f"[dim]{datetime.now():%H:%M:%S}[/] {escape(line)}", soft_wrap=True)


def _say_to_stderr(line: str) -> None:
    problems.print(f"[dim]{datetime.now():%H:%M:%S}[/] {escape(line)}", soft_wrap=True)


def _show_report(report: Any) -> None:
    """One screen: the stages, the headline KPIs, where the editions lie, and what went wrong."""
    stages = Table(
        "stage", "seconds", "read", "written", "rejected", title=f"Night of {report.as_of_date or 'no date'}"
    )
    for s in report.stages:
        stages.add_row(
            s["stage"],
            f"{s['seconds']:.1f}",
            *(f"{s[k]:,}" for k in ("rows_read", "rows_written", "rows_rejected")),
        )
    for column in stages.columns[1:]:
        column.justify = "right"
    console.print(stages)
    if report.succeeded:
        from orchestration.summary import headline_table

        console.print(headline_table(report.headline))
        for path in report.editions:
            console.print(f"Edition: {escape(path)}", soft_wrap=True)
    else:
        where = escape(report.failed_stage or "")
        problems.print(f"[bold red]The night failed[/] in {where}: {escape(report.reason or '')}", soft_wrap=True)
        if report.remedy:
            problems.print(f"[bold]Remedy:[/] {escape(report.remedy)}", soft_wrap=True)
        problems.print("What was published before still stands.")


if __name__ == "__main__":
    main()
