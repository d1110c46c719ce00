"""Perlin noise, a batch at once: as two matrix products, so that no loop runs over images, cells or corners."""

import math

import torch
from torch import Generator, Tensor

FINEST = 5
"""Noise has at most 2^FINEST cells along an axis."""
CORNERS = 2**FINEST + 1


def draw_noise(cells: Tensor, size: tuple[int, int], generator: Generator) -> Tensor:
    """Draws Perlin noise (B, H, W), about -1 to 1, with cells (B, 2) along height and width: 2^FINEST at most."""
    turns = torch.rand((len(cells), CORNERS, CORNERS), generator=generator, device=cells.device)
    return perlin_noise(2 * math.pi * turns, cells, size)


def perlin_noise(angles: Tensor, cells: Tensor, size: tuple[int, int]) -> Tensor:
    """Returns the noise (B, H, W) of given gradients: angles (B, CORNERS, CORNERS) in radians, of which each image uses
    as many as it has corners.

    At a pixel, each of the four corners around it gives gradient . offset, weighted by 1 - fade(distance) along each
    axis. Weights and offsets belong to rows or to columns alone: with w for weights, d for offsets, corners k and l,
    noise[y, x] = sum_kl w[y, k] d[y, k] g_y[k, l] w[x, l] + w[y, k] g_x[k, l] w[x, l] d[x, l].
    """
    offsets_y, weights_y = _corners(cells[:, 0], size[0])
    offsets_x, weights_x = _corners(cells[:, 1], size[1])
    rows = torch.cat([(weights_y * offsets_y) @ angles.cos(), weights_y @ angles.sin()], dim=2)  # (B, H, 2 CORNERS)
    columns = torch.cat([weights_x, weights_x * offsets_x], dim=2)  # (B, W, 2 CORNERS)
    return math.sqrt(2) * rows @ columns.transpose(1, 2)


def _corners(cells: Tensor, pixels: int) -> tuple[Tensor, Tensor]:
    """Returns along one axis, (B, pixels, CORNERS) each, the distance from each corner, in cells, and the corner's
    weight."""
    along = torch.arange(pixels, device=cells.device) / pixels * cells[:, None]
    offsets = along[:, :, None] - torch.arange(CORNERS, device=cells.device)
    t = offsets.abs().clamp(max=1)
    fade = t**3 * (t * (6 * t - 15) + 10)  # quintic: 0 at a corner, 1 at the next and beyond
    return offsets, 1 - fade
