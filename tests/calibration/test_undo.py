"""A calibration can be undone, of the model and of the exports that have thresholds of their own."""

import itertools
import shutil
from pathlib import Path

import pytest

import blemish
from blemish.errors import ArtifactError, SettingsError
from blemish.model.artifact import read_artifact
from blemish.model.exports import export_folder
from copies import copied


@pytest.fixture
def run(stpm_exported: Path, tmp_path: Path) -> Path:
    return copied(stpm_exported, tmp_path / "run")


def records(run: Path) -> list[bytes]:
    """What the model's file and those of its exports hold."""
    return [path.read_bytes() for path in (run / "model.json", *sorted(run.glob("exports/*/export.json")))]


def test_one_calibration_after_the_other_is_undone(run: Path) -> None:
    states = [records(run)]
    for rate in (0.5, 0.7):
        blemish.calibrate(run, false_alarms=rate)
        states.append(records(run))
    assert all(one[0] != two[0] and one[-1] != two[-1] for one, two in itertools.pairwise(states))
    for state in (states[1], states[0]):
        done = blemish.calibrate(run, undo=True)
        assert records(run) == state
        assert done.artifact == read_artifact(run)
    with pytest.raises(ArtifactError, match="its thresholds are those of training"):
        blemish.calibrate(run, undo=True)


def test_undo_takes_nothing_beside_it(run: Path) -> None:
    blemish.calibrate(run, false_alarms=0.5)
    for other in ({"false_alarms": 0.1}, {"check": 0.5}, {"estimate": False}, {"accept": True}, {"replace": True}):
        with pytest.raises(SettingsError, match="give nothing else"):
            blemish.calibrate(run, undo=True, **other)


def test_an_export_made_since_stands_in_the_way_and_is_named(run: Path) -> None:
    int8 = export_folder(read_artifact(run), "openvino", "int8")
    shutil.move(int8, run / "int8")
    blemish.calibrate(run, false_alarms=0.5)
    shutil.move(run / "int8", int8)
    before = records(run)
    with pytest.raises(ArtifactError, match="openvino-int8 was made after the last calibration"):
        blemish.calibrate(run, undo=True)
    assert records(run) == before
