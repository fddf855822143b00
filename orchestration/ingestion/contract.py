"""The source contract: which entities a business can bring, and their columns. Data, and the DDL that follows from it.

Not here: how a file is mapped to an entity (mapping.py), or what dbt makes of it. A new entity is a new value below.
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

    @property
    def ddl(self) -> str:
        """The column's line in ``create table``."""
        return f"    {self.name} {self.type}{' not null' if self.required else ''}"


@dataclass(frozen=True)
class Entity:
    """One kind of thing a business can bring: its grain, its columns, and the business key that identifies a row."""

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    is_required: bool = False  # without a row of it there is no night
    day_column: str | None = None  # the sales day a row belongs to, where a changed row re-opens that day

    @property
    def table(self) -> str:
        """The raw table's qualified name."""
        return f"raw.{self.name}"

    def column(self, name: str) -> Column:
        """The column of that name. Raises KeyError if there is none."""
        return next((c for c in self.columns if c.name == name), None) or _missing(self.name, name)

    @property
    def key_ddl(self) -> str:
        """The constraint that keeps the business key unique."""
        return f"constraint {self.name}_key unique nulls not distinct ({', '.join(self.key)})"

    @property
    def ddl(self) -> str:
        """``create table`` for the raw table, with its unique business key."""
        columns = ",\n".join([*(c.ddl for c in self.columns), LINEAGE_DDL])
        comments = [f"comment on table {self.table} is {_literal(self.grain)};"]
        comments += [f"comment on column {self.table}.{c.name} is {_literal(c.description)};" for c in self.columns]
        return f"create table if not exists {self.table} (\n{columns},\n    {self.key_ddl}\n);\n" + "\n".join(comments)


def _missing(entity: str, name: str) -> Column:
    raise KeyError(f"{entity} has no column {name!r}")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


MONEY = "numeric(20,6)"
UNITS = "numeric(20,6)"

SALES_LINES = Entity(
    name="sales_lines",
    grain="One row per line of a sales document: a sale, a return, a charge or an adjustment.",
    key=("order_id", "line_id"),
    is_required=True,
    day_column="order_date",
    columns=(
        Column("order_id", "text", "The sales document's number.", required=True),
        Column("line_id", "text", "The line within the document; unique together with order_id.", required=True),
        Column("ordered_at", "timestamptz", "When the line was booked.", required=True),
        Column("order_date", "date", "The day of ordered_at in the business's time zone.", required=True),
        Column(
            "line_kind",
            "text",
            "sale, return, charge (postage, fees) or adjustment (bad debt, write-off).",
            required=True,
        ),
        Column("product_id", "text", "The product, or the code of the charge.", required=True),
        Column("product_name", "text", "The product's name as the line states it."),
        Column("customer_id", "text", "The customer; empty where the sale was anonymous."),
        Column("country", "text", "The country the line was sold to."),
        Column("channel", "text", "The sales channel."),
        Column("qty_units", UNITS, "Units; negative on a return.", required=True),
        Column("unit_price", MONEY, "Price per unit before discount, in the business's currency.", required=True),
        Column(
            "discount_amount",
            MONEY,
            "Discount on the whole line, with the sign of the line.",
            required=True,
            default="0",
        ),
        Column(
            "line_amount",
            MONEY,
            "qty_units × unit_price − discount_amount; negative on a return.",
            required=True,
        ),
    ),
)

PRODUCTS = Entity(
    name="products",
    grain="One row per product.",
    key=("product_id",),
    columns=(
        Column("product_id", "text", "The product's id.", required=True),
        Column("product_name", "text", "The product's name.", required=True),
        Column("category", "text", "The category it is reported under."),
        Column("unit_cost", MONEY, "Cost per unit, in the business's currency."),
        Column("list_price", MONEY, "List price per unit, in the business's currency."),
        Column("lead_time_days", "integer", "Days from order to receipt."),
        Column("launched_on", "date", "First day on sale."),
        Column("discontinued_on", "date", "Last day on sale; empty while it is sold."),
    ),
)

CUSTOMERS = Entity(
    name="customers",
    grain="One row per customer.",
    key=("customer_id",),
    columns=(
        Column("customer_id", "text", "The customer's id.", required=True),
        Column("customer_name", "text", "The customer's name."),
        Column("segment", "text", "The segment it is reported under."),
        Column("country", "text", "The customer's country."),
        Column("created_on", "date", "The day the customer was created."),
    ),
)

INVENTORY_LEVELS = Entity(
    name="inventory_levels",
    grain="One row per snapshot date, product and location: the stock at the end of that day.",
    key=("snapshot_date", "product_id", "location_id"),
    columns=(
        Column("snapshot_date", "date", "The day of the count.", required=True),
        Column("product_id", "text", "The product.", required=True),
        Column("location_id", "text", "The location.", required=True, default="main"),
        Column("on_hand_units", UNITS, "Units on hand.", required=True),
        Column("on_order_units", UNITS, "Units ordered and not yet received.", required=True, default="0"),
    ),
)

ENTITIES: dict[str, Entity] = {e.name: e for e in (SALES_LINES, PRODUCTS, CUSTOMERS, INVENTORY_LEVELS)}

QUARANTINE_DDL = """
create schema if not exists quarantine;
create table if not exists quarantine.rejected_rows (
    rejected_id bigint generated always as identity primary key,
    load_id bigint not null,
    entity text not null,
    source text not null,
    file_path text not null,
    line bigint not null,
    column_name text,
    value text,
    rule text not null,
    reason text not null,
    raw_row jsonb not null,
    rejected_at timestamptz not null default clock_timestamp()
);
create index if not exists rejected_rows_load on quarantine.rejected_rows (load_id);
comment on table quarantine.rejected_rows is
    'One row per source row that could not be loaded: file, line, column, value, rule broken, a sentence, and the row.';
"""


def raw_ddl() -> str:
    """The DDL of schemas raw and quarantine; idempotent.

    >>> "create table if not exists raw.sales_lines" in raw_ddl()
    True
    """
    return "\n".join(["create schema if not exists raw;", *(e.ddl for e in ENTITIES.values()), QUARANTINE_DDL])
