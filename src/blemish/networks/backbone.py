"""What a backbone is: photos in, features at growing strides out."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from blemish.networks.pretrained import WeightsSource

STRIDES = (4, 8, 16, 32)
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

Colour = tuple[float, float, float]


class FeaturePyramid(nn.Module, ABC):
    """The features of a photo at strides 4, 8, 16, 32, as many levels as were asked for.

    Levels that were not asked for are not built, so a weights file need not hold them.
    """

    nonnegative: ClassVar[bool] = False
    """Whether features are known to be 0 or more."""
    stem_channels: ClassVar[int] = 0
    """Channels of the layer before the first level, at stride 2; 0 where it is not told apart."""
    mean: Tensor
    std: Tensor

    def __init__(self, *, channels: tuple[int, ...], mean: Colour, std: Colour) -> None:
        super().__init__()
        self.channels = channels
        self.strides = STRIDES[: len(channels)]
        # Constants, not learned: left out of the state dict, whose names are those of the weights file.
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor, *, stem: bool = False) -> tuple[Tensor, ...]:
        """Returns each level (B, channels, H / stride, W / stride), rounded up, of images (B, 3, H, W) float32, RGB, 0
        to 1; with `stem`, after them what `features_with_stem` adds."""
        normalised = (images - self.mean) / self.std
        return self.features_with_stem(normalised) if stem else self.features(normalised)

    def features_with_stem(self, normalised: Tensor) -> tuple[Tensor, ...]:
        """Returns what `features` does and, after it, the layer before (B, stem_channels, H / 2, W / 2), or the images
        themselves where it is not told apart."""
        return (*self.features(normalised), normalised)

    @abstractmethod
    def features(self, normalised: Tensor) -> tuple[Tensor, ...]:
        """Returns the same for images (B, 3, H, W) that already have the pixel mean and spread of the weights'
        training."""

    @property
    def pretrained_part(self) -> nn.Module:
        """The module whose state dict has the names of the weights file."""
        return self


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """An entry of BACKBONES, which says how a network is built and where its weights are."""

    build: Callable[[int], FeaturePyramid]
    """levels -> network with random weights, drawn from torch's global generator."""
    weights: WeightsSource
    """Its ImageNet weights."""


def draw_weights(network: nn.Module) -> None:
    """Draws random weights as torchvision does: convolutions kaiming-normal (fan-out, ReLU), batch norm 1 and 0.

    Draws from torch's global generator.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
