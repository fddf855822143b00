"""Records inside records, the rows they become, and how many examples a test of a tree draws.

Not here: that they become these (tests/unit/readers).
"""

from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

FUZZ = settings(
    max_examples=40, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
ORDERS = {
    "data": {
        "orders": [
            {"id": 1, "customer": {"city": "Graz"}, "items": [{"sku": "a", "qty": 2}, {"sku": "b"}], "tags": ["x", 1]},
            {"id": 2, "items": []},
            {"id": 3, "items": {"sku": "c"}},
        ]
    }
}
EXPLODED = (
    ["id", "customer.city", "tags", "items.sku", "items.qty"],
    [("1", "Graz", '["x", 1]', "a", "2"), ("1", "Graz", '["x", 1]', "b", ""), ("2", "", "", "", ""),
     ("3", "", "", "c", "")],
    [],
)  # fmt: skip


KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\0."), min_size=1, max_size=4).filter(
    lambda k: k == k.strip() and k != "items"
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
SCALARS = st.one_of(TEXTS, st.none(), st.booleans(), st.integers(), st.decimals(allow_nan=False, allow_infinity=False))


def shown(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    return format(value, "f") if isinstance(value, Decimal) else str(value)
