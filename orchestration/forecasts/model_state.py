"""forecast.model_state: what forecasts keep of their models from one night to the next. Losing it costs one full fit.

Not here: what is kept and whether it still holds (forecasting/state.py, forecasting/nightly.py).
"""

from datetime import date

import pandas as pd
from psycopg import sql

from forecasting.state import STATE_COLUMNS, ModelState
from orchestration.warehouse import Connection

TABLE = sql.Identifier("forecast", "model_state")
_COLUMNS = sql.SQL(", ").join(map(sql.Identifier, STATE_COLUMNS))


def read_state(connection: Connection, series: str, as_of: date) -> ModelState | None:
    """The state of a family's models; None if there is none, or if it is of another version or of a later day.

    A night about an earlier day begins anew: what was learned later would be knowledge of the future.
    """
    query = sql.SQL("select {} from {} where series = %s and as_of_date <= %s").format(_COLUMNS, TABLE)
    rows = connection.execute(query, [series, as_of], binary=True).fetchall()
    return ModelState.from_frame(pd.DataFrame(rows, columns=list(STATE_COLUMNS)))


def replace_state(connection: Connection, series: str, as_of: date, state: ModelState) -> int:
    """Replace a family's state unless a later day's is there; to be called inside ``writing``.

    Returns:
        The number of rows written.
    """
    connection.execute(sql.SQL("delete from {} where series = %s and as_of_date <= %s").format(TABLE), [series, as_of])
    later = connection.execute(sql.SQL("select 1 from {} where series = %s limit 1").format(TABLE), [series])
    if later.fetchone() is not None:
        return 0
    frame = state.to_frame()
    copied = sql.SQL("copy {} (series, as_of_date, {}) from stdin (format binary)").format(TABLE, _COLUMNS)
    with connection.cursor() as cursor, cursor.copy(copied) as copy:
        copy.set_types(["text", "date", "text", "text", "int8", "int8", "int8", "int8", "bytea"])
        for row in frame.astype(object).itertuples(index=False, name=None):
            copy.write_row((series, as_of, *row))
    return len(frame)
