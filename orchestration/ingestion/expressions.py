"""The expressions a business may write in sources.yaml: parsed, checked against a list, and rendered for PostgreSQL.

Not here: where they stand in the load's SQL (compile.py). Only known columns and the functions below pass; no
sub-queries, no statements.
"""

from collections.abc import Mapping

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from orchestration.errors import ConfigurationError
from orchestration.yaml_files import nearest

FUNCTIONS = frozenset(
    "abs btrim ceil coalesce concat concat_ws floor greatest initcap least left length lower lpad ltrim mod nullif "
    "position regexp_replace replace right round rpad rtrim split_part strpos substr substring trim upper".split()
)
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


def render(text: str, *, columns: Mapping[str, str], where: str) -> str:
    """Check the expression ``text`` and render it with every column replaced by its SQL.

    Args:
        text: the expression, in PostgreSQL's syntax.
        columns: the SQL of each column it may use, by the name it goes by in the expression.
        where: file, source and key, to begin an error with.

    Raises:
        ConfigurationError: it does not parse, or uses an unknown column, a function not in the list, or a query.

    >>> render('upper("Name")', columns={"Name": "s.c1"}, where="sources.yaml")
    'UPPER(s.c1)'
    """
    try:
        trees = sqlglot.parse(text, read="postgres")
    except SqlglotError as error:
        reason = str(error).splitlines()[0]
        raise ConfigurationError(f"{where}: cannot read the expression {text!r}: {reason}") from None
    if len(trees) != 1 or trees[0] is None:
        raise ConfigurationError(f"{where}: exactly one expression is expected, not {text!r}")
    for node in trees[0].walk():
        _check(node, text, where)

    def replace(node: exp.Expression) -> exp.Expression:
        if not isinstance(node, exp.Column):
            return node
        name = node.name
        if node.table or name not in columns:
            hint = nearest(name, list(columns))
            raise ConfigurationError(f"{where}: unknown column {name!r} in the expression {text!r}{hint}")
        return exp.maybe_parse(columns[name], dialect="postgres")

    return trees[0].transform(replace).sql(dialect="postgres")


def _check(node: exp.Expression, text: str, where: str) -> None:
    """Raise ConfigurationError if this node of the expression is not allowed."""
    if isinstance(node, _FORBIDDEN) or not isinstance(node, _ALLOWED):
        raise ConfigurationError(f"{where}: only an expression over columns is allowed, not {text!r}")
    if not isinstance(node, exp.Func) or isinstance(node, _SYNTAX):
        return
    name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
    if name not in FUNCTIONS:
        hint = nearest(name, sorted(FUNCTIONS))
        raise ConfigurationError(f"{where}: function {name}() is not allowed in the expression {text!r}{hint}")
