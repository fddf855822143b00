"""What `daybreak init` proves by arithmetic, what it leaves to be confirmed, and what it refuses to guess.

Not here: files whose meaning is plain (test_starter_guesses.py).
"""

from pathlib import Path

import pytest

from orchestration.business import load_business
from orchestration.errors import ConfigurationError
from orchestration.starter import write
from orchestration.starter.amounts import guess_amounts
from orchestration.starter.init import start
from orchestration.starter.matching import Candidate
from orchestration.starter.profile import profile
from tests.support.starter import NORTHWIND, begun, plain, sources, superstore, table

# Arithmetic ---------------------------------------------------------------------------------------------------------


def amounts(**columns: list[str]) -> dict[str, str]:
    """The guesses by target, as SQL or as reason where the column stays as it is."""
    found = {name: Candidate(profile(name, values), 1.0) for name, values in columns.items()}
    guesses = guess_amounts(found, decimal=".", is_typed=False)
    return {t: str(made.mapping.get("expression", made.reason)) for t, made in guesses.items()}


UNITS, PRICES, CUTS = (
    ["2", "3", "4", "5", "1", "6"],
    ["10.00", "20.00", "5.00", "8.00", "99.00", "1.50"],
    ["1", "2", "5", "4", "10", "3"],
)


@pytest.mark.parametrize(
    ("meaning", "total"),
    [
        ("amount", lambda q, p, d: q * p - d),
        ("percent", lambda q, p, d: q * p * (1 - d / 100)),
        ("amount per unit", lambda q, p, d: q * (p - d)),
        ("amount added", lambda q, p, d: q * p + d),
    ],
)
def test_what_a_discount_is_shows_in_what_adds_up(meaning: str, total: object) -> None:
    totals = [
        f"{total(float(q), float(p), float(d)):.2f}"  # type: ignore[operator]
        for q, p, d in zip(UNITS, PRICES, CUTS, strict=True)
    ]
    found = amounts(qty_units=UNITS, unit_price=PRICES, discount_amount=CUTS, line_amount=totals)
    assert f"discount as {meaning}" in found["qty_units"]
    expected = {
        "amount": "100% of 6 discounted lines",
        "percent": "/ 100, 6)",
        "amount per unit": "cast(qty_units as numeric) * cast(discount_amount as numeric)",
        "amount added": "-cast(discount_amount as numeric)",
    }
    assert expected[meaning] in found["discount_amount"]


def test_a_price_that_is_after_the_discount_already_is_not_cut_twice(tmp_path: Path) -> None:
    rows = [f"{n},1,2024-01-{n % 28 + 1:02d},P{n % 5},3,{20 + n}.50,{18 + n}.25,2.25" for n in range(30)]
    header = "order_id,line_id,order_date,product_id,qty,price_regular,price_actual,discount"
    found = plain(sources(begun(tmp_path, {"sales.csv": table(header, *rows)}))["sales_lines"])
    assert found["unit_price"] == "cast(price_regular as numeric)"
    assert found["discount_amount"] == "round(cast(qty as numeric) * cast(discount as numeric), 6)"


def test_totals_that_do_not_add_up_are_to_be_confirmed(tmp_path: Path) -> None:
    rows = [f"{n},1,2024-01-{n % 28 + 1:02d},P{n % 5},2,10.00,{25 + n}" for n in range(30)]
    started = begun(
        tmp_path, {"sales.csv": table("order_id,line_id,order_date,product_id,qty,unit_price,line_total", *rows)}
    )
    assert any("do not add up" in line for line in started.to_confirm)


def test_a_total_without_price_gives_the_price(tmp_path: Path) -> None:
    rows = [f"{n};1;{n % 28 + 1:02d}.01.2024;P{n % 5};2;1.{n:03d},50 €" for n in range(30)]
    found = sources(begun(tmp_path, {"sales.csv": table("Beleg;Pos;Datum;Artikelnr;Menge;Betrag", *rows)}))[
        "sales_lines"
    ]
    price, total = found.columns["unit_price"], found.columns["line_amount"]
    assert price.expression is not None
    assert price.expression.endswith('/ nullif(cast("Menge" as numeric), 0), 6)')
    assert (price.decimal, total.decimal) == (".", ".")


# What stays open ----------------------------------------------------------------------------------------------------


def test_what_is_missing_is_written_as_missing(tmp_path: Path) -> None:
    rows = [f"2024-01-{n % 28 + 1:02d},item_{n % 5},CA_{n // 28},{n % 9}" for n in range(56)]
    started = begun(tmp_path, {"sales_by_store.csv": table("date,item_id,store_id,sales", *rows)})
    (made,) = started.proposals
    assert made.missing == ["unit_price"]
    found = sources(started)["sales_lines"]
    assert found.columns["unit_price"].from_ == "?"  # no file has such a column: a check stops there
    assert plain(found)["order_id"] == "concat_ws('|', \"date\", store_id)"
    assert plain(found)["line_id"] == "item_id"


def test_an_incomplete_source_that_no_night_needs_is_a_comment(tmp_path: Path) -> None:
    files = {
        **NORTHWIND,
        "employee_territories.csv": table("employee_id,territory_id", "1,0689", "1,0158", "2,0158", "3,1971"),
    }
    started = begun(tmp_path, files)
    text = (started.folder / "sources.yaml").read_text(encoding="utf-8")
    assert "# Not a source yet: nothing was found for valid_from." in text
    assert "rep_territories" not in sources(started)


def test_files_that_are_no_sales_say_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no source was recognised.*\(a: .*; b\.bin: "):
        begun(tmp_path, {"a.csv": "colour,shape\nred,round\nblue,flat\n", "b.bin": b"\0\1" * 40})
    assert not (tmp_path / "shop").exists()


def dump(name: str, text: str) -> str:
    """A table as a dump writes it."""
    header, *rows = text.splitlines()
    values = ",\n".join("(" + ", ".join(f"'{cell}'" for cell in row.split(",")) + ")" for row in rows)
    return f"INSERT INTO {name} ({header}) VALUES\n{values};\n"


def test_a_database_that_is_there_three_times_is_one(tmp_path: Path) -> None:
    broken = {
        f"broken/{name}": text.replace("_id", "ID").replace(",1,", ",1.00,").rpartition("\n")[0].rpartition("\n")[0]
        for name, text in NORTHWIND.items()
    }
    script = "".join(dump(name.removesuffix(".csv"), text) for name, text in NORTHWIND.items())
    started = begun(tmp_path, {**NORTHWIND, **broken, "all.sql": script})
    alone = begun(tmp_path / "alone", NORTHWIND)
    written = [(s.entity, s.files, [j.files for j in s.joins]) for s in load_business(started.folder).sources]
    assert written == [(s.entity, s.files, [j.files for j in s.joins]) for s in load_business(alone.folder).sources]
    assert started.strangers["broken/orders.csv"] == "a copy of orders.csv"


def test_exports_that_overlap_keep_their_line_numbers(tmp_path: Path) -> None:
    header = "Row ID,Order ID,Order Date,Product ID,Quantity,Sales"
    rows = [f"{n},O{n // 3},2024-01-{n % 28 + 1:02d},P{n % 2},2,10.50" for n in range(90)]
    early, late = table(header, *rows[:60]), table(header, *rows[10:])
    started = begun(tmp_path, {"shop_early.csv": early, "shop_late.csv": late, "shop_zcopy.csv": early})
    found = sources(started)["sales_lines"]
    assert (found.files, plain(found)["line_id"]) == ("shop_*.csv", "Row ID")
    assert started.strangers["shop_zcopy.csv"] == "the same content as shop_early.csv"


def test_a_key_that_comes_again_is_to_be_confirmed(tmp_path: Path) -> None:
    header = "order_id,order_date,product_id,quantity,unit_price"
    rows = [f"{n // 4},2024-01-{n % 28 + 1:02d},P{n // 2 % 2},2,10.50" for n in range(90)]
    started = begun(tmp_path, {"sales.csv": table(header, *rows)})
    assert "sales.line_id: is there a column that numbers the lines?" in started.to_confirm


def test_a_list_of_all_countries_is_not_where_the_business_is(tmp_path: Path) -> None:
    lines = table(
        "order_id,line_id,order_date,product_id,quantity,unit_price,country_code",
        *(f"{n},1,2024-01-{n % 28 + 1:02d},P{n % 5},2,10.50,{'ABCDE'[n % 5]}" for n in range(60)),
    )
    places = table(
        "country_code,country", *(f"{a},{b}" for a, b in zip("ABCDE", ["AD", "AE", "AF", "AG", "AI"], strict=True))
    )
    started = begun(tmp_path, {"sales.csv": lines, "places.csv": places})
    text = (started.folder / "business.yaml").read_text(encoding="utf-8")
    assert "currency: USD  # CONFIRM: nothing in the files says which: name yours" in text
    assert "time_zone: UTC  # CONFIRM: nothing in the files says where" in text


def test_a_column_that_one_source_of_a_file_reads_is_not_unread(tmp_path: Path) -> None:
    started = begun(tmp_path, {"superstore.csv": superstore()})
    text = (started.folder / "sources.yaml").read_text(encoding="utf-8")
    unread = [line for line in text.splitlines() if "# Nothing reads" in line]
    assert len(unread) == len(set(unread)) > 0
    assert not any(name in "".join(unread) for name in ("Segment", "Category", "Quantity"))


def test_tables_of_other_things_with_the_same_columns_are_no_copies(tmp_path: Path) -> None:
    files = {
        "brands.csv": table("id,name", *(f"{n},Brand {n}" for n in range(5))),
        "colours.csv": table("id,name", *(f"{n},Colour {n}" for n in range(9))),
    }
    started = begun(tmp_path, {**NORTHWIND, **files})
    assert not [why for why in started.strangers.values() if "copy" in why]


def test_a_source_that_no_night_would_take_is_written_as_a_comment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plainly = write._column
    monkeypatch.setattr(
        write, "_column", lambda made: "product_name: {no_key: x}" if made.target == "product_name" else plainly(made)
    )
    started = begun(tmp_path, NORTHWIND)
    assert "products" not in sources(started)
    assert "sales_lines" in sources(started)
    assert "# Not a source yet: it cannot be written as one" in (started.folder / "sources.yaml").read_text("utf-8")


def test_the_folder_is_not_written_over(tmp_path: Path) -> None:
    begun(tmp_path, NORTHWIND)
    with pytest.raises(ConfigurationError, match=r"business\.yaml is there already"):
        begun(tmp_path, NORTHWIND)
    start(tmp_path / "shop", [tmp_path / "data"], force=True, say=lambda text: None)
    with pytest.raises(ConfigurationError, match="no such file or folder"):
        start(tmp_path / "other", [tmp_path / "nowhere"], force=False, say=lambda text: None)


def test_every_guess_says_how_sure_it_is_and_why(tmp_path: Path) -> None:
    started = begun(tmp_path, NORTHWIND)
    text = (started.folder / "sources.yaml").read_text(encoding="utf-8")
    columns = [line for line in text.splitlines() if line.startswith("      ") and ": " in line and "- {" not in line]
    assert columns
    assert all(" %: " in line.partition("#")[2] for line in columns)
    assert "# Nothing reads units_in_stock (whole number)." in text


def test_headers_that_would_break_yaml(tmp_path: Path) -> None:
    rows = [f"{n},1,2024-01-{n % 28 + 1:02d},P{n % 5},2,10.00" for n in range(30)]
    header = 'order_id,line_id,order_date,product_id,"qty: {a} #1, ""x""",unit_price'
    found = sources(begun(tmp_path, {"sales.csv": table(header, *rows)}))["sales_lines"]
    assert plain(found)["qty_units"] == 'qty: {a} #1, "x"'
