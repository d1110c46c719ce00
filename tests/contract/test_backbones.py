"""What every entry of BACKBONES promises."""

import pytest
import torch
from torch import Tensor, nn

from blemish.errors import SettingsError
from blemish.networks import BACKBONES, build_backbone
from blemish.networks.backbone import FeaturePyramid
from blemish.networks.teacher import Teacher

CHANNELS = {
    "efficientnet_lite0": (24, 40, 112, 320),
    "resnet18": (64, 128, 256, 512),
    "resnet34": (64, 128, 256, 512),
    "resnet50": (256, 512, 1024, 2048),
    "wide_resnet50_2": (256, 512, 1024, 2048),
}

SIDES = {
    (128, 128): [(32, 32), (16, 16), (8, 8), (4, 4)],
    (75, 101): [(19, 26), (10, 13), (5, 7), (3, 4)],
}

every_backbone = pytest.mark.parametrize("name", BACKBONES)


def _features(network: nn.Module, images: Tensor) -> tuple[Tensor, ...]:
    with torch.no_grad():
        features: tuple[Tensor, ...] = network(images)
    return features


def _built(name: str, *, levels: int = 2, seed: int = 0) -> FeaturePyramid:
    torch.manual_seed(seed)
    return build_backbone(name, levels=levels).eval()


@every_backbone
@pytest.mark.parametrize("levels", [3, 4])
def test_each_level_has_the_promised_stride_and_channels(name: str, levels: int) -> None:
    network = _built(name, levels=levels)
    assert network.strides == (4, 8, 16, 32)[:levels]
    assert network.channels == CHANNELS[name][:levels]
    for size, sides in SIDES.items():
        features = _features(network, torch.rand(1, 3, *size))
        expected = [(1, channels, *side) for channels, side in zip(CHANNELS[name], sides, strict=True)]
        assert [tuple(level.shape) for level in features] == expected[:levels]
        assert all(level.isfinite().all() for level in features)


@every_backbone
def test_a_level_that_was_not_asked_for_is_not_built(name: str) -> None:
    with torch.device("meta"):  # no numbers are drawn
        three, four = (set(_built(name, levels=levels).state_dict()) for levels in (3, 4))
    assert three < four


@every_backbone
def test_the_state_dict_holds_no_constants(name: str) -> None:
    assert not {"mean", "std"} & set(_built(name).state_dict())


@every_backbone
def test_a_photo_gives_the_same_features_alone_and_in_a_batch(name: str) -> None:
    network = _built(name)
    images = torch.rand(3, 3, 64, 96)
    for together, alone in zip(_features(network, images), _features(network, images[1:2]), strict=True):
        torch.testing.assert_close(together[1:2], alone, rtol=1e-3, atol=1e-4 * float(alone.abs().max()))


@every_backbone
def test_random_weights_follow_torchs_seed(name: str) -> None:
    first, again, other = (_built(name, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(tensor, again[key]) for key, tensor in first.items())
    assert any(not torch.equal(tensor, other[key]) for key, tensor in first.items())


@every_backbone
def test_random_weights_are_kaiming_normal_over_the_fan_out(name: str) -> None:
    for module in _built(name).modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.out_channels * module.kernel_size[0] * module.kernel_size[1]
            count = module.weight.numel()
            spread = float(module.weight.detach().square().mean().sqrt()) / (2 / fan_out) ** 0.5
            assert spread == pytest.approx(1, abs=5 / (2 * count) ** 0.5)  # five standard errors
        if isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all()
            assert (module.bias == 0).all()


@every_backbone
def test_gradients_reach_every_parameter_of_a_student(name: str) -> None:
    student = _built(name).train()
    torch.autograd.backward([level.square().mean() for level in student(torch.rand(2, 3, 32, 32))])
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in student.parameters())


@every_backbone
def test_training_around_a_teacher_leaves_it_asleep_and_bit_unchanged(name: str) -> None:
    teacher = Teacher(_built(name))
    head = nn.Conv2d(teacher.channels[0], 1, 1)
    around = nn.ModuleDict({"teacher": teacher, "head": head}).train()
    before = {key: tensor.clone() for key, tensor in around.state_dict().items()}
    optimizer = torch.optim.SGD(around.parameters(), lr=1.0, weight_decay=0.1)
    head(teacher(torch.rand(2, 3, 32, 32, requires_grad=True))[0]).sum().backward()
    optimizer.step()
    assert head.training
    assert not any(module.training for module in teacher.modules())
    changed = {key for key, tensor in around.state_dict().items() if not torch.equal(tensor, before[key])}
    assert changed == {"head.weight", "head.bias"}


@every_backbone
def test_an_artifacts_state_dict_rebuilds_a_teacher(name: str) -> None:
    first, second = Teacher(_built(name, seed=1)), Teacher(_built(name, seed=2))
    second.load_state_dict(first.state_dict())
    images = torch.rand(1, 3, 40, 56)
    assert all(torch.equal(a, b) for a, b in zip(first(images), second(images), strict=True))


@every_backbone
def test_a_teacher_exports_with_free_height_and_width(name: str) -> None:
    teacher = Teacher(_built(name))
    free = {2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO}
    with torch.no_grad():
        exported = torch.export.export(teacher, (torch.rand(1, 3, 64, 96),), dynamic_shapes={"images": free})
    images = torch.rand(1, 3, 75, 58)
    for ours, theirs in zip(teacher(images), exported.module()(images), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_misspelt_backbone_gives_the_near_name_and_the_list() -> None:
    with pytest.raises(
        SettingsError, match=r"no backbone 'resnet-18'; did you mean resnet18\? choose one of eff.*wide"
    ):
        build_backbone("resnet-18", levels=3)


@pytest.mark.parametrize("levels", [0, 5])
def test_a_backbone_cannot_have_levels_beyond_its_strides(levels: int) -> None:
    with pytest.raises(SettingsError, match=f"1 to 4 levels, not {levels}"):
        build_backbone("resnet18", levels=levels)
