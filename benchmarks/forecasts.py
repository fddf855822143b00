"""Forecasts beside what they are held to: accuracy, coverage and CPU on known futures, and nights of many series.

Not here: the measuring (forecast_sets.py, forecast_peers.py, forecast_scale.py).
"""

import argparse
import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks import forecast_peers, forecast_scale, forecast_sets
from benchmarks.forecast_peers import Compared
from benchmarks.forecast_sets import EvaluationSet, Score

COMPARED_SET = "m3_monthly"


@dataclass(frozen=True)
class Tiers:
    """What a figure must be, should be and could be at best; the last may be unknown."""

    must: float
    target: float
    moonshot: float | None = None

    def reached(self, value: float, *, least: bool = False) -> str:
        """The best tier that ``value`` reaches, being at most it, or at least.

        >>> Tiers(0.81, 0.795, 0.775).reached(0.8)
        'must kept'
        >>> Tiers(10, 500).reached(9.0, least=True)
        'MISSED'
        """
        sign = -1 if least else 1
        for name, bound in (("moonshot", self.moonshot), ("target", self.target), ("must", self.must)):
            if bound is not None and sign * value <= sign * bound:
                return f"{name} kept"
        return "MISSED"


OWA = {
    "m3_monthly": Tiers(0.81, 0.795, 0.775),
    "m3_monthly_full": Tiers(0.823, 0.81, 0.795),
    "m3_quarterly_full": Tiers(0.88, 0.87, 0.855),
    "tourism_monthly": Tiers(0.80, 0.755, 0.71),
    "nn5_daily": Tiers(0.78, 0.752, 0.72),
}
COVERAGE = {"cov95": ((90, 98.5), (93, 97), (93.5, 96.5)), "cov80": ((75, 90), (77, 85), (78.5, 81.5))}  # per cent
RATIO = {forecast_peers.ARIMA: Tiers(10, 500, 5000), forecast_peers.PMDARIMA: Tiers(80, 4000)}
NIGHT_SECONDS = Tiers(60, 5, 1)  # for 30,000 series, to which the measured seconds are extended
SECOND_NIGHT_PCT = Tiers(10, 2)
GROWTH_MB = 50.0
NIGHT_SERIES = 30_000


def add_options(parser: argparse.ArgumentParser) -> None:
    """How much of it to measure."""
    parser.add_argument("--eval", type=Path, default=forecast_sets.FOLDER, metavar="DIR", help="series to forecast")
    parser.add_argument("--sets", nargs="+", choices=forecast_sets.SETS, default=forecast_sets.SETS)
    parser.add_argument("--set-series", type=int, help="the first so many series of each set")
    parser.add_argument("--peer-series", type=int, nargs=2, metavar=("STATSFORECAST", "PMDARIMA"))
    parser.add_argument("--night-series", type=int, default=NIGHT_SERIES)
    parser.add_argument("--fits", type=int, default=10_000, help="over which memory must not grow")


def measure(options: argparse.Namespace) -> list[str]:
    """Measure and print; one line for each figure that something is promised of."""
    with threadpool_limits(1):
        return [*_sets(options), *_nights(options.night_series, options.fits)]


def _sets(options: argparse.Namespace) -> list[str]:
    folder: Path = options.eval
    if not (folder / "data" / "sets.json").exists():
        print(f"no series to forecast in {os.path.relpath(folder)}: accuracy is not measured\n", flush=True)
        return []
    lines: list[str] = []
    print(f"{'set':18} series    OWA  sMAPE  MASE RMSSE  cov80  cov95   MSIS95  CPU ms a series", flush=True)
    for name in options.sets:
        if not forecast_sets.is_there(folder, name):
            continue
        one = forecast_sets.load(folder, name, options.set_series)
        forecast_sets.forecast_set(one.only(list(one.train["unique_id"].unique()[:3])))  # compiled before it is timed
        forecast, seconds = forecast_sets.forecast_set(one)
        score = forecast_sets.score(forecast, one)
        print(_row(one, score, seconds), flush=True)
        for difference in forecast_sets.differences(forecast, one, score, folder):
            print(f"  evaluate.py does not agree: {difference}", flush=True)
        lines += _accuracy_lines(one, score)
    print("", flush=True)
    return lines + _peers(folder, options)


def _peers(folder: Path, options: argparse.Namespace) -> list[str]:
    counts = options.peer_series or ((200, 50) if options.full else (12, 4))
    if not any(counts):
        return []
    one = forecast_sets.load(folder, COMPARED_SET, options.set_series)
    compared = forecast_peers.compare(one, *counts)
    print(f"{COMPARED_SET:18} series   CPU ms    × ours     OWA (ours)  cov95 (ours)   MSIS95 (ours)")
    for peer in compared:
        print(_peer_row(peer))
    print("", flush=True)
    lines = [
        _line(f"CPU of {peer.name}, of ours", peer.ratio, "×", RATIO[peer.name], least=True)
        for peer in compared
        if peer.name in RATIO
    ]
    ensembles = [peer for peer in compared if peer.name == forecast_peers.ENSEMBLE]
    for peer in ensembles:
        share = peer.ours.msis95 / peer.theirs.msis95
        lines.append(_line(f"MSIS of 95 %, of statsforecast's ensemble ({peer.n_series})", share, "×", Tiers(1, 1, 1)))
    return lines


def _nights(n_series: int, fits: int) -> list[str]:
    lines: list[str] = []
    panel = forecast_scale.monthly_demand(n_series)
    night = forecast_scale.nights(panel)
    print(
        f"{night.n_series:,} monthly series, 12 origins: {night.first:.2f} s of CPU, "
        f"{1e6 * night.first / night.n_series:,.0f} µs a series; {night.compile:.1f} s to import and compile\n"
        f"the night after, 1 % with a new month: {night.second:.3f} s given those, {night.second_whole:.3f} s all",
        flush=True,
    )
    seconds = night.first * NIGHT_SERIES / night.n_series
    what = "CPU of 30,000 monthly series and 12 origins" + (" (scaled up)" if n_series != NIGHT_SERIES else "")
    lines.append(_line(what, seconds, "s", NIGHT_SECONDS))
    for given, spent in (("those", night.second), ("all", night.second_whole)):
        what = f"CPU of a night with 1 % new, given {given}, of the first"
        lines.append(_line(what, 100 * spent / night.first, "%", SECOND_NIGHT_PCT))
    growth = forecast_scale.memory_growth(fits)
    print(f"{growth.before_mb:.0f} MB, after {growth.fits:,} fits more {growth.after_mb:.0f} MB\n", flush=True)
    grown = growth.after_mb - growth.before_mb
    lines.append(_line(f"MB more after {growth.fits:,} fits", grown, "MB", Tiers(GROWTH_MB, GROWTH_MB)))
    return lines


def _accuracy_lines(one: EvaluationSet, score: Score) -> list[str]:
    lines = [_line(f"OWA {one.name} ({one.n_series})", score.owa, "", OWA[one.name])] if one.name in OWA else []
    for measure_name, ranges in COVERAGE.items():
        value = dataclasses.asdict(score)[measure_name]
        names = ("must", "target", "moonshot")
        inside = [name for name, (low, high) in zip(names, ranges, strict=True) if low <= value <= high]
        asked = " · ".join(f"{low:g}–{high:g}" for low, high in ranges)
        what = f"coverage of {measure_name[3:]} % intervals, {one.name}"
        lines.append(f"  {what:55} {value:8.2f} %   asked: {asked}  {f'{inside[-1]} kept' if inside else 'MISSED'}")
    return lines


def _line(what: str, value: float, unit: str, tiers: Tiers, *, least: bool = False) -> str:
    bounds = [bound for bound in (tiers.must, tiers.target, tiers.moonshot) if bound is not None]
    asked = " · ".join(f"{bound:g}" for bound in dict.fromkeys(bounds))
    sign = "≥" if least else "≤"
    return f"  {what:55} {value:8.3f} {unit:2}  asked: {sign} {asked}  {tiers.reached(value, least=least)}"


def _row(one: EvaluationSet, score: Score, seconds: float) -> str:
    missing = f"  {score.missing} periods without a forecast" if score.missing else ""
    return (
        f"{one.name:18} {one.n_series:6,} {score.owa:6.3f} {score.smape:6.2f} {score.mase:5.3f} {score.rmsse:5.3f} "
        f"{score.cov80:6.1f} {score.cov95:6.1f} {score.msis95:8.2f} {1000 * seconds / one.n_series:12.3f}{missing}"
    )


def _peer_row(peer: Compared) -> str:
    return (
        f"{peer.name:18} {peer.n_series:6,} {peer.cpu_ms:8.1f} {peer.ratio:9,.1f}  {peer.theirs.owa:6.3f} "
        f"({peer.ours.owa:.3f})  {peer.theirs.cov95:5.1f} ({peer.ours.cov95:.1f})  "
        f"{peer.theirs.msis95:7.2f} ({peer.ours.msis95:.2f})"
    )
