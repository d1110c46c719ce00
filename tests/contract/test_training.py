"""What training owes every method. A new entry of DETECTORS is tested here by itself."""

import dataclasses
import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import blemish
from blemish.data.dataset import Dataset
from blemish.detectors import DETECTORS, Detector, Stage
from blemish.errors import InterruptionError
from blemish.inference.torch_runtime import TorchRuntime, rebuild
from blemish.model.artifact import Artifact
from blemish.networks.teacher import Teacher
from blemish.progress import Progress
from contract.methods import ALL, TRAINING, images, trained

KEPT, NOTHING_KEPT = 4.0, 0.0
CACHES = [(method, KEPT) for method in ALL] + [("stpm", NOTHING_KEPT), ("two_stage", NOTHING_KEPT)]
"""Whether teacher features are kept is the loop's affair: one method of the house's and the quick one show it."""


@dataclass
class Look:
    """A training seen from outside: its detector as it was at the ends of every stage."""

    detectors: list[Detector] = field(default_factory=list)
    artifact: Artifact | None = None
    stages: list[Stage] = field(default_factory=list)
    states: list[tuple[str | None, dict[str, Tensor]]] = field(default_factory=list)
    """Before the first step, after every stage's first and last, and at the end; the stage that had stepped."""
    awake: list[set[str]] = field(default_factory=list)
    """At the same times: modules in train mode, and parameters with gradients."""

    def note(self, progress: Progress) -> None:
        names = {stage.name for stage in self.stages}
        if progress.activity in names and progress.done not in (1, progress.total):
            return
        if progress.activity in ("teacher's features", "downloading (MB)", "reading textures"):
            return
        (detector,) = self.detectors
        self.stages = self.stages or list(detector.stages())
        state = {name: value.clone() for name, value in detector.state_dict().items()}
        self.states.append((progress.activity if progress.activity in names else None, state))
        self.awake.append(
            {name for name, module in detector.named_modules() if module.training}
            | {name for name, parameter in detector.named_parameters() if parameter.requires_grad}
        )

    def own(self, stage: str) -> set[str]:
        """Names of a stage's module, the modules in it, and its tensors."""
        (detector,) = self.detectors
        (module,) = [found.trains for found in self.stages if found.name == stage]
        (place,) = [name for name, found in detector.named_modules() if found is module]
        inner = [name for name, _ in module.named_modules()] + list(module.state_dict())
        return {f"{place}.{name}".rstrip(".") for name in inner}


pytestmark = pytest.mark.usefixtures("small")
Train = Callable[[str, float], Look]


@pytest.fixture(scope="module")
def whole(parts: Dataset, tmp_path_factory: pytest.TempPathFactory, small_weights: Path) -> Train:
    """An uninterrupted training of a method, once for all tests."""
    looks: dict[tuple[str, float], Look] = {}

    def look(method: str, cache_memory: float) -> Look:
        if (method, cache_memory) not in looks:
            seen = looks[method, cache_memory] = Look()

            kind: Any = ALL[method]

            class Seen(kind):  # type: ignore[misc]
                def __init__(self, settings: Any) -> None:
                    super().__init__(settings)
                    seen.detectors.append(self)

            with pytest.MonkeyPatch.context() as patch:
                patch.setitem(DETECTORS, method, Seen)
                training = dataclasses.replace(TRAINING, cache_memory=cache_memory)
                run = tmp_path_factory.mktemp("whole") / "run"
                seen.artifact = trained(method, parts, run, small_weights, training=training, on_progress=seen.note)
        return looks[method, cache_memory]

    return look


def artifact_of(look: Look) -> Artifact:
    assert look.artifact is not None
    return look.artifact


@pytest.mark.parametrize("method", ALL)
def test_a_stage_changes_only_its_own_module_and_no_teacher(method: str, whole: Train) -> None:
    look = whole(method, KEPT)
    names = [stage.name for stage in look.stages]
    stepped = [stage for stage, _ in look.states if stage is not None]
    assert list(dict.fromkeys(stepped)) == names
    for (before_stage, before), (after_stage, after) in zip(look.states, look.states[1:], strict=False):
        may = {name for stage in (before_stage, after_stage) if stage is not None for name in look.own(stage)}
        changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
        assert changed <= may, f"from {before_stage} to {after_stage}"
    start, end = look.states[0][1], look.states[-1][1]
    for stage in look.stages:
        own = [name for name in look.own(stage.name) if name in start]
        parameters = {name for name in own if name in dict(look.detectors[0].named_parameters())}
        assert parameters == {name for name in parameters if not torch.equal(start[name], end[name])}


@pytest.mark.parametrize("method", ALL)
def test_in_a_stage_all_but_its_own_module_is_frozen_and_in_eval_mode(method: str, whole: Train) -> None:
    look = whole(method, KEPT)
    teachers = [name for name, module in look.detectors[0].named_modules() if isinstance(module, Teacher)]
    assert teachers
    buffers = {name for name, _ in look.detectors[0].named_buffers()}
    for (stage, _), awake in zip(look.states, look.awake, strict=True):
        if stage is not None:
            assert awake == look.own(stage) - buffers, f"in stage {stage}"
    assert not look.awake[-1], "at the end"


@pytest.mark.parametrize("method", ALL)
def test_what_is_saved_predicts_what_was_trained(method: str, whole: Train, parts: Dataset) -> None:
    look = whole(method, KEPT)
    artifact, (detector, *_) = artifact_of(look), look.detectors
    photos = images(parts.test[:1])
    state = torch.get_rng_state()
    runtime = TorchRuntime(rebuild(artifact), torch.device("cpu"))
    assert torch.equal(torch.get_rng_state(), state), "opening a model draws from the user's generator"
    with torch.no_grad():
        asked = detector(photos)[:, 0].numpy()
    assert runtime.run(photos.numpy()) == pytest.approx(asked, rel=1e-5, abs=1e-8)
    prediction = blemish.open(artifact.folder).predict(parts.test[0].image)
    assert prediction.anomaly_map == pytest.approx(asked[0], rel=1e-4, abs=1e-7)
    assert prediction.anomaly_score == pytest.approx(detector.score.of(asked[0]), rel=1e-4)


@pytest.mark.parametrize("method", ALL)
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    method: str, whole: Train, parts: Dataset, tmp_path: Path, small_weights: Path
) -> None:
    first = artifact_of(whole(method, KEPT))
    again = trained(method, parts, tmp_path / "again", small_weights, resume=True)  # from nothing: the beginning
    other = dataclasses.replace(TRAINING, seed=1)
    assert first.weights_sha256 == again.weights_sha256
    assert trained(method, parts, tmp_path / "other", small_weights, training=other).weights_sha256 != (
        first.weights_sha256
    )


STOPS: dict[str, dict[str, tuple[int, ...]]] = {
    "two_stage": {"student": (2, 4, 7), "head": (2, 4)},
    "destseg": {"student": (2,), "segmentation": (4,)},
}
"""By method and stage, after which steps a signal comes: before the first checkpoint, between two, at the end."""


@pytest.mark.parametrize(("method", "cache_memory"), CACHES)
def test_a_training_that_was_stopped_in_any_stage_ends_as_an_uninterrupted_one(
    method: str, cache_memory: float, whole: Train, parts: Dataset, tmp_path: Path, small_weights: Path
) -> None:
    look = whole(method, cache_memory)
    artifact = artifact_of(look)
    options = {"training": dataclasses.replace(TRAINING, cache_memory=cache_memory)}
    for stage in look.stages:
        for stop_at in STOPS.get(method, {}).get(stage.name, (4,)):
            run = tmp_path / f"{stage.name}-{stop_at}"

            def stop(progress: Progress, at: tuple[str, int] = (stage.name, stop_at - 1)) -> None:
                if (progress.activity, progress.done) == at:
                    os.kill(os.getpid(), signal.SIGTERM)

            with pytest.raises(InterruptionError, match=f"^stopped after {stop_at} of .*--resume"):
                trained(method, parts, run, small_weights, on_progress=stop, **options)
            assert not (run / "model.json").exists()
            resumed = trained(method, parts, run, small_weights, resume=True, **options)
            assert resumed.weights_sha256 == artifact.weights_sha256
            assert resumed.calibration == artifact.calibration
            assert resumed.training.stages == artifact.training.stages
            assert log_of(run) == log_of(artifact.folder)


def log_of(run: Path) -> list[dict[str, Any]]:
    """training.jsonl without the one field that is another each time."""
    lines = [json.loads(line) for line in (run / "training.jsonl").read_text().splitlines()]
    seconds = [line.pop("seconds") for line in lines]
    assert seconds == sorted(seconds)
    return lines


@pytest.mark.parametrize("method", ALL)
def test_every_check_leaves_a_line_with_the_losses_by_name(method: str, whole: Train) -> None:
    look = whole(method, KEPT)
    artifact = artifact_of(look)
    lines = log_of(artifact.folder)
    expected = [
        (stage.name, step)
        for stage in look.stages
        for step in range(1, stage.steps + 1)
        if step % TRAINING.check_every == 0 or step == stage.steps
    ]
    assert [(line["stage"], line["step"]) for line in lines] == expected
    for stage in look.stages:
        own = [line for line in lines if line["stage"] == stage.name]
        assert len({tuple(line["losses"]) for line in own}) == 1
        assert all(np.isfinite(list(line["losses"].values())).all() for line in own)
        assert all((line["validation_loss"] is None) == (stage.validation_loss is None) for line in own)
        assert all(line["learning_rates"] for line in own)
