"""Histories that forecasters stumble over, one array each, oldest first. Not here: panels, or what must come of it."""

import numpy as np

SEED = 20240229


def awkward(year: int) -> dict[str, np.ndarray]:
    """By name; ``year`` is the number of periods in one, which the classes of demand go by."""
    rng = np.random.default_rng(SEED)
    n = max(2 * min(year, 52) + 5, 48)
    t = np.arange(n)
    quarter = max(year // 4, 1)
    noise = rng.normal(0, 5, n)
    wave = 100 + 30 * np.sin(2 * np.pi * t / min(year, 52)) + noise
    rare = np.where(rng.random(n) < 0.25, rng.integers(1, 5, n), 0).astype("float64")
    rare[-2] = 3.0  # still alive
    series = {
        "constant": np.full(n, 7.0),
        "zero": np.zeros(n),
        "one point": np.array([12.0]),
        "one zero": np.array([0.0]),
        "two points": np.array([3.0, 4.0]),
        "three points": np.array([3.0, 1.0, 2.0]),
        "short of a season": wave[: max(min(year, 52) - 1, 4)],
        "new": np.array([1.0, 0, 2, 3, 1, 4]),
        "seasonal": wave,
        "trend": 10 + 2.0 * t + noise / 5,
        "falling to zero": np.maximum(40 - 1.2 * t, 0) + 1,
        "negative": rng.normal(-20, 5, n),
        "mixed sign": rng.normal(0, 5, n),
        "one return": np.r_[wave[:-1], -3.0],
        "huge": 1e15 * wave,
        "nearly overflowing": 1.7e308 * rng.random(n),
        "nearly overflowing, mixed": 1.7e308 * rng.uniform(-1, 1, n),
        "1e300": 1e300 * wave / wave.max(),
        "tiny": 1e-12 * wave,
        "subnormal": 5e-324 * rng.integers(1, 9, n),
        "both huge and tiny": np.where(t % 2 == 0, 1e-300, 1e300),
        "exploding": 2.0 ** np.minimum(t, 900),
        "exploding down": -(2.0 ** np.minimum(t, 900)),
        "one spike": np.r_[np.zeros(n - 4), 1e9, np.zeros(3)],
        "first alone": np.r_[1e6, np.ones(n - 1)],
        "last alone": np.r_[np.ones(n - 1), 1e6],
        "level shift": np.where(t < n - 20, 1.0, 1000.0),
        "alternating": np.where(t % 2 == 0, 0.0, 9.0),
        "nearly constant": 1.0 + 1e-15 * (t % 3),
        "intermittent": rare,
        "lumpy": rare**4,
        "dead": np.r_[rng.poisson(9, n), np.zeros(max(2 * quarter, 8))].astype("float64"),
        "Grüße 🎁 'x'; --": rng.poisson(50, n).astype("float64"),
    }
    if year > 1:
        position = np.arange(2 * year - quarter // 2) % year
        series["sleeping"] = np.where((position >= year // 4) & (position < year // 2), 40.0, 0.0)
    return series
