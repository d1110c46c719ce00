"""Turning images about their centre."""

import math
from typing import Literal

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

Rotation = Literal["none", "slight", "full"]

SLIGHT = 5.0  # degrees to either side
GREY = 114 / 255  # of corners that nothing was turned into


def turn_at_random(images: Tensor, rotation: Rotation, generator: Generator) -> Tensor:
    """Turns each image (B, C, H, W) by an angle of its own: up to 5 degrees, with `full` after a random quarter turn.

    Corners become grey. Where images are not square, `full` makes half turns only: a quarter would cut the part off.
    """
    if rotation == "none":
        return images
    count, device = len(images), images.device
    degrees = SLIGHT * (2 * torch.rand(count, generator=generator, device=device) - 1)
    if rotation == "full":
        turns = 4 if images.shape[-2] == images.shape[-1] else 2
        degrees += 360 / turns * torch.randint(turns, (count,), generator=generator, device=device)
    return rotate(images, degrees, fill=GREY)


def rotate(images: Tensor, degrees: Tensor, *, fill: float = 0.0) -> Tensor:
    """Turns each image (B, C, H, W) by its angle (B,), counter-clockwise; same size, bilinear, `fill` where nothing
    was."""
    return sample(images - fill, turning(degrees * (math.pi / 180), images.shape[-1] / images.shape[-2])) + fill


def turning(radians: Tensor, aspect: float) -> Tensor:
    """Returns matrices (B, 2, 2) for `sample` that turn images counter-clockwise by angles (B,); `aspect` is their
    width over their height."""
    cos, sin = radians.cos(), radians.sin()
    return torch.stack([cos, -sin / aspect, sin * aspect, cos], dim=1).view(-1, 2, 2)


def sample(
    images: Tensor, matrix: Tensor, centre: Tensor | None = None, *, outside: str = "zeros", between: str = "bilinear"
) -> Tensor:
    """Returns samples of each image (B, C, H, W): the pixel at p is taken from matrix @ p + centre.

    `matrix` (B, 2, 2), `centre` (B, 2) in (x, y); coordinates run from -1 to 1 over width and height. `outside`: one
    of torch's padding modes, and `between` pixels one of its modes of interpolation.
    """
    shift = torch.zeros_like(matrix[:, :, 0]) if centre is None else centre
    theta = torch.cat([matrix, shift[:, :, None]], dim=2)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode=between, padding_mode=outside, align_corners=False)
