"""Blocks of decoders and segmentation networks, against plain float64 NumPy and by what they promise."""

import copy

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from blemish.networks import build_backbone
from blemish.networks.blocks import ASPP, ReversedPyramid, conv_norm_relu, silence_residuals, two_blocks
from blemish.networks.resnet import BasicBlock, Bottleneck

Array = NDArray[np.float64]


def convolved(x: Array, layer: nn.Module) -> Array:
    """conv_norm_relu in eval mode, tap by tap: x (C, h, w), zeros around it."""
    assert isinstance(layer, nn.Sequential)
    convolution, norm = layer[-3], layer[-2]
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    weight, rate = convolution.weight.detach().double().numpy(), convolution.dilation[0]
    reach, (_, height, width) = rate * (weight.shape[2] // 2), x.shape
    padded = np.pad(x, ((0, 0), (reach, reach), (reach, reach)))
    out = np.zeros((len(weight), height, width))
    for i, j in np.ndindex(weight.shape[2:]):
        window = padded[:, i * rate : i * rate + height, j * rate : j * rate + width]
        out += np.tensordot(weight[:, :, i, j], window, axes=1)
    mean, variance, gain, bias = (
        t.detach().double().numpy()[:, None, None]  # type: ignore[union-attr]
        for t in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    activated: Array = np.maximum((out - mean) / np.sqrt(variance + norm.eps) * gain + bias, 0)
    return activated


def as_if_trained(module: nn.Module) -> nn.Module:
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for tensor, low, high in ((norm.weight, 0.5, 1.5), (norm.bias, -0.2, 0.2), (norm.running_var, 0.1, 2.0)):
                nn.init.uniform_(tensor, low, high)  # type: ignore[arg-type]
    return module.eval()


def test_aspp_is_three_dilated_convolutions_and_the_mean_merged_by_a_3x3_convolution() -> None:
    torch.manual_seed(0)
    aspp = as_if_trained(ASPP(5, 4, rates=(1, 2, 3)))
    x = torch.rand(1, 5, 7, 9)
    image = x[0].double().numpy()
    assert isinstance(aspp, ASPP)
    mean = convolved(image.mean(axis=(1, 2), keepdims=True), aspp.mean)
    branches = [convolved(image, branch) for branch in aspp.dilated]
    together = np.concatenate([np.broadcast_to(mean, branches[0].shape), *branches])
    with torch.no_grad():
        ours = aspp(x)[0].double().numpy()
    assert ours == pytest.approx(convolved(together, aspp.merge), rel=1e-4, abs=1e-6)


def test_aspp_has_the_papers_number_of_parameters() -> None:
    aspp = ASPP(256, 256, rates=(6, 12, 18))
    expected = 256 * 256 + 3 * 9 * 256 * 256 + 9 * 1024 * 256 + 5 * 2 * 256
    assert sum(parameter.numel() for parameter in aspp.parameters()) == expected


@pytest.mark.parametrize("sides", [((16, 24), (8, 12), (4, 6), (2, 3)), ((13, 9), (7, 5), (4, 3), (2, 2))])
def test_a_reversed_pyramid_gives_features_of_every_shape_but_the_coarsest(sides: tuple[tuple[int, int], ...]) -> None:
    channels = (6, 10, 14, 18)
    features = [torch.rand(2, c, *side) for c, side in zip(channels, sides, strict=True)]
    outputs = ReversedPyramid(channels, nonnegative=True)(features)
    assert [tuple(o.shape) for o in outputs] == [(2, c, *side) for c, side in zip(channels, sides, strict=True)][:3]


def test_a_reversed_pyramid_has_no_skip_connections() -> None:
    torch.manual_seed(1)
    pyramid = ReversedPyramid((4, 8, 16), nonnegative=True).eval()
    features = [torch.rand(1, 4, 8, 8), torch.rand(1, 8, 4, 4), torch.rand(1, 16, 2, 2)]
    others = [torch.rand(1, 4, 8, 8), torch.rand(1, 8, 4, 4), features[2]]
    for ours, theirs in zip(pyramid(features), pyramid(others), strict=True):
        assert torch.equal(ours, theirs)


def test_only_a_pyramid_of_nonnegative_features_ends_in_relus() -> None:
    def outputs(nonnegative: bool) -> list[Tensor]:
        torch.manual_seed(2)
        pyramid = ReversedPyramid((4, 8, 16), nonnegative=nonnegative)
        return list(pyramid([torch.zeros(2, 4, 8, 8), torch.zeros(2, 8, 4, 4), torch.randn(2, 16, 2, 2)]))

    signed, rectified = outputs(False), outputs(True)
    assert all(level.min() < 0 for level in signed)
    assert all(level.min() == 0 for level in rectified)
    torch.testing.assert_close(rectified[1], signed[1].clamp(min=0))


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50"])
def test_silenced_residual_networks_begin_as_their_shortcuts(backbone: str) -> None:
    network = build_backbone(backbone, levels=2)
    before = copy.deepcopy(network.state_dict())
    silence_residuals(network)
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    last = "bn2" if backbone == "resnet18" else "bn3"
    assert changed == {name for name in before if name.endswith(f"{last}.weight")}
    blocks = [block for block in network.modules() if isinstance(block, BasicBlock | Bottleneck)]
    for block in blocks:
        x = torch.rand(1, block.conv1.in_channels, 8, 8)
        torch.testing.assert_close(block.eval()(x), torch.relu(block.downsample(x)))


def test_two_blocks_change_channels_in_the_first_and_a_kernel_of_3_keeps_the_size() -> None:
    assert two_blocks(6, 4)(torch.rand(2, 6, 5, 7)).shape == (2, 4, 5, 7)
    for dilation in (1, 6):
        assert conv_norm_relu(3, 4, kernel=3, dilation=dilation)(torch.rand(2, 3, 5, 7)).shape == (2, 4, 5, 7)
