"""What an entity of the source contract is: its columns, its business key, and the DDL that follows from them.

Not here: which entities there are (entities/), and all of them together (contract.py).
"""

from dataclasses import dataclass

# The columns every raw table carries beside its own: where the row came from (the load and the line in its file).
LINEAGE_DDL = """    _source text not null,
    _load_id bigint not null,
    _line bigint not null,
    _loaded_at timestamptz not null default clock_timestamp()"""


@dataclass(frozen=True)
class Column:
    """One column of an entity: its PostgreSQL type, what it means, and whether a row may come without it."""

    name: str
    type: str
    description: str
    required: bool = False
    default: str | None = None
    allowed: tuple[str, ...] = ()  # the only texts it may hold

    @property
    def ddl(self) -> str:
        """The column's line in ``create table``."""
        return f"    {self.name} {self.type}{' not null' if self.required else ''}"

    @property
    def later_ddl(self) -> str:
        """The column as a table with rows can get it; what those rows lack is only asked of new ones."""
        return f"{self.name} {self.type}" + (f" not null default {literal(self.default)}" if self.default else "")


@dataclass(frozen=True)
class Entity:
    """One kind of thing a business can bring: its grain, its columns, and the business key that identifies a row."""

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    is_required: bool = False  # without a row of it there is no night
    day_column: str | None = None  # the sales day a row belongs to, where a changed row re-opens that day
    revalues_sales: bool = False  # says what sales of any day cost, are worth or belong to: when rows go, all days open
    tracked: tuple[str, ...] = ()  # columns whose former values are kept, with the day from which each held

    @property
    def table(self) -> str:
        """The raw table's qualified name."""
        return f"raw.{self.name}"

    def column(self, name: str) -> Column:
        """The column of that name. Raises KeyError if there is none."""
        return next((c for c in self.columns if c.name == name), None) or _missing(self.name, name)

    def same_key(self, left: str, right: str) -> str:
        """SQL that holds where two rows have the same business key; a part that is missing equals one that is missing.

        Texts are never empty in ``raw``, so that an empty one can stand for none: ``is not distinct from`` would say
        the same, but PostgreSQL joins by it row against row.
        """
        return " and ".join(f"{self._part(left, k)} = {self._part(right, k)}" for k in self.key)

    def key_of(self, alias: str) -> str:
        """SQL of the parts of a row's business key, none of them null."""
        return ", ".join(self._part(alias, k) for k in self.key)

    def _part(self, alias: str, name: str) -> str:
        return f"{alias}.{name}" if self.column(name).required else f"coalesce({alias}.{name}, '')"

    @property
    def key_ddl(self) -> str:
        """The constraint that keeps the business key unique."""
        return f"constraint {self.name}_key unique nulls not distinct ({', '.join(self.key)})"

    @property
    def ddl(self) -> str:
        """``create table`` for the raw table, with its unique business key."""
        columns = ",\n".join([*(c.ddl for c in self.columns), LINEAGE_DDL])
        table = f"create table if not exists {self.table} (\n{columns},\n    {self.key_ddl}\n);"
        return f"{table}\n{self.day_index_ddl}" if self.day_column else table

    @property
    def day_index_ddl(self) -> str:
        """The index by which a night finds the rows of the days that changed, and none of the years before.

        Looked up first: ``if not exists`` would wait for a night that is loading before it looks.
        """
        return f"""do $$ begin
    if to_regclass('{self.table}_day') is null then
        create index {self.name}_day on {self.table} ({self.day_column});
    end if;
end $$;"""

    @property
    def comments_ddl(self) -> str:
        """The descriptions of the table and its columns, for whoever looks at it in the database."""
        comments = [f"comment on table {self.table} is {literal(self.grain)};"]
        comments += [f"comment on column {self.table}.{c.name} is {literal(c.description)};" for c in self.columns]
        return "\n".join(comments)


MONEY = "numeric(20,6)"
UNITS = "numeric(20,6)"
PERCENT = "numeric(9,4)"
RATE = "numeric(20,10)"


def precision_of(numeric: str) -> tuple[int, int]:
    """How many digits before the decimal mark and how many decimals a numeric type holds.

    >>> precision_of(MONEY), precision_of(PERCENT)
    ((14, 6), (5, 4))
    """
    precision, scale = map(int, numeric.removeprefix("numeric(").removesuffix(")").split(","))
    return precision - scale, scale


def _missing(entity: str, name: str) -> Column:
    raise KeyError(f"{entity} has no column {name!r}")


def literal(text: str) -> str:
    """The text as an SQL literal.

    >>> literal("Jürgen's")
    "'Jürgen''s'"
    """
    return "'" + text.replace("'", "''") + "'"
