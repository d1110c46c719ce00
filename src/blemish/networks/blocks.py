"""Blocks that decoders and segmentation networks are built of."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from blemish.networks.backbone import draw_weights
from blemish.networks.resizing import resize_features
from blemish.networks.resnet import BasicBlock, Bottleneck


class LinearBlock(BasicBlock):
    """A basic block that ends in its sum, without ReLU: for features that may be negative."""

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        total: Tensor = out + self.downsample(x)
        return total


def two_blocks(in_channels: int, channels: int, *, last: type[BasicBlock] = BasicBlock) -> nn.Sequential:
    """Returns two residual blocks; the first changes the number of channels."""
    return nn.Sequential(BasicBlock(in_channels, channels), last(channels, channels))


class ReversedPyramid(nn.Module):
    """A residual network that runs backwards: from the coarsest features of a pyramid to finer ones, no skip
    connections."""

    def __init__(self, channels: Sequence[int], *, nonnegative: bool) -> None:
        """Takes `channels` of the pyramid, finest level first; with `nonnegative` what comes out ends in a ReLU."""
        super().__init__()
        *finer, coarsest = channels
        last = BasicBlock if nonnegative else LinearBlock
        self.coarsest = two_blocks(coarsest, coarsest)
        self.stages = nn.ModuleList(
            two_blocks(below, here, last=last) for below, here in zip(channels[:0:-1], finer[::-1], strict=True)
        )
        draw_weights(self)

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Returns new features of every level but the coarsest, finest first, from the pyramid's.

        Of the finer features only the height and width are used.
        """
        x = self.coarsest(features[-1])
        outputs = []
        for stage, level in zip(self.stages, features[-2::-1], strict=True):
            x = stage(resize_features(x, (level.shape[-2], level.shape[-1])))
            outputs.append(x)
        return tuple(outputs[::-1])


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling (DeepLab v3) has dilated convolutions side by side, and the mean of all pixels."""

    def __init__(self, in_channels: int, channels: int, *, rates: Sequence[int]) -> None:
        super().__init__()
        self.mean = nn.Sequential(nn.AdaptiveAvgPool2d(1), *conv_norm_relu(in_channels, channels, kernel=1))
        self.dilated = nn.ModuleList(conv_norm_relu(in_channels, channels, kernel=3, dilation=rate) for rate in rates)
        self.merge = conv_norm_relu((1 + len(rates)) * channels, channels, kernel=3)

    def forward(self, x: Tensor) -> Tensor:
        mean = self.mean(x).expand(-1, -1, *x.shape[-2:])
        merged: Tensor = self.merge(torch.cat([mean, *(branch(x) for branch in self.dilated)], dim=1))
        return merged


def conv_norm_relu(in_channels: int, channels: int, *, kernel: int, dilation: int = 1) -> nn.Sequential:
    """Returns layers (B, in_channels, h, w) -> (B, channels, h, w), with weights as torch draws them."""
    padding = dilation * (kernel // 2)
    convolution = nn.Conv2d(in_channels, channels, kernel, padding=padding, dilation=dilation, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


def silence_residuals(network: nn.Module) -> None:
    """Zeroes the weight of the last batch norm of every ResNet block, as timm does: each begins as its shortcut."""
    for block in network.modules():
        if isinstance(block, BasicBlock):
            nn.init.zeros_(block.bn2.weight)
        elif isinstance(block, Bottleneck):
            nn.init.zeros_(block.bn3.weight)
