"""Auto-ARIMA's vote for the few dozen totals that are worth seconds each, beside the engine's for everything.

Not here: one series (arima.py), the process it runs in (worker.py), the votes' weights (votes.py).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from forecasting.arima import (
    LONGEST_SEASON,
    SHORTEST_HISTORY,
    ArimaState,
    NoArimaError,
    extrapolate,
    give_memory_back,
    search,
)  # fmt: skip
from forecasting.panel import PanelError, require_columns, validate_panel
from forecasting.periods import Frequency
from forecasting.seasonality import yearly_index
from forecasting.worker import RecycledWorker, WorkerError, WorkerStartError

STATE_VERSION = 1
SECONDS_PER_SERIES = 60.0  # of the clock: both searches take 2 s of a CPU at 115 months, 7 s at 306
REFIT_AFTER_DAYS = 7
CALLS_PER_PROCESS = 8  # a new process costs 2 s of imports; eight searches of daily series left it below 600 MB
_REACH = 2.0  # a vote farther outside the history than two of its ranges has diverged

Progress = Callable[[int, int], None]
Work = Callable[["Job"], "Answer | str"]


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
        ValueError: no state of a total: version 0, not 1
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
class Votes:
    """ARIMA's word on the totals of a panel.

    ``forecasts``: ``unique_id, ds, mean``, horizon rows per series that has a vote. ``backtests``: ``unique_id,
    cutoff, ds, mean``, the same at past origins. ``outcomes``: one row per series of the panel: ``unique_id,
    model`` (missing where there is no vote), ``is_searched`` (its orders were chosen now), ``reason`` (why there
    is no vote). ``states`` by unique_id, for the next night.
    """

    forecasts: pd.DataFrame
    backtests: pd.DataFrame
    outcomes: pd.DataFrame
    states: dict[str, TotalState]


@dataclass(frozen=True)
class Job:
    """One series' work, as it goes to the worker: ``known`` periods at each origin, rising."""

    y: np.ndarray
    known: tuple[int, ...]
    horizon: int
    season_length: int
    year: float | None
    state: TotalState | None


@dataclass(frozen=True)
class Answer:
    """``mean`` of shape horizon, ``origins`` of shape (origins, horizon), and what was learned."""

    mean: np.ndarray
    origins: np.ndarray
    past: ArimaState
    newest: ArimaState


def totals_votes(  # noqa: PLR0913 - as forecast_panel: a keyword for each choice
    panel: pd.DataFrame,
    *,
    freq: str,
    horizon: int,
    backtest: pd.DataFrame,
    season_lengths: Sequence[int] | None = None,
    states: Mapping[str, TotalState] | None = None,
    seconds_per_series: float = SECONDS_PER_SERIES,
    n_jobs: int = 1,
    on_progress: Progress | None = None,
    work: Work | None = None,
) -> Votes:
    """What auto-ARIMA says of every series of ``panel``, from its end and from the origins of ``backtest``.

    The orders of a series are chosen at its first origin with 24 known periods, which later origins only filter
    forward, and again at its end. With a state that is younger than 7 days nothing is learned: the new periods are
    filtered with what it holds. A year's season of weeks or days is taken out as an
    index before ARIMA sees the series.

    Args:
        panel, freq, horizon, season_lengths: as for :func:`forecasting.engine.forecast_panel`.
        backtest: the engine's, for the same panel and horizon: its ``unique_id, cutoff`` are the origins.
        states: those of an earlier night, by unique_id.
        seconds_per_series: after which the worker is killed, and the series has no vote.
        n_jobs: workers at a time; the result does not depend on it.
        on_progress: called with (series done, series in all).
        work: what the worker does with a job; by default :func:`vote`.

    Raises:
        PanelError: the panel broke its contract, or an origin lies outside of it.
    """
    frequency = Frequency.parse(freq)
    frame = validate_panel(panel, freq)
    require_columns(backtest, ("unique_id", "cutoff"), "backtest")
    seasons = tuple(frequency.season_lengths if season_lengths is None else season_lengths)
    cutoffs = backtest.drop_duplicates(["unique_id", "cutoff"]).groupby("unique_id")["cutoff"]
    origins = {str(name): np.sort(days.to_numpy()) for name, days in cutoffs}
    jobs: dict[str, Job] = {}
    firsts: dict[str, int] = {}
    for name, one in frame.groupby("unique_id", sort=True):
        first = int(frequency.ordinals(one["ds"].to_numpy()[:1])[0])
        known = frequency.ordinals(origins.get(str(name), np.array([], "datetime64[s]"))) + 1 - first
        if ((known < 1) | (known >= len(one))).any():
            raise PanelError(f"series {str(name)!r}: the backtest's origin lies outside the panel's history")
        job = Job(
            y=one["y"].to_numpy(dtype="float64").copy(),
            known=tuple(int(k) for k in known if k >= SHORTEST_HISTORY),
            horizon=horizon,
            season_length=next((m for m in seasons if 1 < m <= LONGEST_SEASON), 1),
            year=frequency.year if any(m > LONGEST_SEASON for m in seasons) else None,
            state=None,
        )
        firsts[str(name)] = first
        jobs[str(name)] = _with_state(job, (states or {}).get(str(name)), first, frequency)
    answers = _ask(jobs, work or vote, seconds_per_series, n_jobs, on_progress)
    return _gathered(jobs, answers, firsts, frequency)


def vote(job: Job) -> Answer | str:
    """The work of one series, done in the worker: an answer, or in words why there is none."""
    try:
        past = job.state.past if job.state else search(_flat(job, job.known[0]), job.season_length)
        origins = [_extrapolated(job, k, past) for k in job.known]
        newest = job.state.newest if job.state else search(_flat(job, len(job.y)), job.season_length)
        return Answer(_extrapolated(job, len(job.y), newest), np.array(origins), past, newest)
    except NoArimaError as error:
        return str(error)
    finally:
        give_memory_back()


def prepare() -> None:
    """What a new worker does before its first series: the imports, and one BLAS thread for good."""
    import pmdarima  # noqa: F401 - the import is the work

    threadpool_limits(1)  # pmdarima's own n_jobs=1 leaves BLAS every core, which on systems this small only spin


def _flat(job: Job, known: int) -> np.ndarray:
    past = job.y[:known]
    season = yearly_index(past, job.year, job.horizon) if job.year else None
    return season.remove(past) if season else past


def _extrapolated(job: Job, known: int, state: ArimaState) -> np.ndarray:
    """The forecast after ``known`` periods, with the year's season, and within reason."""
    past = job.y[:known]
    season = yearly_index(past, job.year, job.horizon) if job.year else None
    ahead = extrapolate(season.remove(past) if season else past, state, job.horizon)
    ahead = season.restore(ahead, known) if season else ahead
    size = float(np.abs(past).max()) or 1.0  # within [−1, 1] even the range of the largest floats does not overflow
    low, high = past.min() / size, past.max() / size
    reach = _REACH * (high - low)
    if ((ahead / size < low - reach) | (ahead / size > high + reach)).any():
        raise NoArimaError(f"the forecast of {state.label} left the range of the history")
    return np.maximum(ahead, 0.0) if low >= 0 else ahead


def _with_state(job: Job, state: TotalState | None, first: int, frequency: Frequency) -> Job:
    """The job with the state, where it still holds: of this season, young, and older than the first origin."""
    if state is None or not job.known or state.season_length != job.season_length:
        return job
    past_until, newest_until = (
        int(frequency.ordinals(np.array([day], "datetime64[s]"))[0]) for day in (state.past_until, state.newest_until)
    )
    last = first + len(job.y) - 1
    age = frequency.labels([last])[0] - frequency.labels([newest_until])[0]
    is_young = np.timedelta64(0) <= age < np.timedelta64(REFIT_AFTER_DAYS, "D")
    if not is_young or past_until > first + job.known[0] - 1:
        return job
    return Job(job.y, job.known, job.horizon, job.season_length, job.year, state)


def _ask(
    jobs: dict[str, Job], work: Work, seconds: float, n_jobs: int, tell: Progress | None
) -> dict[str, Answer | str]:
    """Every job's answer, or why there is none, by ``n_jobs`` workers that each have every n-th job."""
    answers: dict[str, Answer | str] = {}

    def one_worker(names: list[str]) -> None:
        with RecycledWorker(calls_per_process=CALLS_PER_PROCESS, prepare=prepare) as worker:
            broken = None
            for name in names:
                try:
                    answers[name] = broken or _early(jobs[name]) or worker.run(work, jobs[name], seconds=seconds)
                except WorkerStartError as error:
                    answers[name] = broken = str(error)
                except WorkerError as error:
                    answers[name] = f"auto-ARIMA: {error}"
                if tell:
                    tell(len(answers), len(jobs))

    n = max(1, min(n_jobs, len(jobs)))
    with ThreadPoolExecutor(n) as pool:
        list(pool.map(one_worker, [list(jobs)[k::n] for k in range(n)]))
    return answers


def _early(job: Job) -> str | None:
    """Why a job is not worth a process, if so."""
    if len(job.y) < SHORTEST_HISTORY:
        return f"auto-ARIMA needs {SHORTEST_HISTORY} periods, there are {len(job.y)}"
    if not job.known:
        return f"auto-ARIMA needs a past origin with {SHORTEST_HISTORY} known periods to be judged by"
    if np.ptp(job.y / (float(np.abs(job.y).max()) or 1.0)) == 0:
        return "the history never changes: there is nothing for auto-ARIMA to learn"
    return None


def _gathered(
    jobs: dict[str, Job], answers: dict[str, Answer | str], firsts: dict[str, int], frequency: Frequency
) -> Votes:
    forecasts, backtests = [], []
    outcomes: list[tuple[str, str | None, bool, str | None]] = []
    states: dict[str, TotalState] = {}
    for name, job in jobs.items():
        answer = answers[name]
        if isinstance(answer, str):
            outcomes.append((name, None, False, answer))
            continue
        first, n = firsts[name], len(job.y)
        outcomes.append((name, answer.newest.label, job.state is None, None))
        states[name] = job.state or TotalState(
            answer.past, answer.newest, _day(frequency, first + job.known[0] - 1),
            _day(frequency, first + n - 1), job.season_length,
        )  # fmt: skip
        steps = np.arange(job.horizon)
        ahead = frequency.labels(first + n + steps)
        forecasts.append(pd.DataFrame({"unique_id": name, "ds": ahead, "mean": answer.mean}))
        for known, mean in zip(job.known, answer.origins, strict=True):
            days = frequency.labels(first + known - 1 + np.arange(job.horizon + 1))
            backtests.append(pd.DataFrame({"unique_id": name, "cutoff": days[0], "ds": days[1:], "mean": mean}))
    return Votes(
        _below(forecasts, ("unique_id", "ds", "mean")),
        _below(backtests, ("unique_id", "cutoff", "ds", "mean")),
        pd.DataFrame(outcomes, columns=["unique_id", "model", "is_searched", "reason"]),
        states,
    )


def _day(frequency: Frequency, ordinal: int) -> str:
    return str(frequency.labels([ordinal])[0].astype("datetime64[D]"))


def _below(frames: list[pd.DataFrame], columns: tuple[str, ...]) -> pd.DataFrame:
    if frames:
        return pd.concat(frames, ignore_index=True)
    kinds = {"unique_id": "str", "ds": "datetime64[s]", "cutoff": "datetime64[s]", "mean": "float64"}
    return pd.DataFrame({name: pd.Series(dtype=kinds[name]) for name in columns})
