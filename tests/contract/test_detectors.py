"""What every method owes the house. A new entry of DETECTORS is tested here by itself."""

import dataclasses
import json
import math
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import blemish
from blemish.data.dataset import Dataset, Sample
from blemish.data.images import read_image, resize_image
from blemish.data.made_up import make_up
from blemish.detectors import DETECTORS, Detector, ImageSize
from blemish.errors import InterruptionError, SettingsError
from blemish.inference.torch_runtime import TorchRuntime, rebuild
from blemish.metrics.ranking import auroc
from blemish.model.artifact import Artifact, read_artifact
from blemish.networks.teacher import Teacher
from blemish.training.fit import Progress
from blemish.training.settings import TrainingSettings
from blemish.training.train import train
from contract.two_stage import TwoStage

ALL: dict[str, type[Detector]] = {**DETECTORS, "two_stage": TwoStage}
SIZE = ImageSize(32, 32)  # the smallest that training takes
SMALLEST: dict[str, dict[str, Any]] = {"rstpm": {"second_teacher": "resnet18", "reconstruction": "lite"}}
"""Settings that make a method as small as it gets, and its teachers those whose weights are here."""
LEARNS: dict[str, dict[str, Any]] = {
    "rstpm": {"second_teacher": "efficientnet_lite0", "reconstruction": "lite"},
    "destseg": {"steps": 100, "student_share": 0.4},
}
"""What a method needs beside a minute and a teacher that is everywhere."""
TRAINING = TrainingSettings(batch_size=4, check_every=2, checkpoint_every=3, held_out=0.25)


@pytest.fixture(params=ALL)
def method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name = str(request.param)
    monkeypatch.setitem(DETECTORS, name, ALL[name])
    return name


def few(parts: Dataset) -> tuple[Sample, ...]:
    return parts.train[:12]


def settings_of(method: str, **values: Any) -> Any:
    return ALL[method].Settings(image_size=SIZE, **{"steps": 7, **SMALLEST.get(method, {}), **values})


def trained(method: str, parts: Dataset, run: Path, teacher: Path, **options: Any) -> Artifact:
    options = {"training": TRAINING, **options}
    files = [teacher for module in drawn(method).modules() if isinstance(module, Teacher)]
    return train(method, few(parts), run=run, settings=settings_of(method), teacher_weights=files, **options)


def drawn(method: str) -> Detector:
    torch.manual_seed(3)
    detector = ALL[method](settings_of(method))
    detector.eval()
    return detector


def images(parts: Dataset, count: int) -> torch.Tensor:
    pixels = [torch.from_numpy(resize_image(read_image(sample.image), SIZE)) for sample in parts.test[:count]]
    return torch.stack(pixels).permute(0, 3, 1, 2).float() / 255


@pytest.mark.parametrize("size", [(64, 64), (96, 160), (70, 54)])
def test_the_map_has_the_images_shape_and_is_finite_and_so_is_its_score(method: str, size: tuple[int, int]) -> None:
    detector = drawn(method)
    maps = detector(torch.rand(2, 3, *size))
    assert maps.shape == (2, 1, *size)
    assert maps.dtype == torch.float32
    assert maps.isfinite().all()
    assert math.isfinite(detector.score.of(maps[0, 0].detach().numpy()))
    assert detector.title and detector.paper


def test_an_image_scores_the_same_alone_or_in_a_batch(method: str, parts: Dataset) -> None:
    detector, photos = drawn(method), images(parts, 5)
    with torch.no_grad():
        together = detector(photos)
        alone = [detector(photo[None]) for photo in photos]
    scores = [[detector.score.of(one[0].numpy()) for one in maps] for maps in (torch.cat(alone), together)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-4, abs=1e-7)
    torch.testing.assert_close(torch.cat(alone), together, rtol=1e-3, atol=1e-6)


def test_settings_survive_json(method: str) -> None:
    settings = settings_of(method, teacher="efficientnet_lite0")
    assert ALL[method].Settings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


def test_a_setting_of_another_type_or_name_is_refused_by_name(method: str) -> None:
    with pytest.raises(SettingsError, match="steps"):
        ALL[method].Settings.from_json({"steps": "many"})
    with pytest.raises(SettingsError, match="no_such_setting"):
        ALL[method].Settings.from_json({"no_such_setting": 1})


def test_every_setting_says_what_it_is(method: str) -> None:
    if method in ("two_stage",):
        pytest.skip("not a method that users see")
    import ast
    import inspect

    for kind in ALL[method].Settings.__mro__[:-1]:
        (tree,) = ast.parse(inspect.getsource(kind)).body
        assert isinstance(tree, ast.ClassDef)
        for statement, following in zip(tree.body, [*tree.body[1:], None], strict=True):
            if isinstance(statement, ast.AnnAssign):
                assert isinstance(following, ast.Expr), f"{kind.__name__}.{ast.unparse(statement.target)}"


def test_a_stage_changes_only_its_own_module_and_no_teacher(
    method: str, parts: Dataset, tmp_path: Path, seeded_resnet18: Path
) -> None:
    torch.manual_seed(TRAINING.seed)
    before = ALL[method](settings_of(method))
    teachers = [name for name, module in before.named_modules() if isinstance(module, Teacher)]
    for name in teachers:
        before.get_submodule(name).load_pretrained(seeded_resnet18)  # type: ignore[operator]
    at_stage_ends: dict[str, dict[str, torch.Tensor]] = {}

    def note(progress: Progress) -> None:
        if progress.activity in names and progress.done == progress.total:
            at_stage_ends[progress.activity] = {}

    names = [stage.name for stage in before.stages()]
    trained(method, parts, tmp_path / "run", seeded_resnet18, on_progress=note)
    after = rebuild(read_artifact(tmp_path / "run")).state_dict()
    assert list(at_stage_ends) == names
    for name, value in before.state_dict().items():
        if any(name.startswith(f"{teacher}.") for teacher in teachers):
            assert torch.equal(value, after[name]), f"{name} of the teacher changed"
    own = {
        f"{module}.{name}"
        for stage in before.stages()
        for module, found in before.named_modules()
        if found is stage.trains
        for name, _ in found.named_parameters()
    }
    changed = {name for name, value in before.named_parameters() if not torch.equal(value, after[name])}
    assert changed == own


def test_what_is_saved_predicts_what_was_trained(
    method: str, parts: Dataset, tmp_path: Path, seeded_resnet18: Path
) -> None:
    artifact = trained(method, parts, tmp_path / "run", seeded_resnet18)
    photo = parts.test[0].image
    state = torch.get_rng_state()
    runtime = TorchRuntime(rebuild(artifact), torch.device("cpu"))
    assert torch.equal(torch.get_rng_state(), state), "opening a model draws from the user's generator"
    maps, scores = runtime.run(images(parts, 1).numpy())
    prediction = blemish.open(tmp_path / "run").predict(photo)
    assert prediction.anomaly_score == pytest.approx(float(scores[0]), rel=1e-5)
    assert prediction.anomaly_map == pytest.approx(maps[0], rel=1e-4, abs=1e-7)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    method: str, parts: Dataset, tmp_path: Path, seeded_resnet18: Path
) -> None:
    first = trained(method, parts, tmp_path / "first", seeded_resnet18)
    again = trained(method, parts, tmp_path / "again", seeded_resnet18, resume=True)  # from nothing: the beginning
    other = dataclasses.replace(TRAINING, seed=1)
    assert first.weights_sha256 == again.weights_sha256
    assert trained(method, parts, tmp_path / "other", seeded_resnet18, training=other).weights_sha256 != (
        first.weights_sha256
    )


@pytest.mark.parametrize("cache_memory", [4.0, 0.0], ids=["kept", "nothing-kept"])
@pytest.mark.parametrize("stop_at", [2, 4, 7])
def test_a_training_that_was_stopped_in_any_stage_ends_as_an_uninterrupted_one(
    method: str, parts: Dataset, tmp_path: Path, seeded_resnet18: Path, stop_at: int, cache_memory: float
) -> None:
    stages = [stage for stage in drawn(method).stages() if stop_at <= stage.steps]
    if not stages:
        pytest.skip(f"no stage of {method} has {stop_at} steps")
    options = {"training": dataclasses.replace(TRAINING, cache_memory=cache_memory)}
    whole = trained(method, parts, tmp_path / "whole", seeded_resnet18, **options)
    for stage in stages:
        run = tmp_path / stage.name

        def stop(progress: Progress, name: str = stage.name) -> None:
            if (progress.activity, progress.done) == (name, stop_at - 1):
                os.kill(os.getpid(), signal.SIGTERM)

        with pytest.raises(InterruptionError, match="--resume"):
            trained(method, parts, run, seeded_resnet18, on_progress=stop, **options)
        assert not (run / "model.json").exists()
        resumed = trained(method, parts, run, seeded_resnet18, resume=True, **options)
        assert resumed.weights_sha256 == whole.weights_sha256
        assert resumed.calibration == whole.calibration
        assert resumed.training["stages"] == whole.training["stages"]


@pytest.fixture(scope="module")
def bricks(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Parts of one kind, of which little training is enough."""
    root = tmp_path_factory.mktemp("bricks")
    return make_up(root, seed=0, size=64, textures=("brick",), train=60, good=16, defective=24)


@pytest.mark.parametrize("method", DETECTORS)
def test_drawn_defects_score_above_normal(method: str, bricks: Dataset, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"image_size": 64, "steps": 60, "batch_size": 8, "check_every": 20}
    blemish.train(method, bricks, tmp_path, teacher="efficientnet_lite0", **settings | LEARNS.get(method, {}))
    predictor = blemish.open(tmp_path)
    scores = np.array([predictor.predict(sample.image).anomaly_score for sample in bricks.test])
    anomalous = np.array([sample.anomalous for sample in bricks.test])
    assert auroc(anomalous, scores) > 0.85
    assert np.median(scores[anomalous]) > 1.5 * np.median(scores[~anomalous])
