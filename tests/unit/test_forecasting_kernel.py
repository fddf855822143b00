"""How the kernel is compiled and kept: ahead of the first night, beside its sources, and where nothing may be written.

Not here: what its models forecast (test_forecasting_contract.py, test_forecasting_oracle.py).
"""

import ctypes
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from forecasting.kernel import compiled, warm_up
from forecasting.kernel.registry import MODELS
from orchestration.settings import PROJECT_ROOT

PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1
# One small function: what it takes to compile, keep and load it is what it takes for all of them.
ASK = """
import json, sys
import numpy as np
from forecasting.kernel import compiled, noise
value = noise.noise_scale(np.array([1.0, 3.0, 1.0, 3.0]), 1)
cache = getattr(noise.noise_scale, "_cache")
hits = sum(noise.noise_scale.stats.cache_hits.values())
print(json.dumps({"value": value, "hits": hits, "writable": compiled.is_writable(), "path": str(cache.cache_path)}))
"""


def copied(folder: Path, *, with_code: bool) -> Path:
    """The package alone, with what was compiled or without."""
    left_out = () if with_code else ("__pycache__",)
    shutil.copytree(
        PROJECT_ROOT / "forecasting", folder / "forecasting", ignore=shutil.ignore_patterns(*left_out, "*.pyc")
    )
    return folder


def asked(folder: Path, home: Path, *, unprivileged: bool) -> dict[str, object]:
    command = [sys.executable, "-c", ASK]
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=200,
        preexec_fn=bound_by_permissions if unprivileged else None,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def bound_by_permissions() -> None:
    """Root too: without CAP_DAC_OVERRIDE in the bounding set, what it starts may not write where modes forbid it."""
    if os.geteuid() == 0 and sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE)


def locked(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)


def unlocked(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def test_what_was_compiled_is_found_again_wherever_and_whenever_it_was_copied(tmp_path: Path) -> None:
    folder = copied(tmp_path / "app", with_code=False)
    once, twice = (asked(folder, tmp_path, unprivileged=False) for _ in range(2))
    assert (once["hits"], twice["hits"]) == (0, 1)
    shutil.copytree(folder, tmp_path / "image")
    os.utime(tmp_path / "image" / "forecasting" / "kernel" / "noise.py", (1, 1))
    moved = asked(tmp_path / "image", tmp_path, unprivileged=False)
    assert moved["hits"] == 1
    assert str(moved["path"]).startswith(str(tmp_path / "image"))


def test_a_changed_callee_is_compiled_anew_with_its_callers(tmp_path: Path) -> None:
    folder = copied(tmp_path / "app", with_code=False)
    asked(folder, tmp_path, unprivileged=False)
    with (folder / "forecasting" / "kernel" / "least_squares.py").open("a", encoding="utf-8") as source:
        source.write("\n# changed\n")
    assert asked(folder, tmp_path, unprivileged=False)["hits"] == 0


@pytest.mark.parametrize("with_code", [True, False])
def test_a_folder_that_nobody_may_write_to_is_no_obstacle(tmp_path: Path, with_code: bool) -> None:
    """An image's: with what was compiled at its build, and without, in a home that is not to be written to either."""
    folder = copied(tmp_path / "app", with_code=False)
    if with_code:
        asked(folder, tmp_path, unprivileged=False)
    locked(tmp_path / "app")
    (tmp_path / "home").mkdir(mode=0o555)
    try:
        said = asked(folder, tmp_path / "home", unprivileged=True)
    finally:
        unlocked(tmp_path / "app")
    assert said["value"] == 2.0
    assert said["writable"] is False
    assert said["hits"] == int(with_code)


def test_machine_code_of_other_versions_is_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "0123456789abcdef").mkdir()
    (tmp_path / "0123456789abcdef" / "run.nbc").write_bytes(b"old")
    (tmp_path / compiled.CACHE.name).mkdir()
    (tmp_path / "pool.cpython-311.pyc").write_bytes(b"python's")
    assert warm_up.forget_others(tmp_path) == ["0123456789abcdef"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([compiled.CACHE.name, "pool.cpython-311.pyc"])


def test_nothing_is_left_to_compile_after_the_warm_up() -> None:
    """Another night, of other series, in a new process: no function is compiled there."""
    code = """
import numpy as np, pandas as pd
from numba.core import event
from forecasting.kernel import warm_up
warm_up.warm_up()
with event.install_recorder("numba:compile") as told:
    from forecasting.engine import backtest_panel, forecast_panel
    days = pd.date_range("2020-01-01", periods=800)
    y = np.random.default_rng(1).poisson(3, (25, 800)).ravel()
    panel = pd.DataFrame({"unique_id": np.repeat([f"S{i}" for i in range(25)], 800), "ds": np.tile(days, 25), "y": y})
    forecast_panel(panel.sample(frac=1, random_state=1), freq="D", horizon=3, n_jobs=2)
    backtest_panel(panel, freq="D", horizon=3)
    weeks = pd.date_range("2020-01-06", periods=170, freq="W-MON")
    year = pd.DataFrame({"unique_id": "A", "ds": weeks, "y": 5.0 + np.arange(170) % 52})
    forecast_panel(year, freq="W-MON", horizon=2)
print(len(told.buffer))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "0"


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("y", "m", "horizon"), [([], 1, 1), ([1.0, np.nan], 1, 1), ([1.0], 0, 1), ([1.0], 1, 0)])
def test_what_no_model_can_forecast_is_refused(name: str, y: list[float], m: int, horizon: int) -> None:
    with pytest.raises(ValueError, match="at least"):
        MODELS[name](np.array(y), m, horizon)
