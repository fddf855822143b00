"""Auto-ARIMA's vote for the few dozen totals that are worth seconds each, beside the engine's for everything.

Not here: one series (arima.py, arima_work.py), the process it runs in (worker.py), what a vote counts (gate.py).
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from forecasting.arima import LONGEST_SEASON, SHORTEST_HISTORY
from forecasting.arima_work import Answer, Job, TotalState, prepare, vote
from forecasting.kernel import monthdays, yearly
from forecasting.panel import PanelError, require_columns, validate_panel
from forecasting.periods import Frequency
from forecasting.votes import Votes
from forecasting.worker import RecycledWorker, WorkerError, WorkerStartError

SECONDS_PER_SERIES = 60.0  # of the clock: both searches take 2 s of a CPU at 115 months, 7 s at 306
REFIT_AFTER_DAYS = 7
CALLS_PER_PROCESS = 8  # a new process costs 2 s of imports; seven with 1,100 days left it at 260 MB, with peaks of 680

Progress = Callable[[int, int], None]
Work = Callable[[Job], Answer | str]


@dataclass(frozen=True)
class TotalVotes(Votes):
    """ARIMA's word on the totals of a panel.

    ``outcomes``: one row per series of the panel: ``unique_id, model`` (missing where there is no vote),
    ``is_searched`` (its orders were chosen now). ``states`` by unique_id, for the next night.
    """

    outcomes: pd.DataFrame
    states: dict[str, TotalState]


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
) -> TotalVotes:
    """What auto-ARIMA says of every series of ``panel``, from its end and from the origins of ``backtest``.

    The orders of a series are chosen at its first origin with 24 known periods, which later origins only filter
    forward, and again at its end. With a state that is younger than 7 days nothing is learned: the new periods are
    filtered with what it holds. A year's season of weeks or days, and a month's of days, is taken out as an index
    before ARIMA sees the series.

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
        y = one["y"].to_numpy(dtype="float64").copy()
        enough = tuple(int(k) for k in known if k >= SHORTEST_HISTORY)
        season = next((m for m in seasons if 1 < m <= LONGEST_SEASON), 1)
        year = frequency.year if any(m > LONGEST_SEASON for m in seasons) else None
        job = Job(y, enough, horizon, season, _indices(y, enough, year, horizon, first if freq == "D" else None))
        firsts[str(name)] = first
        jobs[str(name)] = _with_state(job, (states or {}).get(str(name)), first, frequency)
    answers = _ask(jobs, work or vote, seconds_per_series, n_jobs, on_progress)
    return _gathered(jobs, answers, firsts, frequency)


def _indices(
    y: np.ndarray, known: tuple[int, ...], year: float | None, horizon: int, first_day: int | None
) -> tuple[np.ndarray | None, ...]:
    """The index of the month and of the year as each origin, and the end, knew it, over its past and its horizon.

    None for no index. What is said ahead is balanced too, see :func:`forecasting.kernel.monthdays.balance`.
    """
    indices: list[np.ndarray | None] = []
    for k in (*known, len(y)):
        index = np.ones(k + horizon)
        month, of_year = np.zeros(monthdays.SIZE), np.zeros(yearly.SIZE)
        scaled = y[:k] / (float(np.abs(y[:k]).max()) or 1.0)
        by_month = False
        if first_day is not None and monthdays.fit(scaled, first_day, month):
            monthdays.factors(first_day, month, index)
            by_month = True
        by_year = year is not None and bool(yearly.fit(scaled / index[:k], year, of_year))
        if by_year:
            index *= np.array([yearly.factor(t, of_year) for t in range(k + horizon)])
        if by_month:
            index[k:] *= monthdays.balance(scaled, index, k)
        indices.append(index if by_month or by_year else None)
    return tuple(indices)


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
    return replace(job, state=state)


def _ask(
    jobs: dict[str, Job], work: Work, seconds: float, n_jobs: int, tell: Progress | None
) -> dict[str, Answer | str]:
    """Every job's answer, or why there is none, by ``n_jobs`` workers that each have every n-th job."""
    answers: dict[str, Answer | str] = {}

    def one_worker(names: list[str]) -> None:
        with RecycledWorker(calls_per_process=CALLS_PER_PROCESS, prepare=prepare) as worker:
            broken = None
            for name in names:
                job = jobs[name]
                try:
                    # A search may take for ever and keeps its memory; a filter does neither, and a new process 4 s.
                    asked = partial(_filtered, work) if job.state else partial(worker.run, work, seconds=seconds)
                    answers[name] = broken or _early(job) or asked(job)
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


def _filtered(work: Work, job: Job) -> Answer | str:
    """The answer of a job that has a state, made in this process."""
    try:
        return work(job)
    except Exception as error:  # numerical libraries raise anything; one sick total must not stop the others
        return f"auto-ARIMA: {error}"


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
) -> TotalVotes:
    forecasts, backtests = [], []
    outcomes: list[tuple[str, str | None, bool]] = []
    silent: list[tuple[str, str]] = []
    states: dict[str, TotalState] = {}
    for name, job in jobs.items():
        answer = answers[name]
        if isinstance(answer, str):
            outcomes.append((name, None, False))
            silent.append((name, answer))
            continue
        first, n = firsts[name], len(job.y)
        outcomes.append((name, answer.newest.label, job.state is None))
        states[name] = job.state or TotalState(
            answer.past, answer.newest, _day(frequency, first + job.known[0] - 1),
            _day(frequency, first + n - 1), job.season_length,
        )  # fmt: skip
        ahead = frequency.labels(first + n + np.arange(job.horizon))
        forecasts.append(pd.DataFrame({"unique_id": name, "ds": ahead, "mean": answer.mean}))
        for known, mean in zip(job.known, answer.origins, strict=True):
            days = frequency.labels(first + known - 1 + np.arange(job.horizon + 1))
            backtests.append(pd.DataFrame({"unique_id": name, "cutoff": days[0], "ds": days[1:], "mean": mean}))
    return TotalVotes(
        _below(forecasts, ("unique_id", "ds", "mean")),
        _below(backtests, ("unique_id", "cutoff", "ds", "mean")),
        pd.DataFrame(silent, columns=["unique_id", "reason"], dtype="str"),
        pd.DataFrame(outcomes, columns=["unique_id", "model", "is_searched"]).astype({"unique_id": "str"}),
        states,
    )


def _day(frequency: Frequency, ordinal: int) -> str:
    return str(frequency.labels([ordinal])[0].astype("datetime64[D]"))


def _below(frames: list[pd.DataFrame], columns: tuple[str, ...]) -> pd.DataFrame:
    if frames:
        return pd.concat(frames, ignore_index=True)
    kinds = {"unique_id": "str", "ds": "datetime64[s]", "cutoff": "datetime64[s]", "mean": "float64"}
    return pd.DataFrame({name: pd.Series(dtype=kinds[name]) for name in columns})
