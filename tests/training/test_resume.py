"""What a training may be gone on with, and what not."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from blemish.data.dataset import Dataset
from blemish.detectors import DETECTORS, ImageSize
from blemish.detectors.stpm import STPM, STPMSettings
from blemish.errors import ArtifactError, SettingsError
from blemish.model.artifact import Artifact
from blemish.progress import Progress
from blemish.training.identity import check_continuation
from blemish.training.settings import TrainingSettings
from blemish.training.train import train_detector

SETTINGS = STPMSettings(image_size=ImageSize(64, 64), steps=4)
TRAINING = TrainingSettings(batch_size=4, checkpoint_every=2, check_every=2)


def quick(parts: Dataset, run: Path, teacher: Path, *, photos: int = 10, **options: Any) -> Artifact:
    options = {"settings": SETTINGS, "training": TRAINING, **options}
    return train_detector("stpm", parts.train[:photos], run=run, teacher_weights=[teacher], **options)


def fail_after(step: int) -> Any:
    def fail(progress: Progress) -> None:
        if progress.activity == "student" and progress.done == step:
            raise RuntimeError("as if the power had gone")

    return fail


@pytest.fixture(scope="module")
def stopped(parts: Dataset, tmp_path_factory: pytest.TempPathFactory, seeded_resnet18: Path) -> Path:
    run = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.raises(RuntimeError):
        quick(parts, run, seeded_resnet18, on_progress=fail_after(3))
    return run


@pytest.fixture
def unfinished(stopped: Path, tmp_path: Path) -> Path:
    """A copy of it, that a test may go on with."""
    return Path(shutil.copytree(stopped, tmp_path / "run"))


def test_resuming_with_what_decides_the_weights_is_refused_in_plain_words(
    unfinished: Path, parts: Dataset, seeded_resnet18: Path
) -> None:
    with pytest.raises(ArtifactError, match="--resume"):
        quick(parts, unfinished, seeded_resnet18)

    def refused(**options: Any) -> str:
        with pytest.raises(SettingsError) as caught:
            quick(parts, unfinished, seeded_resnet18, resume=True, **options)
        return str(caught.value).removeprefix(f"cannot resume {unfinished}: ")

    larger = dataclasses.replace(SETTINGS, image_size=ImageSize(96, 64), recipe="paper")
    assert refused(settings=larger) == (
        "image_size was 64x64, is 96x64; recipe was one-cycle, is paper; keep was last, is best; give the same "
        "command, or --overwrite to start anew"
    )
    assert refused(training=dataclasses.replace(TRAINING, batch_size=5)).startswith("batch_size was 4, is 5; ")
    assert refused(photos=9).startswith("photos was 10 photos, contents ")
    another = refused(training=dataclasses.replace(TRAINING, seed=TRAINING.seed + 1))
    assert "; photos was" not in another, "they are the same, in another order"
    precision: Any = {"bf16": "fp32", "fp32": "bf16"}[precision_of(unfinished)]
    assert f"computing precision was {precision_of(unfinished)}, is {precision}" in refused(
        training=dataclasses.replace(TRAINING, precision=precision)
    )


@pytest.mark.parametrize("name", ["torch", "blemish", "Python", "numpy", "Pillow", "device"])
def test_resuming_with_another_version_or_processor_is_refused(stopped: Path, name: str) -> None:
    now = identity_of(stopped)
    with pytest.raises(SettingsError, match=rf"^cannot resume run: {name} was .*, is another; go on with the same"):
        check_continuation(now, now | {name: "another"}, run="run")


def identity_of(run: Path) -> dict[str, Any]:
    with safe_open(run / "checkpoint.safetensors", framework="pt") as file:
        identity: dict[str, Any] = json.loads(file.metadata()["record"])["identity"]
    return identity


def precision_of(run: Path) -> str:
    return str(identity_of(run)["computing precision"])


def test_resuming_with_other_threads_is_refused_and_says_how_to_set_them(
    unfinished: Path, parts: Dataset, seeded_resnet18: Path
) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        with pytest.raises(
            SettingsError, match=rf"threads was {threads}, is {threads + 1}; .*OMP_NUM_THREADS={threads}"
        ):
            quick(parts, unfinished, seeded_resnet18, resume=True)
    finally:
        torch.set_num_threads(threads)


def test_what_decides_no_weight_may_change_when_a_training_goes_on(
    unfinished: Path, parts: Dataset, tmp_path: Path, seeded_resnet18: Path
) -> None:
    other = dataclasses.replace(TRAINING, false_alarms=0.2, checkpoint_every=1, device="cpu")
    resumed = quick(parts, unfinished, seeded_resnet18, resume=True, training=other)
    assert resumed.weights_sha256 == quick(parts, tmp_path / "whole", seeded_resnet18).weights_sha256


def test_a_setting_that_a_checkpoint_does_not_know_was_its_default(unfinished: Path) -> None:
    now = identity_of(unfinished)
    before = {name: value for name, value in now.items() if name not in ("held_out", "momentum")}
    check_continuation(before, now, run="run")
    with pytest.raises(SettingsError, match=r"momentum was 0\.9, is 0\.5; held_out was 0\.2, is 0\.3;"):
        check_continuation(before, now | {"held_out": 0.3, "momentum": 0.5}, run="run")


def test_a_checkpoint_that_is_older_than_recipes_goes_on_with_the_papers(unfinished: Path) -> None:
    now = identity_of(unfinished) | {"recipe": "paper", "keep": "best", "patience": 300}
    before = {name: value for name, value in now.items() if name != "recipe"}
    check_continuation(before, now, run="run")
    with pytest.raises(SettingsError, match=r"recipe was paper, is one-cycle; "):
        check_continuation(before, now | {"recipe": "one-cycle"}, run="run")


def test_a_checkpoint_holds_no_teacher(unfinished: Path) -> None:
    with safe_open(unfinished / "checkpoint.safetensors", framework="pt") as file:
        names = list(file.keys())
    assert [name for name in names if name.startswith("detector.student.")]
    assert not [name for name in names if "teacher" in name]


def test_a_stage_that_had_ended_asks_its_teacher_nothing_when_it_is_resumed(
    parts: Dataset, tmp_path: Path, seeded_resnet18: Path
) -> None:
    def fail(progress: Progress) -> None:
        if progress.activity == "calibrating":
            raise RuntimeError("as if the power had gone")

    with pytest.raises(RuntimeError):
        quick(parts, tmp_path / "run", seeded_resnet18, on_progress=fail)
    seen: list[str] = []
    quick(parts, tmp_path / "run", seeded_resnet18, resume=True, on_progress=lambda p: seen.append(p.activity))
    assert "calibrating" in seen
    assert "teacher's features" not in seen


def test_the_log_of_a_resumed_training_has_no_line_twice_and_none_missing(
    unfinished: Path, parts: Dataset, seeded_resnet18: Path
) -> None:
    log = unfinished / "training.jsonl"
    torn = log.read_text() + '{"stage": "student", "step": 3, "seconds": 1.0, "losses": {}}\n{"stage": "stud'
    log.write_text(torn)  # as a kill after the checkpoint, and a power cut, leave it
    quick(parts, unfinished, seeded_resnet18, resume=True)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4]
    assert all(set(line["losses"]) == {"level1", "level2", "level3"} for line in lines)


def test_stages_are_asked_for_once(
    parts: Dataset, tmp_path: Path, seeded_resnet18: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[None] = []

    class Counted(STPM):
        def stages(self) -> Any:
            asked.append(None)
            return super().stages()

    monkeypatch.setitem(DETECTORS, "stpm", Counted)
    quick(parts, tmp_path / "run", seeded_resnet18)
    assert len(asked) == 1
