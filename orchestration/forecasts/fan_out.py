"""Who computes tonight's forecasts, as the settings say.

Not here: the executors themselves (forecasting/executors.py), or what they compute (defs/forecast.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from forecasting.executors import DaskCluster, Executor, ExecutorError, LocalProcesses
from orchestration.errors import PermanentError, TransientError
from orchestration.settings import Settings


@contextmanager
def fanned_out(settings: Settings) -> Iterator[Executor]:
    """The executor of the settings, connected until the end.

    What goes wrong with it becomes one of our errors, with its remedy.

    Raises:
        TransientError: a cluster did not answer, lost its workers or its scheduler, or a chunk killed them.
        PermanentError: the same on this machine, where trying again finds the same memory; or Dask is not installed.

    >>> with fanned_out(Settings(forecast_processes=1)) as executor:
    ...     list(executor.map(abs, [-2]))
    [2]
    """
    is_dask = settings.forecast_executor == "dask"
    local = LocalProcesses(settings.forecast_processes)
    try:
        with DaskCluster(settings.dask_scheduler or "").connected() if is_dask else nullcontext(local) as executor:
            yield executor
    except ExecutorError as error:
        family = TransientError if is_dask else PermanentError
        raise family(f"the forecasts could not be computed: {error}", remedy=error.remedy) from error
