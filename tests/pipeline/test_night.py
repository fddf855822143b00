"""Nights of a small shop, one after the other on one home, and what each of them left behind."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from benchmarks.dashboard import arguments_of, connect, statement
from benchmarks.dashboard_queries import QUERIES, Query
from examples.demo.generate import Summary
from tests.support.night import (
    CORRECTIONS,
    FIRST_UNTIL,
    NEXT_DAY,
    NightRun,
    bi_rows,
    bi_tables,
    differences,
    fields_of,
    fill,
    new_home,
)
from tests.support.night_story import NEXT_FILE, PAST, Story, lived

# With several workers: --dist loadscope, so that one of them runs this file and its nights are run once.
pytestmark = [pytest.mark.timeout(900)]

# The generator's name of a kind of dirt → the rule and column that quarantine tells.
QUARANTINED_AS = {
    "unparsable_number": ("not_a_number", "qty_units"),
    "impossible_date": ("not_a_time", "ordered_at"),
    "missing_product_id": ("missing", "product_id"),
    "negative_price": ("negative_price", "unit_price"),
    "not_a_number": ("not_a_number", "unit_price"),
    "missing_order_id": ("missing", "order_id"),
    "unknown_country": ("unknown_value", "country"),
}


@pytest.fixture(scope="module")
def story(first_night: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with lived(first_night, tmp_path_factory.mktemp("night")) as story:
        yield story


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    """What the generator says it wrote for the first night."""
    return fill(new_home(tmp_path_factory.mktemp("summary") / "shop"))


@pytest.fixture(scope="module")
def first_run(first_night: Path) -> NightRun:
    kept = json.loads((first_night / "first_night.json").read_text())
    return NightRun(0, kept["stdout"], "", kept["seconds"])


# the first night ----------------------------------------------------------------------------------------------------


def test_its_report_is_one_json_object(first_run: NightRun) -> None:
    report = first_run.report
    assert report["succeeded"] is True
    assert report["reason"] is None
    assert report["as_of_date"] == FIRST_UNTIL.isoformat()
    by_stage = {stage["stage"]: stage for stage in report["stages"]}
    assert {
        "ingest sales_lines",
        "facts",
        "forecast",
        "overrides",
        "forecast accuracy",
        "stock",
        "trends",
        "anomalies",
        "bi",
        "publish",
        "reports",
    } <= set(by_stage)
    assert all(by_stage[stage]["rows_written"] > 0 for stage in ("facts", "forecast", "stock", "bi", "publish"))
    assert {row["period"] for row in report["headline"]} == {"month", "year"}
    assert [Path(path).suffix for path in report["editions"]] == [".pdf", ".xlsx"]


def test_bi_holds_what_was_generated_to_the_cent(story: Story, summary: Summary) -> None:
    measures = (
        "gross_sales",
        "discounts",
        "returns",
        "net_revenue",
        "charges",
        "adjustments",
        "units",
        "returned_units",
    )
    expected = {name: Decimal(getattr(summary, name)) for name in measures} | {"orders": Decimal(summary.orders)}
    for table, names in {
        "sales_daily": (*measures, "orders"),
        "sales_monthly": (*measures, "orders"),
        "sales_daily_product": measures,
        "sales_lines": measures,
    }.items():
        sums = ", ".join(f"sum({name})" for name in names)
        assert dict(zip(names, story.rows("first", f"select {sums} from bi.{table}")[0], strict=True)) == {
            name: expected[name] for name in names
        }, table
    kinds = dict(story.rows("first", "select line_kind, count(*) from bi.sales_lines group by 1"))
    assert kinds == {kind: count for kind, count in summary.lines.items() if count}


def test_every_product_that_was_ever_sold_is_forecast_or_says_why(story: Story) -> None:
    sales = "select distinct product_id from bi.sales_lines join bi.dim_product using (product_key)"
    sold = {row[0] for row in story.rows("first", f"{sales} where line_kind = 'sale'")}
    known = story.rows(
        "first",
        """select unique_id, count(*), sum(mean) = 0, count(fallback_reason) > 0 from bi.forecasts
           where series = 'product_weekly_units' group by 1""",
    )
    assert {row[0] for row in known} == sold
    assert {row[1] for row in known} == {13}
    assert [row[0] for row in known if row[2] and not row[3]] == []
    families = story.rows("first", "select series, count(distinct unique_id) from bi.forecast_series group by 1")
    assert {"product_weekly_units", "company_daily_revenue", "company_yearly_revenue"} <= {row[0] for row in families}


@pytest.mark.parametrize("query", [q for q in QUERIES if q.is_same], ids=lambda query: query.name)
def test_a_dashboard_is_told_what_the_raw_lines_say(story: Story, query: Query) -> None:
    with connect(story.urls["first"]) as connection:
        picked = arguments_of(connection, "bi")
        told = connection.execute(statement(query.of_bi, "bi", picked)).fetchall()
        assert told == connection.execute(statement(query.of_raw, "bi", picked)).fetchall()
    assert told


def test_quarantine_holds_exactly_the_dirty_rows(story: Story, summary: Summary) -> None:
    query = (
        "select rule, column_name, count(*) from quarantine.rejected_rows where entity = 'sales_lines' group by 1, 2"
    )
    found = Counter({(rule, column): count for rule, column, count in story.rows("first", query)})
    assert found == Counter({QUARANTINED_AS[rule]: count for rule, count in summary.rejected.items() if count})
    others = "select entity, count(*) from quarantine.rejected_rows where entity <> 'sales_lines' group by 1"
    assert Counter(dict(story.rows("first", others))) == summary.other_rejected
    read, duplicates = story.rows(
        "first", "select sum(rows_read), sum(rows_duplicate) from ops.loads where entity = 'sales_lines'"
    )[0]
    assert (read, duplicates) == (summary.rows, summary.duplicates)


def test_the_documentation_of_dbt_is_a_page_in_the_home(first_night: Path, first_run: NightRun) -> None:
    page = (first_night / "home" / "docs" / "dbt.html").read_text(encoding="utf-8")
    manifest = json.loads((first_night / "home" / "dbt" / "manifest.json").read_text(encoding="utf-8"))
    shown = [*manifest["metrics"], *(n for n in manifest["nodes"] if n.startswith("model."))]
    assert len(shown) > 50
    assert [name for name in shown if name not in page] == []
    assert {s["stage"]: s["rows_written"] for s in first_run.report["stages"]}["docs"] == 1


def test_every_edition_stands_where_the_register_says(first_night: Path, story: Story) -> None:
    editions = story.rows("first", "select format, file_path, file_sha256, file_bytes, as_of_date from ops.editions")
    assert sorted(edition[0] for edition in editions) == ["pdf", "xlsx"]
    for _, path, sha256, size, as_of in editions:
        content = Path(path).read_bytes()
        assert Path(path).is_relative_to(first_night / "home" / "editions")
        assert (hashlib.sha256(content).hexdigest(), len(content), as_of) == (sha256, size, FIRST_UNTIL)


def test_the_reader_may_select_all_of_bi_and_nothing_else(story: Story) -> None:
    others = story.rows(
        "second day",
        "select schemaname || '.' || relname from pg_stat_user_tables where schemaname <> 'bi' order by 1",
    )
    with psycopg.connect(story.home.reader_url(), autocommit=True) as reader:
        for table in bi_tables(story.urls["second day"]):
            reader.execute(f"select * from bi.{table} limit 1")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(f"delete from bi.{table}")
        assert {("raw.sales_lines",), ("ops.outbox",), ("marts.fct_sales_lines",)} <= set(others)
        for (table,) in others:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(f"select * from {table} limit 1")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("create table bi.mine (n int)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("create schema mine")


@pytest.mark.parametrize("chapter", ["first", "second day"])
def test_every_table_and_column_of_bi_is_described(story: Story, chapter: str) -> None:
    undescribed = story.rows(
        chapter,
        """select c.relname, a.attname from pg_class c
           join pg_attribute a on a.attrelid = c.oid and a.attnum >= 0 and not a.attisdropped
           where c.relnamespace = 'bi'::regnamespace and c.relkind in ('r', 'v', 'm')
           and (col_description(c.oid, a.attnum) is null or obj_description(c.oid) is null)""",
    )
    assert undescribed == []


# a night without news -----------------------------------------------------------------------------------------------


def test_a_night_without_new_files_publishes_the_same_again(story: Story) -> None:
    run = story.nights["nothing new"].must_succeed()
    assert run.report["as_of_date"] == NEXT_DAY.isoformat()
    assert differences(bi_rows(story.urls["second day"]), bi_rows(story.urls["nothing new"])) == {}
    before, after = (story.rows(c, "select night from bi.publication") for c in ("second day", "nothing new"))
    assert after[0][0] > before[0][0]
    assert story.rows("nothing new", "select days_published from ops.publications order by token desc limit 1") == [
        (0,)
    ]


def test_dbt_parses_the_project_once_and_not_in_every_build(story: Story) -> None:
    log = (story.home.folder / "nightly.log").read_text(encoding="utf-8")
    assert len(re.findall(r"Completed (successfully|with [0-9]+ warning)", log)) == 2
    assert "Unable to do partial parsing" not in log


# a night with news --------------------------------------------------------------------------------------------------


def test_only_the_touched_days_are_published_again(story: Story) -> None:
    story.nights["second day"].must_succeed()
    token = story.rows("second day", "select max(token) from ops.publications")[0][0]
    published = story.rows("second day", f"select distinct day from ops.touched_days where published_token = {token}")
    # The late line's, the corrected one's, the moved one's old and new one, and the new day with the returns it brings.
    assert {day for (day,) in published} == {
        date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 5), date(2024, 3, 6), NEXT_DAY,
    }  # fmt: skip
    assert story.rows(
        "second day", "select is_full, days_published from ops.publications order by token desc limit 1"
    ) == [(False, 5)]


def test_days_taken_in_one_by_one_equal_days_taken_in_at_once(
    story: Story, never_interrupted: dict[str, list[str]]
) -> None:
    assert len(never_interrupted["sales_lines"]) > 600
    assert differences(bi_rows(story.urls["second day"]), never_interrupted) == {}


def test_a_correction_replaces_what_it_corrects(story: Story) -> None:
    late, corrected, moved = (fields_of(line) for line in story.home.sales_lines(CORRECTIONS))
    for chapter, expected in {
        "first": [False, False, date(2024, 3, 5)],
        "second day": [True, True, date(2024, 3, 6)],
    }.items():
        lines = {
            (order, line): (units, day)
            for order, line, units, day in story.rows(
                chapter, "select order_id, line_id, qty_units, order_date from bi.sales_lines"
            )
        }
        units, _ = lines[corrected["Belegnummer"], corrected["Position"]]
        assert [
            (late["Belegnummer"], late["Position"]) in lines,
            units == int(corrected["Menge"]),
            lines[moved["Belegnummer"], moved["Position"]][1],
        ] == expected


def test_a_night_about_a_past_day(story: Story) -> None:
    run = story.nights["past"].must_succeed()
    assert run.report["as_of_date"] == PAST.isoformat()
    assert story.rows("past", "select as_of_date from bi.publication") == [(PAST,)]
    # Forecasts and stock know nothing of what came later; the facts are the facts.
    assert story.rows(
        "past",
        "select min(ds) filter (where grain in ('day', 'week')) > date '2024-02-19'"
        " and min(as_of_date) = max(as_of_date) from bi.forecasts",
    ) == [(True,)]
    past_month = story.rows(
        "past",
        "select round(sum(net_revenue), 2) from bi.sales_daily where order_date between '2024-02-01' and '2024-02-29'",
    )
    kpi = story.rows(
        "past",
        f"""select round(value, 2) from bi.kpi_snapshots
            where kpi = 'net_revenue' and grain = 'company' and period = 'month' and as_of_date = '{PAST}'""",
    )
    assert kpi == past_month
    facts = {"sales_lines", "sales_daily", "sales_daily_product", "sales_monthly"}
    left, right = (bi_rows(story.urls[chapter]) for chapter in ("past", "nothing new"))
    assert differences({t: left[t] for t in facts}, {t: right[t] for t in facts}) == {}


# nights that fail ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chapter", ["dirty", "impossible", "another business"])
def test_a_failed_night_leaves_bi_as_it_was(story: Story, chapter: str) -> None:
    assert story.nights[chapter].exit_code not in (0, -9)
    assert differences(bi_rows(story.urls[chapter]), bi_rows(story.urls["first"])) == {}
    columns = "select business, as_of_date, published_at, night from bi.publication"
    assert story.rows(chapter, columns) == story.rows("first", columns)


@pytest.mark.parametrize(
    ("chapter", "exit_code", "stage", "words"),
    [
        (
            "dirty",
            3,
            "raw sales_lines",
            ["sales:", "more than the 10 % it allows", f"sales/{NEXT_FILE}, line ", "zwölf"],
        ),
        ("impossible", 4, "raw sales_lines", ["1 row breaks", "qty_units is between", "20000000", "RE-240311-"]),
        ("another business", 4, "", ["belongs to 'Hartwell & Lowe'", "'Online Retail'"]),
    ],
)
def test_a_failed_night_says_why(story: Story, chapter: str, exit_code: int, stage: str, words: list[str]) -> None:
    run = story.nights[chapter]
    assert run.exit_code == exit_code
    assert run.report["succeeded"] is False
    assert stage in run.report["failed_stage"]
    for word in words:
        assert word in run.report["reason"]
    assert run.report["remedy"]
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(("chapter", "before"), [("dirty", "first"), ("impossible", "dirty")])
def test_a_failed_night_puts_one_alert_into_the_outbox(story: Story, chapter: str, before: str) -> None:
    query = "select dedupe_key, recipient, body_text from ops.outbox where dedupe_key like 'run_failed:%'"
    new = set(story.rows(chapter, query)) - set(story.rows(before, query))
    assert len(new) == 1
    ((key, recipient, text),) = new
    report = story.nights[chapter].report
    assert (key, recipient) == (f"run_failed:{report['run_id']}", "ops@example.com")
    for word in (report["failed_stage"], report["reason"][:60], report["remedy"]):
        assert word in text


def test_a_refused_file_is_on_record_until_it_is_repaired(story: Story) -> None:
    stopped = "select file_path, rows_rejected > 0 from ops.loads where status = 'stopped'"
    assert story.rows("dirty", stopped) == [(f"sales/{NEXT_FILE}", True)]
    assert story.rows("impossible", stopped) == []


def test_nothing_of_a_refused_file_reaches_raw(story: Story) -> None:
    lines = f"select count(*) from raw.sales_lines where order_date = '{NEXT_DAY}'"
    assert story.rows("dirty", lines) == [(0,)]
    assert story.rows("second day", lines)[0][0] > 0
