"""The raw assets: a source that is refused stops nothing but itself, unless the night cannot do without its entity.

Not here: loading (test_ingestion_load.py), or what a whole night does (tests/pipeline).
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import dagster as dg
import pytest

from orchestration.business import Business
from orchestration.errors import LeaseLostError, SourceError
from orchestration.ingestion.contract import ENTITIES
from orchestration.night import Night, lease
from orchestration.stack.local_postgres import LocalPostgres
from tests.support.ingestion import HEADER, House, line, sales
from tests.support.stores import describe

PRODUCTS: dict[str, Any] = {
    "name": "products",
    "entity": "products",
    "files": "products/*.csv",
    "format": "csv",
    "columns": {"product_id": "id", "product_name": "name"},
}
MORE = PRODUCTS | {"name": "more_products", "files": "more/*.csv"}
Ingest = Callable[..., dg.MaterializeResult]


@pytest.fixture
def shop(house: House, request: pytest.FixtureRequest) -> House:
    """A business with sales and two product sources, or those of the test; and somebody to tell."""
    house.describe(*getattr(request, "param", (sales(files="sales/*.csv"), PRODUCTS, MORE)))
    house.business = house.business.model_copy(
        update={"alerts": house.business.alerts.model_copy(update={"email": ("zoe@example.com",), "slack": True})}
    )
    house.connection.execute("truncate ops.nights, ops.outbox, ops.business cascade")
    return house


@pytest.fixture
def night(shop: House, house_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Night]:
    monkeypatch.setenv("DAYBREAK_DATA", str(shop.data))
    with lease(house_url, run_id="one", business=shop.business) as own:
        yield own


@pytest.fixture
def ingest(night: Night) -> Iterator[Ingest]:
    """Runs the asset of an entity; gives what it says."""
    from orchestration.defs.ingest import _ingest

    with dg.build_asset_context() as context:

        def run(entity: str, business: Business = night.business) -> dg.MaterializeResult:
            return _ingest(context, replace(night, business=business), ENTITIES[entity])

        yield run


def told(house: House) -> list[tuple[Any, ...]]:
    return house.rows("select split_part(dedupe_key, ':', 2), channel, body_text from ops.outbox order by 1, 2")


def check_of(result: dg.MaterializeResult) -> dg.AssetCheckResult:
    (check,) = result.check_results
    return check


def test_the_other_sources_of_the_entity_are_taken_in(shop: House, ingest: Ingest) -> None:
    shop.write("products/old.csv", "id,name", "A,Kettle")
    ingest("products")
    shop.write("products/new.csv", "id,title", "A,Teapot")
    shop.write("more/m.csv", "id,name", "B,Cup")

    result = ingest("products")

    assert shop.rows("select product_id, product_name from raw.products order by 1") == [("A", "Kettle"), ("B", "Cup")]
    assert shop.rows("select source, file_path from ops.loads where status = 'stopped'") == [
        ("products", "products/new.csv")
    ]
    assert "ingest products, in part" in shop.column("select stage from ops.stage_runs")
    check = check_of(result)
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "products/new.csv: there is no column 'name'" in str(check.description)
    assert result.metadata is not None
    assert "products/new.csv" in str(result.metadata["refused"])
    assert result.metadata["dagster/row_count"] == 2


def test_a_refusal_is_told_once_to_everybody(shop: House, ingest: Ingest) -> None:
    shop.write("products/new.csv", "id,title", "A,Teapot")
    for _ in range(3):
        ingest("products")
    assert [row[:2] for row in told(shop)] == [("products", "email"), ("products", "slack")]
    text = told(shop)[0][2]
    for words in ("products was not taken in", "there is no column 'name'", "What to do: correct the mapping"):
        assert words in text.replace("A source was not taken in: products", "products was not taken in")
    # another content is another refusal, even if the reason reads the same
    shop.write("products/new.csv", "id,title", "A,Teapot", "B,Cup")
    ingest("products")
    assert len(told(shop)) == 4


def test_a_repaired_file_makes_the_check_good_again(shop: House, ingest: Ingest) -> None:
    shop.write("products/new.csv", "id,title", "A,Teapot")
    assert not check_of(ingest("products")).passed
    shop.write("products/new.csv", "id,name", "A,Teapot")
    result = ingest("products")
    assert (check_of(result).passed, check_of(result).description) == (True, "every source was taken in")
    assert shop.column("select product_name from raw.products") == ["Teapot"]
    assert shop.column("select count(*) from ops.loads where status = 'stopped'") == [0]


def test_rejected_rows_are_shown_only_where_there_are_any_tonight(shop: House, ingest: Ingest) -> None:
    shop.write("products/p.csv", "id,name", *(f"{n},x" for n in range(30)), ",y")
    assert "there is no value" in str((ingest("products").metadata or {})["rejected"])
    assert "rejected" not in (ingest("products").metadata or {})


two_shops = pytest.mark.parametrize(
    "shop", [(sales(files="sales/*.csv"), sales(name="web", files="web/*.csv"))], indirect=True, ids=["two shops"]
)


@two_shops
def test_without_all_of_the_sales_there_is_no_night(shop: House, ingest: Ingest) -> None:
    shop.write("sales/a.csv", "order,line,at,product,qty", "1,1,2024-02-29,P,1")
    shop.write("web/b.csv", HEADER, line("W1"))
    with pytest.raises(SourceError, match=r"a\.csv: there is no column 'price'"):
        ingest("sales_lines")
    # the other shop's sales are in, and need not be read again
    assert shop.column("select order_id from raw.sales_lines") == ["W1"]
    assert told(shop) == []  # the failed run is told, and says it


@two_shops
def test_two_refused_sources_are_both_named(shop: House, ingest: Ingest) -> None:
    for name in ("sales/a.csv", "web/b.csv"):
        shop.write(name, "order,line", name)
    with pytest.raises(SourceError) as caught:
        ingest("sales_lines")
    assert {"sales/a.csv", "web/b.csv"} <= set(str(caught.value).replace(":", " ").split())


ELSEWHERE = {key: value for key, value in PRODUCTS.items() if key not in ("files", "format")}


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ({"stores": {"lake": {"url": "s3://${DAYBREAK_TEST_UNSET}"}}}, "no variable DAYBREAK_TEST_UNSET"),
        ({"connections": {"erp": {"url": "mysql+pymysql://h/x"}}}, "the driver 'pymysql' is not installed"),
        ({"connections": {"erp": {"url": "wrong password"}}}, "authentication failed"),
        ({"connections": {"erp": {"url": "postgresql+psycopg://127.0.0.1:1/x"}}}, "does not answer"),
    ],
    ids=["no variable", "no driver", "refused", "away"],
)
def test_a_place_that_is_wrong_stops_its_source_only(
    shop: House, ingest: Ingest, postgres_server: LocalPostgres, place: dict[str, Any], words: str
) -> None:
    if words == "authentication failed":
        host = postgres_server.url("postgres").rpartition("@")[2]
        place = {"connections": {"erp": {"url": f"postgresql+psycopg://daybreak:wrong@{host}"}}}
    origin = {"store": "lake", "files": "*.csv"} if "stores" in place else {
        "database": {"connection": "erp", "table": "products"}
    }  # fmt: skip
    alerts = shop.business.alerts
    described = describe(shop, sales(files="sales/*.csv"), ELSEWHERE | origin, MORE, **place)
    shop.business = described.model_copy(update={"alerts": alerts})
    shop.write("more/m.csv", "id,name", "B,Cup")
    result = ingest("products", shop.business)
    assert shop.column("select product_id from raw.products") == ["B"]
    assert words in str(check_of(result).description)
    assert words in told(shop)[0][2]


def test_a_night_that_lost_its_lease_is_no_refused_source(shop: House, ingest: Ingest) -> None:
    shop.write("products/p.csv", "id,name", "A,Kettle")
    shop.connection.execute("update ops.lease set token = token + 1")
    with pytest.raises(LeaseLostError):
        ingest("products")


@pytest.mark.parametrize(
    "shop",
    [(sales(), PRODUCTS | {"columns": {"product_id": "id", "product_name": {"expression": "id + 1"}}})],
    indirect=True,
    ids=["a text and a number"],
)
def test_a_broken_mapping_stops_its_source_only(shop: House, ingest: Ingest) -> None:
    shop.write("products/p.csv", "id,name", "A,Kettle")
    check = check_of(ingest("products"))
    assert not check.passed
    assert "PostgreSQL refuses the expression" in str(check.description)


def test_an_entity_without_a_source_asks_the_database_nothing(shop: House, night: Night, ingest: Ingest) -> None:
    before = shop.column("select count(*) from ops.stage_runs")
    night.connection.close()
    result = ingest("exchange_rates")
    assert check_of(result).passed
    assert str((result.metadata or {})["loads"].value) == "no source brings this entity"  # type: ignore[union-attr]
    assert shop.column("select count(*) from ops.stage_runs") == before
