"""Forecast and backtest a whole panel: the one door to the forecasting engine.

Not here: the passes over its series (passes.py), what is kept from one night to the next (nightly.py).
"""

from collections.abc import Sequence

import pandas as pd

from forecasting.batch import Batch, Plan, at_least_one
from forecasting.frames import backtest_frame
from forecasting.nightly import forecast_night
from forecasting.passes import DEFAULT_ORIGINS, Progress, mapping, panel_weights, run_backtest


def forecast_panel(  # noqa: PLR0913 - the one door: a keyword for each choice reads better than an options object
    panel: pd.DataFrame,
    *,
    freq: str,
    horizon: int,
    season_lengths: Sequence[int] | None = None,
    levels: Sequence[float] = (80, 95),
    n_jobs: int | None = None,
    on_progress: Progress | None = None,
) -> pd.DataFrame:
    """Forecast every series of a panel, with prediction intervals. Deterministic; the input is left as it is.

    Each series is classified; the members that suit its class vote (exponential smoothing, Theta, seasonal
    ARIMA, autoregressions, seasonal smoothing, on years growth in proportion; for rare demand TSB, IMAPA and
    smoothing), and their weighted mean is the forecast. The intervals come from what the same procedure missed at past
    origins, pooled over the panel.

    Args:
        panel: ``unique_id, ds, y``, gapless (see :func:`forecasting.panel.complete_calendar`).
        freq: ``D``, ``W-MON`` … ``W-SUN`` (ds = first day of the week), ``MS``, ``QS`` or ``YS``.
        horizon: periods to forecast, ≥ 1.
        season_lengths: in periods, the seasonal naive's first; by default those that the frequency may have
            (7 and 365, 52, 12, 4), each used where the history shows it. Of several the models carry the first of
            at most 24 periods and the first longer one.
        levels: of the intervals, in per cent, above 0 and below 100, of six digits at most; none gives no intervals.
        n_jobs: threads; None, 0 or 1 works in this one, −1 in one per processor. The numbers do not depend on it.
        on_progress: called with (series done, series in all).

    Returns:
        Exactly ``horizon`` rows per series, sorted: ``unique_id, ds, mean, lo-80, hi-80, lo-95, hi-95`` (by
        ``levels``), ``model_used, demand_class, fallback_reason`` (None where every member that has enough
        history voted). All numbers are finite, lo ≤ mean ≤ hi, a higher level contains a lower one, and
        nothing is negative where the history never was.

    Raises:
        PanelError: the panel broke its contract (see :func:`forecasting.panel.validate_panel`).
        ValueError: an unknown frequency, a horizon or season that is no whole number ≥ 1, a level outside (0, 100).

    >>> weeks = pd.date_range("2024-01-01", periods=9, freq="W-MON")
    >>> panel = pd.DataFrame({"unique_id": "A", "ds": weeks, "y": 5.0})
    >>> forecast_panel(panel, freq="W-MON", horizon=1)[["ds", "mean", "lo-95", "model_used"]].to_dict("list")
    {'ds': [Timestamp('2024-03-04 00:00:00')], 'mean': [5.0], 'lo-95': [5.0], 'model_used': ['constant']}
    """
    in_all = 2 * panel["unique_id"].nunique() if on_progress and "unique_id" in panel else 0
    mapped = mapping(n_jobs, on_progress, in_all)
    return forecast_night(
        panel, freq=freq, horizon=horizon, season_lengths=season_lengths, levels=levels, mapped=mapped
    ).forecasts


def backtest_panel(  # noqa: PLR0913 - as forecast_panel
    panel: pd.DataFrame,
    *,
    freq: str,
    horizon: int,
    season_lengths: Sequence[int] | None = None,
    n_origins: int = DEFAULT_ORIGINS,
    n_jobs: int | None = None,
    on_progress: Progress | None = None,
) -> pd.DataFrame:
    """Forecast from up to ``n_origins`` past origins, and put what came beside it.

    The last origin lies ``horizon`` periods before the end, the others every max(1, horizon // 4) periods
    before it, as long as two seasons and half of the history are known; one origin where that leaves none.
    Parameters are learned at a series' first origin and only filtered forward at the later ones, so no origin
    sees its future (and learning again at each would not have forecast better, only slower). The members' weights,
    where the panel moves them at all, are for each half of the series those that up to 120 of the other half teach.

    Args:
        panel, freq, horizon, season_lengths, n_jobs, on_progress: as for :func:`forecast_panel`.
        n_origins: at most this many per series, ≥ 1; a short series has fewer, or none.

    Returns:
        ``unique_id, cutoff`` (ds of the last period known), ``ds, y, mean, naive`` (the seasonal naive, or
        the last value before a season is known), ``model_used``: ``horizon`` rows per series and origin.

    Raises:
        PanelError, ValueError: as :func:`forecast_panel`.

    >>> months = pd.date_range("2024-01-01", periods=4, freq="MS")
    >>> panel = pd.DataFrame({"unique_id": "A", "ds": months, "y": 5.0})
    >>> backtest_panel(panel, freq="MS", horizon=1)[["cutoff", "ds", "mean"]].astype(str).to_numpy().tolist()
    [['2024-03-01', '2024-04-01', '5.0']]
    """
    plan = Plan.of(freq, horizon, season_lengths)
    n_origins = at_least_one(n_origins, "n_origins")
    batch = Batch.of(panel, freq)
    weights = panel_weights(batch, plan)
    backtest = run_backtest(batch, plan, weights, n_origins, mapping(n_jobs, on_progress, len(batch)))
    return backtest_frame(batch, plan, backtest.known, backtest.votes)
