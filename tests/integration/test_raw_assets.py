"""The raw assets: a source that is refused stops nothing but itself, unless the night cannot do without its entity.

Not here: loading (test_ingestion_load.py), or what a whole night does (tests/pipeline).
"""

from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import pytest

from orchestration.errors import ConfigurationError, SourceError
from orchestration.ingestion.contract import ENTITIES
from orchestration.night import Night, lease
from tests.support.ingestion import HEADER, House, line, sales

PRODUCTS: dict[str, Any] = {
    "name": "products",
    "entity": "products",
    "files": "products/*.csv",
    "format": "csv",
    "columns": {"product_id": "id", "product_name": "name"},
}
MORE = PRODUCTS | {"name": "more_products", "files": "more/*.csv"}
Ingest = Callable[[str], dg.MaterializeResult]


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
        yield lambda entity: _ingest(context, night, ENTITIES[entity])


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


@pytest.mark.parametrize(
    "shop",
    [(sales(), PRODUCTS | {"columns": {"product_id": "id", "product_name": {"expression": "id + 1"}}})],
    indirect=True,
    ids=["a text and a number"],
)
def test_a_broken_mapping_fails_whatever_the_entity(shop: House, ingest: Ingest) -> None:
    shop.write("products/p.csv", "id,name", "A,Kettle")
    with pytest.raises(ConfigurationError):
        ingest("products")


def test_an_entity_without_a_source_asks_the_database_nothing(shop: House, night: Night, ingest: Ingest) -> None:
    before = shop.column("select count(*) from ops.stage_runs")
    night.connection.close()
    result = ingest("exchange_rates")
    assert check_of(result).passed
    assert str((result.metadata or {})["loads"].value) == "no source brings this entity"  # type: ignore[union-attr]
    assert shop.column("select count(*) from ops.stage_runs") == before
