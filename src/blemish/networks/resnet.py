"""Residual networks (He et al., CVPR 2016; Zagoruyko & Komodakis, BMVC 2016) as feature pyramids.

Parameters have torchvision's names, so its weights files load unchanged. The stride of a bottleneck sits in its 3x3
convolution, as in torchvision.
"""

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from blemish.networks.backbone import IMAGENET_MEAN, IMAGENET_STD, FeaturePyramid, draw_weights


class BasicBlock(nn.Module):
    """A residual block that has two 3x3 convolutions and a shortcut."""

    expansion: ClassVar[int] = 1

    def __init__(self, in_channels: int, channels: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, channels, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.downsample(x)
        activated: Tensor = self.relu(out)
        return activated


class Bottleneck(nn.Module):
    """A residual block that has 1x1, 3x3 and 1x1 convolutions and a shortcut; it gives four times `channels`."""

    expansion: ClassVar[int] = 4
    widening: ClassVar[int] = 1

    def __init__(self, in_channels: int, channels: int, *, stride: int = 1) -> None:
        super().__init__()
        width = channels * self.widening
        out_channels = channels * self.expansion
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, out_channels, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += self.downsample(x)
        activated: Tensor = self.relu(out)
        return activated


class WideBottleneck(Bottleneck):
    """A bottleneck whose 3x3 convolution is twice as wide."""

    widening = 2


class ResNet(FeaturePyramid):
    """A pyramid that gives layer1, layer2, ... after their last ReLU: every feature is 0 or more."""

    nonnegative = True
    stem_channels = 64

    def __init__(self, block: type[BasicBlock] | type[Bottleneck], depths: Sequence[int], *, levels: int) -> None:
        widths = [64 * 2**level for level in range(levels)]
        channels = tuple(width * block.expansion for width in widths)
        super().__init__(channels=channels, mean=IMAGENET_MEAN, std=IMAGENET_STD)
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        in_channels = 64
        for level, (width, depth) in enumerate(zip(widths, depths, strict=False), start=1):
            first = block(in_channels, width, stride=1 if level == 1 else 2)
            in_channels = width * block.expansion
            rest = [block(in_channels, width) for _ in range(depth - 1)]
            self.add_module(f"layer{level}", nn.Sequential(first, *rest))
        draw_weights(self)

    def features(self, normalised: Tensor) -> tuple[Tensor, ...]:
        return self.features_with_stem(normalised)[:-1]

    def features_with_stem(self, normalised: Tensor) -> tuple[Tensor, ...]:
        stem = self.relu(self.bn1(self.conv1(normalised)))
        x = self.maxpool(stem)
        features = []
        for level in range(1, len(self.channels) + 1):
            x = getattr(self, f"layer{level}")(x)
            features.append(x)
        return (*features, stem)


def _shortcut(in_channels: int, out_channels: int, *, stride: int) -> nn.Module:
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False), nn.BatchNorm2d(out_channels)
    )


def resnet18(levels: int) -> ResNet:
    """Builds ResNet-18 with so many levels."""
    return ResNet(BasicBlock, (2, 2, 2, 2), levels=levels)


def resnet34(levels: int) -> ResNet:
    """Builds ResNet-34 with so many levels."""
    return ResNet(BasicBlock, (3, 4, 6, 3), levels=levels)


def resnet50(levels: int) -> ResNet:
    """Builds ResNet-50 with so many levels."""
    return ResNet(Bottleneck, (3, 4, 6, 3), levels=levels)


def wide_resnet50_2(levels: int) -> ResNet:
    """Builds Wide ResNet-50-2 with so many levels."""
    return ResNet(WideBottleneck, (3, 4, 6, 3), levels=levels)
