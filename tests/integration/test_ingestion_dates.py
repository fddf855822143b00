"""What a text becomes that stands for a day or a time: forms, zones, the hours that clocks skip and repeat.

Not here: how a column's form is guessed (tests/unit/test_starter_looks.py).
"""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.ingestion import HEADER, House, line, sales
from tests.support.texts import BLANK, DATABASE, fates, utc

NO_TIME = "not_a_time"


def test_iso_times(house: House) -> None:
    cases = {
        "2024-02-29 10:00:00": utc(2024, 2, 29, 9),
        "2024-02-29T10:00:00": utc(2024, 2, 29, 9),
        "2024-02-29 10:00": utc(2024, 2, 29, 9),
        "2024-02-29": utc(2024, 2, 28, 23),
        " 2024-02-29 ": utc(2024, 2, 28, 23),
        "2024-1-5 8:03": utc(2024, 1, 5, 7, 3),
        "2024-02-29 10:00:00.25": utc(2024, 2, 29, 9, 0, 0, 250000),
        "2024-01-05 23:59:59.9999999": utc(2024, 1, 5, 22, 59, 59, 999999),
        "2024-02-29T10:00:00Z": utc(2024, 2, 29, 10),
        "2024-02-29 10:00:00+05:30": utc(2024, 2, 29, 4, 30),
        "2024-02-29T23:30:00.123456-0800": utc(2024, 3, 1, 7, 30, 0, 123456),
        "2024-02-29T10:00+01": utc(2024, 2, 29, 9),
        "1900-01-01 00:00:00": utc(1899, 12, 31, 23),
        "": BLANK,
        "2023-02-29 10:00:00": NO_TIME,
        "2024-02-30 10:00:00": NO_TIME,
        "1900-02-29": NO_TIME,
        "2024-13-01": NO_TIME,
        "2024-00-10": NO_TIME,
        "2024-01-00": NO_TIME,
        "2024-02-29 24:00:00": NO_TIME,
        "2024-02-29 24:00": NO_TIME,
        "2024-02-29T24:00": NO_TIME,
        "2024-02-29 10:60:00": NO_TIME,
        "2024-02-29 23:59:60": NO_TIME,
        "2024-02-29T10:00:60Z": NO_TIME,
        "2024-02-30T10:00:00Z": NO_TIME,
        "2024-02-29 24:00:00Z": NO_TIME,
        "99999-01-01": NO_TIME,
        "1899-12-31 23:00:00": NO_TIME,
        "2200-01-01 00:00:00": NO_TIME,
        "21999-01-01": NO_TIME,
        "infinity": NO_TIME,
        "-infinity": NO_TIME,
        "today": NO_TIME,
        "now": NO_TIME,
        "epoch": NO_TIME,
        "20240229": NO_TIME,
        "2024-060": NO_TIME,
        "2024-013-5": NO_TIME,
        "2024-1-005": NO_TIME,
        "24-02-29": NO_TIME,
        "29.02.2024": NO_TIME,
        "02/29/2024": NO_TIME,
        "2024-Feb-29 10:00:00": NO_TIME,
        "2024-02-29 10:00:00 PM": NO_TIME,
        "2024-02-29 10:00:00 BC": NO_TIME,
        "2024-02-29 1O:00:00": NO_TIME,
        "２０２４-02-29 10:00:00": NO_TIME,
        "2024-02- 9 10:00:00": NO_TIME,
        "2024-02-29 +1:00:00": NO_TIME,
        "45351": NO_TIME,
        "2024-02-29  10:00:00": NO_TIME,
        "2024-02-29 10:00:000": NO_TIME,
        "2024-02-29 J:00:00": NO_TIME,
        "J2460370": NO_TIME,
    }
    for text, fate in zip(cases, fates(house, "ordered_at", "at", list(cases)), strict=True):
        assert fate == cases[text], text


def test_the_future_is_rejected(house: House) -> None:
    assert fates(house, "ordered_at", "at", ["2199-12-31 00:00:00"]) == ["in_the_future"]


FORMATS = {
    "%d.%m.%Y %H:%M": {
        "29.02.2024 10:05": utc(2024, 2, 29, 9, 5),
        "5.1.2024 8:03": utc(2024, 1, 5, 7, 3),
        " 5.1.2024 08:03 ": utc(2024, 1, 5, 7, 3),
        "29.02.2023 10:00": NO_TIME,
        "30.02.2024 10:00": NO_TIME,
        "2024.02.29 10:00": NO_TIME,
        "29.02.24 10:00": NO_TIME,
        "29.02.2024": NO_TIME,
        "29.02.2024 24:00": NO_TIME,
        "29-02-2024 10:00": NO_TIME,
        "29.02.2024 10:00:00": NO_TIME,
        "..2024 :": NO_TIME,
        "29.02. 10:00": NO_TIME,
        "029.2.2024 10:00": NO_TIME,
        "29.002.2024 10:00": NO_TIME,
        "ab.cd.2024 10:00": NO_TIME,
        "1/.2.2024 10:00": NO_TIME,
        "2024-02-29 10:00": NO_TIME,
        "2.29.2024 10:00": NO_TIME,
        "29.02.1899 10:00": NO_TIME,
        "29.02.99999 10:00": NO_TIME,
        "": BLANK,
    },
    "%Y%m%d": {
        "20240229": utc(2024, 2, 28, 23),
        " 20240105 ": utc(2024, 1, 4, 23),
        "20230229": NO_TIME,
        "2024022": NO_TIME,
        "202402290": NO_TIME,
        "2024-2-9": NO_TIME,
        "abcdefgh": NO_TIME,
        "2024 229": NO_TIME,
        "+2024229": NO_TIME,
    },
    "%Y%m%d%H%M%S": {"20240229100503": utc(2024, 2, 29, 9, 5, 3), "20240229240000": NO_TIME, "20240229235960": NO_TIME},
    "%d/%m/%y": {
        "29/02/24": utc(2024, 2, 28, 23),
        "5/1/68": "in_the_future",
        "05/01/69": utc(1969, 1, 4, 23),
        "5/1/99": utc(1999, 1, 4, 23),
        "5/1/2024": NO_TIME,
        "5/1/4": NO_TIME,
        "31/04/24": NO_TIME,
    },
    "%m/%d/%Y": {"02/29/2024": utc(2024, 2, 28, 23), "1/5/2024": utc(2024, 1, 4, 23), "29/02/2024": NO_TIME},
    "%Y-%m-%d %H:%M:%S": {
        "2024-02-29 10:00:00": utc(2024, 2, 29, 9),
        "2024-2-9 1:02:03": utc(2024, 2, 9, 0, 2, 3),
        "2024-02-29T10:00:00": NO_TIME,
        "2024-02-29": NO_TIME,
        "2024-02-30 10:00:00": NO_TIME,
    },
    "%Y-%m-%d %H:%M": {"2024-02-29 10:00": utc(2024, 2, 29, 9), "2024-02-29 10:00:00": NO_TIME},
    "%d. %m. %Y, %H Uhr": {"29. 02. 2024, 10 Uhr": utc(2024, 2, 29, 9), "5. 1. 2024, 9 Uhr": utc(2024, 1, 5, 8)},
    "%d'%m\\%Y": {"29'02\\2024": utc(2024, 2, 28, 23), "1'2\\2024": utc(2024, 1, 31, 23)},
    "%Y_%m_%d": {"2024_02_29": utc(2024, 2, 28, 23), "2024x02x29": NO_TIME},
}


@pytest.mark.parametrize("form", FORMATS)
def test_times_in_a_format(house: House, form: str) -> None:
    cases = FORMATS[form]
    found = fates(house, "ordered_at", {"from": "at", "format": form}, list(cases))
    assert dict(zip(cases, found, strict=True)) == cases


@DATABASE
@given(
    moments=st.lists(
        st.datetimes(datetime(1970, 1, 1), datetime(2023, 12, 31)).map(lambda m: m.replace(microsecond=0)),
        min_size=1, max_size=40,
    ),
    form=st.sampled_from(["%d.%m.%Y %H:%M:%S", "%Y%m%d%H%M%S", "%m/%d/%y %H:%M:%S", "%Y-%m-%d %H:%M:%S"]),
)  # fmt: skip
def test_what_strftime_writes_is_read_back(house: House, moments: list[datetime], form: str) -> None:
    texts = [moment.strftime(form) for moment in moments]
    found = fates(house, "ordered_at", {"from": "at", "format": form, "time_zone": "UTC"}, texts)
    assert found == [moment.replace(tzinfo=UTC) for moment in moments]


def test_the_hour_that_spring_skips_is_rejected_and_the_one_that_autumn_repeats_is_the_second(house: House) -> None:
    cases = {
        "2024-03-31 01:59:59": utc(2024, 3, 31, 0, 59, 59),
        "2024-03-31 02:00:00": NO_TIME,
        "2024-03-31 02:59:59": NO_TIME,
        "2024-03-31 03:00:00": utc(2024, 3, 31, 1),
        "2024-10-27 02:30:00": utc(2024, 10, 27, 1, 30),
        "2024-10-27 02:30:00+02:00": utc(2024, 10, 27, 0, 30),
    }
    assert fates(house, "ordered_at", "at", list(cases)) == list(cases.values())


def test_the_sales_day_is_the_business_s_day(house: House) -> None:
    house.describe(sales(time_zone="America/New_York"))
    house.write("a.csv", HEADER, line("1").replace("10:00:00", "19:00:00"), line("2").replace("10:00:00", "17:59:59"))
    house.night()
    assert house.rows("select order_id, ordered_at, order_date from raw.sales_lines order by 1") == [
        ("1", utc(2024, 3, 1, 0), date(2024, 3, 1)), ("2", utc(2024, 2, 29, 22, 59, 59), date(2024, 2, 29)),
    ]  # fmt: skip
    house.describe(sales())
    house.connection.execute("truncate raw.sales_lines, ops.loads")
    house.write("a.csv", HEADER, line("1").replace(" 10:00:00", "T23:30:00Z"))
    house.night()
    assert house.column("select order_date from raw.sales_lines") == [date(2024, 3, 1)]


def test_dates_by_themselves(house: House) -> None:
    customers = {
        "name": "customers", "entity": "customers", "files": "c.csv", "format": "csv", "max_rejected_pct": 100,
        "columns": {"customer_id": "id", "created_on": {"from": "on", "format": "%d.%m.%Y"}},
    }  # fmt: skip
    house.describe(customers, sales(files="none"))
    house.write("c.csv", "id,on", "1,29.02.2024", "2,29.02.2023", "3,1.2.2024", "4,", "5,31.12.2199", "6,infinity")
    house.night()
    assert dict(house.rows("select customer_id, created_on from raw.customers")) == {
        "1": date(2024, 2, 29), "3": date(2024, 2, 1), "4": None, "5": date(2199, 12, 31),
    }  # fmt: skip
    assert house.rejected() == [
        (3, "created_on", "29.02.2023", "not_a_date"), (7, "created_on", "infinity", "not_a_date"),
    ]  # fmt: skip
