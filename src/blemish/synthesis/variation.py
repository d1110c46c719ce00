"""How good photos vary: the light that falls on a part, and how it lies."""

import torch
from torch import Generator, Tensor

CONTRAST, GAIN, TINT = 0.15, 0.22, 0.03  # natural logarithms: so far up or down


def vary_light(images: Tensor, generator: Generator, *, strength: float = 1.0) -> Tensor:
    """Changes contrast, brightness and, a little, the colour of each photo (B, 3, H, W); 0 changes nothing."""
    contrast = _factor(strength * CONTRAST, (len(images), 1, 1, 1), generator)
    gain = _factor(strength * GAIN, (len(images), 1, 1, 1), generator)
    tint = _factor(strength * TINT, (len(images), 3, 1, 1), generator)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return (((images - mean) * contrast + mean) * gain * tint).clamp(0, 1)


def flip_at_random(images: Tensor, generator: Generator) -> Tensor:
    """Mirrors each photo (B, C, H, W) along either axis or not and, where it is square, along its diagonal or not."""
    kinds = 3 if images.shape[-2] == images.shape[-1] else 2
    drawn = torch.rand((kinds, len(images), 1, 1, 1), generator=generator, device=images.device) < 0.5
    images = torch.where(drawn[0], images.flip(-1), images)
    images = torch.where(drawn[1], images.flip(-2), images)
    return torch.where(drawn[2], images.transpose(-1, -2), images) if kinds == 3 else images


def _factor(most: float, shape: tuple[int, ...], generator: Generator) -> Tensor:
    return torch.exp(most * (2 * torch.rand(shape, generator=generator, device=generator.device) - 1))
