"""A file to write a test's records into, and readers that cut every token somewhere.

Not here: what they read (the tests beside this file).
"""

from pathlib import Path

import pytest

from orchestration.ingestion.readers import window, xml_tree


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orders.txt"


@pytest.fixture(params=[1, 7, 1 << 20], ids=lambda size: f"chunk-{size}")
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Every token is cut somewhere, and none is."""
    monkeypatch.setattr(window, "CHUNK_CHARACTERS", request.param)
    monkeypatch.setattr(xml_tree, "CHUNK_BYTES", max(64, request.param))
    return int(request.param)
