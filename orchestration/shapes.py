"""Where rows are and how they are written: dialects, stores, databases, joined files. Typed parts of sources.yaml.

Not here: what the rows mean (sources.py), and reading them (ingestion/readers/).
"""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from orchestration.yaml_files import KeyProblemError, Part, Placed


class CsvDialect(Part):
    """How delimited text is written."""

    delimiter: str = Field(default=",", min_length=1, description="One character or several, as in +|.")
    quote: str | None = Field(default='"', description="One character; nothing where the export never quotes.")
    row_end: str | None = Field(default=None, min_length=1, description="As in &|\\n; any line end if not given.")
    encoding: Literal["utf-8", "utf-16", "cp1252", "latin-1"] = "utf-8"
    names: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="The columns' names, where the file has no header row."
    )

    @field_validator("quote", mode="before")
    @classmethod
    def _no_quote(cls, quote: object) -> object:
        return None if quote == "" else quote

    @field_validator("names")
    @classmethod
    def _names_name(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        trimmed = [name.strip() for name in names or ()]
        if not all(trimmed):
            raise KeyProblemError("every column needs a name, also one that nothing reads", trimmed.index(""))
        twice = next((i for i, name in enumerate(trimmed) if name in trimmed[:i]), None)
        if twice is not None:
            raise KeyProblemError(f"{trimmed[twice]!r} stands twice", twice)
        return names

    @model_validator(mode="after")
    def _marks_differ(self) -> Self:
        if self.quote is not None and (len(self.quote) != 1 or not self.quote.isascii()):
            raise KeyProblemError("one ASCII character is expected, or nothing", "quote")
        if self.quote is not None and re.search(r"[\0\w\s]", self.quote):
            raise KeyProblemError("this cannot quote fields", "quote")
        if self.quote is not None and self.quote in self.delimiter:
            raise ValueError("delimiter and quote must differ")
        for key, mark in (("delimiter", self.delimiter), ("row_end", self.row_end or "")):
            if re.search(r"[\0\w.]" if key == "row_end" else r"[\0\w.\r\n]", mark):
                hint = '; in double quotes "\\t" is a tab and "\\n" a line end' if "\\" in mark else ""
                raise KeyProblemError(f"this cannot part fields{hint}", key)
        if self.row_end is not None and self.row_end in self.delimiter:
            raise ValueError("delimiter and row_end must differ")
        if self.row_end is not None and self.quote is not None and self.quote in self.row_end:
            raise ValueError("row_end and quote must differ")
        return self

    @property
    def is_plain(self) -> bool:
        """Whether PostgreSQL's COPY can read it: one byte each for delimiter and quote, and lines that end as lines."""
        is_one_byte = re.fullmatch(r"[\x01-\x09\x0b\x0c\x0e-/:-@\[-`{-\x7f]", self.delimiter) is not None
        return self.row_end is None and self.quote is not None and is_one_byte


class ExcelSheet(Part):
    """Where in a workbook the table stands."""

    sheet: str | None = Field(default=None, description="The sheet's name; the first one if not given.")
    header_row: int = Field(default=1, ge=1)


class Tree(Part):
    """Where in a JSON, XML or YAML file the records stand."""

    records: str | None = Field(
        default=None,
        min_length=1,
        description="The path to the list of records, as in data.orders; the top of the file if not given.",
    )
    lines: str | None = Field(
        default=None,
        min_length=1,
        description="A list within each record, as in items: one row per element, with its record's other fields.",
    )
    optional: tuple[str, ...] = Field(
        default=(), description="Fields that a file may lack altogether, for the export leaves out what is empty."
    )


class SqlDump(Part):
    """Which table of a dump."""

    table: str = Field(min_length=1, description="As in orders or sales.orders.")
    dialect: Literal["postgres", "mysql", "sqlserver"] | None = Field(
        default=None, description="Whose SQL it is; as the dump's first lines show it if not given."
    )


class DatabaseQuery(Part):
    """A table or a query of a live database, read from where the last night left off."""

    connection: str = Field(description="One of the connections of sources.yaml.")
    table: str | None = Field(default=None, min_length=1, description="As in sales.orders.")
    query: str | None = Field(default=None, min_length=1, description="A select, instead of a table.")
    watermark: str | None = Field(
        default=None,
        min_length=1,
        description="A column that only grows (a change time, a serial): only rows from the last one read on are read.",
    )

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError("exactly one of table, query is expected")
        return self


class Shape(Part):
    """Files of one shape: where they are, and how they are written."""

    files: str = Field(default="", description="A glob below the data folder or the store.")
    store: str | None = Field(default=None, description="One of the stores of sources.yaml; else the data folder.")
    format: Literal["csv", "excel", "parquet", "json", "xml", "yaml", "sql"] = "csv"
    csv: CsvDialect = CsvDialect()
    excel: ExcelSheet = ExcelSheet()
    tree: Tree = Tree()
    sql: SqlDump | None = None

    @field_validator("files")
    @classmethod
    def _inside(cls, glob: str) -> str:
        if glob.startswith("/") or ".." in Path(glob).parts:
            raise ValueError("must lie below the data folder: no leading / and no ..")
        try:
            next(Path("/dev/null").glob(glob or "*"), None)
        except (ValueError, NotImplementedError, IndexError) as error:
            raise ValueError(f"not a glob: {error}") from None
        return glob

    @model_validator(mode="after")
    def _names_its_table(self) -> Self:
        if self.format == "sql" and self.sql is None:
            raise KeyProblemError("a dump needs the name of its table", "sql")
        return self


class Join(Shape):
    """Other files whose columns are looked up by key: the mapping calls them ``name.Column``."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    files: str = Field(min_length=1)
    on: dict[str, str] = Field(min_length=1, description="This source's columns, each with the other files' column.")
    unmatched: Literal["reject", "keep"] = "reject"

    @field_validator("name")
    @classmethod
    def _not_the_file(cls, name: str) -> str:
        if name == "file":
            raise ValueError("file.name and file.modified are of the file itself: choose another name")
        return name


# An environment variable in a store's or connection's values: what is secret stays out of the business folder.
REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def _check_references(text: str) -> str:
    if "${" in REFERENCE.sub("", text):
        raise ValueError("an environment variable is written ${NAME}")
    return text


Referring = Annotated[str, AfterValidator(_check_references)]


class Store(Placed):
    """A place of files that is not the data folder: a URL that fsspec knows, as in s3://bucket/exports."""

    url: Referring = Field(pattern=r"^[a-z0-9+]+://", description="May name environment variables, as in ${FTP_USER}.")
    options: dict[str, Referring | dict[str, Referring]] = Field(
        default={}, description="What its file system takes; ${NAME} as in url."
    )


class DatabaseConnection(Placed):
    """A live database: a URL that SQLAlchemy knows."""

    url: Referring = Field(
        min_length=1, description="As in ${ERP_URL}: environment variables keep passwords out of here."
    )
