"""The members that vote on a series: what each learns, and what all of them say at the origins asked for.

Not here: how their votes are combined (pool.py). ``params`` of a series and view: one flag per member (1 =
it has learned), then each member's own block.
"""

import numpy as np

from forecasting.kernel import arima, autoregression, growth, intermittent, seasonal, smoothing, theta
from forecasting.kernel.compiled import inlined

MEMBERS = ("ets", "theta", "sarima", "ar_log", "ar", "seasonal", "growth", "tsb", "imapa")
ETS, THETA, SARIMA, AR_LOG, AR, SEASONAL, GROWTH, TSB, IMAPA = range(len(MEMBERS))
COUNT = len(MEMBERS)

_ETS_AT = COUNT
_THETA_AT = _ETS_AT + smoothing.SIZE
_SARIMA_AT = _THETA_AT + theta.SIZE
_AR_LOG_AT = _SARIMA_AT + arima.SIZE
_AR_AT = _AR_LOG_AT + autoregression.SIZE
_SEASONAL_AT = _AR_AT + autoregression.SIZE
_GROWTH_AT = _SEASONAL_AT + seasonal.SIZE
SIZE = _GROWTH_AT + growth.SIZE

# Growth in proportion votes on series without any season, which is on years. It lowered the OWA of eleven yearly sets
# by 3.6 % on average (M1 .825 to .768, tourism .842 to .753, M3 .851 to .850). Beside a season half a weight of it
# gained on ten sets and lost on ten, and a slope of 10 to 40 weeks is mostly season: there it cost up to 7 %.
_fit_ets, _emit_ets = smoothing.fit, smoothing.emit
_fit_theta, _emit_theta = theta.fit, theta.emit
_fit_sarima, _emit_sarima = arima.fit, arima.emit
_fit_ar_log, _fit_ar, _emit_ar = autoregression.fit_logs, autoregression.fit_levels, autoregression.emit
_fit_seasonal, _emit_seasonal = seasonal.fit, seasonal.emit
_fit_growth, _emit_growth = growth.fit, growth.emit
_tsb, _imapa = intermittent.tsb, intermittent.imapa


@inlined
def learn(y: np.ndarray, m: int, is_seasonless: bool, wanted: np.ndarray, params: np.ndarray) -> None:
    """Every wanted member (booleans, shape COUNT) learns y (shape n) into ``params`` (shape SIZE).

    ``is_seasonless``: neither is a season m carried, nor was a longer one taken out of y.
    """
    params[:] = 0.0
    if wanted[ETS]:
        params[ETS] = _fit_ets(y, m, params[_ETS_AT:_THETA_AT])
    if wanted[THETA]:
        params[THETA] = _fit_theta(y, m, params[_THETA_AT:_SARIMA_AT])
    if wanted[SARIMA]:
        params[SARIMA] = _fit_sarima(y, m, params[_SARIMA_AT:_AR_LOG_AT])
    if wanted[AR_LOG]:
        params[AR_LOG] = _fit_ar_log(y, m, params[_AR_LOG_AT:_AR_AT])
    if wanted[AR]:
        params[AR] = _fit_ar(y, m, params[_AR_AT:_SEASONAL_AT])
    if wanted[SEASONAL]:
        params[SEASONAL] = _fit_seasonal(y, m, params[_SEASONAL_AT:_GROWTH_AT])
    if wanted[GROWTH] and is_seasonless and y.min() > 0.0:
        params[GROWTH] = _fit_growth(y, m, params[_GROWTH_AT:])
    for member in range(TSB, COUNT):  # these have nothing to learn
        params[member] = wanted[member]


@inlined
def vote(y: np.ndarray, m: int, n_fit: int, params: np.ndarray, known: np.ndarray, votes: np.ndarray) -> None:
    """What every member that has learned says after known[o] points, into votes (shape COUNT, origins, horizon).

    NaN for the others.
    """
    votes[:] = np.nan
    if params[ETS]:
        _emit_ets(y, m, n_fit, params[_ETS_AT:_THETA_AT], known, votes[ETS])
    if params[THETA]:
        _emit_theta(y, m, n_fit, params[_THETA_AT:_SARIMA_AT], known, votes[THETA])
    if params[SARIMA]:
        _emit_sarima(y, m, n_fit, params[_SARIMA_AT:_AR_LOG_AT], known, votes[SARIMA])
    if params[AR_LOG]:
        _emit_ar(y, m, n_fit, params[_AR_LOG_AT:_AR_AT], known, votes[AR_LOG])
    if params[AR]:
        _emit_ar(y, m, n_fit, params[_AR_AT:_SEASONAL_AT], known, votes[AR])
    if params[SEASONAL]:
        _emit_seasonal(y, m, n_fit, params[_SEASONAL_AT:_GROWTH_AT], known, votes[SEASONAL])
    if params[GROWTH]:
        _emit_growth(y, m, n_fit, params[_GROWTH_AT:], known, votes[GROWTH])
    _vote_rare(y, params, known, votes)


@inlined
def _vote_rare(y: np.ndarray, params: np.ndarray, known: np.ndarray, votes: np.ndarray) -> None:
    for o in range(len(known)):
        if params[TSB]:
            votes[TSB, o, :] = _tsb(y[: known[o]])
        if params[IMAPA]:
            votes[IMAPA, o, :] = _imapa(y[: known[o]])
