"""The demo's files: same bytes for the same arguments, stable days, and a Summary that is right to the cent.

Not here: whether the business looks believable (test_demo_demand.py), whether the files agree (test_demo_coherence.py).
"""

import csv
import hashlib
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
import python_calamine
from hypothesis import given, settings
from hypothesis import strategies as st

import examples.demo.generate as generator
from examples.demo.dialect import HEADER, SPOILERS
from examples.demo.exports import Exports
from examples.demo.generate import Summary, generate
from examples.demo.house import make_house
from examples.demo.sizes import sizes_for
from orchestration.business import load_business
from orchestration.ingestion.contract import ENTITIES
from orchestration.sources import Source

SMALL = {"products": 25, "customers": 40, "days": 150, "lines_per_day": 60}
UNTIL = date(2024, 3, 13)  # the leap day is inside, the month is not over
FOLDER = Path(generator.__file__).parent


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def sales_rows(folder: Path) -> list[dict[str, str]]:
    rows = []
    for path in sorted(folder.glob("sales/*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter=";", strict=True)
            rows += list(reader)
            assert tuple(reader.fieldnames or ()) == HEADER
    return rows


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    folder = tmp_path_factory.mktemp("demo")
    return folder, generate(folder, until=UNTIL, dirty_share=0.03, **SMALL)


def test_the_same_arguments_give_the_same_bytes(demo: tuple[Path, Summary], tmp_path: Path) -> None:
    folder, summary = demo
    assert generate(tmp_path, until=UNTIL, dirty_share=0.03, **SMALL) == summary
    assert digests(tmp_path) == digests(folder)
    assert sorted(digests(folder)) == sorted(summary.files)


def test_another_seed_gives_other_days(demo: tuple[Path, Summary], tmp_path: Path) -> None:
    generate(tmp_path, until=UNTIL, dirty_share=0.03, seed=8, **SMALL)
    mine, other = digests(tmp_path), digests(demo[0])
    assert mine.keys() == other.keys()
    same = {name.partition("/")[0] for name in mine if mine[name] == other[name]}
    assert same == {"territories", "locations", "forecast_cycles", "exchange_rates"}  # they come from elsewhere


@pytest.mark.parametrize("later_days", [1, 5, 40, 800])
def test_a_later_end_or_start_changes_no_common_file(
    demo: tuple[Path, Summary], tmp_path: Path, later_days: int
) -> None:
    later = {**SMALL, "days": 150 + later_days if later_days < 800 else 100}
    until = UNTIL + timedelta(days=later_days if later_days < 800 else 0)
    generate(tmp_path, until=until, dirty_share=0.03, **later)
    before, after = digests(demo[0]), digests(tmp_path)
    common = before.keys() & after.keys()
    assert len(common) >= 4
    assert len(before) < 64
    assert {name: before[name] for name in common} == {name: after[name] for name in common}


def test_a_day_reads_the_same_in_a_monthly_and_in_a_daily_file(demo: tuple[Path, Summary], tmp_path: Path) -> None:
    generate(tmp_path, until=date(2024, 3, 31), dirty_share=0.03, **SMALL)
    monthly = (tmp_path / "sales/sales_2024-03.csv").read_text("utf-8")
    for path in demo[0].glob("sales/sales_2024-03-*.csv"):
        assert path.read_text("utf-8").split("\n", 1)[1] in monthly


def test_nights_add_files_and_never_touch_one(tmp_path: Path) -> None:
    size = {"products": 8, "customers": 8, "days": 40, "lines_per_day": 30}
    total = generate(tmp_path, until=date(2024, 2, 27), **size)
    for offset in range(1, 5):  # over the leap day and the end of the month, which was begun with daily files
        before = digests(tmp_path)
        night = generate(tmp_path, until=date(2024, 2, 27) + timedelta(days=offset), **size)
        after = digests(tmp_path)
        assert {name: after[name] for name in before} == before
        assert sorted(after.keys() - before.keys()) == sorted(night.files)
        total += night
    assert "sales/sales_2024-02-29.csv" in total.files
    assert "sales/sales_2024-02.csv" not in total.files
    assert total.rows == len(sales_rows(tmp_path))
    assert generate(tmp_path, until=date(2024, 3, 2), **size) == Summary(
        (), 0, Counter(), Counter(), 0, 0, 0, 0, *[Decimal(0)] * 5, Counter(), Counter()
    )


def test_a_later_half_year_says_the_same_of_the_days_before(demo: tuple[Path, Summary], tmp_path: Path) -> None:
    """What a file to a later day adds stands behind; of what was final nothing changes."""
    generate(tmp_path, until=date(2024, 3, 20), dirty_share=0.0, **SMALL)
    generate(tmp_path / "before", until=UNTIL, dirty_share=0.0, **SMALL)
    for name in ("invoices", "payments", "touchpoints"):
        before, after = (
            (folder / name / f"{name}_2024-01-01_{until}.csv").read_text("utf-8").splitlines()
            for folder, until in ((tmp_path / "before", UNTIL), (tmp_path, "2024-03-20"))
        )
        assert after[: len(before)] == before
        assert len(after) > len(before) > 1
    for name in ("inventory_movements", "funnel_events"):
        tables = [
            pq.read_table(folder / name / f"{name}_2024-01-01_{until}.parquet").to_pylist()
            for folder, until in ((tmp_path / "before", UNTIL), (tmp_path, "2024-03-20"))
        ]
        assert tables[1][: len(tables[0])] == tables[0]


def test_a_shop_that_has_begun_keeps_its_beginning(tmp_path: Path) -> None:
    size = {"products": 5, "customers": 5, "lines_per_day": 10}
    generate(tmp_path, until=date(2024, 2, 10), days=30, **size)
    later = generate(tmp_path, until=date(2024, 4, 2), days=5, **size)
    assert "invoices/invoices_2024-01-01_2024-04-02.csv" in later.files
    assert {"sales/sales_2024-03.csv", "sales/sales_2024-02-29.csv"} <= set(later.files)


def test_a_crash_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = {"products": 8, "customers": 8, "days": 70, "lines_per_day": 20}

    def crash(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    def disk_full(*_: Path) -> None:
        raise OSError("disk full")

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path / "torn", until=UNTIL, on_progress=crash, **size)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", disk_full)
        with pytest.raises(OSError, match="disk full"):
            generate(tmp_path / "torn", until=UNTIL, **size)
    assert not list(tmp_path.rglob(".*.tmp"))
    generate(tmp_path / "torn", until=UNTIL, **size)
    generate(tmp_path / "whole", until=UNTIL, **size)
    assert digests(tmp_path / "torn") == digests(tmp_path / "whole")


def fate(row: dict[str, str]) -> str:
    """What must become of a row, decided from its text alone."""
    for rule, broken in {
        "missing_order_id": not row["Belegnummer"].strip(),
        "impossible_date": row["Datum"].startswith("30.02."),
        "missing_product_id": not row["Artikelnummer"].strip(),
        "unknown_country": row["Land"] not in {"DE", "AT", "PL", "NL", "BE", "FR"},
        "unparsable_number": not row["Menge"].lstrip("-").isdigit(),
        "not_a_number": row["Einzelpreis"].lower() == "nan",
        "negative_price": row["Einzelpreis"].startswith("-"),
    }.items():
        if broken:
            return rule
    kinds = {"Rechnung": "sale", "Gutschrift": "return", "Fracht": "charge", "Ausbuchung": "adjustment"}
    return kinds[row["Belegart"]]


def test_every_row_is_counted_under_its_kind_or_rule(demo: tuple[Path, Summary]) -> None:
    folder, summary = demo
    rows = sales_rows(folder)
    distinct = {tuple(row.values()): row for row in rows}
    counted = Counter(map(fate, distinct.values()))
    assert summary.rows == len(rows)
    assert summary.duplicates == len(rows) - len(distinct) > 0
    assert counted == summary.lines + summary.rejected
    assert set(summary.rejected) == set(SPOILERS)
    assert min(summary.rejected.values()) > 0
    dirty = summary.rejected.total() + summary.duplicates
    assert dirty / summary.rows == pytest.approx(0.03, abs=0.004)


def test_the_totals_agree_with_duckdb_to_the_cent(demo: tuple[Path, Summary]) -> None:
    folder, summary = demo
    with duckdb.connect() as db:
        db.execute(
            """create table lines as
            select distinct columns(*), try_cast(Menge as decimal(18, 0)) as qty,
                   try_cast(replace(Einzelpreis, ',', '.') as decimal(18, 2)) as price,
                   try_cast(replace(Rabatt, ',', '.') as decimal(18, 2)) as discount
            from read_csv($files, delim = ';', quote = '"', escape = '"', header = true, all_varchar = true)
            where try_strptime(Datum, '%d.%m.%Y %H:%M') is not null
              and Land in ('DE', 'AT', 'PL', 'NL', 'BE', 'FR')
              and trim(coalesce(Belegnummer, '')) <> '' and trim(coalesce(Artikelnummer, '')) <> ''""",
            {"files": str(folder / "sales/*.csv")},
        )
        by_kind = {
            kind: numbers
            for kind, *numbers in db.execute(
                """select Belegart, sum(qty * price), sum(discount), sum(qty), count(distinct Belegnummer)
                from lines where qty is not null and price >= 0 group by 1"""
            ).fetchall()
        }
    gross, discounts, units, orders = by_kind["Rechnung"]
    assert (gross, discounts) == (summary.gross_sales, summary.discounts)
    assert (units, orders) == (summary.units, summary.orders)
    returned_gross, returned_discounts, returned_units, _ = by_kind["Gutschrift"]
    assert returned_gross - returned_discounts == -summary.returns < 0
    assert returned_units == -summary.returned_units
    assert by_kind["Fracht"][0] == summary.charges > 0
    assert by_kind["Ausbuchung"][0] == summary.adjustments < 0
    assert summary.net_revenue == gross - discounts + returned_gross - returned_discounts


def test_a_return_names_a_sold_line_and_takes_back_no_more_than_it(demo: tuple[Path, Summary]) -> None:
    rows = sales_rows(demo[0])
    sold = {(r["Belegnummer"], int(r["Position"])): r for r in rows if fate(r) == "sale"}
    first = min(r["Belegnummer"] for r in sold.values())
    returns = [r for r in rows if fate(r) == "return" and r["Belegnummer"] >= first]
    assert returns
    for row in returns:
        origin = sold[row["Belegnummer"], int(row["Position"]) - 900]
        assert row["Artikelnummer"].strip().upper() == origin["Artikelnummer"].strip().upper()
        assert row["Einzelpreis"] == origin["Einzelpreis"]
        assert 0 < -int(row["Menge"]) <= int(origin["Menge"])
        assert not row["Rabatt"].strip("-0,") or row["Rabatt"].startswith("-")


def test_document_and_position_identify_a_clean_row(demo: tuple[Path, Summary]) -> None:
    clean = {tuple(row.values()) for row in sales_rows(demo[0]) if fate(row) not in SPOILERS}
    assert len({row[:2] for row in clean}) == len(clean)


def test_awkward_texts_are_there(demo: tuple[Path, Summary]) -> None:
    rows = sales_rows(demo[0])
    text = "\n".join(path.read_text("utf-8") for path in demo[0].glob("sales/*.csv"))
    assert '""' in text
    assert any(";" in row["Artikel"] for row in rows)
    assert any("," in row["Artikel"] for row in rows)
    assert any("Ł" in row["Artikel"] or "ü" in row["Artikel"] for row in rows)
    assert any(row["Artikelnummer"].startswith(" hl-") for row in rows)
    assert any(not row["Kundennummer"] for row in rows)
    assert any(row["Datum"].startswith("29.02.2024") for row in rows)


def test_the_master_files_know_every_product_and_customer_sold(demo: tuple[Path, Summary]) -> None:
    folder, _ = demo
    sheet = python_calamine.CalamineWorkbook.from_path(folder / "products/products_2024-03.xlsx").get_sheet_by_index(0)
    products = sheet.to_python()[1:]
    with (folder / "customers/customers_2024-03.csv").open(encoding="utf-8", newline="") as file:
        customers = list(csv.DictReader(file, delimiter=";", strict=True))
    stock = pq.read_table(folder / f"inventory_levels/stock_{UNTIL}.parquet").to_pylist()
    sold = {r["Artikelnummer"].strip().upper() for r in sales_rows(folder) if fate(r) in {"sale", "return"}}
    bought = {r["Kundennummer"] for r in sales_rows(folder)} - {""}
    product_ids = [row[0] for row in products]
    assert sold <= set(product_ids)
    assert bought <= {row["Kundennummer"] for row in customers}
    assert len(set(product_ids)) == len(product_ids)
    assert len({row["Kundennummer"] for row in customers}) == len(customers)
    assert {row["Artikelnummer"] for row in stock} >= {
        row[0] for row in products if row[6] <= UNTIL and (not row[7] or row[7] >= UNTIL)
    }
    assert {row["Stichtag"] for row in stock} == {UNTIL}
    assert {row["Lager"] for row in stock} == {"TROCKEN", "KUEHL", "MARKT"}
    assert all(0 < row[3] < row[4] for row in products)


@settings(max_examples=10, deadline=None)
@given(
    size=st.fixed_dictionaries(
        {
            "products": st.integers(1, 6),
            "customers": st.integers(1, 6),
            "lines_per_day": st.integers(1, 25),
            "days": st.integers(1, 12),
            "dirty_share": st.sampled_from([0.0, 0.01, 0.5]),
            "seed": st.integers(0, 2**40),
        }
    ),
    until=st.dates(date(2019, 3, 1), date(2031, 12, 31)),
)
def test_any_tiny_house_works_and_its_counts_are_right(
    tmp_path_factory: pytest.TempPathFactory, size: dict[str, int], until: date
) -> None:
    folder = tmp_path_factory.mktemp("tiny")
    summary = generate(folder, until=until, **size)
    rows = sales_rows(folder)
    distinct = {tuple(row.values()): row for row in rows}
    assert summary.rows == len(rows)
    assert summary.lines + summary.rejected == Counter(map(fate, distinct.values()))
    assert size["dirty_share"] or not summary.rejected.total() + summary.duplicates


def test_progress_counts_up_to_all_files(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    summary = generate(
        tmp_path, products=5, customers=5, days=10, lines_per_day=10, until=date(2024, 3, 10),
        on_progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    total = len(summary.files)
    assert seen == [(done, total) for done in range(1, total + 1)]


@pytest.mark.parametrize(
    "wrong", [{"products": 0}, {"customers": -1}, {"days": 0}, {"lines_per_day": 0}, {"dirty_share": 0.6},
              {"dirty_share": float("nan")}, {"days": 5000}, {"seed": -1}],
)  # fmt: skip
def test_impossible_sizes_are_refused_before_anything_is_written(tmp_path: Path, wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        generate(tmp_path, until=UNTIL, **{**SMALL, **wrong})
    assert not list(tmp_path.iterdir())


def test_the_command_line_writes_and_says_what(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generator.main([str(tmp_path), "--until", "2024-03-05", "--days", "5", "--products", "5", "--customers", "5"])
    assert "sales rows" in capsys.readouterr().out
    assert (tmp_path / "sales/sales_2024-03-05.csv").exists()
    with pytest.raises(SystemExit):
        generator.main([str(tmp_path), "--days", "0"])


@pytest.mark.parametrize("source", load_business(FOLDER).sources, ids=lambda source: source.name)
def test_the_business_folder_maps_the_columns_the_files_have(demo: tuple[Path, Summary], source: Source) -> None:
    files = sorted(demo[0].glob(source.files or ""))
    assert files
    for path in files:
        assert {column.from_ for column in source.columns.values() if column.from_} <= set(header_of(path, source))


def header_of(path: Path, source: Source) -> list[str]:
    if source.format == "parquet":
        return list(pq.read_schema(path).names)
    if source.format == "excel":
        rows = python_calamine.CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
        return [str(cell) for cell in rows[0]]
    return path.read_text(source.csv.encoding).split("\n")[0].split(";")


def test_every_file_is_read_by_a_source_and_every_entity_has_one(demo: tuple[Path, Summary]) -> None:
    sources = load_business(FOLDER).sources
    read = {path for source in sources for path in demo[0].glob(source.files or "")}
    assert read == {path for path in demo[0].rglob("*") if path.is_file()}
    assert {source.entity for source in sources} == set(ENTITIES)


def test_the_default_demo_has_a_moderate_number_of_files() -> None:
    house = make_house(7, products=5, customers=5, lines_per_day=5, horizon=date(2026, 6, 30))
    exports = Exports(house, Path("nowhere"), date(2024, 4, 1), date(2026, 6, 30), dirty_share=0.01)
    assert exports.n_missing < 150


def test_a_number_of_lines_chooses_the_sizes(tmp_path: Path) -> None:
    size = sizes_for(8_000, date(2026, 6, 17))
    assert size["days"] >= 800
    assert generate(tmp_path, until=date(2026, 6, 17), **size).rows == pytest.approx(8_000, rel=0.25)
    assert min(sizes_for(1, date(2026, 6, 17)).values()) >= 1


def test_ten_million_lines_are_a_house_of_some_years() -> None:
    size = sizes_for(10_000_000, date(2026, 6, 17))
    assert size["days"] >= 1_500
    assert size["products"] > 1_000
    assert size["customers"] > 3_000
    assert 6_000 < size["lines_per_day"] < 10_000
    with pytest.raises(ValueError, match="at least 1"):
        sizes_for(0, date(2026, 6, 17))
    with pytest.raises(ValueError, match="founded"):
        sizes_for(10, date(2018, 6, 17))
