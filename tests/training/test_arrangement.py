"""Each good photo has one use, also where the dataset keeps validation photos apart."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blemish.data.dataset import Dataset, Sample
from blemish.data.digest import file_digest
from blemish.data.framing import Framing
from blemish.data.part_names import parts_of
from blemish.detectors import DETECTORS, ImageSize
from blemish.detectors.stpm import STPMSettings
from blemish.errors import DataError, SettingsError
from blemish.training.arrangement import arranged, divided, method_validates, trained_on
from blemish.training.photo_store import PhotoStore
from blemish.training.settings import TrainingSettings
from blemish.training.split import Split
from blemish.training.train import train_detector


def samples(prefix: str, count: int, *, per_part: int = 1) -> tuple[Sample, ...]:
    parts = [f"{prefix}{i // per_part}" if per_part > 1 else None for i in range(count)]
    return tuple(Sample(image=Path(f"{prefix}{i}.png"), part=part) for i, part in enumerate(parts))


def uses_of(found: Dataset, *, validates: bool = True) -> tuple[list[Sample], Split]:
    ordered = arranged(found, TrainingSettings(), validates=validates)
    apart = {sample.image for sample in found.validation}
    paths = [sample.image for sample in ordered]
    return ordered, divided(paths, parts_of(ordered, None), apart, held_out=0.2, validates=validates)


@pytest.mark.parametrize(("validates", "counts"), [(True, [2, 20, 6]), (False, [0, 20, 8])])
def test_validation_photos_calibrate_and_a_quarter_selects(validates: bool, counts: list[int]) -> None:
    found = Dataset(name="x", root=Path(), train=samples("t", 20), validation=samples("v", 8))
    ordered, uses = uses_of(found, validates=validates)
    assert [len(part) for part in (uses.validation, uses.train, uses.calibrating)] == counts
    assert {ordered[i].image for i in uses.train} == {sample.image for sample in found.train}
    together = np.concatenate([uses.validation, uses.train, uses.calibrating])
    assert together.tolist() == list(range(28))


def test_validation_photos_of_a_part_stay_together() -> None:
    found = Dataset(name="x", root=Path(), train=samples("t", 5), validation=samples("v", 12, per_part=4))
    ordered, uses = uses_of(found)
    selecting, calibrating = ({ordered[i].part for i in part} for part in (uses.validation, uses.calibrating))
    assert (len(selecting), len(calibrating), selecting & calibrating) == (1, 2, set())


def test_a_single_validation_part_calibrates() -> None:
    found = Dataset(name="x", root=Path(), train=samples("t", 5), validation=samples("v", 3, per_part=3))
    _, uses = uses_of(found)
    assert [len(part) for part in (uses.validation, uses.train, uses.calibrating)] == [0, 5, 3]


def test_without_validation_photos_a_share_is_held_out() -> None:
    _, uses = uses_of(Dataset(name="x", root=Path(), train=samples("t", 20)))
    assert [len(part) for part in (uses.validation, uses.train, uses.calibrating)] == [1, 16, 3]


@pytest.mark.parametrize("left", ["t", "v"])
def test_what_is_missing_is_said_where_only_one_kind_can_be_read(left: str) -> None:
    apart = {sample.image for sample in samples("v", 3)}
    paths = [sample.image for sample in samples(left, 3)]
    with pytest.raises(DataError, match=r"none of the (photos to train on|validation photos)"):
        divided(paths, list(map(str, paths)), apart, held_out=0.2, validates=True)


@pytest.mark.parametrize("method", DETECTORS)
def test_whether_a_method_validates_is_what_its_stages_say(method: str) -> None:
    keeps = getattr(DETECTORS[method].Settings(), "keep", "last")
    assert method_validates(method, {"image_size": 64}) == (keeps == "best", (64, 64))
    if hasattr(DETECTORS[method].Settings(), "keep"):
        assert method_validates(method, {"keep": "best"}) == (True, (256, 256))
        assert method_validates(method, {"keep": "last"}) == (False, (256, 256))


def test_settings_that_a_method_has_not_are_refused() -> None:
    with pytest.raises(SettingsError, match="unknown setting keep"):
        method_validates("destseg", {"keep": "last"})


def test_a_dataset_with_validation_photos_trains_on_all_others_and_calibrates_with_them(
    parts: Dataset, tmp_path: Path, seeded_resnet18: Path
) -> None:
    found = Dataset(name="x", root=parts.root, train=parts.train[:6], validation=parts.train[6:14])
    training = TrainingSettings(batch_size=4, check_every=2)
    settings = STPMSettings(image_size=ImageSize(64, 64), steps=2, recipe="paper")
    artifact = train_detector(
        "stpm", found, run=tmp_path / "run", settings=settings, training=training, teacher_weights=[seeded_resnet18]
    )
    assert artifact.calibration.n == 6
    digests = artifact.training.digests
    assert set(digests[-6:]) < {file_digest(sample.image) for sample in found.validation}
    assert set(digests[2:8]) == {file_digest(sample.image) for sample in found.train}


def test_training_names_nearly_black_photos_other_shapes_and_the_folders_it_took(
    parts: Dataset, tmp_path: Path, seeded_resnet18: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for i, sample in enumerate(parts.train[:4]):
        place = tmp_path / "photos" / ("ok" if i < 3 else "ok/cam2")
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(sample.image, place / f"{i}.png")
    Image.new("RGB", (200, 50), (3, 3, 3)).save(tmp_path / "photos" / "ok" / "black.png")
    photos = sorted((tmp_path / "photos").rglob("*.png"))
    found = Dataset(name="x", root=tmp_path / "photos", train=tuple(Sample(image=path) for path in photos))
    with caplog.at_level("INFO", logger="blemish"):
        train_detector(
            "stpm",
            found,
            run=tmp_path / "run",
            settings=STPMSettings(image_size=ImageSize(64, 64), steps=1),
            training=TrainingSettings(batch_size=2),
            teacher_weights=[seeded_resnet18],
        )
    assert "good parts: 5 photos, of ok (4), ok/cam2 (1)" in caplog.text
    assert f"nearly black: 1, such as {tmp_path / 'photos' / 'ok' / 'black.png'}" in caplog.text
    assert "bordered: 1 of 5, such as 200x50, have another shape" in caplog.text


def test_what_is_learned_before_photos_are_read_is_learned_from_none_that_calibrates(
    parts: Dataset, tmp_path: Path
) -> None:
    """Copies and damaged photos are left out when photos are divided, which moves the others."""
    for i, sample in enumerate(parts.train[:12]):
        for name in (f"{i}.png", f"{i}_again.png"):
            shutil.copy(sample.image, tmp_path / name)
        (tmp_path / f"{i}_broken.png").write_bytes(sample.image.read_bytes()[:900])
    found = Dataset(name="x", root=tmp_path, train=tuple(Sample(image=path) for path in sorted(tmp_path.glob("*.png"))))
    ordered = arranged(found, TrainingSettings(), validates=False)
    store = PhotoStore([s.image for s in ordered], Framing(image_size=(64, 64)), budget=0, workers=1)
    store.load(lambda _done, _of: None)
    store.close()
    uses = divided(store.paths, list(map(str, store.paths)), (), held_out=0.2, validates=False)
    learned = [sample.image for sample in trained_on(found, TrainingSettings())]
    assert learned == [store.paths[i] for i in uses.train]


def test_a_model_is_not_left_among_its_photos(parts: Dataset, seeded_resnet18: Path) -> None:
    for run in (parts.train[0].image.parent, parts.root):
        with pytest.raises(SettingsError, match="is a folder of photos: give the model a folder of its own"):
            train_detector("stpm", parts, run=run, teacher_weights=[seeded_resnet18])
