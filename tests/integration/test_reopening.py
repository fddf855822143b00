"""Days that count anew: what is said later about a cost, a rep's territory or a rate opens the sales days it concerns.

Not here: what the facts make of it (dbt's unit tests).
"""

from datetime import date
from typing import Any

import pytest

from orchestration.reopening import reopen_days
from tests.support.ingestion import House, line, sales

COSTS: dict[str, Any] = {
    "name": "costs",
    "entity": "product_costs",
    "files": "c*.csv",
    "columns": {"product_id": "product", "valid_from": "from", "valid_to": "to", "unit_cost": "cost"},
}
PRODUCTS: dict[str, Any] = {
    "name": "products",
    "entity": "products",
    "files": "p*.csv",
    "columns": {"product_id": "product", "product_name": "name", "unit_cost": "cost", "valid_from": "from"},
}
TERRITORIES: dict[str, Any] = {
    "name": "moves",
    "entity": "rep_territories",
    "files": "r*.csv",
    "columns": {"rep_id": "rep", "territory_id": "territory", "valid_from": "from"},
}
RATES: dict[str, Any] = {
    "name": "rates",
    "entity": "exchange_rates",
    "files": "x*.csv",
    "columns": {"rate_date": "day", "from_currency": "of", "to_currency": {"constant": "EUR"}, "rate": "rate"},
}
SALES = sales(files="s*.csv", columns={"rep_id": "rep", "territory_id": "territory", "currency": "currency"})
DAYS = [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)]


@pytest.fixture
def shop(house: House) -> House:
    """Three days of sales, published; sources 1 to 4 speak of costs, products, territories and rates."""
    house.describe(SALES, COSTS, PRODUCTS, TERRITORIES, RATES)
    rows = [
        f"{line(order=str(n), day=day.isoformat())},{extra}"
        for n, (day, extra) in enumerate(zip(DAYS, ["ann,,", "ann,,CHF", "ann,NORTH,"], strict=True))
    ]
    house.write("s.csv", "order,line,at,product,qty,price,rep,territory,currency", *rows)
    house.night()
    return house


def publish(house: House) -> None:
    house.connection.execute("insert into ops.publications values (%s, '2024-03-01', 'code', true, 3)", [house.token])
    house.connection.execute("update ops.touched_days set published_token = token where published_token is null")


def opened(house: House) -> list[date]:
    reopen_days(house.connection, house.token)
    return house.column("select day from ops.open_days order by day")


def test_before_the_first_publication_there_is_nothing_to_reopen(shop: House) -> None:
    shop.write("c.csv", "product,from,to,cost", "P-1,2024-01-01,,5")
    shop.night(1)
    assert reopen_days(shop.connection, shop.token) == 0


def test_a_cost_opens_the_days_from_which_it_holds(shop: House) -> None:
    shop.write("c.csv", "product,from,to,cost", "P-1,2024-01-01,,5")
    shop.night(1)
    publish(shop)
    shop.write("c2.csv", "product,from,to,cost", "P-1,2024-02-29,2024-02-29,6", "P-2,2024-01-01,,5")
    shop.night(1)
    assert opened(shop) == DAYS[1:]


def test_the_first_span_of_all_takes_the_place_of_what_was_known_without(shop: House) -> None:
    """Days before it have no cost from then on, whatever the products' own file said."""
    publish(shop)
    shop.write("c.csv", "product,from,to,cost", "P-1,2024-03-01,,5")
    shop.night(1)
    assert opened(shop) == DAYS


def test_a_failed_nights_news_is_found_by_the_next_one_and_a_published_one_is_none(shop: House) -> None:
    shop.write("c0.csv", "product,from,to,cost", "P-1,2024-01-01,,4")
    shop.night(1)
    publish(shop)
    shop.write("c.csv", "product,from,to,cost", "P-1,2024-03-01,,5")
    shop.night(1)  # and fails before it comes to its as-of date
    shop.night(0)
    assert opened(shop) == DAYS[2:]
    publish(shop)
    shop.night(0)
    assert opened(shop) == []


def test_a_product_that_is_told_of_for_the_first_time_opens_all_its_days(shop: House) -> None:
    publish(shop)
    shop.write("p.csv", "product,name,cost,from", "P-1,Mug,5,", "P-9,Never sold,5,")
    shop.night(2)
    assert opened(shop) == DAYS
    publish(shop)
    shop.write("p2.csv", "product,name,cost,from", "P-1,Another name,5,")
    shop.night(2)
    assert opened(shop) == []


def test_a_move_of_a_rep_opens_only_days_whose_lines_name_no_territory(shop: House) -> None:
    shop.write("r.csv", "rep,territory,from", "ann,EAST,2024-01-01")
    shop.night(3)
    publish(shop)
    shop.write("r2.csv", "rep,territory,from", "ann,SOUTH,2024-02-29")
    shop.night(3)
    assert opened(shop) == [DAYS[1]]


def test_a_rate_opens_the_days_of_its_currency(shop: House) -> None:
    publish(shop)
    shop.write("x.csv", "day,of,rate", "2024-01-01,CHF,1.05", "2024-01-01,USD,0.9")
    shop.night(4)
    assert opened(shop) == [DAYS[1]]


def test_costs_that_are_taken_back_open_every_day(shop: House) -> None:
    """The mapping of the costs changes: what it said before is gone, and nothing tells which days that was about."""
    shop.write("c.csv", "product,from,to,cost", "P-1,2024-02-29,,5")
    shop.night(1)
    publish(shop)
    columns = {"product_id": {"constant": "P-7"}, "valid_from": "from", "unit_cost": "cost"}
    shop.describe(SALES, COSTS | {"columns": columns}, PRODUCTS, TERRITORIES, RATES)
    shop.night(1)
    assert opened(shop) == DAYS
