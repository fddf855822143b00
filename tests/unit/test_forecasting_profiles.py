"""Short series with the help of their category: seasons, launches, credibility, and awkward series.

Not here: series with two seasons of their own (test_forecasting_engine.py).
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.panel import empty_panel
from forecasting.profiles import LAUNCH, MEAN, PROFILE, profile_votes

MONTHS = pd.date_range("2020-01-01", periods=48, freq="MS").astype("datetime64[s]")
CHRISTMAS = np.tile(np.r_[np.full(11, 9.0), 21.0], 4) / 10.0


def months(y: np.ndarray, unique_id: str, last: int = 48) -> pd.DataFrame:
    return pd.DataFrame({"unique_id": unique_id, "ds": MONTHS[last - len(y) : last], "y": y})


def donors(category: str, season: np.ndarray = CHRISTMAS, n: int = 4) -> list[pd.DataFrame]:
    return [months((50 + 10 * i) * season, f"{category}{i}") for i in range(n)]


def votes(*frames: pd.DataFrame, horizon: int = 12, groups: dict[str, str] | None = None) -> pd.DataFrame:
    panel = pd.concat(frames)
    named = {i: i[0] for i in panel["unique_id"].unique()} if groups is None else groups
    return profile_votes(panel, named, freq="MS", horizon=horizon)


def test_a_season_is_borrowed_and_the_level_is_its_own() -> None:
    found = votes(*donors("C"), months(7 * CHRISTMAS[-10:], "Cnew"))
    assert found["unique_id"].unique().tolist() == ["Cnew"]  # the others have seasons of their own
    assert found["mean"].to_numpy() == pytest.approx(7 * CHRISTMAS[:12], rel=0.02)
    assert set(found["model_used"]) == {PROFILE}


def test_each_category_has_its_own_season_and_a_small_one_that_of_all() -> None:
    summer = np.tile(np.r_[np.full(6, 1.5), np.full(6, 0.5)], 4)
    found = votes(
        *donors("C"), *donors("S", summer), months(np.full(10, 4.0), "Snew"), months(np.full(10, 4.0), "Znew")
    )
    by_id = found.groupby("unique_id")["mean"].apply(np.array)
    assert by_id["Snew"][:6].min() > 2 * by_id["Snew"][6:].max()
    assert by_id["Znew"][11] / by_id["Znew"][10] > 1.1  # some of December


def test_series_that_do_not_agree_teach_nothing() -> None:
    rng = np.random.default_rng(0)
    noise = [months(rng.gamma(2.0, 25.0, 48), f"N{i}") for i in range(20)]
    found = votes(*noise, months(np.full(10, 4.0), "Nnew"))["mean"].to_numpy()
    assert found == pytest.approx(np.full(12, 4.0), rel=0.15)


def test_the_end_of_a_product_is_not_a_season() -> None:
    ended = [months(np.r_[np.full(30, 40.0), np.zeros(18)], f"E{i}") for i in range(6)]
    found = votes(*ended, months(np.full(9, 8.0), "Enew"))["mean"].to_numpy()
    assert found == pytest.approx(np.full(12, 8.0))


def test_one_point_leans_on_what_its_category_sells() -> None:
    steady = [months(np.random.default_rng(i).normal(100, 40, 48).clip(0), f"A{i}") for i in range(6)]
    found = votes(*steady, months(np.array([4.0]), "Anew"), horizon=1)
    assert 50 < found["mean"].item() < 100
    assert found["model_used"].item() == LAUNCH


def test_a_launch_goes_on_as_the_launches_before_it_did() -> None:
    rising = np.r_[1.0, 2, 4, 8, 16, np.full(19, 16.0)]
    old = [months(k * rising, f"L{i}") for i, k in enumerate((1, 3, 9, 27))]
    first = months(np.full(48, 5.0), "X")  # the panel begins before the launches
    found = votes(*old, first, months(np.array([3.0, 6.0]), "Lnew"), horizon=6, groups={})["mean"].to_numpy()
    assert found[-1] > 1.5 * found[0] > 0


@pytest.mark.parametrize(
    "y",
    [[0.0], [5.0], [0.0] * 9, [1e300] * 9, [1e-300] * 9, [0.0, 0, 0, 7], list(np.exp(np.arange(20.0) * 9))],
)
def test_awkward_series_have_finite_forecasts_that_are_not_negative(y: list[float]) -> None:
    found = votes(*donors("C"), months(np.array(y), "Cnew"), horizon=3)["mean"].to_numpy()
    assert len(found) == 3
    assert np.isfinite(found).all()
    assert (found >= 0).all()


def test_returns_keep_their_mean() -> None:
    found = votes(*donors("C"), months(np.full(9, -3.0), "Cnew"), horizon=2)
    assert found["mean"].to_numpy() == pytest.approx([-3.0, -3.0])
    assert set(found["model_used"]) == {MEAN}


def test_no_panel_no_votes_and_no_short_series_none_either() -> None:
    assert profile_votes(empty_panel(), {}, freq="MS", horizon=2).empty
    assert votes(*donors("C")).empty


@pytest.mark.parametrize("freq", ["D", "W-SUN", "MS"])
def test_a_series_alone_and_a_leap_day(freq: str) -> None:
    ds = pd.date_range("2024-02-25", periods=5, freq=freq).astype("datetime64[s]")
    panel = pd.DataFrame({"unique_id": "ä", "ds": ds, "y": [2.0, 4.0, 2.0, 4.0, 3.0]})
    found = profile_votes(panel, {}, freq=freq, horizon=400 if freq == "D" else 3)
    assert found["mean"].to_numpy() == pytest.approx(3.0, rel=0.2)


def test_an_origin_does_not_see_its_future() -> None:
    old, new = donors("C"), months(7 * CHRISTMAS[-20:], "Cnew")
    origin = pd.DataFrame({"unique_id": ["Cnew"], "cutoff": MONTHS[[38]]})
    groups = {f"C{i}": "C" for i in [*range(4), "new"]}
    seen = []
    for later in (1.0, 50.0):
        frames = [f.assign(y=np.where(f["ds"] > MONTHS[38], later * f["y"], f["y"])) for f in [*old, new]]
        seen.append(profile_votes(pd.concat(frames), groups, freq="MS", horizon=6, origins=origin))
    assert seen[0]["cutoff"].unique() == MONTHS[[38]]
    assert seen[0]["mean"].to_numpy() == pytest.approx(seen[1]["mean"].to_numpy(), rel=1e-9)


@given(st.floats(1e-6, 1e6), st.integers(1, 23))
@settings(max_examples=25, deadline=None)
def test_scaling_a_panel_scales_its_forecasts(factor: float, n: int) -> None:
    frames = [*donors("C"), months(7 * CHRISTMAS[-n:], "Cnew")]
    one = votes(*frames)["mean"].to_numpy()
    many = votes(*[f.assign(y=factor * f["y"]) for f in frames])["mean"].to_numpy()
    assert many == pytest.approx(factor * one, rel=1e-9)
