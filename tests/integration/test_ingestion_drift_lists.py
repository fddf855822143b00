"""Lists and files that come again with fewer rows: which are stopped, and which are only told.

Not here: columns and values that change (test_ingestion_drift.py).
"""

import pytest

from orchestration.errors import SourceError
from orchestration.ingestion.drift import memory
from tests.support.drifting import PRODUCTS, priced
from tests.support.ingestion import HEADER, House, sales


def test_a_list_that_comes_again_with_half_its_rows_gone_is_stopped_until_it_is_accepted(house: House) -> None:
    house.describe(sales(), PRODUCTS)
    products(house, "p.csv", 30)
    house.night(1)
    products(house, "p.csv", 12)
    for _ in range(2):
        with pytest.raises(SourceError, match=r"p.csv: 12 rows where 30 stood") as caught:
            house.night(1)
        assert "daybreak accept products" in str(caught.value)
    memory.accept(house.connection, "products")
    memory.accept(house.connection, "products")
    assert house.night(1).rows_duplicate == 12
    assert house.column("select source from ops.accepted_sources") == []


def products(house: House, name: str, n: int) -> None:
    """A file of ``PRODUCTS`` with ``n`` rows of its own."""
    house.write(name, "id,n\n" + "".join(f"{name[:2]}{i},x\n" for i in range(n)))


def test_a_list_that_shrinks_under_another_name_is_stopped(house: House) -> None:
    house.describe(sales(), PRODUCTS)
    products(house, "p1.csv", 40)
    house.night(1)
    products(house, "p2.csv", 19)
    with pytest.raises(SourceError, match=r"p2.csv: 19 rows where 40 stood"):
        house.night(1)
    house.describe(sales(), PRODUCTS | {"max_shrink_pct": 60})
    assert house.night(1).rows_inserted == 19


def test_a_list_in_several_files_is_held_against_the_files_of_the_same_name(house: House) -> None:
    house.describe(sales(), PRODUCTS)
    for name, n in (("pa.csv", 100), ("pb.csv", 20)):
        products(house, name, n)
    assert house.night(1).rows_inserted == 120
    products(house, "pc.csv", 20)
    assert house.night(1).drifts == ()
    products(house, "pa.csv", 30)
    with pytest.raises(SourceError, match=r"pa.csv: 30 rows where 100 stood"):
        house.night(1)
    products(house, "pb.csv", 5)
    memory.accept(house.connection, "products")
    assert house.night(1).files == 2


def test_a_list_stays_in_one_file_when_it_is_read_again(house: House) -> None:
    house.describe(sales(), PRODUCTS)
    for number in (1, 2, 3):
        products(house, f"p{number}.csv", 40)
        house.night(1)
    house.describe(sales(), PRODUCTS | {"columns": PRODUCTS["columns"] | {"category": {"constant": "all"}}})
    assert house.night(1).files == 3
    assert len(house.column("select 1 from ops.source_shapes")) == 3
    products(house, "p4.csv", 10)
    with pytest.raises(SourceError, match=r"p4.csv: 10 rows where 40 stood"):
        house.night(1)


def test_a_list_cut_to_nothing_is_stopped_and_never_what_is_expected(house: House) -> None:
    house.describe(sales(), PRODUCTS)
    products(house, "p.csv", 100)
    house.night(1)
    products(house, "p.csv", 0)
    for _ in range(2):
        with pytest.raises(SourceError, match=r"p.csv: 0 rows where 100 stood"):
            house.night(1)
    memory.accept(house.connection, "products")
    assert house.night(1).files == 1
    assert house.column("select facts from ops.source_shapes") == []


def test_a_file_that_begins_anew_is_only_told_for_raw_keeps_what_it_has(house: House) -> None:
    house.write("current.csv", HEADER, *priced("jan", "1.50", 100))
    house.night()
    house.write("current.csv", HEADER, *priced("feb", "1.50", 5))
    (told,) = house.night().drifts
    assert told.startswith("current.csv: 5 rows where 100 stood")
