"""Shapes of synthetic defects: how much of each pixel one covers. A shape is added with one line in SHAPES."""

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor

from blemish.synthesis.noise import draw_noise

Shape = Callable[[int, tuple[int, int], Generator], Tensor]
"""How many, (H, W), generator -> (count, 1, H, W), 0 where nothing is covered to 1, on the generator's device."""

SMALLEST_SPOT, LARGEST_SPOT = 0.012, 0.14  # radii as shares of the shorter side
SHORTEST_SCAR, LONGEST_SCAR = 0.06, 0.6
THINNEST_SCAR, THICKEST_SCAR = 0.006, 0.035
SOFTEST = 1.5  # pixels over which an edge fades, of a photo of 128 pixels
HARDEST = 0.3
_HARMONICS = 4  # of a spot's outline


def draw_spots(count: int, size: tuple[int, int], generator: Generator) -> Tensor:
    """Draws ellipses and rectangles, up to four times as long as wide, of wobbly outlines."""
    side = min(size)
    x, y = _turned_coordinates(count, size, generator)
    radius = _log_uniform(SMALLEST_SPOT * side, LARGEST_SPOT * side, count, generator)
    stretch = _log_uniform(1, 2, count, generator)  # along, and as much less across: a ratio of 1 to 4
    square = torch.rand((count, 1, 1, 1), generator=generator, device=generator.device) < 0.4
    x, y = (x / stretch).abs(), (y * stretch).abs()
    distance = torch.where(square, torch.maximum(x, y), torch.hypot(x, y))
    outline = radius * (1 + _wobble(torch.atan2(y, x), count, generator))
    return _filled(outline - distance, size, generator)


def draw_scars(count: int, size: tuple[int, int], generator: Generator) -> Tensor:
    """Draws thin lines, most of them bent, that run out at their ends."""
    side = min(size)
    x, y = _turned_coordinates(count, size, generator)
    half_length = _log_uniform(SHORTEST_SCAR * side, LONGEST_SCAR * side, count, generator) / 2
    half_width = _log_uniform(THINNEST_SCAR * side, THICKEST_SCAR * side, count, generator) / 2
    along = x / half_length
    bend = _uniform(-0.5, 0.5, count, generator) * half_length
    narrowing = (1 - along.square()).clamp(min=0).sqrt()
    return _filled(half_width * narrowing - (y - bend * (along.square() - 0.5)).abs(), size, generator) * (
        along.abs() < 1
    )


def draw_stains(count: int, size: tuple[int, int], generator: Generator) -> Tensor:
    """Draws smooth noise in a round window: stains of uneven strength."""
    side = min(size)
    x, y = _turned_coordinates(count, size, generator)
    radius = _log_uniform(0.05 * side, 0.25 * side, count, generator)
    window = torch.exp(-(x.square() + y.square()) / radius.square())
    cells = 2 ** torch.randint(2, 5, (count, 2), generator=generator, device=generator.device)
    noise = draw_noise(cells, size, generator)[:, None]
    return ((noise + 0.5) * window * 2 - 0.3).clamp(0, 1)


def draw_bites(count: int, size: tuple[int, int], generator: Generator) -> Tensor:
    """Draws what a straight or a bent cut takes off a round piece: missing and chipped pieces."""
    side = min(size)
    x, y = _turned_coordinates(count, size, generator)
    radius = _log_uniform(0.02 * side, 0.18 * side, count, generator)
    cut = _uniform(-0.6, 0.6, count, generator) * radius + _uniform(-0.5, 0.5, count, generator) * y.square() / radius
    jagged = radius * _wobble(torch.atan2(y, x), count, generator)
    return _filled(torch.minimum(radius + jagged - torch.hypot(x, y), x - cut), size, generator)


SHAPES: dict[str, Shape] = {
    "spot": draw_spots,
    "scar": draw_scars,
    "stain": draw_stains,
    "bite": draw_bites,
}


def _turned_coordinates(count: int, size: tuple[int, int], generator: Generator) -> tuple[Tensor, Tensor]:
    """Returns each pixel's (x, y), (count, 1, H, W), in pixels from a centre and along axes that are drawn."""
    height, width = size
    device = generator.device
    x = torch.arange(width, device=device) - width * _uniform(0, 1, count, generator)
    y = torch.arange(height, device=device)[:, None] - height * _uniform(0, 1, count, generator)
    angle = _uniform(-math.pi, math.pi, count, generator)
    cos, sin = angle.cos(), angle.sin()
    return cos * x + sin * y, cos * y - sin * x


def _wobble(angle: Tensor, count: int, generator: Generator) -> Tensor:
    """Returns by how much of its radius an outline is out or in at each angle (count, 1, H, W)."""
    strength = _uniform(0, 0.25, count, generator)
    total = torch.zeros_like(angle)
    for harmonic in range(2, 2 + _HARMONICS):
        phase = _uniform(-math.pi, math.pi, count, generator)
        total += torch.cos(harmonic * angle + phase) / harmonic
    return strength * total


def _filled(inside: Tensor, size: tuple[int, int], generator: Generator) -> Tensor:
    """Returns the coverage of pixels that lie so many pixels inside an outline (count, 1, H, W): edges are soft."""
    soft = _uniform(HARDEST, SOFTEST, len(inside), generator) * max(1.0, min(size) / 128)
    return (inside / soft + 0.5).clamp(0, 1)


def _uniform(low: float, high: float, count: int, generator: Generator) -> Tensor:
    return low + (high - low) * torch.rand((count, 1, 1, 1), generator=generator, device=generator.device)


def _log_uniform(low: float, high: float, count: int, generator: Generator) -> Tensor:
    """Draws as many values between a length and twice that as between twice and four times."""
    return torch.exp(_uniform(math.log(low), math.log(high), count, generator))
