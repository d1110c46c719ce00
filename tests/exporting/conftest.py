"""One small trained model that the tests of exporting share, and copies of it with an export."""

import json
import shutil
from pathlib import Path

import pytest

from blemish.model.artifact import file_sha256
from copies import copied


@pytest.fixture
def run(stpm_run: Path) -> Path:
    return stpm_run


@pytest.fixture
def exported(stpm_exported: Path) -> Path:
    return stpm_exported


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Path:
    return copied(exported, tmp_path / "copy")


@pytest.fixture
def small_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """An export is compared on few photos, of which one is kept in all shapes: enough where something else is asked."""
    monkeypatch.setattr("blemish.exporting.make.MOST_COMPARED", 6)
    monkeypatch.setattr("blemish.exporting.make.MOST_IN_A_PROOF", 1)
    monkeypatch.setattr("blemish.exporting.make.MOST_OF_TILES", 1)


@pytest.fixture
def rounded_in_secret(copy: Path) -> Path:
    """A copy whose float32 export for OpenVINO computes in int8, and says nothing of it."""
    exact, rounded = (copy / "exports" / f"openvino-{precision}" for precision in ("fp32", "int8"))
    values = json.loads((exact / "export.json").read_text())
    for name in values["graph"]:
        (exact / name).unlink()
        shutil.copy(rounded / name, exact / name)
        values["graph"][name] = file_sha256(exact / name)
    (exact / "export.json").write_text(json.dumps(values))
    return copy
