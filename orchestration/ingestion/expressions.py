"""The expressions a business may write in sources.yaml: parsed, checked against a list, and rendered for PostgreSQL.

Not here: where they stand in the load's SQL (compile.py). Only known columns and the functions below pass; no
sub-queries, no statements.
"""

import re
from collections.abc import Mapping, Sequence

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from orchestration.yaml_files import nearest

FUNCTIONS = frozenset(
    {
        "abs", "btrim", "ceil", "coalesce", "concat", "concat_ws", "floor", "greatest", "initcap", "least", "left",
        "length", "lower", "lpad", "ltrim", "mod", "nullif", "position", "regexp_replace", "replace", "right", "round",
        "rpad", "rtrim", "split_part", "strpos", "substr", "substring", "trim", "upper",
    }
)  # fmt: skip
# Operators and syntax that sqlglot counts among the functions, and its own name for position(… in …) and strpos().
_SYNTAX = (
    exp.And,
    exp.Or,
    exp.Case,
    exp.If,
    exp.Cast,
    exp.RegexpLike,
    exp.RegexpILike,
    exp.StrPosition,
    exp.Substring,
    exp.Pad,
)
_ALLOWED = (exp.Condition, exp.Identifier, exp.DataType, exp.DataTypeParam, exp.Tuple)
_FORBIDDEN = (exp.Query, exp.Subquery, exp.Window, exp.AggFunc, exp.Parameter, exp.Placeholder, exp.Star)


# What a text must look like to be cast: PostgreSQL also takes 1_000, 0x10 and NaN, which no export means.
NUMBER = r"^\s*[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?\s*$"
WHOLE_NUMBER = r"^\s*[+-]?[0-9]{1,18}\s*$"


def check_expression(text: str) -> str:
    """The expression ``text`` itself, if only allowed syntax and functions stand in it.

    Raises:
        ValueError: it does not parse, is not one expression, or uses a function not in the list, or a query.

    >>> check_expression("coalesce(country, 'unknown')")
    "coalesce(country, 'unknown')"
    """
    _parse(text)
    return text


def check_names(text: str, names: Sequence[str]) -> None:
    """Raise ValueError if the expression ``text`` uses a column that is not among ``names``."""
    for column in _parse(text).find_all(exp.Column):
        if _name(column) not in names:
            raise ValueError(f"unknown column {_name(column)!r} in {text!r}{nearest(_name(column), names)}")


def names_in(text: str) -> list[str]:
    """The columns that the expression ``text`` uses, in order.

    >>> names_in('coalesce("Name", upper(code), "Name")')
    ['Name', 'code']
    """
    return list(dict.fromkeys(_name(column) for column in _parse(text).find_all(exp.Column, bfs=False)))


def render(text: str, columns: Mapping[str, str]) -> str:
    """Check the expression ``text`` and render it with every column replaced by its SQL.

    Args:
        text: the expression, in PostgreSQL's syntax.
        columns: the SQL of each column it may use, by the name it goes by in the expression.

    Raises:
        ValueError: it does not parse, or uses an unknown column, a function not in the list, or a query.

    >>> render('upper("Name")', {"Name": "s.c1"})
    'UPPER(s.c1)'
    """
    check_names(text, list(columns))
    tree = _parse(text)
    for cast in _number_casts(tree):
        cast.replace(exp.Case(ifs=[exp.If(this=_has_form(cast), true=cast.copy())]))
    return _with_columns(tree, columns)


def numbers_taken(text: str, columns: Mapping[str, str]) -> dict[str, str]:
    """What the expression ``text`` casts to numbers outside any ``case``: SQL of each text, and the form it must have.

    A cast behind a condition of its own is the business's to guard; the others yield null where a text has not the
    form, so that one bad row does not stop the statement, and this is to reject such rows by.

    >>> numbers_taken('cast("Qty" as integer) * 2', {"Qty": "s.c1"})
    {'s.c1': '^\\\\s*[+-]?[0-9]{1,18}\\\\s*$'}
    """
    return {_with_columns(cast.this.copy(), columns): _form(cast) for cast in _number_casts(_parse(text))}


def _number_casts(tree: exp.Expression) -> list[exp.Expression]:
    kinds = {*exp.DataType.NUMERIC_TYPES}
    casts = [cast for cast in tree.find_all(exp.Cast) if cast.to.this in kinds]
    return [cast for cast in casts if cast.find_ancestor(exp.Case) is None]


def _form(cast: exp.Expression) -> str:
    return WHOLE_NUMBER if cast.to.this in exp.DataType.INTEGER_TYPES else NUMBER


def _has_form(cast: exp.Expression) -> exp.Expression:
    text = exp.cast(cast.this.copy(), "text", dialect="postgres")
    return exp.RegexpLike(this=text, expression=exp.Literal.string(_form(cast)))


def _with_columns(tree: exp.Expression, columns: Mapping[str, str]) -> str:
    def replace(node: exp.Expression) -> exp.Expression:
        if not isinstance(node, exp.Column):
            return node
        table, _, column = columns[_name(node)].partition(".")
        return exp.column(column, table=table)

    return tree.transform(replace).sql(dialect="postgres")


def _name(column: exp.Column) -> str:
    """The column as the mapping calls it: of joined and nested records it has a point in it, as in header.OrderDate."""
    return ".".join(part.name for part in column.parts)


def _parse(text: str) -> exp.Expression:
    try:
        trees = sqlglot.parse(text, read="postgres")
    except (SqlglotError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        # over some texts the parser trips instead of refusing them: '%?' is a TypeError, '{:}' an AttributeError
        reason = re.sub(r"\x1b\[[0-9]+m", "", (str(error).splitlines() or [type(error).__name__])[0])
        raise ValueError(f"cannot read the expression {text!r}: {reason}") from None
    if len(trees) != 1 or trees[0] is None:
        raise ValueError(f"exactly one expression is expected, not {text!r}")
    for node in trees[0].walk():
        _check(node, text)
    return trees[0]


def _check(node: exp.Expression, text: str) -> None:
    """Raise ValueError if this node of the expression is not allowed."""
    if isinstance(node, _FORBIDDEN) or not isinstance(node, _ALLOWED):
        raise ValueError(f"only an expression over columns is allowed, not {text!r}")
    if not isinstance(node, exp.Func) or isinstance(node, _SYNTAX):
        return
    name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
    if name not in FUNCTIONS:
        raise ValueError(f"function {name}() is not allowed in {text!r}{nearest(name, sorted(FUNCTIONS))}")
