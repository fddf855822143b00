"""The benchmarks run, at a size at which their figures mean nothing: nothing here is timed.

Not here: the nights among them, which cost minutes; test_definitions.py holds the stages that they leave out.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import forecast_scale, forecast_sets
from benchmarks.__main__ import main
from benchmarks.memory import into_one_file


def test_load_and_memory_are_measured_beside_what_is_promised(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "load", "memory", "--demo-days", "3", "--repetitions", "1", "--rows", "2000"]) == 0
    promised = capsys.readouterr().out.partition("promised and measured\n")[2].splitlines()
    assert [line.split("  promised: ")[1].split()[:2] for line in promised[:2]] == [["≤", "4"], ["≤", "600"]]
    assert promised[0].strip().startswith("loading demo, over a bare COPY")
    assert float(promised[1].split("MB  promised")[0].split()[-1]) > 20


def test_reconciliation_is_measured_beside_the_library(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "reconciliation"]) == 0
    said, _, promised = capsys.readouterr().out.partition("promised and measured\n")
    assert "hierarchicalforecast" in said
    assert [line.split("  promised: ")[1].split()[1] for line in promised.splitlines()[:2]] == ["2", "50"]


def test_files_become_one_with_every_document_number_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('Nr;Name\nRE-1;"Ä; RE-1"\n', encoding="utf-8")
    (tmp_path / "b.csv").write_text("Nr;Name\nGS-2;x\n", encoding="utf-8")
    into_one_file(tmp_path, 5)
    lines = (tmp_path / "all.csv").read_text(encoding="utf-8").splitlines()
    assert lines == ["Nr;Name", 'RE0-1;"Ä; RE-1"', "GS0-2;x", 'RE1-1;"Ä; RE-1"', "GS1-2;x"]
    assert list(tmp_path.iterdir()) == [tmp_path / "all.csv"]


def known_futures(folder: Path) -> Path:
    """A folder of evaluation data as the public one is built: three series of 40 months, half a year held out."""
    (folder / "data").mkdir()
    about = {"m3_monthly": {"h": 6, "m": 12, "freq": "MS"}}
    (folder / "data" / "sets.json").write_text(json.dumps(about), encoding="utf-8")
    rng = np.random.default_rng(1)
    months = pd.date_range("2020-01-01", periods=40, freq="MS")
    series = pd.concat(pd.DataFrame({"unique_id": i, "ds": months, "y": rng.poisson(50, 40)}) for i in "ABC")
    held_out = series["ds"] >= months[34]
    series[held_out].to_csv(folder / "data" / "m3_monthly_test.csv", index=False)
    series[~held_out].to_csv(folder / "data" / "m3_monthly_train.csv", index=False)
    return folder


def test_forecasts_are_measured_beside_what_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    size = ["--peer-series", "0", "1", "--night-series", "4", "--fits", "4"]
    asked = ["--only", "forecasts", "--eval", str(known_futures(tmp_path)), "--sets", "m3_monthly", *size]
    assert main(asked) == 0
    before, _, promised = capsys.readouterr().out.partition("promised and measured\n")
    for words in (
        "OWA m3_monthly (3)",
        "coverage of 95 %",
        "CPU of pmdarima",
        "30,000 monthly",
        "MB more after 4 fits",
    ):
        assert sum(words in line for line in promised.splitlines()) == 1, words
    assert "evaluate.py does not agree" not in before
    assert float(before.split("m3_monthly")[1].split()[1]) > 0.3  # an OWA: noise cannot be forecast much better


def test_without_series_the_nights_are_measured_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--only", "forecasts", "--eval", str(tmp_path), "--night-series", "4", "--fits", "4"]) == 0
    printed = capsys.readouterr().out
    assert "accuracy is not measured" in printed
    assert "4 monthly series, 12 origins" in printed
    assert "OWA" not in printed


def test_scores_by_hand_and_a_missing_forecast_is_naive2s() -> None:
    months = pd.date_range("2024-01-01", periods=5, freq="MS")
    whole = pd.DataFrame({"unique_id": "A", "ds": months, "y": [1.0, 3.0, 1.0, 3.0, 1.0]})
    one = forecast_sets.EvaluationSet("hand", whole.head(3), whole.tail(2), "MS", 2, 1)
    bounds = {"lo-80": 0.0, "hi-80": 2.5, "lo-95": 0.0, "hi-95": 4.0}
    forecast = pd.DataFrame({"unique_id": "A", "ds": months[3:], "mean": [1.0, 2.0], **bounds})
    score = forecast_sets.score(forecast, one)
    assert score.smape == pytest.approx((200 * 2 / 4 + 200 * 1 / 3) / 2)
    assert (score.mase, score.rmsse, score.cov80, score.cov95) == pytest.approx((0.75, (2.5 / 4) ** 0.5, 50, 100))
    assert score.msis95 == pytest.approx(4 / 2)
    assert score.owa == pytest.approx((score.smape / 50 + 0.75 / 0.5) / 2)  # Naive2 says 1 and 1
    alone = forecast_sets.score(forecast.head(1), one)
    assert (alone.missing, alone.mase) == (1, pytest.approx(0.5))


@pytest.mark.skipif(
    not (forecast_sets.FOLDER / "evaluate.py").exists(), reason="no evaluation data beside the checkout"
)
@pytest.mark.parametrize("name", ["m3_monthly", "m3_quarterly_full", "m5_monthly", "m1_yearly"])
def test_the_published_harness_scores_as_we_do(name: str) -> None:
    one = forecast_sets.load(forecast_sets.FOLDER, name, 12)
    last = one.train.groupby("unique_id")["y"].last()
    mean = one.test["unique_id"].map(last)
    forecast = one.test[["unique_id", "ds"]].assign(mean=mean.where(one.test.index % 7 != 3))
    for level, share in ((80, 0.2), (95, 0.4)):
        forecast[f"lo-{level}"], forecast[f"hi-{level}"] = mean * (1 - share), mean * (1 + share)
    score = forecast_sets.score(forecast, one)
    assert score.missing > 5
    assert forecast_sets.differences(forecast, one, score, forecast_sets.FOLDER) == []
    wrong = forecast.assign(mean=forecast["mean"] * 1.001)
    assert forecast_sets.differences(wrong, one, score, forecast_sets.FOLDER) != []


def test_invented_demand_is_like_item_stores_and_a_hundredth_of_it_grows() -> None:
    panel = forecast_scale.monthly_demand(400)
    lengths = panel.groupby("unique_id").size()
    assert lengths.between(12, 60).all()
    assert 0.05 < (panel["y"] == 0).mean() < 0.3
    grown = forecast_scale.with_new_months(panel, 0.01)
    assert len(grown) == len(panel) + 4
    assert (grown.groupby("unique_id").size() - lengths).sum() == 4
    pd.testing.assert_frame_equal(panel, forecast_scale.monthly_demand(400))
