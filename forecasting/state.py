"""What is kept of a panel's models from one night to the next, and how it becomes rows and is read again.

Not here: what a night does with it (nightly.py).
"""

import json
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import pandas as pd

from forecasting.intervals import Calibration, Pool
from forecasting.kernel.compiled import ENGINE_VERSION
from forecasting.weights import Weights

STATE_COLUMNS = ("unique_id", "version", "n_periods", "next_period", "fingerprint", "n_fit", "payload")
_MANY_IDS = 3000  # from which a table of them is quicker than a search for each
SHARED = ""  # the unique_id of the row that all series share


@dataclass(frozen=True)
class ModelState:
    """The models of a panel after a night, series by series, and what they share.

    ``ids``, ``n_periods``, ``next_period`` (ordinal), ``fingerprints``, ``n_fit``, ``params`` (series,
    parameters), ``own`` (series, 2; see :func:`forecasting.intervals.calibrate`), ``values`` (series, columns,
    horizon): mean, then lo and hi by level; ``labels``: model_used, demand_class, fallback_reason, shape
    (series, 3), of objects. ``past`` (series, origins, horizon), ``origins`` (points known, 0 = none), ``kinds`` and
    ``lost`` (series, origins) are the backtest that the intervals were calibrated on.
    """

    key: str
    learned_at: int
    weights: Weights
    calibration: Calibration
    ids: np.ndarray
    n_periods: np.ndarray
    next_period: np.ndarray
    fingerprints: np.ndarray
    n_fit: np.ndarray
    params: np.ndarray
    own: np.ndarray
    values: np.ndarray
    labels: np.ndarray
    past: np.ndarray
    origins: np.ndarray
    kinds: np.ndarray
    lost: np.ndarray

    @staticmethod
    def key_of(*choices: object) -> str:
        """What a state depends on beside the data: the engine's version and the caller's choices.

        >>> ModelState.key_of("MS", 12) == ModelState.key_of("MS", 13)
        False
        """
        return " ".join(map(str, (ENGINE_VERSION, *choices)))

    def to_frame(self) -> pd.DataFrame:
        """One row per series and one that they share, columns STATE_COLUMNS; payloads are bytes."""
        values, past = (block.reshape(len(self.ids), np.prod(block.shape[1:])) for block in (self.values, self.past))
        blocks = [self.own, values, past, self.origins, self.kinds, self.lost]
        numbers = np.concatenate([*blocks, self.params], axis=1)
        words = cache(lambda *labels: json.dumps(labels).encode())  # of many series there are few
        payloads = [row.tobytes() + words(*labels) for row, labels in zip(numbers, self.labels.tolist(), strict=True)]
        frame = pd.DataFrame(
            {
                "unique_id": pd.Series(np.r_[[SHARED], self.ids], dtype="str"),
                "version": self.key,
                "n_periods": np.r_[0, self.n_periods],
                "next_period": np.r_[self.learned_at, self.next_period],
                "fingerprint": np.r_[0, self.fingerprints],
                "n_fit": np.r_[0, self.n_fit],
            }
        )
        return frame.assign(payload=pd.Series([self._shared(), *payloads], dtype="object"))

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> "ModelState | None":
        """The state of :meth:`to_frame`'s rows, in any order; None where there is none or another version wrote it."""
        if (
            frame.empty
            or frame["version"].nunique() != 1
            or not str(frame["version"].iloc[0]).startswith(ENGINE_VERSION)
        ):
            return None
        shared = frame[frame["unique_id"] == SHARED]
        if len(shared) != 1:
            return None
        series = frame[frame["unique_id"] != SHARED].sort_values("unique_id", ignore_index=True)
        common = json.loads(bytes(shared["payload"].iloc[0]))
        horizon, columns, origins = int(common["horizon"]), int(common["columns"]), int(common["origins"])
        sizes = [2, columns * horizon, origins * horizon, origins, origins, origins, int(common["parameters"])]
        width = sum(sizes)
        payloads = series["payload"].tolist()
        blocks = b"".join(memoryview(one)[: 8 * width] for one in payloads)
        numbers = np.frombuffer(blocks).reshape(len(payloads), width)
        own, values, past, known, kinds, lost, params = np.split(numbers, np.cumsum(sizes)[:-1], axis=1)
        words = cache(json.loads)
        labels = [words(bytes(one[8 * width :])) for one in payloads]
        return cls(
            key=str(shared["version"].iloc[0]),
            learned_at=int(shared["next_period"].iloc[0]),
            weights=Weights(np.array(common["weights"]), np.array(common["weights_then"])),
            calibration=_calibration(common, horizon),
            ids=series["unique_id"].to_numpy(dtype=object),
            n_periods=series["n_periods"].to_numpy(dtype="int64"),
            next_period=series["next_period"].to_numpy(dtype="int64"),
            fingerprints=series["fingerprint"].to_numpy(dtype="int64"),
            n_fit=series["n_fit"].to_numpy(dtype="int64"),
            params=params,
            own=own,
            values=values.reshape(len(payloads), columns, horizon),
            past=past.reshape(len(payloads), origins, horizon),
            origins=known.astype("int64"),
            kinds=kinds.astype("int64"),
            lost=lost.astype("int64"),
            labels=np.array(labels, dtype=object).reshape(len(payloads), 3),
        )

    def _shared(self) -> bytes:
        pools = {
            str(group): {
                "quantiles": one.quantiles.tolist(),
                "counts": one.counts.tolist(),
                "spreads": one.spreads.tolist(),
                "windows": one.windows,
                "mean_square": one.mean_square,
            }
            for group, one in self.calibration.pools.items()
        }
        return json.dumps(
            {
                "horizon": self.calibration.horizon,
                "columns": self.values.shape[1],
                "origins": self.past.shape[1],
                "parameters": self.params.shape[1],
                "weights": self.weights.now.tolist(),
                "weights_then": self.weights.then.tolist(),
                "pools": pools,
            }
        ).encode()


def _calibration(common: dict[str, object], horizon: int) -> Calibration:
    pools = {
        int(group): Pool(
            np.array(one["quantiles"]),
            np.array(one["counts"]),
            np.array(one["spreads"]),
            int(one["windows"]),
            float(one["mean_square"]),
        )
        for group, one in common["pools"].items()  # type: ignore[attr-defined]
    }
    return Calibration(horizon, pools)


_PER_SERIES = (
    "ids", "n_periods", "next_period", "fingerprints", "n_fit", "params", "own", "values", "labels", "past", "origins",
    "kinds", "lost",
)  # fmt: skip


@dataclass(frozen=True)
class Succession:
    """A state in which some series have taken another's place: what was before, what stays of it, what has changed.

    The whole is made column by column when it is asked for: of 30,000 series whose models take 80 MB, a night with
    news of 300 reads the forecasts of all, and the models of none but those. ``stays`` are rising indices into
    ``before``; ``changed`` shares its key, weights and calibration.
    """

    before: ModelState
    stays: np.ndarray
    changed: ModelState

    @classmethod
    def of(cls, state: ModelState) -> "Succession":
        """That of a first night: everything has changed."""
        return cls(state, np.zeros(0, dtype="int64"), state)

    @cached_property
    def state(self) -> ModelState:
        """The whole, by id."""
        state = self.changed
        parts = {name: self.column(name) for name in _PER_SERIES}
        return ModelState(state.key, state.learned_at, state.weights, state.calibration, **parts)

    @cached_property
    def gone(self) -> np.ndarray:
        """The ids that were before, and are no longer."""
        left = np.ones(len(self.before.ids), dtype=bool)
        left[self.stays] = False
        at = located(self.before.ids, self.changed.ids)
        left[at[at >= 0]] = False
        gone: np.ndarray = self.before.ids[left]
        return gone

    def column(self, name: str) -> np.ndarray:
        """One field of :class:`ModelState` that has a row for each series, of all of them."""
        mine, other = getattr(self.before, name), getattr(self.changed, name)
        if not len(self.stays):
            return np.asarray(other)
        source, place = self._places
        whole: np.ndarray = mine[source]
        whole[place] = other
        return whole

    @cached_property
    def _places(self) -> tuple[np.ndarray, np.ndarray]:
        """Which row of the state before stands in each row of the whole, and in which rows stands what has changed."""
        place = np.searchsorted(self.before.ids[self.stays], self.changed.ids) + np.arange(len(self.changed.ids))
        source = np.zeros(len(self.stays) + len(place), dtype="int64")
        others = np.ones(len(source), dtype=bool)
        others[place] = False
        source[others] = self.stays
        return source, place


def located(ids: np.ndarray, sought: np.ndarray) -> np.ndarray:
    """Where each of ``sought`` stands in ``ids``, −1 where it does not; both sorted, of shape (series,).

    >>> located(np.array(["A", "C"], dtype=object), np.array(["B", "C"], dtype=object)).tolist()
    [-1, 1]
    """
    if len(ids) == len(sought) and (ids == sought).all():
        return np.arange(len(ids))
    if len(sought) > _MANY_IDS:  # a table of all ids takes 3 ms for 30,000, a search 1 µs an id
        return np.asarray(pd.Index(ids).get_indexer(sought))
    at = np.searchsorted(ids, sought)
    stands = at < len(ids)
    stands[stands] = ids[at[stands]] == sought[stands]
    return np.where(stands, at, -1)
