"""Changes of shape that somebody accepted: from then on they are the shape, and nothing judges them again.

Not here: which changes are stopped (test_ingestion_drift.py).
"""

import pytest

from orchestration.ingestion.drift import memory
from tests.support.drifting import HEADERS, JOINED, LINES, priced, refused
from tests.support.ingestion import HEADER, House, sales

CENTS = "150"


@pytest.fixture
def accepted(house: House) -> House:
    """Ten files with prices in euros, and one in cents that was refused, accepted and taken in."""
    for number in range(10):
        house.write(f"a{number}.csv", HEADER, *priced(f"a{number}", "1.50"))
    house.night()
    house.write("b1.csv", HEADER, *priced("b1", CENTS))
    assert "another decimal mark, or another unit?" in refused(house)
    memory.accept(house.connection, "sales")
    assert house.night().rows_inserted == 30
    return house


def test_what_was_accepted_is_the_shape_from_then_on(accepted: House) -> None:
    accepted.write("b2.csv", HEADER, *priced("b2", CENTS))
    assert accepted.night().drifts == ()
    accepted.write("b3.csv", HEADER, *priced("b3", "1.50"))
    assert "another decimal mark, or another unit?" in refused(accepted)


def test_what_was_accepted_is_not_judged_again_under_a_changed_mapping(accepted: House) -> None:
    accepted.describe(sales(columns={"channel": {"constant": "web"}}))
    assert accepted.night().files == 11
    accepted.write("b2.csv", HEADER, *priced("b2", CENTS))
    assert accepted.night().drifts == ()
    accepted.write("b3.csv", HEADER, *priced("b3", "1.50"))
    assert "another decimal mark, or another unit?" in refused(accepted)


def test_what_was_accepted_is_not_judged_again_when_a_joined_file_changes(house: House) -> None:
    house.describe(JOINED)
    house.write("headers.csv", HEADERS, *[f"{i},2024-02-29" for i in range(60)])
    house.write("lines1.csv", LINES, *[f"{i},1,P,2,1.50" for i in range(30)])
    house.night()
    house.write("lines2.csv", LINES, *[f"{i},1,P,2,150" for i in range(30, 60)])
    assert "another unit?" in refused(house)
    memory.accept(house.connection, "sales")
    house.night()
    house.write("headers.csv", HEADERS, *[f"{i},2024-02-28" for i in range(60)])
    report = house.night()
    assert (report.files, report.rows_replaced, report.drifts) == (2, 60, ())


def test_a_source_that_was_never_loaded_can_be_accepted(house: House) -> None:
    house.write("a.csv", HEADER, *priced("a", "1.50"))
    house.write("b.csv", HEADER, *priced("b", CENTS))
    assert "b.csv: the values of 'price' are about 150" in refused(house)
    memory.accept(house.connection, "sales")
    assert house.night().rows_inserted == 60
