"""forecast.model_state: what forecasts keep of their models from one night to the next. Losing it costs one full fit.

Not here: what is kept and whether it still holds (forecasting/state.py, forecasting/nightly.py).
"""

from datetime import date

import pandas as pd
from psycopg import sql

from forecasting.state import SHARED, STATE_COLUMNS, ModelState, Succession
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


def replace_state(connection: Connection, series: str, as_of: date, models: Succession) -> int:
    """Write what tonight has changed in a family's state, unless a later day's is there; called inside ``writing``.

    A row says as of which day its series was last changed, that of all of them as of which day the state is. Where the
    table does not hold the state that tonight began with, the whole is written.

    Returns:
        The number of rows written.
    """
    query = sql.SQL(
        "select count(*), max(as_of_date), count(*) filter (where version = %s and as_of_date <= %s)"
        " from {} where series = %s"
    ).format(TABLE)
    before = models.before
    held, newest, same = connection.execute(query, [before.key, as_of, series]).fetchone() or (0, None, 0)
    if newest is not None and newest > as_of:
        return 0
    if len(models.stays) and held == same == len(before.ids) + 1:
        over = [SHARED, *models.gone, *models.changed.ids]
        gone = sql.SQL("delete from {} where series = %s and unique_id = any(%s)").format(TABLE)
        connection.execute(gone, [series, over])
        frame = models.changed.to_frame()
    else:
        connection.execute(sql.SQL("delete from {} where series = %s").format(TABLE), [series])
        frame = models.state.to_frame()
    copied = sql.SQL("copy {} (series, as_of_date, {}) from stdin (format binary)").format(TABLE, _COLUMNS)
    with connection.cursor() as cursor, cursor.copy(copied) as copy:
        copy.set_types(["text", "date", "text", "text", "int8", "int8", "int8", "int8", "bytea"])
        for row in frame.astype(object).itertuples(index=False, name=None):
            copy.write_row((series, as_of, *row))
    return len(frame)
