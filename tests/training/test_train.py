"""Training from folder to artifact: what it chooses, what it refuses, what survives."""

import json
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

import blemish
from blemish.calibration.promise import ROUNDING
from blemish.data.dataset import Dataset, Sample
from blemish.data.digest import file_digest
from blemish.data.images import read_image
from blemish.detectors import Batch, ImageSize
from blemish.detectors.stpm import STPMSettings
from blemish.errors import ArtifactError, DataError, SettingsError
from blemish.inference.torch_runtime import rebuild
from blemish.model.artifact import Artifact, read_artifact
from blemish.model.exports import export_folder, kinds_of_exports
from blemish.progress import Progress
from blemish.training.settings import TrainingSettings
from blemish.training.split import shuffled
from blemish.training.train import train_detector
from commands import blemish as blemish_command
from commands import started

SIZE = ImageSize(64, 64)


def quick(parts: Dataset, run: Path, teacher: Path, *, photos: int = 10, **options: Any) -> Artifact:
    settings = options.pop("settings", STPMSettings(image_size=SIZE, steps=4, recipe="paper"))
    training = options.pop("training", TrainingSettings(batch_size=4, check_every=2))
    return train_detector(
        "stpm",
        parts.train[:photos],
        run=run,
        settings=settings,
        training=training,
        teacher_weights=[teacher],
        **options,
    )


def arguments(run: Path, good: Path, teacher: Path, *options: str) -> list[str]:
    fixed = ["--image-size", "64", "--batch-size", "4", "--teacher-weights", str(teacher)]
    return ["train", "stpm", str(good), str(run), *fixed, *options]


@pytest.fixture
def good(parts: Dataset, tmp_path: Path) -> Path:
    """A folder of few photos."""
    folder = tmp_path / "good"
    folder.mkdir()
    for sample in parts.train[:12]:
        shutil.copy(sample.image, folder)
    return folder


def test_the_artifact_says_what_was_trained_on_what(parts: Dataset, tmp_path: Path, seeded_resnet18: Path) -> None:
    artifact = quick(parts, tmp_path / "run", seeded_resnet18)
    values = json.loads((tmp_path / "run" / "model.json").read_text())
    assert values["format_version"] == 4
    assert values["method"] == "stpm"
    assert values["settings"]["teacher"] == "resnet18"
    assert values["teachers"][0]["origin"] == "given file resnet18.safetensors"
    assert len(values["teachers"][0]["sha256"]) == 64
    assert [values["training"][part] for part in ("trained_on", "validation", "calibrating")] == [8, 1, 1]
    assert len(values["calibration"]["scores"]) == len(values["calibration"]["peaks"]) == 1
    assert sorted(photo["digest"] for photo in values["training"]["photos"]) == sorted(
        file_digest(s.image) for s in parts.train[:10]
    )
    left = sorted(p.name for p in (tmp_path / "run").iterdir())
    assert left == ["model.json", "run.json", "training.jsonl", "unusual.png", "weights.safetensors"]
    assert artifact == read_artifact(tmp_path / "run")


def test_the_weights_of_the_best_check_are_kept(parts: Dataset, tmp_path: Path, seeded_resnet18: Path) -> None:
    rate = 2.0  # jumps about, so that the last is not best
    settings = STPMSettings(image_size=SIZE, steps=12, learning_rate=rate, recipe="paper")
    training = TrainingSettings(batch_size=4, check_every=1)
    (stage,) = quick(parts, tmp_path / "run", seeded_resnet18, settings=settings, training=training).training.stages
    errors = {point.step: point.validation_loss or 0.0 for point in stage.history}
    assert stage.best_step == min(errors, key=lambda step: errors[step])
    assert stage.best_loss == min(errors.values())
    stopped_there = STPMSettings(image_size=SIZE, steps=stage.best_step, learning_rate=rate, recipe="paper")
    again = quick(parts, tmp_path / "again", seeded_resnet18, settings=stopped_there, training=training)
    assert again.weights_sha256 == read_artifact(tmp_path / "run").weights_sha256


def test_validation_loss_is_that_of_the_weights_as_they_judge_over_all_validation_photos(
    parts: Dataset, tmp_path: Path, seeded_resnet18: Path
) -> None:
    training = TrainingSettings(batch_size=4, check_every=2, held_out=0.8)
    artifact = quick(parts, tmp_path / "run", seeded_resnet18, photos=30, training=training)
    record = artifact.training
    assert record.validation % training.batch_size != 0  # the last batch is not full
    with torch.no_grad():
        detector = rebuild(artifact).eval()
        (stage,) = detector.stages()
        assert stage.targets is not None and stage.validation_loss is not None
        losses = []
        for photo in record.photos[: record.validation]:
            pixels = read_image(Path(str(photo.file)))
            images = torch.from_numpy(artifact.framing.images(artifact.framing.cut(pixels)))
            targets = stage.targets(images)
            losses.append(float(stage.validation_loss(Batch(images=images, clean=images, targets=targets))))
    assert record.stages[0].best_loss == pytest.approx(sum(losses) / len(losses), rel=1e-2)


def test_the_loss_of_a_check_is_the_mean_since_the_check_before(
    parts: Dataset, tmp_path: Path, seeded_resnet18: Path
) -> None:
    every_step, every_other = (
        quick(
            parts,
            tmp_path / str(every),
            seeded_resnet18,
            training=TrainingSettings(batch_size=4, check_every=every),
        ).training.stages[0]
        for every in (1, 2)
    )
    losses = [point.loss for point in every_step.history]
    assert [point.loss for point in every_other.history] == pytest.approx(
        [(losses[0] + losses[1]) / 2, (losses[2] + losses[3]) / 2], rel=1e-3
    )


def test_training_ends_when_held_out_photos_stop_improving(
    parts: Dataset, tmp_path: Path, seeded_resnet18: Path
) -> None:
    settings = STPMSettings(image_size=SIZE, steps=500, patience=3, learning_rate=1e-3, recipe="paper")
    training = TrainingSettings(batch_size=4, check_every=1)
    (stage,) = quick(parts, tmp_path / "run", seeded_resnet18, settings=settings, training=training).training.stages
    errors = [point.validation_loss or 0.0 for point in stage.history]
    assert stage.steps == len(errors) == stage.gain_step + 3 < 500
    gained = errors[stage.gain_step - 1]
    assert all(error > 0.9 * gained for error in errors[stage.gain_step :])
    assert stage.best_loss == min(errors)  # small gains are kept all the same


def test_nothing_after_the_last_step_costs_a_step(parts: Dataset, tmp_path: Path, seeded_resnet18: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.activity == "calibrating":
            raise RuntimeError("as if the power had gone")

    run = tmp_path / "run"
    settings = STPMSettings(image_size=SIZE, steps=500, patience=3, learning_rate=1e-3, recipe="paper")
    training = TrainingSettings(batch_size=4, check_every=1, checkpoint_every=400)
    with pytest.raises(RuntimeError):
        quick(parts, run, seeded_resnet18, settings=settings, training=training, on_progress=stop)
    steps: list[int] = []
    quick(
        parts,
        run,
        seeded_resnet18,
        settings=settings,
        training=training,
        resume=True,
        on_progress=lambda p: steps.append(p.done) if p.activity == "student" else None,
    )
    assert steps == []


def test_a_folder_smaller_than_the_batch_trains(parts: Dataset, tmp_path: Path, seeded_resnet18: Path) -> None:
    artifact = quick(parts, tmp_path / "run", seeded_resnet18, photos=3, training=TrainingSettings(batch_size=32))
    assert artifact.training.trained_on == 2


def test_a_copy_of_a_photo_is_left_out_so_that_it_cannot_be_both_learnt_and_calibrated_with(
    parts: Dataset, tmp_path: Path, seeded_resnet18: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for i, sample in enumerate(parts.train[:4]):
        for copy in range(3):
            shutil.copy(sample.image, tmp_path / f"{i}-{copy}.png")
    twelve = Dataset(name="folder", root=tmp_path, train=tuple(Sample(image=p) for p in sorted(tmp_path.glob("*.png"))))
    with caplog.at_level("INFO", logger="blemish"):
        artifact = quick(twelve, tmp_path / "run", seeded_resnet18, photos=12)
    assert artifact.training.good_photos == 4
    assert len(set(artifact.training.digests)) == 4
    assert "exact copies, which training leaves out: 8" in caplog.text


def test_photos_of_a_part_are_not_divided_and_parts_are_what_is_promised_of(
    parts: Dataset, tmp_path: Path, seeded_resnet18: Path
) -> None:
    for i, sample in enumerate(parts.train[:12]):
        shutil.copy(sample.image, tmp_path / f"lid{i // 3}_{i % 3}.png")
    photos = Dataset(name="folder", root=tmp_path, train=tuple(Sample(image=p) for p in sorted(tmp_path.glob("*.png"))))
    training = TrainingSettings(batch_size=4, check_every=2, part="(.+)_[0-9]+")
    artifact = quick(photos, tmp_path / "run", seeded_resnet18, photos=12, training=training)
    record = artifact.training
    assert (record.trained_on, record.validation, record.calibrating) == (6, 3, 3)
    assert all(photo.part and Path(photo.file).name.startswith(f"{photo.part}_") for photo in record.photos)
    calibration = read_artifact(tmp_path / "run").calibration
    assert (calibration.n, calibration.unit, calibration.image.promised_rate) == (1, "parts", 0.5)
    scores = [blemish.open(tmp_path / "run").predict(photo.image).anomaly_score for photo in photos.train]
    whole_parts = [max(scores[i : i + 3]) for i in range(0, 12, 3)]
    nearest = min(whole_parts, key=lambda s: abs(s - calibration.image.value))
    assert calibration.image.value == pytest.approx(nearest * (1 + ROUNDING))
    assert "of good parts are expected to have a photo above it" in calibration.statement()


def test_one_photo_is_too_few_and_the_error_says_how_many(
    parts: Dataset, tmp_path: Path, seeded_resnet18: Path
) -> None:
    with pytest.raises(DataError, match="at least 2"):
        quick(parts, tmp_path / "run", seeded_resnet18, photos=1)


def test_a_trained_folder_is_not_overwritten_unasked(parts: Dataset, tmp_path: Path, seeded_resnet18: Path) -> None:
    first = quick(parts, tmp_path / "run", seeded_resnet18)
    with pytest.raises(ArtifactError, match="--overwrite"):
        quick(parts, tmp_path / "run", seeded_resnet18)
    with pytest.raises(
        ArtifactError, match=r"nothing to resume; .*`blemish train --from .*run\.json NEW_RUN --steps MORE`"
    ):
        quick(parts, tmp_path / "run", seeded_resnet18, resume=True)
    other = TrainingSettings(batch_size=4, seed=5)
    with pytest.raises(SettingsError):  # what fails leaves the old model where it is
        quick(parts, tmp_path / "run", seeded_resnet18, overwrite=True, settings=STPMSettings(teacher="resnet19"))
    assert read_artifact(tmp_path / "run") == first
    assert quick(parts, tmp_path / "run", seeded_resnet18, overwrite=True, training=other) != first


def test_an_overwriting_training_that_was_killed_is_resumed_and_the_old_model_stays_until_the_end(
    parts: Dataset, tmp_path: Path, seeded_resnet18: Path
) -> None:
    def stop(progress: Progress) -> None:
        if progress.activity == "student" and progress.done == 3:
            raise RuntimeError("as if the power had gone")

    run, other = tmp_path / "run", TrainingSettings(batch_size=4, seed=5, checkpoint_every=2)
    first = quick(parts, run, seeded_resnet18)
    with pytest.raises(RuntimeError):
        quick(parts, run, seeded_resnet18, overwrite=True, training=other, on_progress=stop)
    assert read_artifact(run) == first
    resumed = quick(parts, run, seeded_resnet18, training=other, resume=True)
    assert resumed.weights_sha256 == quick(parts, tmp_path / "x", seeded_resnet18, training=other).weights_sha256


def test_an_overwriting_training_takes_old_exports_away(parts: Dataset, tmp_path: Path, seeded_resnet18: Path) -> None:
    artifact = quick(parts, tmp_path / "run", seeded_resnet18)
    old = export_folder(artifact, "onnx", "fp32")
    old.mkdir(parents=True)
    (old / "export.json").write_text("{}")
    again = quick(parts, tmp_path / "run", seeded_resnet18, overwrite=True)
    assert kinds_of_exports(again) == []


def test_little_left_to_train_on_is_told(
    parts: Dataset, tmp_path: Path, seeded_resnet18: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for i, sample in enumerate(parts.train[:10]):
        shutil.copy(sample.image, tmp_path / f"lid{min(i, 1)}_{i}.png")
    photos = Dataset(name="folder", root=tmp_path, train=tuple(Sample(image=p) for p in sorted(tmp_path.glob("*.png"))))
    seed = next(
        seed
        for seed in range(9)
        if shuffled([s.image for s in photos.train], seed=seed, part="(.+)_")[0].name == "lid0_0.png"
    )
    artifact = quick(
        photos, tmp_path / "run", seeded_resnet18, training=TrainingSettings(batch_size=4, part="(.+)_", seed=seed)
    )
    assert artifact.training.trained_on == 1
    assert "only 1 of 10 photos are left to train on" in caplog.text


def test_bf16_learns_what_fp32_learns(parts: Dataset, tmp_path: Path, seeded_resnet18: Path) -> None:
    settings = STPMSettings(image_size=SIZE, steps=12)
    errors = {}
    for precision in ("fp32", "bf16"):
        training = TrainingSettings(batch_size=8, check_every=12, precision=precision)
        run = tmp_path / precision
        artifact = quick(parts, run, seeded_resnet18, photos=20, settings=settings, training=training)
        assert artifact.training.precision == precision
        errors[precision] = artifact.training.stages[0].history[-1].loss
    assert errors["bf16"] == pytest.approx(errors["fp32"], rel=0.05)
    assert errors["bf16"] != errors["fp32"]


def test_a_training_that_diverges_says_so(parts: Dataset, tmp_path: Path, seeded_resnet18: Path) -> None:
    settings = STPMSettings(image_size=SIZE, steps=50, learning_rate=1e30, recipe="paper")
    with pytest.raises(SettingsError, match="lower the learning rate"):
        quick(parts, tmp_path / "run", seeded_resnet18, settings=settings)


def test_kill_9_loses_at_most_the_steps_since_the_checkpoint(good: Path, tmp_path: Path, seeded_resnet18: Path) -> None:
    options = ("--steps", "20", "--checkpoint-every", "2", "--check-every", "10")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert blemish_command(*arguments(whole, good, seeded_resnet18, *options)).code == 0
    process = started(*arguments(killed, good, seeded_resnet18, *options))
    while not (killed / "checkpoint.safetensors").exists() and process.is_alive():
        time.sleep(0.005)
    process.signal(signal.SIGKILL)
    assert process.wait().code == -signal.SIGKILL
    assert not (killed / "model.json").exists()
    assert blemish_command(*arguments(killed, good, seeded_resnet18, *options, "--resume")).code == 0
    assert read_artifact(killed).weights_sha256 == read_artifact(whole).weights_sha256


def test_sigterm_leaves_a_checkpoint_one_line_and_the_signals_exit_code(
    good: Path, tmp_path: Path, seeded_resnet18: Path
) -> None:
    run = tmp_path / "run"
    options = ("--steps", "100000", "--checkpoint-every", "3")
    process = started(*arguments(run, good, seeded_resnet18, *options))
    while not (run / "checkpoint.safetensors").exists() and process.is_alive():
        time.sleep(0.01)
    process.signal(signal.SIGTERM)
    done = process.wait(60)
    assert done.code == 128 + signal.SIGTERM
    assert "--resume" in done.err[-1]  # after what was found in the folder, and how long it would take
    assert "\n".join(done.err).count("blemish: ") == 1
    left = ["checkpoint.safetensors", "run.json", "training.jsonl", "unusual.png"]
    assert sorted(p.name for p in run.iterdir()) == left


def test_a_full_disk_is_one_clear_line_and_leaves_no_model(good: Path, tmp_path: Path, seeded_resnet18: Path) -> None:
    """The limit on a file's size makes writing fail as a full disk does."""
    run = tmp_path / "run"
    done = blemish_command(*arguments(run, good, seeded_resnet18, "--steps", "3"), largest_file=1_000_000)
    assert done.code == 2
    said = [line for line in done.err if line.startswith("blemish: ")]
    assert [line.startswith("blemish: cannot write") for line in said] == [True]
    assert sorted(p.name for p in run.iterdir()) == ["run.json", "training.jsonl", "unusual.png"]
