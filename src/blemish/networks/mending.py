"""A decoder that rebuilds a feature pyramid from itself through a bottleneck, a head that segments what it mended, and
both with what makes one map of theirs.

Both see unit vectors alone: how strong a teacher's features are changes with the light.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from blemish.networks.backbone import draw_weights
from blemish.networks.blocks import conv_norm_relu
from blemish.networks.discrepancy import distances, multiply_maps, unit_vectors
from blemish.networks.fusion import Fusion
from blemish.networks.resizing import resize_features
from blemish.networks.resnet import BasicBlock

_HEAD_WIDTH = 64
_LEAST = 1e-12  # of a product of distances, before its logarithm


class Decoder(nn.Module):
    """Three levels are squeezed into the coarsest one's size, or half of that, and rebuilt from it.

    Of hundreds of photos of parts half of it tells and marks defects better, of a few dozen the full size does.
    """

    def __init__(self, channels: Sequence[int], *, narrow: bool = False) -> None:
        super().__init__()
        fine, middle, coarse = channels
        self.squeeze_fine = _halving(fine, 64)
        self.squeeze_middle = _halving(64 + middle, 128)
        narrowest = 384 if narrow else 256
        self.squeeze_coarse = (
            nn.Sequential(_halving(128 + coarse, narrowest), BasicBlock(narrowest, narrowest))
            if narrow
            else conv_norm_relu(128 + coarse, narrowest, kernel=1)
        )
        widths = (64, 128, 256)
        self.blocks = nn.ModuleList([BasicBlock(128, 64), BasicBlock(256, 128), BasicBlock(narrowest, 256)])
        self.outputs = nn.ModuleList(nn.Conv2d(width, c, 1) for width, c in zip(widths, channels, strict=True))
        draw_weights(self)

    def forward(self, vectors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Returns features of every level, finest first, from unit vectors (B, C, h, w) of each."""
        fine, middle, coarse = (_scaled(level) for level in vectors)
        x = resize_features(self.squeeze_fine(fine), _size(middle))
        x = resize_features(self.squeeze_middle(torch.cat([x, middle], dim=1)), _size(coarse))
        x = self.squeeze_coarse(torch.cat([x, coarse], dim=1))
        rebuilt = []
        for level, block, output in zip(vectors[::-1], self.blocks[::-1], self.outputs[::-1], strict=True):
            x = block(resize_features(x, _size(level)))
            rebuilt.append(output(x))
        return tuple(rebuilt[::-1])


class DefectHead(nn.Module):
    """A light segmentation network on what the teacher sees, before and after mending."""

    def __init__(self, channels: Sequence[int], stem_channels: int) -> None:
        super().__init__()
        self.inputs = nn.ModuleList(conv_norm_relu(2 * c, _HEAD_WIDTH, kernel=1) for c in channels)
        self.residuals = nn.ModuleList(_wide_residual(_HEAD_WIDTH) for _ in channels)
        self.finer = conv_norm_relu(_HEAD_WIDTH, 32, kernel=1)
        self.stem = conv_norm_relu(stem_channels, 32, kernel=1) if stem_channels else None
        self.output = nn.Sequential(conv_norm_relu(32, 32, kernel=3), last := nn.Conv2d(32, 1, 1))
        assert last.bias is not None
        nn.init.constant_(last.bias, -3.0)  # defects are rare

    def forward(self, seen: Sequence[Tensor], rebuilt: Sequence[Tensor], stem: Tensor) -> Tensor:
        """Returns logits (B, 1, H / 2, W / 2) from unit vectors of each level, finest first, and the first layer."""
        x: Tensor | None = None
        for t, d, enter, residual in zip(
            seen[::-1], rebuilt[::-1], self.inputs[::-1], self.residuals[::-1], strict=True
        ):
            entered = enter(_scaled(torch.cat([t * d, t], dim=1), channels=t.shape[1]))
            x = entered if x is None else entered + resize_features(x, _size(entered))
            x = x + residual(x)
        assert x is not None
        size = _size(stem) if self.stem is not None else (2 * x.shape[-2], 2 * x.shape[-1])
        x = resize_features(self.finer(x), size)
        if self.stem is not None:
            x = x + self.stem(stem)
        logits: Tensor = self.output(x)
        return logits


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What the student makes of a photo."""

    rebuilt: tuple[Tensor, ...]
    """The decoder's features of each level (B, C, h, w), finest first."""
    mended: Tensor
    """(B, 1, h, w): the logarithm of the product of the levels' distances."""
    logits: Tensor | None
    """(B, 1, H / 2, W / 2): the head's, of being a defect."""


class Mender(nn.Module):
    """All that learns: decoder, head, and what their maps are combined by."""

    def __init__(self, decoder: nn.Module, head: nn.Module | None) -> None:
        super().__init__()
        self.decoder = decoder
        self.head = head
        self.fusion = Fusion()

    def forward(self, seen: Sequence[Tensor], stem: Tensor) -> Judged:
        """Takes the teacher's unit vectors of each level, finest first, and its first layer."""
        rebuilt = self.decoder(seen)
        mended = multiply_maps(distances(seen, rebuilt)).clamp(min=_LEAST).log()
        logits = None
        if self.head is not None:
            logits = self.head(seen, [unit_vectors(level.detach()) for level in rebuilt], stem).float()
        return Judged(rebuilt=rebuilt, mended=mended, logits=logits)


def _halving(in_channels: int, channels: int) -> nn.Sequential:
    convolution = nn.Conv2d(in_channels, channels, 3, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


def _wide_residual(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, 5, padding=2, groups=channels, bias=False),
        nn.BatchNorm2d(channels),
        nn.Conv2d(channels, 2 * channels, 1),
        nn.ReLU(inplace=True),
        nn.Conv2d(2 * channels, channels, 1),
    )


def _scaled(vectors: Tensor, *, channels: int | None = None) -> Tensor:
    """Returns unit vectors (B, C, h, w) with features of about 1, as convolutions like them."""
    return vectors * math.sqrt(channels or vectors.shape[1])


def _size(features: Tensor) -> tuple[int, int]:
    return features.shape[-2], features.shape[-1]
