"""One total's work as it goes to the worker: search, filter forward from each origin, forecast, within reason.

Not here: which totals (totals.py), one model (arima.py). Every new worker imports this module, so it imports little.
"""

import json
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from forecasting.arima import ArimaState, NoArimaError, extrapolate, give_memory_back, search

STATE_VERSION = 2
_REACH = 2.0  # a vote farther outside the history than two of its ranges has diverged


@dataclass(frozen=True)
class TotalState:
    """What is kept of one total between nights; ``until`` are last periods known, as ISO dates.

    ``past`` was learned at the first origin of the backtest, so that no origin sees its future; ``newest`` of all
    that was known. Two searches, because orders chosen 38 months earlier cost a tenth of the accuracy at the end (OWA
    .915 against .815 on 60 monthly series of M3).
    """

    past: ArimaState
    newest: ArimaState
    past_until: str
    newest_until: str
    season_length: int

    def to_json(self) -> str:
        """One line of JSON, below 1 kB."""
        states = {"past": self.past.as_dict(), "newest": self.newest.as_dict()}
        dates = {"past_until": self.past_until, "newest_until": self.newest_until}
        return json.dumps({"version": STATE_VERSION, "season_length": self.season_length, **dates, **states})

    @classmethod
    def from_json(cls, text: str) -> "TotalState":
        """The state that :meth:`to_json` gave. Raises ValueError for anything else, other versions included.

        >>> TotalState.from_json('{"version": 0}')
        Traceback (most recent call last):
        ValueError: no state of a total: version 0, not 2
        """
        try:
            values = json.loads(text)
            if values["version"] != STATE_VERSION:
                raise ValueError(f"version {values['version']}, not {STATE_VERSION}")
            past, newest = (ArimaState.from_dict(values[name]) for name in ("past", "newest"))
            dates = {name: str(np.datetime64(values[name], "D")) for name in ("past_until", "newest_until")}
            return cls(past, newest, season_length=int(values["season_length"]), **dates)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"no state of a total: {error}") from None


@dataclass(frozen=True)
class Job:
    """One series' work: ``known`` periods at each origin, rising.

    ``indices`` are of month and year as each origin, and at last the end, knew them, over its past and its horizon;
    None where there is none.
    """

    y: np.ndarray
    known: tuple[int, ...]
    horizon: int
    season_length: int
    indices: tuple[np.ndarray | None, ...]
    state: TotalState | None = None


@dataclass(frozen=True)
class Answer:
    """``mean`` of shape horizon, ``origins`` of shape (origins, horizon), and what was learned."""

    mean: np.ndarray
    origins: np.ndarray
    past: ArimaState
    newest: ArimaState


def vote(job: Job) -> Answer | str:
    """An answer, or in words why there is none."""
    try:
        past = job.state.past if job.state else _searched(job, 0)
        origins = [_extrapolated(job, at, past) for at in range(len(job.known))]
        newest = job.state.newest if job.state else _searched(job, len(job.known))
        return Answer(_extrapolated(job, len(job.known), newest), np.array(origins), past, newest)
    except NoArimaError as error:
        return str(error)
    finally:
        give_memory_back()


def prepare() -> None:
    """What a new worker does before its first series: the imports, and one BLAS thread for good."""
    import pmdarima  # noqa: F401 - the import is the work

    threadpool_limits(1)  # pmdarima's own n_jobs=1 leaves BLAS every core, which on systems this small only spin


def _past(job: Job, at: int) -> np.ndarray:
    """What was known at an origin, or at the end where ``at`` is the number of origins."""
    return job.y[: (*job.known, len(job.y))[at]]


def _flat(job: Job, at: int) -> np.ndarray:
    past, index = _past(job, at), job.indices[at]
    return past if index is None else past / index[: len(past)]


def _searched(job: Job, at: int) -> ArimaState:
    return search(_flat(job, at), job.season_length)


def _extrapolated(job: Job, at: int, state: ArimaState) -> np.ndarray:
    """The forecast from an origin, with the seasons of month and year, and within reason."""
    past, index = _past(job, at), job.indices[at]
    ahead = extrapolate(_flat(job, at), state, job.horizon)
    ahead = ahead if index is None else ahead * index[len(past) :]
    size = float(np.abs(past).max()) or 1.0  # within [−1, 1] even the range of the largest floats does not overflow
    low, high = past.min() / size, past.max() / size
    reach = _REACH * (high - low)
    if ((ahead / size < low - reach) | (ahead / size > high + reach)).any():
        raise NoArimaError(f"the forecast of {state.label} left the range of the history")
    return np.maximum(ahead, 0.0) if low >= 0 else ahead
