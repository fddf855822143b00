"""Compile the kernel ahead of the first night: ``python -m forecasting.kernel.warm_up``, a minute once per version.

Not here: how compiled code is kept (compiled.py).
"""

import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from forecasting.kernel.compiled import CACHE, CACHES, is_writable
from forecasting.kernel.registry import MODELS
from forecasting.nightly import forecast_night

_DONE = "complete"  # a file beside the compiled code, once all of it is there
_SERIES, _MONTHS = 24, 64  # enough for the weights to be learned and for series to be filtered forward


def is_warm() -> bool:
    """Was everything compiled already, for the kernel as it is?"""
    return (CACHE / _DONE).exists()


def warm_up() -> None:
    """Compile every entry point, by forecasting two nights of an invented panel and asking each model once."""
    panel = _panel()
    before = panel[panel["ds"] < panel["ds"].max()]
    first = forecast_night(before, freq="MS", horizon=3)
    forecast_night(panel, freq="MS", horizon=3, state=first.state)
    for model in MODELS.values():
        model(np.arange(1.0, 61.0), 12, 2)
    if is_writable():
        (CACHE / _DONE).touch()


def forget_others(folder: Path = CACHES) -> list[str]:
    """Remove the machine code of other versions of the kernel; the names of what was removed.

    Only folders with the name of a digest: Python keeps its own files in the same place.
    """
    others = [path for path in folder.glob("[0-9a-f]" * 16) if path.is_dir() and path.name != CACHE.name]
    for path in others:
        shutil.rmtree(path, ignore_errors=True)
    return sorted(path.name for path in others)


def _panel() -> pd.DataFrame:
    months = pd.date_range("2020-01-01", periods=_MONTHS, freq="MS")
    drawn = np.random.default_rng(1).gamma(5.0, 20.0, (_SERIES, _MONTHS))
    drawn[-1] *= np.arange(_MONTHS) % 3 == 0  # rare demand
    ids = [f"S{number:02}" for number in range(_SERIES)]
    return pd.DataFrame({"unique_id": np.repeat(ids, _MONTHS), "ds": np.tile(months, _SERIES), "y": drawn.ravel()})


def main() -> int:
    """Compile what is not compiled yet, and say so."""
    forget_others()
    if is_warm():
        return 0
    print("compiling the forecast models, about a minute", flush=True)
    started = time.perf_counter()
    warm_up()
    print(f"  compiled in {time.perf_counter() - started:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
