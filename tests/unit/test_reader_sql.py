"""SQL dumps as rows: the three dialects, what only looks like a statement, cut and hostile files, and round trips.

Not here: a dump that a real server wrote (tests/integration/test_ingestion_structured.py).
"""

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orchestration.errors import SourceError
from orchestration.ingestion.readers import window
from orchestration.ingestion.readers.opening import open_reader
from orchestration.settings import PROJECT_ROOT
from orchestration.shapes import Shape
from tests.support.readers import Read, read, read_or_refuse

DATA = PROJECT_ROOT.parent / "shared" / "data"
FUZZ = settings(
    max_examples=40, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
POSTGRES = r"""-- PostgreSQL database dump
\restrict abc
SET client_encoding = 'UTF8';
CREATE TABLE public.t (id integer NOT NULL, key text, amt numeric(10,2) DEFAULT 0.0, -- a comment, with (
    CONSTRAINT c CHECK (((id > 0) AND ((id < 5) OR (id = 7)))));
CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $_$ BEGIN; INSERT INTO t VALUES (1,'x',2); END $_$;
COPY public.u (id) FROM stdin;
INSERT INTO t VALUES (5);
\.
COPY public.t (id, key, amt) FROM stdin;
1	a\tb\\c\303\274	1.50
2	\N	-3
3	too	many	x
\.

SELECT pg_catalog.setval('t_seq', 1);
INSERT INTO public.t VALUES (4, E'it\'s\n', 5.0), (5, 'C:\', '2'::numeric(10,2)),
  (6, $$x$$, 1);
INSERT INTO public."T" (amt, id) OVERRIDING SYSTEM VALUE VALUES (1e-7, '7') ON CONFLICT DO NOTHING;
"""
MYSQL = r"""-- MySQL dump 10.13
/*!40101 SET NAMES utf8mb4 */;
DROP TABLE IF EXISTS `t`;
CREATE TABLE `t` (
  `id` int NOT NULL COMMENT 'a, (b',
  `n;x` varchar(20) DEFAULT 'x''y',
  `amt` decimal(10,2),
  PRIMARY KEY (`id`), KEY `k` (`n;x`)
) ENGINE=InnoDB;
LOCK TABLES `t` WRITE;
INSERT INTO `t` VALUES (1,'it\'s; a \\ "q" \n''x\%',1.50),(2,NULL,-2),
(3,_binary 'a\0b',0x4D),(4,_utf8mb4'ü',X'4d'),(5,"d""q\"",b'101'),(6,now(),1),(7,'x'),(8,'C:\\',+3e2);
UNLOCK TABLES;
/*!50003 CREATE*/ /*!50003 TRIGGER x BEFORE INSERT ON t FOR EACH ROW BEGIN INSERT INTO t VALUES (1,2,3); END */;;
DELIMITER ;;
CREATE PROCEDURE p() BEGIN INSERT INTO t VALUES (9,'no',1); END ;;
DELIMITER ;
# a ' comment
INSERT INTO `other` VALUES (1,'; INSERT INTO t VALUES (1)');
REPLACE INTO t (amt, id) VALUES (5,6) ON DUPLICATE KEY UPDATE amt=1;
"""
SQL_SERVER = r"""USE [x]
GO
CREATE TABLE [dbo].[t]([id] [int] IDENTITY(1,1) NOT NULL, [N o] [nvarchar](50) NULL, [at] [datetime] NULL,
 [amt] [decimal](18, 2) NULL, CONSTRAINT [PK] PRIMARY KEY CLUSTERED ([id] ASC) WITH (PAD_INDEX = OFF)) ON [PRIMARY]
GO
CREATE PROCEDURE [dbo].[p] AS
INSERT [dbo].[t] ([id]) VALUES (99)
GO
SET IDENTITY_INSERT [dbo].[t] ON
INSERT [dbo].[u] ([id]) VALUES (1)
INSERT [dbo].[t] ([id], [N o], [at], [amt]) VALUES (1, N'O''Neil \', CAST(N'2020-01-01T00:00' AS DateTime2), CAST(19.90 AS Decimal(18, 2)))
INSERT [dbo].[t] ([id], [N o], [at], [amt]) VALUES (2, N'x
INSERT [dbo].[t] y', CAST(0x0000A1B200000000 AS DateTime), NULL)
GO
INSERT [dbo].[t] ([id], [N o], [at], [amt]) VALUES (3, N'', NULL, -1)
"""  # noqa: E501


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dump.sql"


@pytest.fixture(params=[1, 13, 1 << 20], ids=lambda size: f"chunk-{size}")
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Every word is cut somewhere, and none is."""
    monkeypatch.setattr(window, "CHUNK_CHARACTERS", request.param)
    return int(request.param)


def table(path: Path, content: str | bytes, name: str = "t", marks: dict[str, str] | None = None, **more: Any) -> Read:
    return read(path, content, marks, format="sql", sql={"table": name, **more})


def test_a_dump_of_postgresql(path: Path, chunk: int) -> None:
    for name in ("t", "public.t", '"PUBLIC"."T"'):
        header, rows, bad = table(path, POSTGRES, name, {"amt": ","})
        assert header == ["id", "key", "amt"]
        assert rows == [
            ("1", "a\tb\\cü", "1,50"),
            ("2", "", "-3"),
            ("4", "it's\n", "5,0"),
            ("5", "C:\\", "2"),
            ("7", "", "0,0000001"),
        ]
        assert bad == [(3, "column_count"), (6, "expression")]


def test_a_dump_of_mysql(path: Path, chunk: int) -> None:
    header, rows, bad = table(path, MYSQL, marks={"amt": ","})
    assert header == ["id", "n;x", "amt"]
    assert rows == [
        ("1", "it's; a \\ \"q\" \n'x\\%", "1,50"),
        ("2", "", "-2"),
        ("3", "0x610062", "0x4D"),
        ("4", "ü", "0x4d"),
        ("5", 'd"q"', "101"),
        ("8", "C:\\", "300"),
        ("6", "", "5"),
    ]
    assert bad == [(6, "expression"), (7, "column_count")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_script_of_sql_server(path: Path, chunk: int, encoding: str) -> None:
    header, rows, bad = table(path, SQL_SERVER.encode(encoding), "dbo.t", {"amt": ","})
    assert header == ["id", "N o", "at", "amt"]
    assert rows == [("1", "O'Neil \\", "2020-01-01T00:00", "19,90"), ("3", "", "", "-1")]
    assert bad == [(2, "expression")]


def test_what_is_no_value_is_shown_with_its_line(path: Path) -> None:
    path.write_text(MYSQL)
    records = list(open_reader(path, Shape.model_validate({"format": "sql", "sql": {"table": "t"}}), {}).records())
    assert records[5].text == "(6,now(),1)"
    assert records[5].reason == ("'now()' is no value: it would have to be computed. It stands in line 12 of the file.")


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        ("NULL", ""), ("null", ""), ("TRUE", "true"), ("False", "false"), ("''", ""), ("''''", "'"), ("'a''''b'",
        "a''b"),
        ("'),('", "),("), ("'-- x'", "-- x"), ("'/*'", "/*"), ("'a\nb'", "a\nb"), ("'NULL'", "NULL"), ("'\\'", "\\"),
        ("E'\\''", "'"), ("E'a''b\\\\'", "a'b\\"), ("E'\\x41\\101\\u00e4\\U0001F642'", "AAä🙂"), ("N'ä'", "ä"),
        ("1", "1"), ("-1.50", "-1.50"), ("+.5", ".5"), ("5.", "5."), ("1e3", "1000"), ("007", "007"),
        ("12345678901234567890.123456789", "12345678901234567890.123456789"), ("'19.90'::numeric(10,2)", "19.90"),
        ("DATE '2024-02-29'", "2024-02-29"), ("'x'::character varying(10)", "x"), ("CAST('5' AS int)", "5"),
        ("X'4d5A'", "0x4d5A"), ("B'101'", "101"),
    ],
)  # fmt: skip
def test_literals(path: Path, literal: str, text: str) -> None:
    dump = f"INSERT INTO t (a, b, c) VALUES (0,{literal},1), ( 0 , {literal} , 1 );\n"
    assert table(path, dump) == (["a", "b", "c"], [("0", text, "1")] * 2, [])


@pytest.mark.parametrize(
    "expression",
    [
        "now()", "nextval('s'::regclass)", "DEFAULT", "1 + 1", "'a' || 'b'", "(SELECT 1)", "ARRAY[1,2]",
        "coalesce(NULL, 1)",
        "f(',', ')')", "CURRENT_DATE", "-'1'", "cast(now() as text)", "1.2.3", "1_000", "",
    ],
)  # fmt: skip
def test_what_would_have_to_be_computed_is_no_row(path: Path, expression: str) -> None:
    dump = f"INSERT INTO t (a, b) VALUES (1, 2), ({expression}, 3), (3, {expression}), (4, 5);"
    found = table(path, dump)
    assert found == (["a", "b"], [("1", "2"), ("4", "5")], [(2, "expression"), (3, "expression")])


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE ONLY public.t SET a = 2;", "statement"),
        ("DELETE FROM t WHERE a = 1;", "statement"),
        ("INSERT INTO t SELECT * FROM u;", "expression"),
        ("INSERT INTO t (a) SELECT 1 UNION SELECT 2;", "expression"),
        ("INSERT INTO t DEFAULT VALUES;", "expression"),
    ],
)
def test_what_changes_the_table_in_another_way_is_not_lost_in_silence(path: Path, statement: str, rule: str) -> None:
    dump = (
        f"DELETE FROM t;\nINSERT INTO t (a) VALUES (1);\n{statement}\nUPDATE u SET a = 1;INSERT INTO t (a) VALUES (2);"
    )
    assert table(path, dump) == (["a"], [("1",), ("2",)], [(2, rule)])


@pytest.mark.parametrize(
    ("dump", "problem"),
    [
        ("", "there is no table 't'; it has no table at all"),
        ("CREATE TABLE tt (a int);", "there is no table 't'; did you mean 'tt'"),
        ("CREATE TABLE x.y (a int); COPY b (c) FROM stdin;\n\\.\n", "there is no table 't'; known are b, x.y"),
        ("CREATE TABLE t (a int);", "the dump has no rows for the table t"),
        ("CREATE TABLE t (a int)\nGO\nBULK INSERT [dbo].[t] FROM '$(P)t.csv' WITH (X='1')\nGO", "in the file 't.csv'"),
        ("INSERT INTO t VALUES (1);", "names the columns of t nowhere"),
        ("INSERT INTO a.t (a) VALUES (1);INSERT INTO b.t (a) VALUES (1);", "'t' may be a.t or b.t"),
        ("INSERT INTO t (a) VALUES (1);INSERT INTO t (b) VALUES (1);", "names the column 'b', which the first"),
        ("INSERT INTO t (a) VALUES (1),", "line 1, column 30: the dump ends inside"),
        ("INSERT INTO t (a) VALUES (1)", "the dump ends inside"),
        ("INSERT INTO t (a) VALUES ('x", "line 1, column 26: the dump ends inside"),
        ("INSERT INTO u (a) VALUES ('x", "line 1, column 27: what begins here is never closed"),
        ("COPY t (a) FROM stdin;\n1\n", "the dump ends inside"),
        ("COPY u (a) FROM stdin;\n1\n", "the dump ends inside"),
        ("COPY t (a) FROM stdin WITH (FORMAT csv);\n1\n\\.\n", "line 1: a COPY with options is not read"),
        ("SET NAMES klingon;\nINSERT INTO t (a) VALUES (1);", "encoding 'klingon' is not known"),
        ("INSERT INTO t (a, a) VALUES (1, 2);", "names 'a' twice"),
    ],
)
def test_a_dump_that_cannot_be_read_is_refused(path: Path, chunk: int, dump: str, problem: str) -> None:
    with pytest.raises(SourceError) as refused:
        table(path, dump)
    assert problem in refused.value.message


def test_an_empty_copy_is_a_table_without_rows(path: Path) -> None:
    assert table(path, "COPY t (a) FROM stdin;\n\\.\n") == (["a"], [], [])


@pytest.mark.parametrize(
    ("said", "encoding"),
    [("SET client_encoding = 'WIN1252'", "cp1252"), ("SET client_encoding TO 'LATIN9'", "iso8859-15"),
     ("/*!40101 SET NAMES latin1 */", "cp1252"), ("SET NAMES utf8mb4", "utf-8")],
)  # fmt: skip
def test_a_dump_in_the_encoding_that_it_says(path: Path, said: str, encoding: str) -> None:
    dump = f"{said};\nINSERT INTO t (a) VALUES ('5 €');\n"
    assert table(path, dump.encode(encoding)) == (["a"], [("5 €",)], [])


def test_bytes_of_another_encoding_spoil_their_row_only(path: Path) -> None:
    assert table(path, b"INSERT INTO t (a) VALUES ('\xfc'),('\xc3\xbc');") == (["a"], [("ü",)], [(1, "encoding")])


def test_the_dialect_can_be_said(path: Path) -> None:
    dump = "INSERT INTO t (a) VALUES ('C:\\\\');\n"
    assert table(path, dump)[1] == [("C:\\\\",)]
    assert table(path, dump, dialect="mysql")[1] == [("C:\\",)]
    assert table(path, f"SET standard_conforming_strings = off;\n{dump}")[1] == [("C:\\",)]


def test_a_row_without_end_is_refused_before_it_fills_the_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "CHUNK_CHARACTERS", 1000)
    monkeypatch.setattr(window, "LONGEST_PIECE", 200_000)
    for table_name in ("t", "u"):
        with pytest.raises(SourceError, match=r"line 2, column \d+: no end in the next [\d,]+ characters"):
            table(path, f"\nINSERT INTO {table_name} (a) VALUES ('" + "x" * 1_000_000)


# Fuzz and round trips ------------------------------------------------------------------------------------------------

PIECES = [
    "INSERT INTO t ", "(a, b) ", "VALUES ", "(1, 2)", "(", ")", ",", ";", "'", "''", "\\", '"', "`", "[", "]", "$$",
    "$a$", "--",
    "/*", "*/", "#", "\n", "GO\n", "\nINSERT ", "E'", "N'x'", "COPY t (a) FROM stdin;\n", "\\.\n", "\\N", "\t",
    "CAST(", " AS int)",
    "CREATE TABLE t (a int, b text);", "UPDATE t ", "DELIMITER ;;\n", "NULL", "1.5", "::", "e", "-", "/", "$",
    "ENGINE=", "\0", "\r",
]  # fmt: skip


@settings(FUZZ, max_examples=150)
@example("INSERT INTO t (a) VALUES (" + "(" * 50_000, None)
@example("/*" * 50_000, "postgres")
@example("$a$" * 50_000, "postgres")
@example("(" * 50_000 + "'" * 50_001, "mysql")
@example("\\" * 1000, "mysql")
@given(
    content=st.lists(st.sampled_from(PIECES), max_size=30).map("".join),
    dialect=st.sampled_from([None, "postgres", "mysql", "sqlserver"]),
)
def test_any_scraps_are_rows_or_refused(path: Path, content: str, dialect: str | None) -> None:
    shape: dict[str, Any] = {"format": "sql", "sql": {"table": "t", "dialect": dialect}}
    found = read_or_refuse(path, content, **shape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window, "CHUNK_CHARACTERS", 3)
        if len(content) < 1000:
            cut = read_or_refuse(path, content, **shape)
            assert cut == found or (isinstance(cut, str) and isinstance(found, str)), (
                "where the window is cut makes no difference"
            )


@FUZZ
@given(content=st.binary(max_size=60))
def test_any_bytes_are_rows_or_refused(path: Path, content: bytes) -> None:
    for before in (b"", b"INSERT INTO t (a) VALUES ("):
        read_or_refuse(path, before + content, format="sql", sql={"table": "t"})


VALUES = st.one_of(
    st.none(),
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False, places=4),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
    st.text(st.sampled_from("'\\\";,()`-/*#$e \n\t"), max_size=8),
)


def literal(value: Any, dialect: str) -> str:
    if not isinstance(value, str):
        return "NULL" if value is None else str(value) if isinstance(value, int) else format(value, "f")
    doubled = value.replace("'", "''")
    if dialect == "mysql":
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"
    return f"N'{doubled}'" if dialect == "sqlserver" else f"'{doubled}'"


def copied(value: Any) -> str:
    if value is None:
        return r"\N"
    text = value if isinstance(value, str) else str(value) if isinstance(value, int) else format(value, "f")
    for mark, escape in (("\\", "\\\\"), ("\t", r"\t"), ("\n", r"\n"), ("\r", r"\r")):
        text = text.replace(mark, escape)
    return text


@FUZZ
@given(
    rows=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=5),
    form=st.sampled_from(["copy", "postgres", "mysql", "mysql in one", "sqlserver"]),
    size=st.sampled_from([1, 11, 1 << 20]),
)
def test_what_a_dump_holds_is_read_back(path: Path, rows: list[tuple[Any, Any]], form: str, size: int) -> None:
    dialect = form.split()[0]
    noise = "INSERT INTO public.u (a) VALUES ('; it''s -- (');\n"
    if form == "copy":
        lines = "".join("\t".join(map(copied, row)) + "\n" for row in rows)
        dump = f"{noise}COPY public.t (a, b) FROM stdin;\n{lines}\\.\n{noise}"
    else:
        tuples = [f"({', '.join(literal(value, dialect) for value in row)})" for row in rows]
        begin, end = ("INSERT [dbo].[t] ([a], [b]) VALUES ", "\n") if form == "sqlserver" else (
            "INSERT INTO `t` (`a`, `b`) VALUES " if dialect == "mysql" else "INSERT INTO t (a, b) VALUES ", ";\n"
        )  # fmt: skip
        dump = noise + (begin + ",".join(tuples) + end if "one" in form else "".join(begin + t + end for t in tuples))
    expected = [tuple("" if v is None else v if isinstance(v, str) else f"{v:f}" if not isinstance(v, int) else str(v)
                      for v in row) for row in rows]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window, "CHUNK_CHARACTERS", size)
        sql = {"table": "t"} if form == "copy" else {"table": "t", "dialect": dialect}
        assert read(path, dump, format="sql", sql=sql) == (["a", "b"], expected, [])


# Real dumps ----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not (DATA / "northwind").is_dir(), reason="the Northwind data are not here")
def test_northwind_s_dump_and_its_csv_files_are_the_same_rows() -> None:
    n_rows = 0
    for export in sorted((DATA / "northwind").glob("*.csv")):
        shape = Shape.model_validate({"format": "sql", "sql": {"table": export.stem}})
        reader = open_reader(DATA / "northwind" / "northwind_postgres.sql", shape, {})
        with export.open(encoding="utf-8-sig", newline="") as stream:
            header, *rows = csv.reader(stream, skipinitialspace=True)
        places = [reader.header().index(name) for name in header]
        records = [record.fields or () for record in reader.records()]
        # the CSV files were trimmed, and have line ends where the dump has the two characters \n
        found = [[record[place].strip().replace("\\n", "\n") for place in places] for record in records]
        assert found == [[text.strip() for text in row] for row in rows], export.stem
        n_rows += len(rows)
    assert n_rows > 3000


@pytest.mark.skipif(not (DATA / "adventureworks").is_dir(), reason="the AdventureWorks data are not here")
def test_adventureworks_script_has_no_rows_and_says_where_they_are() -> None:
    script = DATA / "adventureworks" / "raw_oltp_csv" / "instawdb.sql"
    for name, problem in (("Sales.Customer", "in the file 'Customer.csv'"), ("Custmer", "known are|did you mean")):
        with pytest.raises(SourceError, match=problem):
            open_reader(script, Shape.model_validate({"format": "sql", "sql": {"table": name}}), {}).header()
