"""What `daybreak init` makes of sales whose columns are named in many languages.

Not here: single names (test_starter_values.py).
"""

from pathlib import Path

import pytest

from tests.support.starter import begun, plain, sources, table

# Order, line, day, product, its name, customer, units, price, discount, country.
LANGUAGES = {
    "German": (";", "Belegnummer|Position|Belegdatum|Artikelnummer|Artikelbezeichnung|Kundennummer|Menge|Einzelpreis"
                    "|Rabatt|Land"),
    "French": (";", "N° commande|Ligne|Date de commande|Code article|Désignation article|N° client|Quantité"
                    "|Prix unitaire|Remise|Pays"),
    "Spanish": ("|", "numero_pedido|linea|fecha_pedido|codigo_producto|nombre_producto|codigo_cliente|cantidad"
                     "|precio_unitario|descuento|pais"),
    "Italian": (";", "Numero ordine|Riga|Data ordine|Codice articolo|Descrizione articolo|Codice cliente|Quantità"
                     "|Prezzo unitario|Sconto|Paese"),
    "Portuguese": (";", "Nº Pedido|Linha|Data do pedido|Código do produto|Nome do produto|Código do cliente|Quantidade"
                        "|Preço unitário|Desconto|País"),
    "Dutch": (";", "Ordernummer|Regel|Besteldatum|Artikelnummer|Artikelnaam|Klantnummer|Aantal|Stuksprijs|Korting"
                   "|Land"),
    "Polish": (";", "nr_zamowienia|pozycja|data_zamowienia|kod_towaru|nazwa_towaru|nr_klienta|ilosc|cena_jednostkowa"
                    "|rabat|kraj"),
    "Swedish": (";", "Ordernr|Rad|Orderdatum|Artikelnr|Artikelnamn|Kundnr|Antal|Enhetspris|Rabatt|Land"),
    "short": (",", "order_no|line_no|order_dt|item_no|item_desc|cust_no|qty|unit_price|disc_amt|country"),
    "CamelCase": ("\t", "OrderNumber|LineNumber|OrderDate|ProductCode|ProductName|ClientID|Qty|UnitPrice|DiscountAmt"
                        "|Country"),
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_sales_in_many_languages(tmp_path: Path, language: str) -> None:
    delimiter, listed = LANGUAGES[language]
    names = listed.split("|")
    rows = [
        delimiter.join(
            [f"A{1000 + n // 3}", str(n % 3 + 1), f"{n % 28 + 1:02d}.03.2024", f"P-{n % 11}", f"Kettle no {n % 11}",
             f"K{n % 7}", str(n % 5 + 1), "19.90" if delimiter == "," else "19,90", "0", "DE"]
        )
        for n in range(60)
    ]  # fmt: skip
    found = sources(begun(tmp_path, {"export_1.csv": table(delimiter.join(names), *rows)}))["sales_lines"]
    targets = (
        "order_id",
        "line_id",
        "ordered_at",
        "product_id",
        "product_name",
        "customer_id",
        "qty_units",
        "unit_price",
    )
    expected = dict(zip(targets, names, strict=False)) | {"discount_amount": names[8], "country": names[9]}
    assert plain(found) == expected
    assert found.decimal == ("." if delimiter == "," else ",")
    assert found.columns["ordered_at"].format == "%d.%m.%Y"
