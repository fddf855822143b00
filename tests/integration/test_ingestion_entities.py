"""Every entity of the source contract on a real PostgreSQL: it takes its rows, refuses what is none, and keeps its key.

Not here: the mapping's rules (test_ingestion_values.py) and what is kept of former values (test_ingestion_history.py).
"""

from typing import Any

import pytest

from orchestration.ingestion.contract import ENTITIES, raw_ddl
from orchestration.ingestion.entity import Column, Entity, precision_of
from tests.support.ingestion import House

GOOD = {"text": "Ä-1", "date": "2024-02-29", "timestamptz": "2024-02-29 10:00:00", "integer": "7"}
BAD = {
    "date": ("2023-02-29", "not_a_date"),
    "timestamptz": ("2024-02-29 25:00", "not_a_time"),
    "integer": ("7.5", "not_a_whole_number"),
}

every_entity = pytest.mark.parametrize("entity", ENTITIES.values(), ids=lambda e: e.name)


def good(column: Column) -> str:
    """A text that every column of this kind takes."""
    if column.allowed:
        return column.allowed[-1]
    return GOOD.get(column.type, "-1.25")


def bad(column: Column) -> tuple[str, str] | None:
    """A text that no column of this kind takes, and the rule it breaks; None if it takes every text."""
    if column.type.startswith("numeric"):
        return "0." + "1" * (precision_of(column.type)[1] + 1), "not_a_number"
    if column.allowed:
        return "whatever", "unknown_kind" if column.name == "line_kind" else "unknown_value"
    return BAD.get(column.type)


def source_of(entity: Entity, *columns: str) -> dict[str, Any]:
    """A source that brings these columns, or all of them, each under its own name."""
    names = columns or tuple(c.name for c in entity.columns)
    source: dict[str, Any] = {
        "name": "own", "entity": entity.name, "files": "*.csv", "format": "csv", "max_rejected_pct": 100,
        "columns": {name: name for name in names},
    }  # fmt: skip
    if entity.is_required and "line_kind" not in names:
        source["classify"] = [{"kind": "sale"}]
    return source


def describe(house: House, source: dict[str, Any]) -> None:
    """The source alone, with the sales that no business is without."""
    sales = source_of(ENTITIES["sales_lines"])
    house.describe(source, *([] if source["entity"] == "sales_lines" else [sales | {"name": "s", "files": "none*"}]))


def csv_line(values: dict[str, str]) -> str:
    return ",".join(values.values())


@every_entity
def test_good_rows_come_in_and_every_bad_value_is_kept_with_its_rule(house: House, entity: Entity) -> None:
    describe(house, source_of(entity))
    clean = {c.name: good(c) for c in entity.columns}
    rows, expected = [clean], []
    for column in entity.columns:
        if (wrong := bad(column)) is not None:
            rows.append(clean | {column.name: wrong[0]})
            expected.append((len(rows) + 1, column.name, wrong[0], wrong[1]))
        if column.required and column.default is None:
            rows.append(clean | {column.name: " "})
            expected.append((len(rows) + 1, column.name, " ", "missing"))
    house.write("own.csv", ",".join(clean), *map(csv_line, rows))

    report = house.night()

    assert (report.rows_inserted, report.rows_rejected) == (1, len(rows) - 1)
    assert house.rejected() == expected
    names = ", ".join(f"{c.name}::text" for c in entity.columns)
    ((*stored,),) = house.rows(f"select {names} from {entity.table}")
    for column, text in zip(entity.columns, stored, strict=True):
        wanted = clean[column.name]
        if column.type.startswith("numeric"):
            assert text == wanted.ljust(precision_of(column.type)[1] + len("-1."), "0")
        elif column.type == "timestamptz":
            assert text == "2024-02-29 09:00:00+00"  # ten in Berlin
        else:
            assert text == wanted


@every_entity
def test_what_a_row_may_lack_is_null_or_the_default(house: House, entity: Entity) -> None:
    derived = {"order_date", "line_amount", "line_kind"} if entity.is_required else set()
    needed = [c for c in entity.columns if c.required and c.default is None and c.name not in derived]
    describe(house, source_of(entity, *(c.name for c in needed)))
    house.write("own.csv", ",".join(c.name for c in needed), csv_line({c.name: good(c) for c in needed}))

    assert house.night().rows_inserted == 1

    for column in entity.columns:
        if column not in needed and column.name not in derived:
            (value,) = house.column(f"select {column.name}::text from {entity.table}")
            assert value == (column.default and {"0": "0.000000"}.get(column.default, column.default))


@every_entity
def test_a_row_with_a_known_key_replaces_whatever_part_of_the_key_is_missing(house: House, entity: Entity) -> None:
    """Null equals null in a key: a target for the whole business must not stand twice."""
    describe(house, source_of(entity))
    other = next((c for c in entity.columns if c.name not in entity.key and not c.allowed), None)
    assert other is not None
    row = {c.name: good(c) if c.required or c.name not in entity.key else "" for c in entity.columns}
    changed = {"text": "Ö-2", "date": "2024-03-01", "timestamptz": "2024-03-01 10:00", "integer": "8"}
    again = row | {other.name: changed.get(other.type, "-1.5")}
    house.write("1.csv", ",".join(row), csv_line(row))
    house.night()
    house.write("2.csv", ",".join(row), csv_line(again), csv_line(again))

    report = house.night()

    assert (report.rows_inserted, report.rows_replaced, report.rows_duplicate) == (0, 1, 1)
    assert house.column(f"select count(*) from {entity.table}") == [1]


def test_a_changed_mapping_finds_rows_whose_key_has_a_missing_part(house: House) -> None:
    targets = source_of(ENTITIES["targets"], "period_start", "territory_id", "target_value")
    describe(house, targets)
    path = house.write("t.csv", "period_start,territory_id,target_value,more", "2024-01-01,,100,1", "2024-01-01,N,50,2")
    house.night()
    path.unlink()
    house.write("moved.csv", "period_start,territory_id,target_value,more", "2024-01-01,,100,1", "2024-01-01,N,50,3")
    targets["columns"]["target_value"] = {"expression": "target_value || '0'"}
    describe(house, targets)
    with pytest.raises(Exception, match="are gone"):
        house.night()
    house.write("t.csv", "period_start,territory_id,target_value,more", "2024-01-01,,100,1", "2024-01-01,N,50,2")

    house.night()

    assert house.rows("select territory_id, target_value::int from raw.targets order by 1 nulls first") == [
        (None, 1000),
        ("N", 500),
    ]


@pytest.mark.parametrize(
    ("text", "is_taken"),
    [
        ("99999.9999", True),
        ("-0.1234", True),
        (".1234", True),
        ("1.23456", False),
        (".12345", False),
        ("100000", False),
    ],
)
def test_a_percentage_loses_no_digit(house: House, text: str, is_taken: bool) -> None:
    describe(house, source_of(ENTITIES["sales_reps"], "rep_id", "commission_pct"))
    house.write("own.csv", "rep_id,commission_pct", f"R1,{text}")
    house.night()
    assert house.rules() == ([] if is_taken else ["not_a_number"])
    if not is_taken:
        (reason,) = house.column("select reason from quarantine.rejected_rows")
        assert reason.endswith("of at most 5 digits and 4 decimals.")


def test_an_exchange_rate_has_ten_decimals(house: House) -> None:
    entity = ENTITIES["exchange_rates"]
    describe(house, source_of(entity))
    house.write(
        "own.csv", "rate_date,from_currency,to_currency,rate",
        "2024-02-29,IDR,EUR,0.0000592417", "2024-02-29,VND,EUR,0.00003771234", "2024-02-29,KWD,EUR,3.0000000001",
    )  # fmt: skip
    house.night()
    assert house.column("select rate::text from raw.exchange_rates order by rate") == ["0.0000592417", "3.0000000001"]
    assert house.rules() == ["not_a_number"]


def test_an_older_warehouse_gets_the_columns_it_lacks(house: House) -> None:
    house.write("own.csv", "order,line,at,product,qty,price", "1,1,2024-02-29 10:00:00,P,1,2")
    house.night()
    house.connection.execute("alter table raw.sales_lines drop column rep_id, drop column discount_amount")
    house.connection.execute("drop table raw.purchase_orders, raw.attribute_changes")
    for _ in range(2):
        house.connection.execute(raw_ddl())
    assert house.rows("select rep_id, discount_amount from raw.sales_lines") == [(None, 0)]
    assert house.column("select count(*) from raw.purchase_orders") == [0]
    house.write("more.csv", "order,line,at,product,qty,price", "2,1,2024-02-29 10:00:00,P,1,2")
    assert house.night().rows_inserted == 1


@every_entity
def test_the_contract_can_be_kept(entity: Entity) -> None:
    columns = {c.name: c for c in entity.columns}
    assert set(entity.key) <= set(columns)
    assert set(entity.tracked) <= set(columns) - set(entity.key)
    # the history's key is one text, and a part of a key that may be missing must be a text to be compared
    assert not entity.tracked or (len(entity.key) == 1 and "valid_from" in columns)
    assert all(columns[part].required or columns[part].type == "text" for part in entity.key)
    assert entity.day_column is None or columns[entity.day_column].type == "date"
    assert len({c.description for c in entity.columns}) == len(columns)
    assert all(c.default in c.allowed for c in entity.columns if c.allowed and c.default)
