"""The demo's exports agree with each other: every claim is computed anew from the files as they were written.

Not here: the simulation behind them (test_demo_demand.py), bytes and Summary (test_demo_generate.py).
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

import duckdb
import pytest

from examples.demo.generate import generate
from tests.support.demo_exports import exports_read

SIZE = {"products": 24, "customers": 50, "days": 230, "lines_per_day": 60, "dirty_share": 0.0}
UNTIL = date(2024, 3, 13)  # the leap day is inside, the month is not over
FIRST = date(2023, 7, 1)  # 230 days before that, and back to the first of the month


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = tmp_path_factory.mktemp("demo")
    generate(folder, until=UNTIL, **SIZE)  # type: ignore[arg-type]
    with exports_read(folder) as connection:
        yield connection


def one(db: duckdb.DuckDBPyConnection, query: str) -> Any:
    row = db.execute(query).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


def none(db: duckdb.DuckDBPyConnection, query: str) -> None:
    """The query finds nothing; what it finds is told."""
    assert db.execute(query).fetchmany(3) == []


# stock ---------------------------------------------------------------------------------------------------------------


def test_every_level_is_the_opening_one_and_what_was_moved_since(db: duckdb.DuckDBPyConnection) -> None:
    none(
        db,
        f"""with opening as (select * from inventory_levels where Stichtag = date '{FIRST}' - 1)
        select l.*, o.Bestand, m.units from inventory_levels l
        left join opening o using (Artikelnummer, Lager)
        left join lateral (select sum(Menge) as units from inventory_movements m
            where m.Artikelnummer = l.Artikelnummer and m.Lager = l.Lager and m.Datum <= l.Stichtag) m on true
        where l.Bestand <> coalesce(o.Bestand, 0) + coalesce(m.units, 0)""",
    )
    days = [row[0] for row in db.execute("select distinct Stichtag from inventory_levels order by 1").fetchall()]
    assert days[0] == date(2023, 6, 30)
    assert days[-2:] == [date(2024, 2, 29), UNTIL]
    assert len(days) == 10


def test_no_stock_is_ever_negative(db: duckdb.DuckDBPyConnection) -> None:
    assert one(
        db,
        f"""with changes as (
            select Artikelnummer, Lager, Datum, sum(Menge) as units from inventory_movements group by all
            union all select Artikelnummer, Lager, Stichtag, Bestand from inventory_levels
            where Stichtag = date '{FIRST}' - 1)
        select min(running) from (
            select sum(units) over (partition by Artikelnummer, Lager order by Datum) as running from changes)""",
    ) == 0  # fmt: skip


@pytest.mark.parametrize(
    ("movement", "kind", "on"), [("Verkauf", "Rechnung", "day(Lieferdatum)"), ("Retoure", "Gutschrift", "am")]
)
def test_what_was_sold_or_came_back_is_what_was_moved(
    db: duckdb.DuckDBPyConnection, movement: str, kind: str, on: str
) -> None:
    moved = f"""select Datum, Artikelnummer, Lager, sum(Menge)::int from inventory_movements
        where Art = '{movement}' group by all"""
    booked = f"select {on}, article, Lager, -sum(qty)::int from lines where Belegart = '{kind}' group by all"
    none(db, f"({moved} except {booked}) union all ({booked} except {moved})")
    assert one(db, f"select count(*) from ({moved})") > 50


def test_transfers_cancel_out_and_returned_food_is_destroyed(db: duckdb.DuckDBPyConnection) -> None:
    none(
        db,
        """select Datum, Artikelnummer from inventory_movements where Art = 'Umlagerung'
        group by all having sum(Menge) <> 0""",
    )
    none(
        db,
        """select Datum, Artikelnummer, Lager from inventory_movements where Art in ('Retoure', 'Abschreibung')
        group by all having sum(Menge) > 0""",
    )
    kinds = {row[0] for row in db.execute("select distinct Art from inventory_movements").fetchall()}
    assert kinds == {"Zugang", "Verkauf", "Retoure", "Umlagerung", "Inventur", "Abschreibung"}


def test_what_came_in_was_ordered(db: duckdb.DuckDBPyConnection) -> None:
    """Of every order since the books began: received − rejected is what was booked in, and in full what was ordered."""
    none(
        db,
        f"""select o.* from orders o left join (
            select Beleg, Artikelnummer, sum(Menge) as units from inventory_movements where Art = 'Zugang' group by all
        ) m on m.Beleg = o.Bestellnummer and m.Artikelnummer = o.Artikelnummer
        where day(o.Bestelldatum) >= date '{FIRST}'
          and num(o.Geliefert) - num(o.Reklamiert) <> coalesce(m.units, 0)""",
    )
    none(db, "select * from orders where Eingang is not null and num(Geliefert) - num(Reklamiert) <> num(Menge)")
    none(db, "select * from orders where Eingang is null and num(Geliefert) - num(Reklamiert) >= num(Menge)")
    received = "select Beleg from inventory_movements where Art = 'Zugang'"
    none(db, f"{received} and Beleg not in (select Bestellnummer from orders)")
    still_open, late = one(
        db,
        "select count(*) filter (Eingang is null), count(*) filter (day(Eingang) > day(Zugesagt)) from orders",
    )
    assert still_open > 3
    assert late > 10


def test_units_on_order_are_those_of_open_orders(db: duckdb.DuckDBPyConnection) -> None:
    none(
        db,
        f"""select l.*, o.units from inventory_levels l left join (
            select Artikelnummer, Lager, sum(num(Menge) - num(Geliefert) + num(Reklamiert)) as units
            from orders where Eingang is null group by all) o using (Artikelnummer, Lager)
        where l.Stichtag = '{UNTIL}' and Lager <> 'MARKT' and l.Bestellt <> coalesce(o.units, 0)""",
    )


# prices and promotions -----------------------------------------------------------------------------------------------


def test_every_line_has_the_list_price_of_its_day(db: duckdb.DuckDBPyConnection) -> None:
    none(
        db,
        """select l.* from lines l left join product_prices p on p.Artikelnummer = l.article
            and l.am between p."Gültig ab" and coalesce(p."Gültig bis", l.am)
        where l.Belegart = 'Rechnung' and l.price is distinct from p.Preis""",
    )
    none(
        db,
        """select o.* from orders o left join product_costs c on c.Artikelnummer = o.Artikelnummer
            and day(o.Bestelldatum) between c."Gültig ab" and coalesce(c."Gültig bis", day(o.Bestelldatum))
        where num(o.Einkaufspreis) is distinct from c.Einkaufspreis
          and day(o.Bestelldatum) >= (select min("Gültig ab") from product_costs k
                                      where k.Artikelnummer = o.Artikelnummer)""",
    )


def test_a_promotion_on_a_line_is_one_that_ran_for_its_product_and_its_cut_is_in_the_discount(
    db: duckdb.DuckDBPyConnection,
) -> None:
    sold = """select l.*, p."Rabatt %" as cut, coalesce(c."Rabatt %", '0') as agreed, p.Aktion as running
        from lines l
        left join promotions p on p.Artikelnummer = l.article
            and l.am between cast(left(p.Beginn, 10) as date) and cast(left(p.Ende, 10) as date)
        left join customers c using (Kundennummer)
        where l.Belegart = 'Rechnung'"""
    none(db, f"select * from ({sold}) where Aktion is distinct from running")
    none(
        db,
        f"""select * from ({sold}) where discount * 100 <> floor(
            (qty * price * 100 * (agreed::int + coalesce(cut, '0')::double::int) + 50) / 100)""",
    )
    assert one(db, "select count(*) from lines where Aktion is not null") > 100


# who sold ------------------------------------------------------------------------------------------------------------


def test_a_line_names_the_rep_who_had_the_customers_territory_on_that_day(db: duckdb.DuckDBPyConnection) -> None:
    none(
        db,
        """select l.* from lines l left join customers c using (Kundennummer)
        where Kundennummer is not null and l.Gebiet is distinct from c.Gebiet""",
    )
    none(
        db,
        """select l.* from lines l left join rep_territories r on r.Vertreternummer = l.Vertreter
            and r.Gebiet = l.Gebiet and l.am between day(r.Von) and coalesce(day(r.Bis), l.am)
        where l.Kundennummer is not null and r.Vertreternummer is null""",
    )
    none(db, "select * from lines where Kundennummer is null and Vertreter is not null")


def test_nobody_has_two_territories_at_a_time(db: duckdb.DuckDBPyConnection) -> None:
    none(
        db,
        """select * from rep_territories a join rep_territories b using (Vertreternummer)
        where day(a.Von) < day(b.Von) and coalesce(day(a.Bis), day(b.Von)) >= day(b.Von)""",
    )


# invoices and payments -----------------------------------------------------------------------------------------------


def test_an_order_has_one_invoice_over_its_lines_and_a_return_a_credit_note(db: duckdb.DuckDBPyConnection) -> None:
    for kind, lines in (("Rechnung", "('Rechnung', 'Fracht')"), ("Gutschrift", "('Gutschrift')")):
        booked = f"""select Belegnummer, Kundennummer, am, sum(net)::decimal(18, 2) from lines
            where Belegart in {lines} group by all"""
        invoiced = f"""select Belegnummer, Kundennummer, day(Rechnungsdatum), num(Netto)::decimal(18, 2)
            from invoices where Art = '{kind}'"""
        none(db, f"({booked} except all {invoiced}) union all ({invoiced} except all {booked})")
    none(db, "select Rechnungsnummer from invoices group by 1 having count(*) > 1")


def test_tax_lies_between_the_rates_and_is_not_paid_abroad(db: duckdb.DuckDBPyConnection) -> None:
    none(
        db,
        """select i.* from invoices i left join customers c using (Kundennummer)
        where (c.Land <> 'DE' and num(USt) <> 0)
           or (coalesce(c.Land, 'DE') = 'DE' and abs(num(USt)) not between abs(num(Netto)) * 0.07 - 0.2
                                                                        and abs(num(Netto)) * 0.19 + 0.2)""",
    )


def test_payments_follow_invoices_and_never_exceed_them(db: duckdb.DuckDBPyConnection) -> None:
    paid = """select i.Rechnungsnummer, num(i.Netto) + num(i.USt) as gross, sum(num(p.Betrag)) as paid,
            min(day(p.Buchungstag)) as first_paid, day(i.Rechnungsdatum) as am, day(i."Fällig am") as due, i.Art,
            count(p.Betrag) as payments
        from invoices i left join payments p using (Rechnungsnummer) group by all"""
    none(db, f"select * from ({paid}) where abs(paid) > abs(gross) or first_paid < am or sign(paid) <> sign(gross)")
    none(
        db,
        f"""select * from payments where Rechnungsnummer not in (select Rechnungsnummer from invoices)
        and day(Buchungstag) > date '{FIRST}' + 120""",
    )
    old = f"select * from ({paid}) where am < date '{UNTIL}' - 125 and Art = 'Rechnung'"
    full, late, twice, never, n = one(
        db,
        f"""select count(*) filter (paid = gross), count(*) filter (first_paid > due + 3),
        count(*) filter (payments > 1), count(*) filter (paid is null), count(*) from ({old})""",
    )
    assert n > 200
    assert 0.9 < full / n < 1
    assert 0.05 < late / n < 0.6
    assert twice > 0
    assert never > 0


# before the order ----------------------------------------------------------------------------------------------------


def test_a_won_opportunity_is_an_order_of_that_customer(db: duckdb.DuckDBPyConnection) -> None:
    none(
        db,
        f"""select c.* from chances c left join (
            select Belegnummer, Kundennummer, am, sum(net) as net from lines
            where Belegart in ('Rechnung', 'Fracht') group by all) o using (Belegnummer)
        where c.Status = 'gewonnen' and day(c.Entschieden) >= date '{FIRST}' and (
            o.am is distinct from day(c.Entschieden) or o.Kundennummer <> c.Kundennummer or o.net <> num(c.Wert)
            or day(c.Angelegt) >= o.am)""",
    )
    none(db, "select * from chances where Status <> 'gewonnen' and Belegnummer is not null")
    none(db, "select * from chances where (Status = 'verloren') <> (Verlustgrund is not null)")
    none(db, "select * from chances where (Status = 'offen') <> (Entschieden is null)")
    assert one(db, "select count(distinct Status) from chances") == 3


def test_contacts_precede_the_orders_they_led_to(db: duckdb.DuckDBPyConnection) -> None:
    none(
        db,
        """select t.* from touchpoints t left join (
            select Belegnummer, min(Kundennummer) as Kundennummer, min(moment(Datum)) as am from lines
            where Belegart = 'Rechnung' group by all) o using (Belegnummer)
        where t.Belegnummer is not null
          and (o.Kundennummer is distinct from t.Kundennummer or moment(t.Zeitpunkt) >= o.am)""",
    )
    none(
        db,
        """select t.* from touchpoints t left join chances c using (Chance)
        where t.Chance is not null and (c.Kundennummer is distinct from t.Kundennummer
            or day(t.Zeitpunkt) < day(c.Angelegt) or day(t.Zeitpunkt) > day(c.Entschieden))""",
    )
    assert one(db, "select count(Belegnummer) > 20 and count(Chance) > 5 from touchpoints")


def test_the_funnel_narrows_and_ends_with_orders_of_the_web_shop(db: duckdb.DuckDBPyConnection) -> None:
    steps = ["Besuch", "Warenkorb", "Kasse", "Bestellung"]
    counted = dict(db.execute("select Schritt, count(*) from funnel_events group by 1").fetchall())
    counts = [counted[step] for step in steps]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 2 * counts[1] > 4 * counts[3] > 0
    none(
        db,
        """select f.* from funnel_events f left join (
            select Belegnummer, min(Kundennummer) as Kundennummer, min(Vertriebsweg) as Vertriebsweg,
                   min(moment(Datum)) as am from lines where Belegart = 'Rechnung' group by all) o using (Belegnummer)
        where f.Schritt = 'Bestellung' and (o.Vertriebsweg is distinct from 'WEB' or o.Kundennummer <> f.Kundennummer
            or o.am <> cast(f.Zeitpunkt as timestamp))""",
    )
    none(
        db,
        """select Besucher from funnel_events group by 1
        having count(*) <> max(array_position(['Besuch', 'Warenkorb', 'Kasse', 'Bestellung'], Schritt))
            or max(cast(Zeitpunkt as date)) <> min(cast(Zeitpunkt as date))""",
    )


# plans ---------------------------------------------------------------------------------------------------------------


def test_submissions_come_in_time_late_or_never(db: duckdb.DuckDBPyConnection) -> None:
    late, n = one(
        db,
        """select count(*) filter (moment(s.Abgegeben) > moment(c."Abgabe bis")), count(*)
        from forecast_submissions s join forecast_cycles c using (Runde)""",
    )
    assert 0.03 < late / n < 0.3
    none(
        db,
        """select s.* from forecast_submissions s left join forecast_cycles c using (Runde)
        where c.Runde is null or day(s.Abgegeben) < day(c.Beginn)""",
    )
    said = "select count(distinct Runde || Vertreter) from forecast_submissions where Runde < 'FC-2024-03'"
    asked = """select count(*) from forecast_cycles c join rep_territories r
        on day(c.Beginn) between day(r.Von) and coalesce(day(r.Bis), day(c.Beginn)) where Runde < 'FC-2024-03'"""
    assert 0.8 * one(db, asked) < one(db, said) < one(db, asked)
    assert one(db, "select count(*) from forecast_submissions where Bemerkung = 'korrigiert'") > 3


def test_a_forecast_has_one_override_a_day(db: duckdb.DuckDBPyConnection) -> None:
    none(
        db,
        """select Artikelnummer, "Woche ab", Erfasst from forecast_overrides
        group by Artikelnummer, "Woche ab", Erfasst having count(*) > 1""",
    )


def test_overrides_are_made_before_their_week_of_products_that_are_sold(db: duckdb.DuckDBPyConnection) -> None:
    none(
        db,
        """select o.* from forecast_overrides o left join (select distinct article from lines) s
            on s.article = upper(o.Artikelnummer)
        where s.article is null or dayofweek(day(o."Woche ab")) <> 1 or day(o.Erfasst) >= day(o."Woche ab")""",
    )
    planners = "select count(distinct Planer), count(*) from forecast_overrides where \"Begründung\" <> ''"
    assert one(db, planners)[0] == 3
    assert one(db, planners)[1] > 90
    revised = """select count(*) from (select 1 from forecast_overrides group by Artikelnummer, "Woche ab", Planer
        having count(*) > 1)"""
    assert one(db, revised) > 3


def test_the_plan_asks_for_about_what_is_sold(db: duckdb.DuckDBPyConnection) -> None:
    plan = """select Monat, sum(Ziel::double) as ziel from targets
        where Gebiet is not null and Monat between '2023-07-01' and '2024-02-29' group by 1"""
    sold = f"select sum(net) from lines where Belegart = 'Rechnung' and am < '{date(2024, 3, 1)}'"
    asked, brought = one(db, f"select sum(ziel) from ({plan})"), float(one(db, sold))
    assert 0.75 < brought / asked < 1.25
    by_category = "select sum(Ziel::double) from targets where Warengruppe is not null and Monat like '2024%'"
    by_territory = "select sum(Ziel::double) from targets where Gebiet is not null and Monat like '2024%'"
    assert one(db, by_category) == pytest.approx(one(db, by_territory), rel=0.06)


# money ---------------------------------------------------------------------------------------------------------------


def test_every_working_day_has_rates_that_wander(db: duckdb.DuckDBPyConnection) -> None:
    rates = """select Währung, day(Datum) as am, replace("Kurs in EUR", ',', '.')::double as kurs from exchange_rates"""
    days, currencies = one(db, f"select count(distinct am), count(distinct Währung) from ({rates})")
    assert currencies == 4
    assert days == one(
        db,
        f"""select count(*) from range(date '2023-06-30', date '{UNTIL}' + 1, interval 1 day) t(d)
        where isodow(d) < 6""",
    )
    largest = one(
        db,
        f"""select max(abs(ln(kurs / before))) from (
            select kurs, lag(kurs) over (partition by Währung order by am) as before from ({rates}))""",
    )
    assert 0.005 < largest < 0.03


def test_expenses_are_plausible(db: duckdb.DuckDBPyConnection) -> None:
    spent, kinds = one(db, "select sum(num(Betrag)), count(distinct Kostenart) from expenses")
    sold = one(db, "select sum(net) from lines where Belegart = 'Rechnung'")
    assert 0.05 < spent / sold < 0.3
    assert kinds == 8
    none(
        db,
        """select e.* from expenses e left join rep_territories r on r.Vertreternummer = e.Vertreter
            and r.Gebiet = e.Gebiet where e.Vertreter is not null and r.Vertreternummer is null""",
    )
