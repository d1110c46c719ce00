"""How good photos vary: the light that falls on a part, how the camera sees it, and how it lies."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, Self

import torch
from torch import Generator, Tensor

from blemish.synthesis.rotation import sample, turning


class LightRange(NamedTuple):
    """Says how far light varies either way, in natural logarithms of factors."""

    gain: float
    """Of brightness."""
    contrast: float
    tint: float
    """Of each colour for itself."""


class PoseRange(NamedTuple):
    """Says how far a part's pose varies either way."""

    shift: float
    """Of a side, across and down."""
    degrees: float
    scale: float
    """The natural logarithm of the size."""


LIGHTS: Mapping[str, LightRange] = MappingProxyType(
    {
        "off": LightRange(gain=0, contrast=0, tint=0),
        "mild": LightRange(gain=0.11, contrast=0.075, tint=0.015),
        "strong": LightRange(gain=0.22, contrast=0.15, tint=0.03),
    }
)
POSES: Mapping[str, PoseRange] = MappingProxyType(
    {
        "off": PoseRange(shift=0, degrees=0, scale=0),
        "mild": PoseRange(shift=1 / 64, degrees=2, scale=0.02),
        "strong": PoseRange(shift=1 / 16, degrees=5, scale=0.06),
    }
)
STILL = 0.25  # of the photos keep their pose: what resampling softens must be met as it is, too


@dataclass(frozen=True, kw_only=True)
class Variation:
    """Says how each of some photos varies."""

    light: Tensor | None
    """(B, 5): logarithms of gain, contrast, and the factor of each colour; None: it does not vary."""
    pose: Tensor | None
    """(B, 4): shift across and down as shares of the sides, radians counter-clockwise, logarithm of the size."""

    @classmethod
    def drawn(cls, count: int, generator: Generator, *, light: str, pose: str) -> Self:
        """Draws so many, each number evenly within LIGHTS[light] and POSES[pose]."""
        bright, moved = LIGHTS[light], POSES[pose]
        most_light = [bright.gain, bright.contrast, *[bright.tint] * 3]
        most_pose = [moved.shift, moved.shift, moved.degrees * math.pi / 180, moved.scale]
        moving = torch.rand(count, generator=generator, device=generator.device) >= STILL
        return cls(
            light=_even(count, most_light, generator) if any(most_light) else None,
            pose=_even(count, most_pose, generator) * moving[:, None] if any(most_pose) else None,
        )

    def of(self, places: Tensor, *, varies: Tensor, device: torch.device) -> Self:
        """Returns on a device that of the photos at some places, and no variation where not `varies` (B,)."""

        def chosen(values: Tensor | None) -> Tensor | None:
            return None if values is None else (values[places] * varies[:, None]).to(device)

        return type(self)(light=chosen(self.light), pose=chosen(self.pose))

    def photos(self, images: Tensor) -> Tensor:
        """Returns the photos (B, 3, H, W), 0 to 1, moved and lit anew; beyond its edges a photo is mirrored."""
        if self.pose is not None:
            images = _posed(images, self.pose, outside="reflection", between="bicubic").clamp(0, 1)
        if self.light is not None:
            images = _lit(images, self.light)
        return images.contiguous(memory_format=torch.channels_last)

    def masks(self, masks: Tensor) -> Tensor:
        """Returns masks (B, 1, H, W) of 0 and 1, moved as the photos are; what no photo shows is 0."""
        if self.pose is None:
            return masks
        return (_posed(masks, self.pose, outside="zeros", between="bilinear") > 0.5).to(masks.dtype)


def lay_at_random(images: Tensor, generator: Generator, *, mirrored: bool) -> Tensor:
    """Turns each photo (B, C, H, W) by any number of quarters, or of halves where it is not square; mirrors some."""
    drawn = torch.rand((3, len(images), 1, 1, 1), generator=generator, device=images.device) < 0.5
    images = torch.where(drawn[0], images.flip(-1, -2), images)
    if images.shape[-2] == images.shape[-1]:
        images = torch.where(drawn[1], images.transpose(-1, -2).flip(-1), images)
    return torch.where(drawn[2], images.flip(-1), images) if mirrored else images


def _lit(images: Tensor, logarithms: Tensor) -> Tensor:
    factors = logarithms.exp()[:, :, None, None]
    gain, contrast, tint = factors[:, :1], factors[:, 1:2], factors[:, 2:]
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return (((images - mean) * contrast + mean) * gain * tint).clamp(0, 1)


def _posed(images: Tensor, poses: Tensor, *, outside: str, between: str) -> Tensor:
    shift, radians, scale = poses[:, :2], poses[:, 2], poses[:, 3].exp()
    matrix = turning(radians, images.shape[-1] / images.shape[-2]) / scale[:, None, None]
    centre = -(matrix @ (2 * shift)[:, :, None])[:, :, 0]
    return sample(images, matrix, centre, outside=outside, between=between)


def _even(count: int, most: list[float], generator: Generator) -> Tensor:
    """Returns (count, K) numbers between -most and most."""
    drawn = 2 * torch.rand((count, len(most)), generator=generator, device=generator.device) - 1
    return drawn * torch.tensor(most, device=generator.device)
