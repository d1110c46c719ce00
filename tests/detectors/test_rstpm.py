"""RSTPM against oracles written independently, in float64 NumPy, and by what its two pairs owe each other."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import blemish
from blemish.data.dataset import Dataset
from blemish.detectors import Batch, ImageSize
from blemish.detectors.rstpm import RSTPM, RSTPMSettings
from blemish.detectors.stpm import STPM, STPMSettings
from blemish.errors import SettingsError
from blemish.inference.torch_runtime import rebuild
from blemish.model.artifact import read_artifact
from blemish.networks import BACKBONES
from blemish.networks.backbone import Backbone, FeaturePyramid
from blemish.networks.pretrained import WeightsSource
from blemish.networks.reconstruction import Gate
from blemish.networks.teacher import Teacher
from blemish.training.settings import TrainingSettings
from blemish.training.train import train_detector
from detectors.oracles import Array, bilinear, unit

SIZE = ImageSize(64, 96)
SMALL = RSTPMSettings(teacher="efficientnet_lite0", second_teacher="resnet18", reconstruction="lite", image_size=SIZE)


def drawn(settings: RSTPMSettings) -> RSTPM:
    """With drawn weights, and batch norms that differ as trained ones do."""
    torch.manual_seed(0)
    rstpm = RSTPM(settings)
    for module in rstpm.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
            nn.init.uniform_(module.running_mean, -0.1, 0.1)  # type: ignore[arg-type]
    rstpm.eval()
    return rstpm


@pytest.fixture(scope="module")
def detector() -> RSTPM:
    return drawn(SMALL)


@pytest.fixture(scope="module")
def papers() -> RSTPM:
    """The paper's pairing."""
    return drawn(RSTPMSettings())


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand(2, 3, *SIZE, generator=torch.Generator().manual_seed(1))


def batch_of(detector: RSTPM, images: Tensor, *, stage: int) -> Batch:
    targets = detector.stages()[stage].targets
    assert targets is not None
    return Batch(images=images, clean=images, targets=targets(images), global_size=len(images))


def pairs_of(detector: RSTPM, images: Tensor) -> list[list[tuple[Array, Array]]]:
    """Per pair and level, what teacher and student give."""
    with torch.no_grad():
        *first, deepest = detector.teacher(images)
        second = detector.second_teacher(images)
        pairs = ((first, detector.student(images)), (second, detector.reconstruction(deepest, second)))
    return [
        [(t.double().numpy(), s.double().numpy()) for t, s in zip(teacher, student, strict=True)]
        for teacher, student in pairs
    ]


def test_the_papers_pairing_has_the_papers_shapes_and_so_many_bytes_are_kept_of_a_photo() -> None:
    with torch.device("meta"), torch.no_grad():  # shapes alone: nothing is computed
        papers, photo = RSTPM(RSTPMSettings()).eval(), torch.rand(1, 3, 256, 256)
        first, (deepest, *second) = (batch_of(papers, photo, stage=stage).targets for stage in (0, 1))
        reconstructed, imitated = papers.reconstruction(deepest, second), papers.student(photo)
    assert [tuple(level.shape[1:]) for level in first] == [(64, 64, 64), (128, 32, 32), (256, 16, 16)]
    assert tuple(deepest.shape[1:]) == (512, 8, 8)
    assert [tuple(level.shape[1:]) for level in second] == [(256, 64, 64), (512, 32, 32), (1024, 16, 16)]
    assert [level.shape for level in reconstructed] == [level.shape for level in second]
    assert [level.shape for level in imitated] == [level.shape for level in first]
    kept = [sum(level.half().nbytes for level in levels) for levels in (first, (deepest, *second))]
    assert kept == [917_504, 3_735_552]


@pytest.mark.parametrize(
    ("attention", "reconstruction", "count"),
    [
        ("input-gate", "full", 72_571_648),
        ("none", "full", 60_179_968),
        ("input-gate", "lite", 38_498_112),
        ("between-stages", "full", 100_629_760),
    ],
)
def test_the_reconstruction_student_has_as_many_parameters_as_were_counted(
    attention: str, reconstruction: str, count: int
) -> None:
    settings = RSTPMSettings.from_json({"attention": attention, "reconstruction": reconstruction})
    with torch.device("meta"):
        assert sum(p.numel() for p in RSTPM(settings).reconstruction.parameters()) == count


def test_the_first_pair_is_stpm(detector: RSTPM, images: Tensor) -> None:
    stpm = STPM(STPMSettings(teacher=SMALL.teacher, image_size=SIZE, recipe="paper")).eval()
    stpm.load_state_dict({name: value for name, value in detector.state_dict().items() if name in stpm.state_dict()})
    (theirs,), (ours, _) = stpm.stages(), detector.stages()
    assert theirs.targets is not None
    assert theirs.validation_loss is not None
    assert ours.validation_loss is not None
    batch, same = batch_of(detector, images, stage=0), theirs.targets(images)
    assert all(torch.equal(a, b) for a, b in zip(batch.targets, same, strict=True))
    with torch.no_grad():
        assert ours.loss(batch) == theirs.loss(batch)
        assert torch.equal(ours.validation_loss(batch), theirs.validation_loss(batch))
    assert ours.optimizer(ours.trains).defaults == theirs.optimizer(theirs.trains).defaults
    assert (ours.steps, ours.patience) == (SMALL.steps, SMALL.patience)


@pytest.mark.parametrize("stage", [0, 1], ids=["student", "reconstruction"])
def test_each_loss_is_the_mean_of_squared_distances_per_level(detector: RSTPM, images: Tensor, stage: int) -> None:
    with torch.no_grad():
        loss = detector.stages()[stage].loss(batch_of(detector, images, stage=stage))
    pairs = pairs_of(detector, images)[stage]
    expected = [((unit(t) - unit(s)) ** 2).sum(axis=1).mean(axis=(0, 1, 2)) for t, s in pairs]
    assert list(loss) == ["level1", "level2", "level3"]
    assert [float(part) for part in loss.values()] == pytest.approx(expected, rel=1e-5)


def test_the_second_pairs_validation_loss_is_the_mean_of_its_product_map(detector: RSTPM, images: Tensor) -> None:
    error = detector.stages()[1].validation_loss
    assert error is not None
    product = np.ones((2, 16, 24))
    for t, s in pairs_of(detector, images)[1]:
        product *= bilinear(((unit(t) - unit(s)) ** 2).sum(axis=1), 16, 24)
    with torch.no_grad():
        ours = error(batch_of(detector, images, stage=1))
    assert ours.numpy() == pytest.approx(product.mean(axis=(1, 2)), rel=1e-4)


def test_maps_are_added_per_level_multiplied_over_levels_and_the_score_is_the_maximum(
    detector: RSTPM, images: Tensor
) -> None:
    first, second = pairs_of(detector, images)
    expected = np.ones((2, *SIZE))
    for (t1, s1), (t2, s2) in zip(first, second, strict=True):
        maps = [1 - (unit(t) * unit(s)).sum(axis=1) for t, s in ((t1, s1), (t2, s2))]
        expected *= sum(bilinear(level, *SIZE) for level in maps)
    with torch.no_grad():
        maps_of_both = detector(images)[:, 0].numpy()
    assert maps_of_both == pytest.approx(expected, rel=1e-4)
    assert [detector.score.of(one) for one in maps_of_both] == pytest.approx(expected.max(axis=(1, 2)), rel=1e-4)


def test_the_six_maps_say_which_pair_and_level_fired(detector: RSTPM, images: Tensor) -> None:
    with torch.no_grad():
        maps = detector.level_maps(images)
    assert list(maps) == [f"{pair}_level{level}" for pair in ("student", "reconstruction") for level in (1, 2, 3)]
    for levels, pair in zip(pairs_of(detector, images), ("student", "reconstruction"), strict=True):
        for level, (t, s) in enumerate(levels, start=1):
            expected = 1 - (unit(t) * unit(s)).sum(axis=1)
            assert maps[f"{pair}_level{level}"][:, 0].numpy() == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_gates_change_the_loss_and_learn_from_it(papers: RSTPM) -> None:
    """In the paper's pairing, all three; gates on the compared features themselves would do neither."""
    stage, batch = papers.stages()[1], batch_of(papers, torch.rand(2, 3, 64, 64), stage=1)
    stage.trains.requires_grad_(True)
    before = stage.loss(batch)
    torch.stack(list(before.values())).sum().backward()  # type: ignore[no-untyped-call]
    gates = [module for module in papers.reconstruction.modules() if isinstance(module, Gate)]
    assert len(gates) == 3
    assert all(p.grad is not None and float(p.grad.abs().max()) > 1e-6 for g in gates for p in g.parameters())
    stage.trains.zero_grad()
    stage.trains.requires_grad_(False)
    for level, gate in zip((3, 2, 1), gates, strict=True):  # the coarsest stage is the first
        last = gate.layers[1]
        assert isinstance(last, nn.Conv2d)
        weights = last.weight.clone()
        last.weight.mul_(20)
        after = stage.loss(batch)
        last.weight.copy_(weights)
        assert abs(float(after[f"level{level}"] - before[f"level{level}"].detach())) > 1e-4


def test_each_student_has_its_own_learning_rate() -> None:
    settings = dataclasses.replace(SMALL, learning_rate=0.3, reconstruction_learning_rate=0.1)
    optimizers = [stage.optimizer(stage.trains) for stage in RSTPM(settings).stages()]
    found = [{key: group[key] for key in ("lr", "momentum", "weight_decay")} for (group,) in
             (optimizer.param_groups for optimizer in optimizers)]  # fmt: skip
    assert found == [{"lr": rate, "momentum": 0.9, "weight_decay": 1e-4} for rate in (0.3, 0.1)]


def test_no_teacher_runs_while_kept_features_are_learnt_from(images: Tensor) -> None:
    detector = drawn(SMALL)
    batches = [batch_of(detector, images, stage=stage) for stage in (0, 1)]
    for teacher in (detector.teacher, detector.second_teacher):
        for parameter in teacher.parameters():
            parameter.fill_(torch.nan)  # a feature computed now would be none
    for stage, batch in zip(detector.stages(), batches, strict=True):
        kept = dataclasses.replace(batch, targets=tuple(target.half() for target in batch.targets))
        assert all(part.isfinite() for part in stage.loss(kept).values())


@pytest.mark.parametrize(
    ("first", "second", "attention"),
    [
        ("resnet18", "efficientnet_lite0", "input-gate"),
        ("efficientnet_lite0", "resnet50", "between-stages"),
        ("resnet34", "resnet18", "none"),
    ],
)
def test_teachers_of_any_widths_go_together(first: str, second: str, attention: str) -> None:
    values = {"teacher": first, "second_teacher": second, "attention": attention, "reconstruction": "lite"}
    detector = RSTPM(RSTPMSettings.from_json(values)).eval()
    photo = torch.rand(1, 3, 70, 54)
    with torch.no_grad():
        deepest, *second_features = batch_of(detector, photo, stage=1).targets
        reconstructed = detector.reconstruction(deepest, second_features)
    assert [level.shape for level in reconstructed] == [level.shape for level in second_features]
    assert detector(photo).isfinite().all()


def test_features_that_may_be_negative_are_reconstructed_with_their_signs(images: Tensor) -> None:
    detector = drawn(dataclasses.replace(SMALL, teacher="resnet18", second_teacher="efficientnet_lite0"))
    for teacher, student in pairs_of(detector, images)[1]:
        assert teacher.min() < 0
        assert student.min() < 0
    for teacher, student in pairs_of(drawn(SMALL), images)[1]:
        assert teacher.min() == 0
        assert student.min() == 0


class RoundsDown(FeaturePyramid):
    """A backbone that drops what does not fill a stride."""

    def __init__(self, levels: int) -> None:
        super().__init__(channels=(2,) * levels, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))

    def features(self, normalised: Tensor) -> tuple[Tensor, ...]:
        return tuple(nn.functional.avg_pool2d(normalised[:, :2], stride) for stride in self.strides)


def test_teachers_whose_sizes_do_not_fit_are_refused_before_anything_is_trained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backbone = Backbone(build=RoundsDown, weights=WeightsSource(file_name="none", sha256="none"))
    monkeypatch.setitem(BACKBONES, "rounds_down", backbone)
    odd = dataclasses.replace(SMALL, second_teacher="rounds_down", image_size=ImageSize(67, 96))
    with pytest.raises(SettingsError) as caught:
        RSTPM(odd).check_trainable()
    assert str(caught.value) == (
        "teacher efficientnet_lite0 and second teacher rounds_down do not go together at image_size 67x96: "
        "features of 3x3 grow to twice that or one less, not to 4x6"
    )
    RSTPM(dataclasses.replace(odd, image_size=SIZE)).check_trainable()


def test_between_stages_needs_two_pixels_of_the_deepest_features() -> None:
    smallest = dataclasses.replace(SMALL, image_size=ImageSize(32, 32))
    RSTPM(smallest).check_trainable()
    with pytest.raises(SettingsError, match=r"^image_size is 32x32: [^\n]* needs a side above 32$"):
        RSTPM(dataclasses.replace(smallest, attention="between-stages")).check_trainable()


def test_both_losses_fall_both_teachers_stay_and_what_was_trained_predicts(
    parts: Dataset, tmp_path: Path, seeded_resnet18: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLEMISH_WEIGHTS", str(seeded_resnet18.parent))
    values = {"teacher": "resnet18", "second_teacher": "efficientnet_lite0", "steps": 16}
    settings = dataclasses.replace(SMALL, image_size=ImageSize(64, 64), **values)  # type: ignore[arg-type]
    training = TrainingSettings(batch_size=4, check_every=4)
    artifact = train_detector("rstpm", parts.train[:16], run=tmp_path / "run", settings=settings, training=training)
    for stage in artifact.training.stages:
        losses = [point.loss for point in stage.history]
        assert losses[-1] < 0.7 * losses[0], stage.name
    trained = rebuild(read_artifact(tmp_path / "run"))
    assert isinstance(trained, RSTPM)
    for ours, name in ((trained.teacher, "resnet18"), (trained.second_teacher, "efficientnet_lite0")):
        weights = Teacher.pretrained(name, levels=len(ours.channels)).state_dict()
        assert all(torch.equal(value, weights[key]) for key, value in ours.state_dict().items())
    predictor = blemish.open(tmp_path / "run")
    assert predictor.predict(parts.test[-1].image).anomaly_map.shape == (64, 64)
