"""What `daybreak init` sees in a file: dialects, headers, sheets, trees, scripts, globs, files that belong together.

Not here: numbers, dates and names (test_starter_values.py), what it makes of it all (test_starter_guesses.py).
"""

import gzip
import json
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.shapes import Shape
from orchestration.starter.dialect import encoding_of, find_dialect, has_header_row, split_rows
from orchestration.starter.dumps import created_tables, tables_with_rows
from orchestration.starter.looks import Look, NotRecognisedError, looks_of
from orchestration.starter.profile import Profile, profile
from orchestration.starter.tables import find_tables, glob_for
from orchestration.starter.trees import find_trees
from orchestration.starter.write import flow, scalar

# Dialects -------------------------------------------------------------------------------------------------------------

DELIMITERS = [",", ";", "\t", "|", "^", "#", "\x1f", "||", "+|", "~|~", "|~|", "::", "|;|", "$$"]


@pytest.mark.parametrize("row_end", ["\n", "\r\n", "&|\n"])
@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_any_delimiter_and_row_end(delimiter: str, row_end: str) -> None:
    rows = [["order_id", "customer", "price", "note"]]
    rows += [[str(n), "Müller & Co.", f"{n}.50", "" if n % 2 else "a note (and more)"] for n in range(20)]
    text = "".join(delimiter.join(row) + row_end for row in rows)
    found = find_dialect(text.encode(), is_whole=True)
    assert found is not None
    assert (found.dialect.delimiter, found.dialect.row_end) == (delimiter, "&|\n" if "&" in row_end else None)
    assert found.has_header
    assert [list(row) for row in found.rows] == rows


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("Größe".encode("utf-8-sig"), "utf-8"),
        ("Größe".encode(), "utf-8"),
        ("Größe".encode()[:-1] + "ß".encode()[:1], "utf-8"),  # a sample that ends within a character
        ("Größe".encode("cp1252"), "cp1252"),
        (b"caf\xe9 \x81", "latin-1"),
        ("a;b\n1;2\n".encode("utf-16"), "utf-16"),
        ("a;b\n1;2\n".encode("utf-16-le"), "utf-16"),
        (b"a", "utf-8"),
    ],
)
def test_encodings(data: bytes, encoding: str) -> None:
    assert encoding_of(data) == encoding


def test_quoted_fields_hide_the_delimiter_and_line_ends() -> None:
    text = 'id;name;price\n1;"Tea; ""green""\nloose";2,50\n2;"Cup; large";3,00\n3;x;1\n'
    found = find_dialect(text.encode(), is_whole=True)
    assert found is not None
    assert (found.dialect.delimiter, found.dialect.quote) == (";", '"')
    assert found.rows[1] == ("1", 'Tea; "green"\nloose', "2,50")


def test_a_quote_within_fields_quotes_nothing() -> None:
    text = "id,size,price\n" + "".join(f'{n},{n}" wide,1.5\n' for n in range(9))
    found = find_dialect(text.encode(), is_whole=True)
    assert found is not None
    assert found.rows[3] == ("2", '2" wide', "1.5")


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ([["Artikelnummer", "Menge"], ["A1", "2"], ["A2", "3"]], True),
        ([["a1", "b1"], ["x", "2"], ["y", "3"]], True),  # nobody knows the words, but the second column has numbers
        ([["A1", "2"], ["A2", "3"]], False),
        ([["AE", "AED"], ["AF", "AFN"], ["AE", "AED"]], False),
        ([["2024", "2025"], ["1", "2"]], False),
        ([["name", "name"], ["x", "y"]], False),
        ([["order_id", "customer"]], True),
    ],
)
def test_headers(rows: list[list[str]], named: bool) -> None:
    assert has_header_row(rows)[0] is named


@given(st.binary(max_size=300))
def test_any_bytes_are_looked_at_without_harm(data: bytes) -> None:
    find_dialect(data, is_whole=True)


@given(
    st.lists(st.lists(st.text("ab12 ,;", max_size=5), min_size=3, max_size=3), min_size=1, max_size=8),
    st.sampled_from([",", ";", "\t"]),
)
def test_splitting_gives_back_what_was_quoted(rows: list[list[str]], delimiter: str) -> None:
    lines = [delimiter.join(f'"{field}"' for field in row) for row in rows]
    assert split_rows(lines, delimiter, '"') == rows


# Other formats --------------------------------------------------------------------------------------------------------


def looks(path: Path) -> list[Look]:
    return looks_of(path, {})


def test_a_workbook_with_a_title_above_and_two_tables(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Verkäufe"
    for row in (["Verkaufsbericht 2024"], [], ["Beleg", "Artikel", "Menge"], ["1", "A1", 2], ["2", "A2", 3]):
        sheet.append(row)
    other = book.create_sheet("Artikel")
    other.append(["Artikel", "Preis"])
    other.append(["A1", 1.5])
    book.create_sheet("leer")
    book.save(tmp_path / "bericht.xlsx")
    first, second = looks(tmp_path / "bericht.xlsx")
    assert (first.shape.excel.sheet, first.shape.excel.header_row, first.header[0]) == ("Verkäufe", 3, "Beleg")
    assert (second.shape.excel.sheet, second.shape.excel.header_row, second.label) == ("Artikel", 1, "Artikel")


def test_where_records_stand_in_json_and_xml(tmp_path: Path) -> None:
    orders = [{"no": n, "items": [{"sku": "a"}, {"sku": "b"}]} for n in range(5)]
    (tmp_path / "a.json").write_text(json.dumps({"meta": [1], "data": {"orders": orders}}))
    (tmp_path / "b.jsonl").write_text("\n".join(json.dumps(order) for order in orders))
    (tmp_path / "c.json").write_text(json.dumps(orders))
    (tmp_path / "d.json").write_text("{}")
    lines = "<Lines><Line><Sku>a</Sku></Line><Line><Sku>b</Sku></Line></Lines>"
    orders_xml = "".join(f"<Order id='{n}'>{lines}</Order>" for n in range(4))
    (tmp_path / "e.xml").write_text(f"<All>{orders_xml}</All>")
    (tmp_path / "f.yaml").write_text("- {sku: a}\n- {sku: b}\n")
    places = [found[:2] for path in sorted(tmp_path.iterdir()) for found in find_trees(path, kind_of(path))]
    assert places == [
        ("data.orders", "items"),
        (None, "items"),
        (None, "items"),
        ("All.Order", "Lines.Line"),
        (None, None),
    ]
    with pytest.raises(NotRecognisedError, match="no table with rows"):
        looks(tmp_path / "d.json")


def kind_of(path: Path) -> str:
    return {".json": "json", ".jsonl": "json", ".xml": "xml", ".yaml": "yaml"}[path.suffix]


def test_what_is_no_table_is_said_to_be_none(tmp_path: Path) -> None:
    for name, content in {
        "a.csv": b"",
        "b.bin": b"\0\1\2" * 50,
        "c.xlsx": b"PK no zip",
        "d.json": b"{",
        "e.xml": b"<a",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(NotRecognisedError):
            looks(tmp_path / name)
    (tmp_path / "bomb.xml").write_text('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    with pytest.raises(NotRecognisedError, match="entities"):
        looks(tmp_path / "bomb.xml")


def test_archives_are_looked_into(tmp_path: Path) -> None:
    (tmp_path / "sales_1.csv.gz").write_bytes(gzip.compress(b"order_id;qty\n1;2\n2;3\n"))
    with zipfile.ZipFile(tmp_path / "stock.zip", "w") as archive:
        archive.writestr("jan.csv", "product_id,stock\nA,1\n")
        archive.writestr("feb.csv", "product_id,stock\nA,2\n")
    with zipfile.ZipFile(tmp_path / "mixed.zip", "w") as archive:
        archive.writestr("a.csv", "product_id,stock\nA,1\n")
        archive.writestr("b.csv", "customer_id,city\n1,Rome\n")
    (tmp_path / "broken.csv.gz").write_bytes(b"\x1f\x8b no")
    found = find_tables(sorted(tmp_path.iterdir()), {}, lambda text: None)
    tables = {table.shape.files: table for table in found.tables}
    assert tables["sales_1.csv.gz"].by_name["qty"].values == ("2", "3")
    assert tables["stock.zip"].by_name["stock"].values == ("2", "1")  # feb.csv comes before jan.csv
    assert "several shapes" in found.strangers["mixed.zip"]
    assert "broken.csv.gz" in found.strangers


SCRIPT = """
/* CREATE TABLE not_me (a int); */
CREATE TABLE [Sales].[Customer](
    [CustomerID] [int] IDENTITY (1, 1) NOT NULL, -- a comment, with a comma
    [AccountNumber] AS ISNULL('AW' + [dbo].[f](CustomerID), ''),
    "Full Name" varchar(20) DEFAULT 'a, -- b',
    CONSTRAINT pk PRIMARY KEY (CustomerID, [Full Name])
);
create table if not exists public.orders (id int primary key, day date);
INSERT INTO [Sales].[Customer] VALUES (1, 'x', N'y');
COPY public.orders (id, day) FROM stdin;
1\t2024-01-01
\\.
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_scripts_name_tables_and_columns(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.sql"
    path.write_text(SCRIPT, encoding=encoding)
    assert created_tables(path) == {
        "Sales.Customer": ("CustomerID", "AccountNumber", "Full Name"),
        "public.orders": ("id", "day"),
    }
    assert tables_with_rows(path) == ["Sales.Customer", "public.orders"]


def test_a_file_without_header_has_the_columns_of_the_table_it_is_called_after(tmp_path: Path) -> None:
    (tmp_path / "Customer.csv").write_text("1\tAW1\tZoë\n2\tAW2\tJo\n")
    names = {"Sales.Customer": ("CustomerID", "AccountNumber", "Name"), "Other": ("a", "b", "c")}
    (look,) = looks_of(tmp_path / "Customer.csv", names)
    assert look.shape.csv.names == ("CustomerID", "AccountNumber", "Name")
    assert looks_of(tmp_path / "Customer.csv", {"Sales.Customer": ("only", "two")})[0].header == tuple(
        f"column_{n}" for n in (1, 2, 3)
    )


# Globs and groups -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "others", "glob"),
    [
        (["sales_2024-01.csv", "sales_2024-02.csv"], ["stock.csv"], "sales_*.csv"),
        (["2024-01-31.csv", "2024-02-01.csv"], [], "*.csv"),
        (["2024-01-31.csv", "2024-02-01.csv"], ["products.csv"], "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9].csv"),
        (["sales_2024-01-31.csv"], ["stock_2024-01-31.csv"], "sales_*.csv"),
        (["a/x1.csv", "b/x2.csv"], [], "**/x*.csv"),
        (["orders.csv"], ["orders_old.csv"], "orders.csv"),
        (["b [1].csv"], ["b 1.csv"], "b [[]1].csv"),
        (["sales_1.csv", "sales_2.csv"], ["sales_backup.csv"], "sales_[0-9].csv"),
        (["store_a_copy.csv", "store_b_shifty.csv"], [], "store_*.csv"),
        (["store_copy.csv", "store_cut.csv"], [], "store_*.csv"),
    ],
)
def test_globs_find_their_files_and_tomorrows_but_no_others(
    tmp_path: Path, names: list[str], others: list[str], glob: str
) -> None:
    for name in [*names, *others]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert glob_for([tmp_path / name for name in names], tmp_path, [tmp_path / name for name in names]) == glob
    assert {p.relative_to(tmp_path).as_posix() for p in tmp_path.glob(glob)} == set(names)


def test_files_of_one_header_are_one_table_whatever_their_encoding(tmp_path: Path) -> None:
    for n, (name, encoding) in enumerate([("Jo", "cp1252"), ("Zoë", "cp1252"), ("Ann", "utf-8")]):
        (tmp_path / f"c_{n}.csv").write_bytes(f"customer_id;name\n{n};{name}\n".encode(encoding))
    (tmp_path / "d_1.csv").write_text("customer_id;city\n1;Rome\n")
    found = find_tables(sorted(tmp_path.iterdir()), {}, lambda text: None)
    tables = {table.shape.files: table for table in found.tables}
    assert set(tables) == {"c_*.csv", "d_1.csv"}
    assert tables["c_*.csv"].shape.csv.encoding == "cp1252"
    assert tables["c_*.csv"].by_name["name"].values == ("Jo", "Zoë", "Ann")


def test_one_column_settles_how_its_neighbours_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "id;menge;preis;am;bis\n1;1.234;2,50;01.02.2024;31.01.2024\n2;5.000;1,25;03.04.2024;\n"
    )
    (table,) = find_tables([tmp_path / "a.csv"], {}, lambda text: None).tables
    amount, day = table.by_name["menge"], table.by_name["am"]
    assert amount.numbers == (1234.0, 5000.0)
    assert day.date is not None
    assert (day.date.format, day.date.is_open) == ("%d.%m.%Y", False)


def test_fields_that_some_files_of_a_tree_lack_may_be_lacking(tmp_path: Path) -> None:
    (tmp_path / "o1.jsonl").write_text('{"id": 1, "note": "x"}\n{"id": 2}\n')
    (tmp_path / "o2.jsonl").write_text('{"id": 3}\n{"id": 4}\n')
    (table,) = find_tables(sorted(tmp_path.iterdir()), {}, lambda text: None).tables
    assert table.shape.tree.optional == ("note",)
    assert table.by_name["note"].values == ("x", "", "", "")


# YAML -----------------------------------------------------------------------------------------------------------------


@given(st.text(max_size=30))
def test_scalars_come_back_as_they_were(text: str) -> None:
    import yaml

    for written in (f"k: {scalar(text)}\n", f"k: {flow([text])}\n"):
        if all(c.isprintable() for c in text):
            loaded = yaml.load(written, Loader=yaml.BaseLoader)["k"]
            assert (loaded[0] if isinstance(loaded, list) else loaded) == text


def test_a_shape_without_files_is_a_shape() -> None:
    assert Shape().files == ""
    assert isinstance(profile("x", []), Profile)
