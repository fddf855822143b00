"""What is wrong with a live database, told by name and without its password; looks at it, and checks before a night.

Not here: nights that read it (test_ingestion_databases.py).
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestration.check import check_business
from orchestration.errors import ConfigurationError, PermanentError, SourceError, UnreachableError
from orchestration.ingestion.load import waiting_files
from orchestration.ingestion.origins import extracts, watermarks
from orchestration.ingestion.origins.extracts import Extracts
from orchestration.settings import Settings
from orchestration.stack.local_postgres import LocalPostgres
from tests.support.erp import Erp, described
from tests.support.ingestion import House

# what is wrong ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("database", "message"),
    [
        ({"table": "shop.order"}, r"erp: there is no table 'shop\.order'; did you mean 'orders'"),
        ({"table": "shop.ordres"}, r"sources\.yaml:\d+: sales\.database\.table"),
        ({"watermark": "change"}, r"erp:shop\.orders: there is no column 'change'; did you mean 'changed'"),
        ({"watermark": "product"}, None),
        ({"table": None, "query": "selec * from x"}, r"erp: .*syntax error"),
        ({"table": None, "query": "select * from shop.nothing"}, r'erp: .*relation "shop\.nothing" does not exist'),
        ({"table": None, "query": 'select "order" from shop.orders', "watermark": None}, "there is no column 'line'"),
    ],
)
def test_a_table_or_a_column_that_is_not_there(
    house: House, erp: Erp, database: dict[str, Any], message: str | None
) -> None:
    erp.add(1, "2024-03-01")
    described(house, **database)
    if message is None:
        assert house.night().rows_inserted == 1
        return
    with pytest.raises(SourceError) as caught:
        house.night()
    assert re.search(message, str(caught.value)), caught.value
    assert "scratch" not in str(caught.value)


def test_a_watermark_that_does_not_grow_is_refused(house: House, erp: Erp) -> None:
    erp.run("alter table shop.orders add flag boolean default true")
    erp.add(1, "2024-03-01")
    described(house, watermark="flag")
    with pytest.raises(SourceError, match=r"True \(bool\) is no watermark"):
        house.night()


@pytest.mark.parametrize(
    ("url", "kind", "message"),
    [
        ("${TEST_NOT_SET}", ConfigurationError, r"sources\.yaml:3: connections\.erp\.url: .* no variable TEST_NOT_SET"),
        ("mysql+pymysql://a:t0psecret@h/x", ConfigurationError, "the driver 'pymysql' is not installed(.|\n)*pymysql"),
        ("mysql://a:t0psecret@h/x", ConfigurationError, r"'MySQLdb' is not installed(.|\n)*write mysql\+pymysql://"),
        ("mysql+mysqldb://a:t0psecret@h/x", ConfigurationError, "'MySQLdb' is not installed(.|\n)*mysqlclient"),
        (
            "oracle://a:t0psecret@h/x",
            ConfigurationError,
            r"write oracle\+oracledb://… and install the package oracledb",
        ),
        ("snowflake://a:t0psecret@h/x", ConfigurationError, "'snowflake' is no dialect"),
        ("no url, t0psecret?", ConfigurationError, "not a database URL"),
        ("postgresql+psycopg://a:${TEST_PASSWORD}@127.0.0.1:1/x", UnreachableError, "the database erp does not answer"),
        (
            "postgresql+psycopg2://a:${TEST_PASSWORD}@127.0.0.1:1/x",
            UnreachableError,
            "the database erp does not answer",
        ),
    ],
)
def test_a_connection_that_is_wrong_says_what_and_no_password(
    house: House, monkeypatch: pytest.MonkeyPatch, url: str, kind: type[Exception], message: str
) -> None:
    monkeypatch.setenv("TEST_PASSWORD", "t0psecret/@")
    described(house, url)
    with pytest.raises(kind, match=message) as caught:
        house.night()
    assert "t0psecret" not in str(caught.value).replace("no url, t0psecret?", "")


def test_a_wrong_password_is_refused_without_showing_it(
    house: House, erp: Erp, postgres_server: LocalPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = erp.url.rpartition("@")[2]
    monkeypatch.setenv("TEST_PASSWORD", "wr0ng@one")
    described(house, f"postgresql+psycopg://daybreak:${{TEST_PASSWORD}}@{host}")
    with pytest.raises(PermanentError, match=r"the database erp refuses: .*authentication failed") as caught:
        house.night()
    assert "wr0ng" not in str(caught.value)


# looking, and checking ------------------------------------------------------------------------------------------------


def test_a_look_asks_for_one_number_and_not_all_the_time(
    house: House, erp: Erp, monkeypatch: pytest.MonkeyPatch
) -> None:
    described(house)

    def look() -> list[str]:
        return [file.relative_path for file in waiting_files(house.connection, house.business, house.data)]

    monkeypatch.setattr(Extracts, "_write", None)
    assert look() == []
    erp.add(1, "2024-03-01")
    assert look() == ["erp:shop.orders (changed up to 2024-03-01 00:00:00)"]
    monkeypatch.undo()
    monkeypatch.setenv("TEST_ERP_URL", erp.url)
    house.night()
    erp.add(2, "2024-03-02")
    assert look() == []  # a night read it within the hour
    monkeypatch.setattr(extracts, "PAUSE_SECONDS", 0)
    assert look() == ["erp:shop.orders (changed up to 2024-03-02 00:00:00)"]
    erp.add(3, "2999-01-01")
    assert look() == []
    monkeypatch.setenv("TEST_ERP_URL", "postgresql+psycopg://127.0.0.1:1/x")
    problems: list[str] = []
    assert waiting_files(house.connection, house.business, house.data, problems.append) == []
    assert problems[0].startswith("sales: the database erp does not answer")


def test_a_check_judges_the_newest_rows(
    house: House, house_url: str, erp: Erp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described(house)
    erp.add(1, "2024-03-01")
    erp.add(2, "2024-03-02", qty="NaN")
    monkeypatch.setattr(extracts, "ROWS_SAMPLED", 1)
    monkeypatch.setattr(extracts, "ROWS_PER_FETCH", 1)
    settings = Settings(home=tmp_path / "home", business=house.folder, data=house.data, database_url=house_url)  # type: ignore[arg-type]
    before = house.everything()
    (finding,) = check_business(settings, say=lambda text: None)
    assert (finding.newest, finding.rows_sampled, finding.rows_rejected) == ("erp:shop.orders", 1, 1)
    assert house.everything() == before


def test_a_database_that_goes_away_in_the_middle(house: House, erp: Erp, monkeypatch: pytest.MonkeyPatch) -> None:
    described(house)
    for order in range(50):
        erp.add(order, "2024-03-01")
    monkeypatch.setattr(extracts, "ROWS_PER_FETCH", 10)
    add: Callable[..., None] = watermarks.Boundary.add

    def cut(self: watermarks.Boundary, watermark: Any, row: str) -> None:
        if self.everything.count == 10:
            erp.run(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            )
        add(self, watermark, row)

    with monkeypatch.context() as patch:
        patch.setattr(watermarks.Boundary, "add", cut)
        with pytest.raises(UnreachableError, match="the database erp does not answer"):
            house.night()
    assert house.night().rows_inserted == 50
