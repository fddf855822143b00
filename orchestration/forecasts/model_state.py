"""forecast.model_state: what forecasts keep of their models from one night to the next. Losing it costs one full fit.

Not here: what is kept and whether it still holds (forecasting/state.py, forecasting/nightly.py).
"""

import pandas as pd
from psycopg import sql

from forecasting.state import STATE_COLUMNS, ModelState
from orchestration.warehouse import Connection

TABLE = sql.Identifier("forecast", "model_state")
_COLUMNS = sql.SQL(", ").join(map(sql.Identifier, STATE_COLUMNS))


def read_state(connection: Connection, series: str) -> ModelState | None:
    """The state of a family's models; None if there is none, or this version of the models did not write it."""
    query = sql.SQL("select {} from {} where series = %s").format(_COLUMNS, TABLE)
    rows = connection.execute(query, [series], binary=True).fetchall()
    return ModelState.from_frame(pd.DataFrame(rows, columns=list(STATE_COLUMNS)))


def replace_state(connection: Connection, series: str, state: ModelState) -> int:
    """Replace a family's state; to be called inside ``writing``. Returns the number of rows written."""
    connection.execute(sql.SQL("delete from {} where series = %s").format(TABLE), [series])
    frame = state.to_frame()
    copied = sql.SQL("copy {} (series, {}) from stdin (format binary)").format(TABLE, _COLUMNS)
    with connection.cursor() as cursor, cursor.copy(copied) as copy:
        copy.set_types(["text", "text", "text", "int8", "int8", "int8", "int8", "bytea"])
        for row in frame.astype(object).itertuples(index=False, name=None):
            copy.write_row((series, *row))
    return len(frame)
