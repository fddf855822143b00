"""Nights over a live database: from where the last one left off, values as they are, SQLite beside PostgreSQL.

Not here: what is wrong with a database (test_ingestion_database_faults.py), files (test_ingestion_load.py).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestration.errors import PermanentError, SourceError
from tests.support.erp import COLUMNS, TABLE, Erp, described, from_database
from tests.support.ingestion import HEADER, House, line, sales
from tests.support.stores import describe


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home of ``house``."""
    return tmp_path / "home"


def loads(house: House) -> list[tuple[Any, ...]]:
    return house.rows("select file_path, rows_read, watermark from ops.loads where status = 'loaded' order by load_id")


def counted(house: House) -> tuple[int, int, int, int]:
    report = house.night()
    return report.rows_read, report.rows_inserted, report.rows_replaced, report.rows_duplicate


# from where the last night left off -----------------------------------------------------------------------------------


def test_each_night_reads_on_from_the_last_watermark(house: House, erp: Erp, home: Path) -> None:
    described(house)
    erp.add(1, "2024-03-01 08:00")
    erp.add(2, "2024-03-01 09:00")
    assert counted(house) == (2, 2, 0, 0)
    assert str(house.night()) == "sales: nothing new"
    erp.add(3, "2024-03-01 09:00")  # committed later, with a time that was read already
    assert counted(house) == (2, 1, 0, 1)
    erp.add(1, "2024-03-02 07:00:00.123456", price="2")
    assert counted(house) == (3, 0, 1, 2)
    assert str(house.night()) == "sales: nothing new"
    assert loads(house) == [
        ("erp:shop.orders", 2, "timestamp 2024-03-01 09:00:00"),
        ("erp:shop.orders (changed ≥ 2024-03-01 09:00:00)", 2, "timestamp 2024-03-01 09:00:00"),
        ("erp:shop.orders (changed ≥ 2024-03-01 09:00:00)", 3, "timestamp 2024-03-02 07:00:00.123456"),
    ]
    assert [p.name for p in (home / "scratch").iterdir()] == ["lock"]


def test_what_a_refused_night_read_is_read_again(house: House, erp: Erp) -> None:
    described(house)
    erp.add(1, "2024-03-01")
    house.night()
    house.business = house.business.model_copy(
        update={"sources": (house.business.sources[0].model_copy(update={"max_rejected_pct": 0}),)}
    )
    erp.add(2, "2024-03-02", qty="NaN")
    with pytest.raises(SourceError, match=r"1 of 2 rows were rejected.* erp:shop\.orders \(changed ≥ 2024-03-01"):
        house.night()
    erp.run('update shop.orders set qty = 1 where "order" = 2')
    assert counted(house) == (2, 1, 0, 1)


def test_rows_without_a_watermark_and_from_the_far_future_hide_nothing(house: House, erp: Erp) -> None:
    described(house)
    erp.add(1, None)
    erp.add(2, "2999-01-01")
    erp.add(3, "2024-03-01")
    assert counted(house) == (3, 3, 0, 0)
    assert str(house.night()) == "sales: nothing new"
    erp.add(4, "2024-03-02")
    assert counted(house) == (4, 1, 0, 3)
    erp.add(1, None, price="9")
    assert counted(house) == (3, 0, 1, 2)
    assert loads(house)[-1][2] == "timestamp 2024-03-02 00:00:00"


def test_an_empty_table_and_one_that_was_put_back(house: House, erp: Erp) -> None:
    described(house)
    assert house.night().files == 1
    assert str(house.night()) == "sales: nothing new"
    erp.add(1, "2024-03-01")
    house.night()
    erp.run("delete from shop.orders")
    erp.add(2, "2024-02-01")
    assert "has no row of changed ≥ 2024-03-01 00:00:00 any more" in str(house.night())
    assert len(house.raw()) == 1  # what is deleted over there is not noticed


def test_without_a_watermark_the_whole_table_is_read_and_compared(house: House, erp: Erp) -> None:
    described(house, watermark=None)
    for order in (1, 2, 3):
        erp.add(order, None)
    assert counted(house) == (3, 3, 0, 0)
    erp.run('update shop.orders set price = price where "order" = 1')  # it now lies in another place
    assert str(house.night()) == "sales: nothing new"
    erp.add(2, None, price="7")
    assert counted(house) == (3, 0, 1, 2)
    erp.add(2, None)
    assert counted(house) == (3, 0, 1, 2)  # as it was before, but not as it was last


def test_a_changed_mapping_reads_all_of_it_anew_and_asks_for_no_deleted_row(house: House, erp: Erp) -> None:
    described(house)
    erp.add(1, "2024-03-01")
    erp.add(2, "2024-03-02")
    house.night()
    erp.run('delete from shop.orders where "order" = 1')
    origin = {"connection": "erp", "table": TABLE, "watermark": "changed"}
    source = from_database(origin, columns={"country": {"constant": "AT"}})
    describe(house, source, connections={"erp": {"url": "${TEST_ERP_URL}"}})
    report = house.night()
    assert (report.rows_read, report.rows_inserted) == (1, 1)
    assert report.note is not None
    assert "read anew: 1 rows that it brought before are gone" in str(report)
    assert house.rows("select order_id, country from raw.sales_lines") == [("2", "AT")]
    assert str(house.night()) == "sales: nothing new"


def test_a_serial_number_a_text_and_a_day_are_watermarks_too(house: House, erp: Erp) -> None:
    erp.add(9, "2024-03-01")
    erp.add(10, "2024-03-02")
    kinds = {'"order"': "integer 10", '"order"::text as o': "text 9", "changed::date as o": "date 2024-03-02",
             "price * 1.0 as o": "decimal 1.50000"}  # fmt: skip
    for expression, written in kinds.items():
        column = "order" if expression == '"order"' else "o"
        own = "" if column == "order" else f", {expression}"
        described(house, table=None, query=f"select *{own} from shop.orders -- all", watermark=column)
        house.night()
        assert loads(house)[-1][2] == written
        assert str(house.night()) == "sales: nothing new"
        erp.run("update shop.orders set product = product || '!' ")
        assert house.night().rows_replaced >= 1


def test_joined_files_that_come_later_are_looked_up_for_old_rows(house: House, erp: Erp) -> None:
    origin = {"connection": "erp", "table": TABLE, "watermark": "changed"}
    join = {"name": "names", "files": "names/*.csv", "on": {"product": "id"}}
    source = from_database(origin, columns={"product_name": "names.name"}, joins=[join])
    describe(house, source, connections={"erp": {"url": "${TEST_ERP_URL}"}})
    erp.add(1, "2024-03-01")
    erp.run("update shop.orders set product = 'P-2'")
    erp.add(2, "2024-03-02")
    house.write("names/1.csv", "id,name", "P-1,Kettle")
    assert house.night().rows_rejected == 1
    house.write("names/2.csv", "id,name", "P-2,Pan")
    house.night()
    assert house.rows("select order_id, product_name from raw.sales_lines order by 1") == [
        ("1", "Pan"),
        ("2", "Kettle"),
    ]


# values -------------------------------------------------------------------------------------------------------------


def test_values_arrive_exactly(house: House, erp: Erp) -> None:
    erp.run(
        """alter table shop.orders add note text, add doc jsonb, add bin bytea, add flag boolean, add day date;
           insert into shop.orders values
             (9007199254740993, 1, '2024-07-01 00:30+02', E'a,"b"\\nc:d', 12345.125, 0.0001, '2024-03-01', '',
              '{"ä": [1.50]}', '\\x00ff', true, '2024-02-29'),
             (2, 1, '2024-07-01 00:30+02', E'\\\\.', 1, 1, '2024-03-01', null, null, null, null, null)"""
    )
    described(house)
    house.night()
    assert house.rows(
        "select order_id, order_date::text, product_id, qty_units, unit_price from raw.sales_lines order by 1"
    ) == [
        ("2", "2024-07-01", "\\.", 1, 1),
        ("9007199254740993", "2024-07-01", 'a,"b"\nc:d', Decimal("12345.125"), Decimal("0.0001")),
    ]


def test_a_bad_value_is_quarantined_with_its_row(house: House, erp: Erp) -> None:
    described(house)
    erp.add(1, "2024-03-01", qty="NaN")
    erp.add(2, "2024-03-01")
    report = house.night()
    assert (report.rows_read, report.rows_inserted, report.rows_rejected) == (2, 1, 1)
    ((path, column, value, row),) = house.rows(
        "select file_path, column_name, value, raw_row from quarantine.rejected_rows"
    )
    assert (path, column, value, row["order"]) == ("erp:shop.orders", "qty_units", "NaN", "1")


def test_a_value_that_no_program_can_hold_is_named(house: House, erp: Erp) -> None:
    described(house)
    erp.run("insert into shop.orders values (1, 1, 'infinity', 'P', 1, 1, '2024-03-01')")
    with pytest.raises(SourceError, match=r"erp: .*timestamp too large"):
        house.night()


def test_a_decimal_comma_is_the_mapping_s_business(house: House, erp: Erp) -> None:
    origin = {"connection": "erp", "table": TABLE}
    describe(house, from_database(origin, decimal=","), connections={"erp": {"url": "${TEST_ERP_URL}"}})
    erp.add(1, None, price="1234.5")
    house.night()
    assert house.column("select unit_price::text from raw.sales_lines") == ["1234.500000"]


# SQLite -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def shop(house: House) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(house.data / "shop.db", isolation_level=None)) as connection:
        names = ", ".join(f'"{name}"' for name in COLUMNS)
        connection.execute(f"create table sold ({names}, Changed integer)")
        yield connection


def test_sqlite_below_the_data_folder(house: House, shop: sqlite3.Connection) -> None:
    described(house, "sqlite:///shop.db", table="sold", watermark="Changed")
    insert = "insert into sold values (?, 1, '2024-02-29 10:00:00', 'P:1', 2, 1.1, ?)"
    shop.execute("begin")
    shop.executemany(insert, [(n, n // 2) for n in range(25_000)])
    shop.execute("commit")
    assert counted(house) == (25_000, 25_000, 0, 0)
    assert str(house.night()) == "sales: nothing new"
    shop.execute(insert, [30_000, 12_499])
    assert counted(house) == (3, 1, 0, 2)
    assert loads(house)[-1] == ("erp:sold (Changed ≥ 12499)", 3, "integer 12499")


def test_nothing_is_ever_written_there(house: House, erp: Erp, shop: sqlite3.Connection) -> None:
    erp.run("create function shop.spoil() returns int language sql as 'delete from shop.orders returning 1'")
    erp.add(1, "2024-03-01")
    for query in ("select *, shop.spoil() from shop.orders", "delete from shop.orders returning *",
                  "select 1) q; delete from shop.orders; select * from (select 1"):  # fmt: skip
        described(house, table=None, query=query, watermark=None)
        with pytest.raises((SourceError, PermanentError), match="erp"):
            house.night()
    assert erp.connection.execute("select count(*) from shop.orders").fetchone() == (1,)
    described(house, "sqlite:///nowhere.db", table="sold", watermark=None)
    with pytest.raises(SourceError, match=r"erp: there is no file .*nowhere\.db"):
        house.night()
    assert not (house.data / "nowhere.db").exists()


def test_a_source_of_files_beside_it_goes_its_own_way(house: House, erp: Erp) -> None:
    origin = {"connection": "erp", "table": TABLE}
    describe(house, sales(name="till"), from_database(origin), connections={"erp": {"url": "${TEST_ERP_URL}"}})
    house.write("a.csv", HEADER, line("7"))
    erp.add(8, None)
    assert (house.night(0).rows_inserted, house.night(1).rows_inserted) == (1, 1)
