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


def lay_at_random(images: Tensor, generator: Generator, *, mirrored: bool) -> Tensor:
    """Turns each photo (B, C, H, W) by any number of quarters, or of halves where it is not square; mirrors some."""
    drawn = torch.rand((3, len(images), 1, 1, 1), generator=generator, device=images.device) < 0.5
    images = torch.where(drawn[0], images.flip(-1, -2), images)
    if images.shape[-2] == images.shape[-1]:
        images = torch.where(drawn[1], images.transpose(-1, -2).flip(-1), images)
    return torch.where(drawn[2], images.flip(-1), images) if mirrored else images


def _factor(most: float, shape: tuple[int, ...], generator: Generator) -> Tensor:
    return torch.exp(most * (2 * torch.rand(shape, generator=generator, device=generator.device) - 1))
