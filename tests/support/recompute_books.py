"""The books of the examples in DuckDB, straight from their files: one table per kind of thing, whatever the example.

None of our mapping, ingestion or SQL is used: each reading is written a second time, from what the files say.

Not here: what is computed of the books (recompute_sales.py and its neighbours).
"""

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

Connection = duckdb.DuckDBPyConnection

TABLES = """
create table lines (
    order_id varchar, line_id varchar, kind varchar, day date, product varchar, customer varchar, country varchar,
    channel varchar, territory varchar, rep varchar, location varchar, due date, shipped date,
    units decimal(18, 6), price decimal(18, 6), discount decimal(18, 6)
);
create table products (
    product varchar, category varchar, cost_now decimal(18, 6), launched date, supplier varchar, quoted integer
);
create table customers (customer varchar, segment varchar, territory varchar);
create table cost_spells (product varchar, since date, last_day date, cost decimal(18, 6));
create table rep_spells (rep varchar, territory varchar, since date, last_day date);
create table targets (
    measure varchar, months integer, since date, territory varchar, rep varchar, category varchar, amount decimal(18, 6)
);
create table expenses (
    day date, rep varchar, territory varchar, channel varchar, campaign varchar, amount decimal(18, 6)
);
create table promotions (promotion varchar, since date, last_day date, cost decimal(18, 6));
create table counts (day date, product varchar, location varchar, units decimal(18, 6));
create table suppliers (supplier varchar, quoted integer);
create table locations (location varchar);
create table purchases (
    supplier varchar, product varchar, ordered date, promised date, received date,
    units decimal(18, 6), units_in decimal(18, 6), units_rejected decimal(18, 6)
);
"""

# What a line is worth, by the words of docs/kpis.md.
VALUED = """
create table sold as
with first_trade as (
    select product, count(*) filter (where kind in ('sale', 'return')) as traded from lines group by product
),
-- an open spell of a cost lasts until the next one begins
spells as (
    select product, since, cost,
        coalesce(last_day, lead(since) over (partition by product order by since) - 1, date '2199-12-31') as last_day
    from cost_spells
),
-- of several that hold on a day the one that began last; who has no spells has today's cost for ever
costs as (
    select days.product, days.day, arg_max(spells.cost, spells.since) as cost
    from (select distinct product, day from lines) as days
    inner join spells on spells.product = days.product and days.day between since and last_day
    group by all
    union all
    select distinct product, day, cost_now
    from lines inner join products using (product)
    where product not in (select product from cost_spells) and cost_now is not null
),
placed as (
    select lines.* exclude (territory),
        coalesce(lines.territory, rep_spells.territory, '(no territory)') as territory
    from lines
    left join rep_spells on rep_spells.rep = lines.rep and lines.territory is null
        and day between since and coalesce(rep_spells.last_day, date '2199-12-31')
)
select
    placed.* replace (
        coalesce(country, '(no country)') as country, coalesce(channel, '(no channel)') as channel,
        coalesce(rep, '(no rep)') as rep
    ),
    coalesce(
        products.category,
        case when products.product is null and traded = 0 then '(charges)' else '(no category)' end
    ) as category,
    products.product is null and traded = 0 as is_charge_code,
    coalesce(segment, '(no segment)') as segment,
    case when kind = 'sale' then round(units * price, 6) else 0 end::decimal(18, 6) as gross,
    case when kind = 'sale' then discount else 0 end::decimal(18, 6) as discounts,
    case when kind = 'return' then discount - round(units * price, 6) else 0 end::decimal(18, 6) as returns,
    case when kind in ('sale', 'return') then round(units * price, 6) - discount else 0 end::decimal(18, 6) as net,
    case when kind = 'charge' then round(units * price, 6) - discount else 0 end::decimal(18, 6) as charges,
    case when kind = 'sale' then placed.units else 0 end::decimal(18, 6) as sold_units,
    kind in ('sale', 'return') and costs.cost is not null as is_costed,
    case when kind in ('sale', 'return') then round(units * costs.cost, 6) else 0 end::decimal(18, 6) as cost,
    case when kind in ('sale', 'return') then round(units * cost_now, 6) else 0 end::decimal(18, 6) as cost_of_today,
    min(placed.day) filter (where kind = 'sale' and customer is not null) over (partition by customer) as first_bought,
    min(placed.day) filter (where kind = 'sale') over (partition by placed.product) as product_first_sold
from placed
left join products using (product)
left join first_trade using (product)
left join customers using (customer)
left join costs on costs.product = placed.product and costs.day = placed.day
"""


class Books(NamedTuple):
    """A business's books: its tables, and what its business folder says of the calendar and the stock."""

    db: Connection
    as_of: date
    fiscal_month: int = 1
    carrying_cost_pct: int | None = None

    @property
    def first_day(self) -> date:
        """The day of the first line of any kind."""
        ((day,),) = self.db.execute("select min(day) from lines").fetchall()
        return date.fromisoformat(str(day))


def opened() -> Connection:
    db = duckdb.connect()
    db.execute(TABLES)
    return db


def closed(db: Connection, fiscal_month: int, carrying_cost_pct: int | None = None) -> Books:
    db.execute(VALUED)
    ((as_of,),) = db.execute("select max(day) from lines where kind = 'sale'").fetchall()
    return Books(db, as_of, fiscal_month, carrying_cost_pct)


def put(db: Connection, table: str, rows: Iterable[Sequence[Any]]) -> None:
    for row in rows:
        db.execute(f"insert into {table} values ({', '.join('?' * len(row))})", list(row))


# AdventureWorks -------------------------------------------------------------------------------------------------------


def adventureworks(folder: Path) -> Books:
    """The bicycle maker's database, of whose tables each is a file."""
    db = opened()

    def table(name: str) -> str:
        return f"read_csv('{(folder / f'{name}.csv').as_posix()}', header = true, all_varchar = true)"

    order = f"{table('Sales.SalesOrderHeader')} as h"
    channel = "if(h.OnlineOrderFlag = '1', 'Online', 'Reseller')"
    who = f"h.CustomerID, null, {channel}, h.TerritoryID, h.SalesPersonID, null"
    db.execute(f"""
        insert into lines
        select SalesOrderID, SalesOrderDetailID, 'sale', h.OrderDate::date, ProductID, {who},
            h.DueDate::date, h.ShipDate::date, OrderQty::decimal(18, 6), UnitPrice::decimal(18, 6),
            round(OrderQty::decimal(9, 0) * UnitPrice::decimal(14, 6) * UnitPriceDiscount::decimal(9, 6), 6)
        from {table("Sales.SalesOrderDetail")} inner join {order} using (SalesOrderID)
        union all
        select SalesOrderID, 'freight', 'charge', h.OrderDate::date, 'FREIGHT', {who}, null, null,
            1, h.Freight::decimal(18, 6), 0
        from {order};

        insert into products
        select ProductID, c.Name, StandardCost::decimal(18, 6), left(SellStartDate, 10)::date, null, null
        from {table("Production.Product")} as p
        left join {table("Production.ProductSubcategory")} as s using (ProductSubcategoryID)
        left join {table("Production.ProductCategory")} as c on c.ProductCategoryID = s.ProductCategoryID;

        insert into customers
        select CustomerID, if(StoreID is null, 'Individual', 'Store'), TerritoryID from {table("Sales.Customer")};

        insert into cost_spells
        select ProductID, left(StartDate, 10)::date, left(EndDate, 10)::date, StandardCost::decimal(18, 6)
        from {table("Production.ProductCostHistory")};

        insert into rep_spells
        select BusinessEntityID, TerritoryID, left(StartDate, 10)::date, left(EndDate, 10)::date
        from {table("Sales.SalesTerritoryHistory")};

        insert into targets
        select 'net_revenue', 3, left(QuotaDate, 10)::date, null, BusinessEntityID, null, SalesQuota::decimal(18, 6)
        from {table("Sales.SalesPersonQuotaHistory")};

        insert into counts
        select left(ModifiedDate, 10)::date, ProductID, LocationID, Quantity::decimal(18, 6)
        from {table("Production.ProductInventory")};

        insert into suppliers select BusinessEntityID, null from {table("Purchasing.Vendor")};
        insert into locations select LocationID from {table("Production.Location")};

        insert into purchases
        select h.VendorID, ProductID, left(h.OrderDate, 10)::date, left(d.DueDate, 10)::date,
            if(ReceivedQty::decimal(18, 6) > 0, left(d.ModifiedDate, 10)::date, null),
            OrderQty::decimal(18, 6), ReceivedQty::decimal(18, 6), RejectedQty::decimal(18, 6)
        from {table("Purchasing.PurchaseOrderDetail")} as d
        inner join {table("Purchasing.PurchaseOrderHeader")} as h using (PurchaseOrderID);
    """)
    return closed(db, fiscal_month=7)


# Online Retail --------------------------------------------------------------------------------------------------------


def online_retail(folder: Path) -> Books:
    """The gift shop's invoice book; the kinds as a person would tell them, the first that fits counts."""
    db = opened()
    files = (folder / "*.csv").as_posix()
    db.execute(f"""
        insert into lines
        with typed as (
            select InvoiceNo as invoice, upper(StockCode) as code, Quantity::decimal(18, 6) as units,
                UnitPrice::decimal(18, 6) as price, InvoiceDate::timestamp::date as day,
                nullif(replace(CustomerID, '.0', ''), '') as customer, Country as country
            from read_csv('{files}', header = true, all_varchar = true, delim = ',', quote = '"', escape = '"')
        )
        select
            invoice, null,
            case
                when starts_with(invoice, 'A') then 'adjustment'                    -- bad debt
                when code in ('B', 'D', 'S') then 'adjustment'                      -- debt, discount, samples
                when price = 0 and units < 0 then 'adjustment'                      -- stock written off
                when price = 0 and customer is null then 'adjustment'               -- stock found
                when code in ('POST', 'DOT', 'C2', 'C3', 'M', 'BANK CHARGES', 'AMAZONFEE', 'CRUK') then 'charge'
                when starts_with(code, 'GIFT') then 'charge'
                when starts_with(invoice, 'C') or units < 0 then 'return'
                else 'sale'
            end,
            day, code, customer,
            case country when 'EIRE' then 'Ireland' when 'RSA' then 'South Africa' when 'USA' then 'United States'
                else country end,
            'online', null, null, null, null, null, units, price, 0
        from typed
    """)
    return closed(db, fiscal_month=1)
