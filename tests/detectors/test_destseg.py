"""DeSTSeg against oracles written independently, in float64 NumPy, and against the official code's way of training."""

import copy

import numpy as np
import pytest
import torch
from torch import Generator, Tensor, nn

from blemish.detectors import Batch, ImageSize, Stage
from blemish.detectors.destseg import MVTEC_AD_ROTATION, DeSTSeg, DeSTSegSettings, segmentation_losses
from blemish.errors import SettingsError
from blemish.networks.resnet import BasicBlock
from detectors.oracles import Array, bilinear, unit

SIZE = ImageSize(64, 96)


@pytest.fixture(scope="module")
def detector() -> DeSTSeg:
    torch.manual_seed(0)
    destseg = DeSTSeg(DeSTSegSettings(image_size=SIZE))
    for module in destseg.modules():  # drawn batch norms are all alike, or zero; make them differ as trained ones do
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
            nn.init.uniform_(module.running_mean, -0.1, 0.1)  # type: ignore[arg-type]
    destseg.eval()
    return destseg


def drawn(count: int, *, seed: int) -> Tensor:
    return torch.rand(count, 3, *SIZE, generator=Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def batch(detector: DeSTSeg) -> Batch:
    """Two good photos, the same with defects, and what the teacher says of the good ones."""
    clean, (student, _) = drawn(2, seed=1), detector.stages()
    assert student.add_defects is not None
    assert student.targets is not None
    images, masks = student.add_defects(clean, drawn(2, seed=2), Generator().manual_seed(8))
    assert (masks.mean(dim=(1, 2, 3)) > 0.01).all()
    return Batch(images=images, clean=clean, targets=student.targets(clean), masks=masks, global_size=32)


def features(network: nn.Module, images: Tensor) -> list[Array]:
    with torch.no_grad():
        return [level.double().numpy() for level in network(images)]


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_networks_have_the_papers_numbers_of_parameters(detector: DeSTSeg) -> None:
    assert parameters(detector.student) == 24_665_024
    assert parameters(detector.segmentation) == 7_706_369
    assert parameters(detector.segmentation.residual) == 2_918_912
    assert parameters(detector.segmentation.head) == 4_787_457


def test_the_encoders_blocks_begin_as_their_shortcuts_and_the_decoders_do_not() -> None:
    student = DeSTSeg(DeSTSegSettings(image_size=SIZE)).student
    for network, weight in ((student.encoder, 0), (student.decoder, 1)):
        blocks = [block for block in network.modules() if isinstance(block, BasicBlock)]
        assert len(blocks) == 8
        assert all((block.bn2.weight == weight).all() and (block.bn1.weight == 1).all() for block in blocks)


def test_convolutions_begin_kaiming_normal_but_for_aspp_and_head_which_are_as_torch_draws_them() -> None:
    torch.manual_seed(4)
    destseg = DeSTSeg(DeSTSegSettings(image_size=SIZE))
    for network in (destseg.student, destseg.segmentation.residual, destseg.segmentation.head):
        for module in network.modules():
            if isinstance(module, nn.Conv2d) and module.weight.numel() > 30_000:
                fan_in = module.weight[0].numel()
                fan_out = module.out_channels * module.kernel_size[0] * module.kernel_size[1]
                uniform = network is destseg.segmentation.head  # torch's default: within 1 / sqrt(fan in)
                spread = (1 / (3 * fan_in)) ** 0.5 if uniform else (2 / fan_out) ** 0.5
                assert float(module.weight.detach().std()) == pytest.approx(spread, rel=0.02)
                if uniform:
                    assert float(module.weight.detach().abs().max()) <= fan_in**-0.5


def test_the_students_loss_is_one_minus_cosine_averaged_over_pixels_and_summed_over_levels_and_the_whole_batch(
    detector: DeSTSeg, batch: Batch
) -> None:
    with torch.no_grad():
        loss = detector.stages()[0].loss(batch)
    pairs = zip(features(detector.teacher, batch.clean), features(detector.student, batch.images), strict=True)
    expected = [32 * (1 - (unit(t) * unit(s)).sum(axis=1)).mean() for t, s in pairs]
    assert [float(part) for part in loss.values()] == pytest.approx(expected, rel=1e-5)


def products(detector: DeSTSeg, images: Tensor) -> Array:
    pairs = zip(features(detector.teacher, images), features(detector.student, images), strict=True)
    return np.concatenate([bilinear(-unit(t) * unit(s), 16, 24) for t, s in pairs], axis=1)


def test_the_segmentation_networks_input_is_the_negative_product_of_both_features(
    detector: DeSTSeg, batch: Batch
) -> None:
    seen = []
    hook = detector.segmentation.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        detector.stages()[1].loss(batch)
    hook.remove()
    assert seen[0].shape == (2, 64 + 128 + 256, 16, 24)
    assert seen[0].double().numpy() == pytest.approx(products(detector, batch.images), rel=1e-4, abs=1e-7)
    assert seen[0].max() <= 0


def logits_of(detector: DeSTSeg, images: Tensor) -> Array:
    """Its segmentation network on the oracle's products."""
    with torch.no_grad():
        values: Array = detector.segmentation(torch.from_numpy(products(detector, images)).float()).double().numpy()
    return values


def test_the_segmentation_losses_are_focal_and_l1_to_masks_rounded_at_a_half(detector: DeSTSeg, batch: Batch) -> None:
    with torch.no_grad():
        loss = detector.stages()[1].loss(batch)
    assert batch.masks is not None
    truth = np.where(bilinear(batch.masks.double().numpy(), 16, 24) < 0.5, 0, 1)
    assert 0 < truth.mean() < 0.2
    judged = 1 / (1 + np.exp(-logits_of(detector, batch.images)))
    p = judged * truth + (1 - judged) * (1 - truth)
    assert float(loss["focal"]) == pytest.approx(((1 - p) ** 4 * -np.log(p)).mean(), rel=1e-4)
    assert float(loss["l1"]) == pytest.approx(np.abs(truth - judged).mean(), rel=1e-4)
    assert list(loss) == ["focal", "l1"]


def test_losses_and_gradients_stay_finite_where_the_network_is_sure_and_wrong() -> None:
    logits = torch.tensor([-200.0, -90.0, 0.0, 90.0, 200.0], requires_grad=True).view(1, 1, 1, 5)
    logits.retain_grad()
    losses = segmentation_losses(logits, torch.tensor([True, False, True, False, True]).view(1, 1, 1, 5), gamma=4.0)
    torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert losses["focal"].item() == pytest.approx((200 + 90 + np.log(2) / 16) / 5, rel=1e-6)
    assert losses["l1"].item() == pytest.approx(2.5 / 5, rel=1e-6)


@pytest.mark.parametrize("photos", [2, 4])
def test_batch_norm_of_two_values_is_refused_for_the_student_would_diverge(photos: int) -> None:
    detector = DeSTSeg(DeSTSegSettings(image_size=ImageSize(32, 32)))
    student, _ = detector.stages()
    begin(detector, student)
    images = torch.rand(photos, 3, 32, 32, generator=Generator().manual_seed(0))
    assert student.targets is not None
    batch = Batch(images=images, clean=images, targets=student.targets(images), global_size=photos)
    if photos == 2:
        with pytest.raises(SettingsError, match=r"have 2 values, .*raise --batch-size or --image-size"):
            student.loss(batch)
        return
    torch.stack(list(student.loss(batch).values())).sum().backward()  # type: ignore[no-untyped-call]
    assert max(float(p.grad.abs().max()) for p in detector.student.parameters() if p.grad is not None) < 100


def test_losses_are_computed_in_float32_under_autocast(detector: DeSTSeg, batch: Batch) -> None:
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        losses = [loss for stage in detector.stages() for loss in stage.loss(batch).values()]
    assert {loss.dtype for loss in losses} == {torch.float32}


def test_the_map_is_resized_after_the_sigmoid_and_the_score_the_mean_of_its_highest_pixels(detector: DeSTSeg) -> None:
    images = drawn(2, seed=5)
    with torch.no_grad():
        anomaly_map = detector(images)
    expected = bilinear(1 / (1 + np.exp(-logits_of(detector, images))), *SIZE)
    assert anomaly_map.numpy() == pytest.approx(expected, rel=1e-4)
    counted = round(100 * 64 * 96 / 256**2)  # as large a part of the image as the paper's 100 pixels
    highest = np.sort(expected.reshape(2, -1), axis=1)[:, -counted:].mean(axis=1)
    assert [detector.score.of(one[0].numpy()) for one in anomaly_map] == pytest.approx(highest, rel=1e-4)


def test_at_256_pixels_the_score_counts_100() -> None:
    destseg = DeSTSeg(DeSTSegSettings()).eval()
    with torch.no_grad():
        anomaly_map = destseg(torch.rand(1, 3, 256, 256, generator=Generator().manual_seed(6)))
    highest = anomaly_map.flatten().sort(descending=True).values[:100]
    assert destseg.score.of(anomaly_map[0, 0].numpy()) == pytest.approx(float(highest.mean()), rel=1e-6)


def test_schedule_and_optimisers_are_the_official_codes(detector: DeSTSeg) -> None:
    student, segmentation = detector.stages()
    assert (student.name, student.steps) == ("student", 1000)
    assert (segmentation.name, segmentation.steps) == ("segmentation", 4000)
    groups = [
        (group["lr"], sum(p.numel() for p in group["params"]))
        for stage in (student, segmentation)
        for group in stage.optimizer(stage.trains).param_groups
    ]
    assert groups == [(0.4, 24_665_024), (0.1, 2_918_912), (0.01, 4_787_457)]
    for stage in (student, segmentation):
        for group in stage.optimizer(stage.trains).param_groups:
            assert (group["momentum"], group["weight_decay"], group["nesterov"]) == (0.9, 1e-4, False)
        assert stage.validation_loss is None  # the last weights are kept
        assert stage.patience is None


def test_however_few_steps_there_are_the_student_learns_first() -> None:
    shares = [[stage.steps for stage in DeSTSeg(DeSTSegSettings(steps=steps)).stages()] for steps in (4, 11)]
    assert shares == [[1, 3], [3, 8]]  # a fifth, rounded up


def begin(destseg: DeSTSeg, stage: Stage) -> torch.optim.Optimizer:
    """As the loop begins a stage."""
    destseg.eval().requires_grad_(False)
    stage.trains.train().requires_grad_(True)
    return stage.optimizer(stage.trains)


def official_step(destseg: DeSTSeg, batch: Batch, *, stage: int, optimizer: torch.optim.Optimizer) -> None:
    """A step as the official code makes it: every network runs, on good photos and altered ones, every loss is had."""
    assert batch.masks is not None
    destseg.requires_grad_(True)
    destseg.teacher.requires_grad_(False)
    teacher_clean, teacher_defective = (unit_tensors(destseg.teacher(images)) for images in (batch.clean, batch.images))
    student = unit_tensors(destseg.student(batch.images))
    distances = [1 - (t * s).sum(dim=1) for t, s in zip(teacher_clean, student, strict=True)]
    cosine = torch.stack([d.mean(dim=(1, 2)).sum() for d in distances]).sum()
    products = [resized(-t * s, like=student[0]) for t, s in zip(teacher_defective, student, strict=True)]
    judged = torch.sigmoid(destseg.segmentation(torch.cat(products, dim=1)))
    masks = (resized(batch.masks, like=student[0]) >= 0.5).float()
    p = masks * judged + (1 - masks) * (1 - judged)
    entropy = nn.functional.binary_cross_entropy(judged, masks, reduction="none")
    segmentation = ((1 - p) ** 4 * entropy).mean() + (masks - judged).abs().mean()
    (cosine if stage == 0 else segmentation).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    destseg.zero_grad()


def resized(maps: Tensor, *, like: Tensor) -> Tensor:
    return nn.functional.interpolate(maps, size=like.shape[-2:], mode="bilinear")


def unit_tensors(levels: tuple[Tensor, ...]) -> list[Tensor]:
    return [level / (level.square().sum(dim=1, keepdim=True).sqrt() + 1e-12) for level in levels]


@pytest.mark.parametrize("stage", [0, 1], ids=["student", "segmentation"])
def test_without_the_official_codes_wasted_passes_a_step_comes_out_the_same(
    detector: DeSTSeg, batch: Batch, stage: int
) -> None:
    ours, theirs = copy.deepcopy(detector), copy.deepcopy(detector)
    altered = Batch(images=batch.images, clean=batch.clean, targets=batch.targets, masks=batch.masks, global_size=2)
    passes = count_passes(ours)
    optimizer = begin(ours, ours.stages()[stage])
    torch.stack(list(ours.stages()[stage].loss(altered).values())).sum().backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    assert sorted(passes) == (["student"] if stage == 0 else ["segmentation", "student", "teacher"])
    other = [m for m in (ours.student, ours.segmentation) if m is not ours.stages()[stage].trains]
    assert all(p.grad is None for module in (*other, ours.teacher) for p in module.parameters())
    official_step(theirs, altered, stage=stage, optimizer=begin(theirs, theirs.stages()[stage]))
    for (name, value), expected in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        torch.testing.assert_close(value, expected, rtol=1e-3, atol=1e-5, msg=name)


def count_passes(destseg: DeSTSeg) -> list[str]:
    """Filled with the name of each network that runs."""
    passes: list[str] = []
    for name in ("teacher", "student", "segmentation"):
        destseg.get_submodule(name).register_forward_pre_hook(lambda _m, _i, name=name: passes.append(name))
    return passes


def test_a_teacher_of_signed_features_is_imitated_with_signed_ones_at_its_own_strides_and_channels() -> None:
    torch.manual_seed(5)
    destseg = DeSTSeg(DeSTSegSettings(teacher="efficientnet_lite0", image_size=SIZE)).eval()
    images = torch.rand(1, 3, 70, 54)
    with torch.no_grad():
        teacher, student = destseg.teacher(images), destseg.student(images)
    assert [s.shape for s in student] == [t.shape for t in teacher]
    assert [s.shape[1] for s in student] == [24, 40, 112]
    for level in (*teacher, *student):
        assert 0.1 < float((level < 0).float().mean()) < 0.9


def test_a_batch_of_one_photo_is_refused_before_batch_norm_stumbles_over_it(detector: DeSTSeg, batch: Batch) -> None:
    assert batch.masks is not None
    one = Batch(images=batch.images[:1], clean=batch.clean[:1], masks=batch.masks[:1], global_size=1)
    for stage in detector.stages():
        with pytest.raises(SettingsError, match="--batch-size"):
            stage.loss(one)


@pytest.mark.parametrize("values", [{"student_share": 0.0}, {"student_share": 1.0}, {"top_pixels": 0}], ids=str)
def test_impossible_settings_are_refused_by_name(values: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match=next(iter(values))):
        DeSTSeg(DeSTSegSettings.from_json(values))


def test_the_papers_rotations_name_every_category_of_mvtec_ad() -> None:
    assert len(MVTEC_AD_ROTATION) == 15
    assert MVTEC_AD_ROTATION["screw"] == "full"
    assert MVTEC_AD_ROTATION["zipper"] == "slight"
    assert MVTEC_AD_ROTATION["transistor"] == "none"


def test_turning_good_parts_is_part_of_both_stages_where_it_is_set() -> None:
    for rotation in ("none", "slight", "full"):
        stages = DeSTSeg(DeSTSegSettings(rotation=rotation, image_size=SIZE)).stages()
        assert [stage.augment is None for stage in stages] == [rotation == "none"] * 2
