"""Files as a whole: columns in any order, random files over several nights, a data folder that is not there.

Not here: formats (test_ingestion_delimited.py, …_hostile.py, …_workbooks.py, …_parquet.py) and what texts mean.
"""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from orchestration.errors import SourceError
from tests.support.ingestion import HEADER, House, line, sales


def test_files_may_have_their_columns_in_any_order_and_some_of_their_own(house: House) -> None:
    house.describe(sales(columns={"product_name": 'näme "x"'}))
    house.write("a.csv", 'price,qty,"näme ""x""",product,at,line,order', '1.50,2,"ä",P-1,2024-02-29 10:00:00,1,1')
    house.write("b.csv", HEADER + ',note,"näme ""x"""', line("2") + ",hello,ö", line("3", qty="?") + ",hello,")
    house.night()
    assert house.rows("select order_id, product_name, unit_price from raw.sales_lines order by 1") == [
        ("1", "ä", Decimal("1.5")), ("2", "ö", Decimal("1.5")),
    ]  # fmt: skip
    ((raw_row,),) = house.rows("select raw_row from quarantine.rejected_rows")
    assert (raw_row["note"], raw_row['näme "x"'], raw_row["qty"]) == ("hello", None, "?")


def corrupted(draw: st.DrawFn) -> str:
    """One line of a sales file, perhaps with something wrong in it."""
    fields = [
        draw(st.sampled_from("123")),
        draw(st.sampled_from("12")),
        draw(
            st.sampled_from(
                ["2024-02-28 10:00:00", "2024-02-29 10:00:00", "2024-02-29T10:00", "2024-02-30", "", "today"]
            )
        ),
        draw(st.sampled_from(["P", "ö", "", '"a,b"'])),
        draw(st.sampled_from(["1", "2", "-1", "1_0", "NaN", " 3 ", ""])),
        draw(st.sampled_from(["1.5", "0", "1,5", "1e5"])),
    ]
    damage = draw(st.sampled_from(["none"] * 6 + ["short", "long", "quote", "nul", "bytes"]))
    fields = {"short": fields[:-1], "long": [*fields, "x"]}.get(damage, fields)
    fields[0] += {"quote": '"', "nul": "\0", "bytes": "\udcff"}.get(damage, "")
    return ",".join(fields)


lines = st.composite(corrupted)()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
@given(files=st.lists(st.lists(lines, max_size=12), min_size=1, max_size=4), nights=st.integers(2, 4))
def test_one_night_or_several_every_row_is_accounted_for_and_raw_ends_the_same(
    house: House, files: list[list[str]], nights: int
) -> None:
    contents = ["\n".join([HEADER, *rows]).encode(errors="surrogateescape") for rows in files]
    assume(len(set(contents)) == len(contents))
    ends = []
    for n_nights in (1, nights):
        clear(house)
        for i, content in enumerate(contents):
            house.write(f"{i}.csv", content)
            if i % nights == n_nights - 1 or n_nights > 1:
                house.night()
        house.night()
        ledger = house.rows(
            """select file_path, rows_read, rows_inserted, rows_replaced, rows_duplicate, rows_rejected
               from ops.loads where status = 'loaded' order by file_path"""
        )
        assert [row[1] for row in ledger] == [len(rows) for rows in files]
        assert all(row[1] == sum(row[2:]) for row in ledger)
        assert sum(row[2] for row in ledger) == len(house.raw())
        rejected = house.rows("select file_path, line, rule, reason from quarantine.rejected_rows order by 1, 2")
        assert len(rejected) == sum(row[5] for row in ledger)
        days = house.column("select distinct day from ops.touched_days order by 1")
        assert set(house.column("select order_date from raw.sales_lines")) <= set(days)
        ends.append((house.raw(), ledger, rejected, days))
    assert ends[0] == ends[1]


def clear(house: House) -> None:
    house.connection.execute(
        "truncate raw.sales_lines, ops.loads, ops.touched_days, quarantine.rejected_rows restart identity"
    )
    for path in house.data.iterdir():
        path.unlink()


def test_a_data_folder_that_is_not_there_is_no_quiet_day(house: House) -> None:
    house.write("a.csv", HEADER, line("1"))
    house.night()
    house.data = house.data / "unmounted"
    with pytest.raises(SourceError, match="there is no data folder"):
        house.night()
