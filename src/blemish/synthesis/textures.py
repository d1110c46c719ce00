"""Textures for defects where there is no folder of them: drawn from noise, and cut from good photos and altered."""

import math

import torch
from torch import Generator, Tensor

from blemish.synthesis.noise import FINEST, draw_noise
from blemish.synthesis.rotation import sample

PATTERNS = 4  # clouds, stripes, chequers, spots
FEWEST_WAVES, MOST_WAVES = 2.0, 48.0  # of stripes across an image
SMALLEST_PIECE, LARGEST_PIECE = 0.2, 1.0  # sides of what is cut from a photo, as shares of the photo's


def draw_patterns(count: int, size: tuple[int, int], generator: Generator) -> Tensor:
    """Draws clouds, stripes, chequers and spots of two colours, warped, soft or hard, with grain: (B, 3, H, W),
    0 to 1."""
    octaves = torch.randint(FINEST - 1, (count, 2), generator=generator, device=generator.device)
    coarse, middle, fine = (draw_noise(2 ** (octaves + finer), size, generator) for finer in (0, 1, 2))
    clouds = coarse + 0.5 * middle + 0.25 * fine
    stripes, across = _waves(coarse, middle, generator)
    kinds = torch.stack([2 * clouds, stripes, stripes * across, (stripes + across) / 2], dim=1)
    kind = torch.randint(PATTERNS, (count, 1, 1, 1), generator=generator, device=generator.device)
    field = kinds.gather(1, kind.expand(-1, 1, *size)) + 0.5 * clouds[:, None]
    hardness = 2 ** _uniform(0, 5, (count, 1, 1, 1), generator)
    grain = torch.randn((count, 1, *size), generator=generator, device=generator.device)
    first, second = _colours(count, generator), _colours(count, generator)
    patterns = torch.lerp(first, second, torch.sigmoid(hardness * field))
    return (patterns + _uniform(0, 0.1, (count, 1, 1, 1), generator) * grain).clamp_(0, 1)


def alter_pieces(photos: Tensor, generator: Generator) -> Tensor:
    """Returns a piece of each photo (B, 3, H, W), enlarged, stretched, turned, inverted or not, recoloured, 0 to 1."""
    count, size = len(photos), (photos.shape[-2], photos.shape[-1])
    sides = _uniform(SMALLEST_PIECE, LARGEST_PIECE, (count, 2), generator)
    angles = _uniform(-math.pi, math.pi, (count,), generator)
    cos, sin = angles.cos(), angles.sin()
    turn = torch.stack([cos, -sin, sin, cos], dim=1).view(-1, 2, 2)
    aspect = photos.new_ones(2)
    aspect[1] = size[1] / size[0]  # a turned square stays one in the photo's own pixels
    centre = _uniform(-1, 1, (count, 2), generator) * (1 - sides)
    pieces = sample(photos, aspect[:, None] * turn * sides[:, None, :] / aspect, centre, outside="reflection")
    spread, mean = torch.std_mean(pieces, dim=(1, 2, 3), keepdim=True)
    contrast = _uniform(0.05, 0.3, (count, 1, 1, 1), generator) * _sign(count, generator)
    away = _uniform(0.3, 1, (count, 1, 1, 1), generator)
    colour = torch.lerp(pieces.mean(dim=(2, 3), keepdim=True), _colours(count, generator), away)
    return (colour + contrast * (pieces - mean) / (spread + 0.02)).clamp_(0, 1)


def _waves(warp: Tensor, warp_across: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Draws two families of stripes (B, H, W), -1 to 1, at right angles, bent by noise (B, H, W)."""
    count, height, width = warp.shape
    y, x = (torch.linspace(-0.5, 0.5, pixels, device=warp.device) for pixels in (height, width))
    waves = FEWEST_WAVES * (MOST_WAVES / FEWEST_WAVES) ** _uniform(0, 1, (2, count, 1, 1), generator)
    angle, bend = _uniform(0, math.pi, (count, 1, 1), generator), _uniform(0, 2, (count, 1, 1), generator)
    along, aside = angle.cos() * x + angle.sin() * y[:, None], angle.cos() * y[:, None] - angle.sin() * x
    stripes = torch.sin(2 * math.pi * (waves[0] * along + bend * warp))
    return stripes, torch.sin(2 * math.pi * (waves[1] * aside + bend * warp_across))


def _colours(count: int, generator: Generator) -> Tensor:
    """Draws colours (B, 3, 1, 1): every brightness, more often dull than vivid, as real surfaces are."""
    grey = _uniform(0, 1, (count, 1, 1, 1), generator)
    vivid = _uniform(0, 1, (count, 1, 1, 1), generator) ** 2
    return (grey + vivid * _uniform(-0.5, 0.5, (count, 3, 1, 1), generator)).clamp_(0, 1)


def _sign(count: int, generator: Generator) -> Tensor:
    return 2 * torch.randint(2, (count, 1, 1, 1), generator=generator, device=generator.device) - 1


def _uniform(low: float, high: float, shape: tuple[int, ...], generator: Generator) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator, device=generator.device)
