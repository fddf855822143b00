"""What is kept of a panel's models from one night to the next, and how it becomes rows and is read again.

Not here: what a night does with it (nightly.py).
"""

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.intervals import Calibration, Pool
from forecasting.kernel.compiled import ENGINE_VERSION
from forecasting.kernel.members import COUNT

STATE_COLUMNS = ("unique_id", "version", "n_periods", "next_period", "fingerprint", "n_fit", "payload")
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
    weights: np.ndarray
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

    def replaced(self, stays: np.ndarray, *others: "ModelState") -> "ModelState":
        """The series of these indices and those of the others, sorted by id; what is shared is this one's."""
        ids = np.concatenate([self.ids[stays], *(other.ids for other in others)])
        order = np.argsort(ids.astype("str"), kind="stable")
        place = np.empty(len(order), dtype="int64")
        place[order] = np.arange(len(order))
        source = np.zeros(len(order), dtype="int64")
        source[place[: len(stays)]] = stays
        parts = {}
        for name in _PER_SERIES:
            mine = getattr(self, name)
            whole = mine[source] if len(mine) else np.empty((len(order), *mine.shape[1:]), dtype=mine.dtype)
            begin = len(stays)
            for array in (getattr(other, name) for other in others):
                whole[place[begin : begin + len(array)]] = array
                begin += len(array)
            parts[name] = whole
        return ModelState(self.key, self.learned_at, self.weights, self.calibration, **parts)

    def to_frame(self) -> pd.DataFrame:
        """One row per series and one that they share, columns STATE_COLUMNS; payloads are bytes."""
        values, past = (block.reshape(len(self.ids), np.prod(block.shape[1:])) for block in (self.values, self.past))
        blocks = [self.own, values, past, self.origins, self.kinds, self.lost]
        numbers = np.concatenate([*blocks, self.params], axis=1)
        payloads = [
            row.tobytes() + json.dumps(labels).encode()
            for row, labels in zip(np.ascontiguousarray(numbers), self.labels.tolist(), strict=True)
        ]
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
        raw = [bytes(payload) for payload in series["payload"]]
        numbers = np.frombuffer(b"".join(one[: 8 * width] for one in raw)).reshape(len(raw), width)
        own, values, past, known, kinds, lost, params = (
            np.ascontiguousarray(block) for block in np.split(numbers, np.cumsum(sizes)[:-1], axis=1)
        )
        return cls(
            key=str(shared["version"].iloc[0]),
            learned_at=int(shared["next_period"].iloc[0]),
            weights=np.array(common["weights"]).reshape(2, COUNT),
            calibration=_calibration(common, horizon),
            ids=series["unique_id"].to_numpy(dtype=object),
            n_periods=series["n_periods"].to_numpy(dtype="int64"),
            next_period=series["next_period"].to_numpy(dtype="int64"),
            fingerprints=series["fingerprint"].to_numpy(dtype="int64"),
            n_fit=series["n_fit"].to_numpy(dtype="int64"),
            params=params,
            own=own,
            values=values.reshape(len(raw), columns, horizon),
            past=past.reshape(len(raw), origins, horizon),
            origins=known.astype("int64"),
            kinds=kinds.astype("int64"),
            lost=lost.astype("int64"),
            labels=np.array([json.loads(one[8 * width :]) for one in raw], dtype=object).reshape(len(raw), 3),
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
                "weights": self.weights.tolist(),
                "pools": pools,
            }
        ).encode()


_PER_SERIES = (
    "ids", "n_periods", "next_period", "fingerprints", "n_fit", "params", "own", "values", "labels", "past", "origins",
    "kinds", "lost",
)  # fmt: skip


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
