"""Who else votes on a family's forecast: auto-ARIMA on totals, a regression on products, categories on young products.

Not here: what their votes count (forecasting/votes.py), what the engine says (family_forecasts.py).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from psycopg import sql

from forecasting.periods import Frequency
from forecasting.recalibration import Behind
from forecasting.regression import regression_votes
from forecasting.regressors import Regressors, holiday_columns
from forecasting.totals import TotalState, totals_votes
from forecasting.votes import with_arima, with_profiles, with_regression
from forecasting.young import young_backtest, young_votes
from orchestration.business import Profile
from orchestration.forecasts.families import PRODUCTS, Family
from orchestration.forecasts.histories import History
from orchestration.warehouse import Connection

# Auto-ARIMA takes seconds a series, once a week: it votes where a family has some dozens of totals.
MOST_TOTALS = 40
TABLE = sql.Identifier("forecast", "arima_states")

Frames = tuple[pd.DataFrame, pd.DataFrame]


@dataclass(frozen=True)
class SecondOpinions:
    """Those that are asked tonight.

    ``regressors`` gives what is known about the products of a history and the periods ahead of it; ``states`` are
    ARIMA's of the night before by series and unique_id, ``learned`` those that tonight leaves.
    """

    regressors: Callable[[History, int], Regressors]
    states: Mapping[str, Mapping[str, TotalState]] = field(default_factory=dict)
    learned: dict[str, Mapping[str, TotalState]] = field(default_factory=dict)

    def heard(self, family: Family, history: History, forecasts: pd.DataFrame, backtests: pd.DataFrame) -> Frames:
        """The family's forecasts and backtests with the votes of those who have something to say about it."""
        if forecasts.empty or backtests.empty:
            return forecasts, backtests
        if family.series == PRODUCTS.series:
            return self._of_products(family, history, forecasts, backtests)
        if family.level != "product" and history.panel["unique_id"].nunique() <= MOST_TOTALS:
            return self._of_totals(family, history, forecasts, backtests)
        return forecasts, backtests

    def _of_products(
        self, family: Family, history: History, forecasts: pd.DataFrame, backtests: pd.DataFrame
    ) -> Frames:
        known = self.regressors(history, family.horizon)
        behind, groups = Behind(history.panel, history.freq), {i: g or "" for i, g in known.groups.items()}
        if known.names:
            origins = backtests[["unique_id", "cutoff"]].drop_duplicates()
            votes = regression_votes(history.panel, known, freq=history.freq, horizon=family.horizon, origins=origins)
            forecasts, backtests = with_regression(forecasts, backtests, votes, behind, groups)
        if (forecasts["demand_class"] == "short").any():
            young = young_backtest(history.panel, freq=history.freq, horizon=family.horizon)
            said = young_votes(history.panel, groups, freq=history.freq, horizon=family.horizon, young=young)
            forecasts = with_profiles(forecasts, young, said, behind, groups)
        return forecasts, backtests

    def _of_totals(self, family: Family, history: History, forecasts: pd.DataFrame, backtests: pd.DataFrame) -> Frames:
        votes = totals_votes(
            history.panel,
            freq=history.freq,
            horizon=family.horizon,
            backtest=backtests,
            states=self.states.get(family.series),
        )
        self.learned[family.series] = votes.states
        return with_arima(forecasts, backtests, votes, Behind(history.panel, history.freq))


def with_holidays(known: Regressors, history: History, horizon: int, profile: Profile) -> Regressors:
    """The regressors, and the public holidays of the business's country where it names one."""
    days = holidays_of(history, horizon, profile)
    return (
        known
        if days is None
        else Regressors(known.by_series, shared=days, groups=known.groups, unplanned=known.unplanned)
    )


def holidays_of(history: History, horizon: int, profile: Profile) -> pd.DataFrame | None:
    """The country's public holidays from the history's first period to the last one ahead; None where none is named."""
    if profile.country is None or history.panel.empty:
        return None
    frequency = Frequency.parse(history.freq)
    first, last = frequency.ordinals(np.array([history.panel["ds"].min(), history.panel["ds"].max()], "datetime64[s]"))
    periods = frequency.labels(np.arange(int(first), int(last) + horizon + 1))
    return holiday_columns(
        pd.DatetimeIndex(periods), freq=history.freq, country=profile.country, subdivision=profile.subdivision
    )


def read_arima_states(connection: Connection) -> dict[str, dict[str, TotalState]]:
    """ARIMA's states of the night before, by series and unique_id; one of another version is left out."""
    states: dict[str, dict[str, TotalState]] = {}
    for series, unique_id, text in connection.execute(
        sql.SQL("select series, unique_id, state from {}").format(TABLE)
    ).fetchall():
        try:
            states.setdefault(series, {})[unique_id] = TotalState.from_json(text)
        except ValueError:
            continue
    return states


def replace_arima_states(connection: Connection, learned: Mapping[str, Mapping[str, TotalState]]) -> None:
    """Replace the states of these families; to be called inside ``writing``."""
    for series, states in learned.items():
        connection.execute(sql.SQL("delete from {} where series = %s").format(TABLE), [series])
        with connection.cursor() as cursor:
            cursor.executemany(
                sql.SQL("insert into {} (series, unique_id, state) values (%s, %s, %s)").format(TABLE),
                [(series, unique_id, state.to_json()) for unique_id, state in states.items()],
            )
