"""The demo's books in DuckDB, read strictly: a row that is not what its column says counts nowhere.

Not here: the other examples' (recompute_books.py).
"""

import csv
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

from tests.support.recompute_books import Books, Connection, closed, opened, put

CATEGORIES = {
    "Getränke": "Beverages", "Molkereiprodukte": "Dairy", "Konserven": "Canned food", "Süßwaren": "Confectionery",
    "Haushalt": "Household", "Tiefkühl": "Frozen", "Feinkost": "Delicatessen", "Öle & Gewürze": "Oils & spices",
}  # fmt: skip
SEGMENTS = {"Gastronomie": "Restaurant", "Einzelhandel": "Retail", "Hotel": "Hotel", "Kantine": "Canteen"}

# What the German files write, and what it means; anything else is nothing.
MACROS = """
create macro number(text) as if(
    regexp_full_match(trim(text), '-?\\d+(,\\d+)?'), replace(trim(text), ',', '.')::decimal(18, 6), null
);
create macro german_day(text) as try_strptime(left(trim(text), 10), '%d.%m.%Y')::date;
create macro country(code) as case code
    when 'DE' then 'Germany' when 'AT' then 'Austria' when 'PL' then 'Poland'
    when 'NL' then 'Netherlands' when 'BE' then 'Belgium' when 'FR' then 'France' end;
create macro channel(code) as case code
    when 'AD' then 'Field sales' when 'TEL' then 'Telephone' when 'WEB' then 'Web shop' when 'MARKT' then 'Store' end;
"""

SALES = """
insert into lines
with rows as (
    select *, trim(Belegnummer) as order_id, upper(trim(Artikelnummer)) as product, number(Menge) as units,
        number(Einzelpreis) as price, german_day(Datum) as day
    from {sales}
)
select distinct
    order_id, Position,
    case
        when product = 'FRACHT' then 'charge' when product = 'AUSBUCHUNG' then 'adjustment'
        when units < 0 then 'return' else 'sale'
    end,
    day, product, Kundennummer, country(Land), channel(Vertriebsweg), Gebiet, Vertreter, Lager,
    german_day(Wunschtermin), german_day(Lieferdatum), units, price, number(Rabatt)
from rows
where order_id <> '' and product <> '' and units is not null and price >= 0 and day is not null
    and (Land is null or country(Land) is not null)
"""

OTHERS = """
insert into customers
select Kundennummer,
    case Segment when 'Gastronomie' then 'Restaurant' when 'Einzelhandel' then 'Retail' when 'Kantine' then 'Canteen'
        else Segment end,
    Gebiet
from {customers};

insert into cost_spells
select distinct on (Artikelnummer, "Gültig ab") Artikelnummer, "Gültig ab"::date, "Gültig bis"::date, Einkaufspreis
from read_parquet('{folder}/product_costs/*.parquet', filename = true)
order by filename desc;

insert into rep_spells
select Vertreternummer, Gebiet, german_day(Von), german_day(Bis) from {rep_territories};

insert into expenses
select german_day(Datum), Vertreter, Gebiet, channel(Vertriebsweg), Kampagne, number(Betrag)
from {expenses} where number(Betrag) is not null;

insert into counts
select Stichtag, upper(trim(Artikelnummer)), Lager, Bestand from (
    select distinct on (Stichtag, Artikelnummer, Lager) *
    from read_parquet('{folder}/inventory_levels/*.parquet', filename = true)
    order by filename desc
);

insert into locations select Lager from {locations};

-- an order comes again when something of it has come: the last word counts, if it is a word
insert into purchases
select Lieferant, Artikelnummer, german_day(Bestelldatum), german_day(Zugesagt), german_day(Eingang),
    number(Menge), number(Geliefert), number(Reklamiert)
from (
    select distinct on (Bestellnummer, Pos) * from {purchase_orders}
    where number(Menge) is not null
    order by filename desc
);
"""


def demo(folder: Path) -> Books:
    """The wholesaler's books."""
    db = opened()
    db.execute(MACROS)

    def table(name: str) -> str:
        files = (folder / name / "*.csv").as_posix()
        return (
            f"read_csv('{files}', header = true, all_varchar = true, delim = ';', quote = '\"', escape = '\"', "
            "filename = true)"
        )

    names = ("sales", "customers", "rep_territories", "expenses", "locations", "purchase_orders")
    tables = {name: table(name) for name in names}
    db.execute(SALES.format(**tables))
    db.execute(OTHERS.format(folder=folder.as_posix(), **tables))
    _plans(db, folder, table("rep_targets"))
    _masters(db, folder)
    return closed(db, fiscal_month=4, carrying_cost_pct=22)


def _plans(db: Connection, folder: Path, rep_targets: str) -> None:
    measures = {"Umsatz": "net_revenue", "Neukunden": "new_customers"}
    put(db, "targets", (
        (measures[row["Kennzahl"]], 1, _day(row["Monat"]), row["Gebiet"], row["Vertreter"],
         CATEGORIES.get(row["Warengruppe"]), row["Ziel"])
        for row in _sheets(folder / "targets")
    ))  # fmt: skip
    db.execute(
        f"""insert into targets
            select 'net_revenue', 1, Monat::date, null, Vertreter, null, number(Ziel) from {rep_targets}"""
    )
    # a promotion has a row for each of its products, and its cost in every one of them
    put(db, "promotions", sorted({
        (row["Aktion"], _day(row["Beginn"]), _day(row["Ende"]), row["Kosten"])
        for row in _sheets(folder / "promotions") if row["Kosten"] is not None
    }))  # fmt: skip


def _masters(db: Connection, folder: Path) -> None:
    latest = {row["Artikelnummer"].strip().upper(): row for row in _sheets(folder / "products")}
    put(db, "products", (
        (product, CATEGORIES[row["Warengruppe"]], row["Einkaufspreis"], _day(row["Eingeführt"]), row["Lieferant"],
         row["Lieferzeit (Tage)"])
        for product, row in latest.items()
    ))  # fmt: skip
    for file in sorted((folder / "suppliers").glob("*.csv")):
        with file.open(encoding="cp1252", newline="") as opened_file:
            rows = csv.DictReader(opened_file, delimiter=";")
            put(db, "suppliers", ((row["Lieferantennummer"], int(row["Lieferzeit"])) for row in rows))


def _sheets(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.glob("*.xlsx")):
        rows = load_workbook(file, read_only=True, data_only=True).worksheets[0].iter_rows(values_only=True)
        header = next(rows)
        yield from (dict(zip(header, row, strict=True)) for row in rows)


def _day(value: Any) -> Any:
    return value.date() if isinstance(value, datetime) else value
