"""A pattern for parts that is given after training: it holds for photos trained on, too, and is kept."""

import json
import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import blemish
from blemish.data.dataset import Dataset
from blemish.errors import ArtifactError, DataError
from blemish.exporting.known_photos import known_photos
from blemish.model.artifact import Artifact, read_artifact, write_artifact
from blemish.model.exports import read_export
from copies import copied

PATTERN = "(.+)_[0-9]+"


@pytest.fixture(scope="module")
def trained(parts: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "run"
    good = Dataset(name="lids", root=parts.root, train=parts.train[:15])
    blemish.train("stpm", good, folder, teacher="efficientnet_lite0", image_size=64, steps=2, held_out=0.4)
    return folder


def shot(number: int, calibrates: bool) -> str:
    """Two shots of each lid that was trained on; each other photo shows a lid of its own."""
    return f"other{number}_1.png" if calibrates else f"lid{number // 2}_{number % 2}.png"


def as_if_called(run: Path, name: Callable[[int, bool], str]) -> Artifact:
    """Renames the photos that a model remembers."""
    artifact = read_artifact(run)
    first = artifact.training.calibrated_from
    photos = [
        replace(photo, file=f"/photos/{name(number, number >= first)}")
        for number, photo in enumerate(artifact.training.photos)
    ]
    write_artifact(replace(artifact, training=replace(artifact.training, photos=photos)))
    return read_artifact(run)


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    folder = copied(trained, tmp_path / "run")
    as_if_called(folder, shot)
    return folder


@pytest.fixture
def photos(parts: Dataset, tmp_path: Path) -> Callable[[Sequence[str]], list[Path]]:
    """Makes good photos that training did not have, by these names."""
    more = iter(parts.train[15:])

    def called(names: Sequence[str]) -> list[Path]:
        return [Path(shutil.copy(next(more).image, tmp_path / name)) for name in names]

    return called


def test_new_photos_of_parts_that_were_trained_on_do_not_calibrate(
    run: Path, photos: Callable[[Sequence[str]], list[Path]]
) -> None:
    before = read_artifact(run).calibration
    known, new = photos(["lid0_7.png", "lid1_7.png", "other14_7.png"]), photos(["new1_1.png", "new1_2.png"])
    done = blemish.calibrate(run, good=[*known, *new], part=PATTERN, accept=True)
    assert (done.added, done.of_known_parts) == (2, known)
    assert (done.artifact.calibration.unit, done.artifact.calibration.n) == ("parts", before.n + 1)
    assert {"lid0", "lid1", "other14", "new1"} <= read_artifact(run).training.known_parts


def test_the_pattern_is_kept_for_evaluating_and_for_later_calibrations(
    run: Path, photos: Callable[[Sequence[str]], list[Path]], parts: Dataset, tmp_path: Path
) -> None:
    blemish.calibrate(run, good=photos(["new1_1.png"]), part=PATTERN, accept=True)
    later = photos(["lid2_8.png", "new1_8.png", "new2_1.png"])
    assert blemish.calibrate(run, good=later, accept=True).of_known_parts == later[:2]
    good = [sample for sample in parts.test if not sample.anomalous][:4]
    names = ["lid3_9.png", "x_1.png", "x_2.png", "y_1.png"]
    shots = [
        replace(sample, image=Path(shutil.copy(sample.image, tmp_path / name)))
        for sample, name in zip(good, names, strict=True)
    ]
    found = blemish.evaluate(run, [*shots, parts.test[-1]])
    assert (found.unit, found.of_known_parts) == ("parts", [str(tmp_path / "lid3_9.png")])
    assert found.good_parts is not None and found.good_parts.parts == 3


@pytest.mark.parametrize(
    "name",
    [
        lambda number, calibrates: f"{'other' if calibrates else 'lid'}{number // 2}_{number}.png",
        lambda number, calibrates: shot(number, calibrates and number < 14).replace("lid7_0", "lid0_5"),
    ],
    ids=["several of one part", "one of a part that was trained on"],
)
def test_scores_that_cannot_be_regrouped_are_to_be_replaced(
    run: Path, photos: Callable[[Sequence[str]], list[Path]], name: Callable[[int, bool], str]
) -> None:
    as_if_called(run, name)
    before, new = (run / "model.json").read_bytes(), photos(["new1_1.png", "new2_1.png"])
    with pytest.raises(DataError, match=r"shows the same part as others .* cannot be regrouped .*--replace") as refused:
        blemish.calibrate(run, good=new, part=PATTERN, accept=True)
    assert "\n" not in str(refused.value)
    assert (run / "model.json").read_bytes() == before
    done = blemish.calibrate(run, good=new, part=PATTERN, replace=True, accept=True)
    assert (done.artifact.calibration.unit, done.artifact.calibration.n) == ("parts", 2)


def test_a_wrong_pattern_before_is_made_good_by_the_right_one(
    run: Path, photos: Callable[[Sequence[str]], list[Path]]
) -> None:
    blemish.calibrate(run, part=".+")
    assert "lid0_1" in read_artifact(run).training.known_parts
    known = photos(["lid0_7.png"])
    assert blemish.calibrate(run, good=known, part=PATTERN).of_known_parts == known
    assert "lid0_1" not in read_artifact(run).training.known_parts


def test_names_that_hold_no_part_are_told_and_photos_called_after_them_are_known(
    run: Path, photos: Callable[[Sequence[str]], list[Path]], caplog: pytest.LogCaptureFixture
) -> None:
    as_if_called(run, lambda number, _: f"{number:03}.png")
    known, new = photos(["000_7.png"]), photos(["new1_1.png"])
    with caplog.at_level(logging.WARNING, logger="blemish"):
        done = blemish.calibrate(run, good=[*known, *new], part=PATTERN, accept=True)
        blemish.calibrate(run, false_alarms=0.3)
    assert (done.added, done.of_known_parts) == (1, known)
    assert caplog.text.count(f"finds no part in the names of 15 photos that {run} knows, such as /photos/000.png") == 1


@pytest.fixture
def exported(stpm_exported: Path, tmp_path: Path) -> Path:
    return copied(stpm_exported, tmp_path / "exported")


def records(run: Path) -> list[bytes]:
    return [path.read_bytes() for path in (run / "model.json", run / "exports" / "openvino-int8" / "export.json")]


def test_exports_are_of_the_same_parts_and_undo_brings_back_the_whole_record(exported: Path, parts: Dataset) -> None:
    before = records(exported)
    good = [sample.image for sample in parts.test if not sample.anomalous][:2]
    done = blemish.calibrate(exported, good=good, part=".+", accept=True)
    own = read_export(done.artifact, "openvino", "int8").calibration
    assert own is not None and (own.unit, own.n) == ("parts", done.artifact.calibration.n)
    assert len(set(known_photos(done.artifact, precision="int8").parts)) == own.n
    assert done.artifact.training.part_pattern == ".+"
    restored = blemish.calibrate(exported, undo=True).artifact
    assert records(exported) == before
    assert (restored.training.part_pattern, restored.training.known_parts) == (None, frozenset())


def test_an_earlier_version_has_changed_no_pattern_that_undo_would_take_back(run: Path) -> None:
    blemish.calibrate(run, part=PATTERN)
    blemish.calibrate(run, false_alarms=0.5)
    kept = run / "calibrations" / "0002.json"
    values = json.loads(kept.read_text())
    del values["settings"]
    kept.write_text(json.dumps(values))
    assert blemish.calibrate(run, undo=True).artifact.training.part_pattern == PATTERN


def test_scores_of_an_export_that_are_not_the_models_are_not_called_those_of_parts(
    exported: Path, parts: Dataset
) -> None:
    before = (exported / "model.json").read_bytes()
    blemish.calibrate(exported, good=[parts.test[0].image], accept=True)
    (exported / "model.json").write_bytes(before)  # as if killed before this was written
    with pytest.raises(ArtifactError, match="calibrated with other photos"):
        blemish.calibrate(exported, part=".+")
