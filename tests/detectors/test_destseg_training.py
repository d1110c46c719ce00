"""DeSTSeg through the whole of training: what only its two stages and its textures bring."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from blemish.data.dataset import Dataset, Sample
from blemish.data.images import save_png
from blemish.detectors import ImageSize, destseg
from blemish.detectors.destseg import DeSTSegSettings
from blemish.errors import SettingsError
from blemish.inference import open_predictor
from blemish.model.artifact import Artifact
from blemish.progress import Progress
from blemish.training.settings import TrainingSettings
from blemish.training.train import train_detector
from contract.methods import NARROW

STUDENT_STEPS = 3


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The segmentation network has few channels: nothing here asks what it learns."""
    monkeypatch.setattr(destseg, "_WIDTH", NARROW)


def quick(
    photos: Sequence[Sample],
    run: Path,
    *,
    steps: int = 5,
    batch_size: int = 4,
    checkpoint_every: int = 100,
    **options: Any,
) -> Artifact:
    """A run of the smallest size, with the teacher that comes with the installation."""
    settings = DeSTSegSettings(
        teacher="efficientnet_lite0",
        image_size=ImageSize(32, 32),
        steps=steps,
        student_share=STUDENT_STEPS / steps,
        textures=options.pop("textures", None),
        rotation=options.pop("rotation", "none"),
    )
    training = TrainingSettings(batch_size=batch_size, check_every=2, checkpoint_every=checkpoint_every)
    return train_detector("destseg", photos, run=run, settings=settings, training=training, **options)


def test_the_second_stage_leaves_the_student_bit_unchanged_batch_norms_included(parts: Dataset, tmp_path: Path) -> None:
    """However long it is: the student's every tensor is what the first stage left."""
    short, longer = (quick(parts.train[:10], tmp_path / str(steps), steps=steps) for steps in (4, 6))
    assert [stage.steps for stage in longer.training.stages] == [3, 3]
    before, after = load_file(short.weights), load_file(longer.weights)
    students = [name for name in before if name.startswith("student.")]
    assert any(name.endswith("running_mean") for name in students)
    assert all(torch.equal(before[name], after[name]) for name in students)
    assert not torch.equal(before["segmentation.head.2.weight"], after["segmentation.head.2.weight"])


def test_a_folder_smaller_than_the_batch_fills_it_with_repetitions(parts: Dataset, tmp_path: Path) -> None:
    artifact = quick(parts.train[:2], tmp_path / "run", rotation="full")
    assert artifact.training.trained_on == 1
    prediction = open_predictor(tmp_path / "run").predict(parts.test[0].image)
    assert 0 < prediction.anomaly_score < 1


def test_a_batch_of_one_photo_is_one_clear_line(parts: Dataset, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--batch-size"):
        quick(parts.train[:4], tmp_path / "run", batch_size=1)


def test_training_is_not_resumed_with_other_textures(parts: Dataset, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if (progress.activity, progress.done) == ("segmentation", 2):
            raise RuntimeError("as if the power had gone")

    folder, run = tmp_path / "textures", tmp_path / "run"
    picture = torch.randint(0, 256, (32, 32, 3), dtype=torch.uint8).numpy()
    save_png(folder / "one.png", picture)
    with pytest.raises(RuntimeError):
        quick(parts.train[:4], run, textures=str(folder), checkpoint_every=2, on_progress=stop)
    save_png(folder / "one.png", 255 - picture)
    with pytest.raises(SettingsError, match="textures was"):
        quick(parts.train[:4], run, textures=str(folder), checkpoint_every=2, resume=True)
    save_png(folder / "one.png", picture)
    artifact = quick(parts.train[:4], run, textures=str(folder), checkpoint_every=2, resume=True)
    assert artifact.training.textures[0].startswith("1 pictures")
