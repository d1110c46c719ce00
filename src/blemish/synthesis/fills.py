"""What synthetic defects show: other brightness, other colours, other places. One line in FILLS adds a fill."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

Fill = Callable[[Tensor, Tensor, Generator], Tensor]
"""Photos and textures (N, 3, H, W), generator -> what defects in these photos show (N, 3, H, W), 0 to 1."""


def darker(photos: Tensor, _textures: Tensor, generator: Generator) -> Tensor:
    """Returns the photos in a shadow: a dark spot shows what is below it."""
    return photos * _uniform(0.08, 0.8, photos, generator)


def lighter(photos: Tensor, _textures: Tensor, generator: Generator) -> Tensor:
    """Returns the photos worn bright, or shining."""
    return (photos * _uniform(1.15, 2.2, photos, generator)).clamp(max=1)


def flat(photos: Tensor, _textures: Tensor, generator: Generator) -> Tensor:
    """Returns one colour a photo, of any brightness: paint, a hole, a missing piece."""
    grey = _uniform(0, 1, photos, generator)
    tint = torch.rand((len(photos), 3, 1, 1), generator=generator, device=photos.device) - 0.5
    return (grey + tint * _uniform(0, 0.5, photos, generator)).clamp(0, 1).expand_as(photos)


def elsewhere(photos: Tensor, _textures: Tensor, generator: Generator) -> Tensor:
    """Returns another photo, shifted far: a piece where none belongs."""
    return _shifted(photos.roll(1, dims=0), 0.5, generator)


def displaced(photos: Tensor, _textures: Tensor, generator: Generator) -> Tensor:
    """Returns the photos themselves, shifted a little: something that is bent, cut or moved."""
    return _shifted(photos, 0.06, generator)


def textured(_photos: Tensor, textures: Tensor, _generator: Generator) -> Tensor:
    """Returns the textures as they are."""
    return textures


def noisy(photos: Tensor, _textures: Tensor, generator: Generator) -> Tensor:
    """Returns two colours that noise mixes, coarse or fine."""
    height, width = photos.shape[-2:]
    count, device = len(photos), photos.device
    coarse = torch.rand((count, 1, -(-height // 4), -(-width // 4)), generator=generator, device=device)
    fine = torch.rand((count, 1, height, width), generator=generator, device=device)
    smooth = F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    mixed = torch.where(_uniform(0, 1, photos, generator) < 0.5, smooth, fine)
    first, second = (torch.rand((count, 3, 1, 1), generator=generator, device=device) for _ in range(2))
    return torch.lerp(first, second, mixed)


def blurred(photos: Tensor, _textures: Tensor, _generator: Generator) -> Tensor:
    """Returns the photos without their texture: what is worn, smeared or covered."""
    reach = max(4, min(photos.shape[-2:]) // 14) // 2
    for down, right in ((reach, 0), (0, reach)) * 2:  # a square's mean is that of its rows' means
        kernel, padding = (2 * down + 1, 2 * right + 1), (down, right)
        photos = F.avg_pool2d(photos, kernel, stride=1, padding=padding, count_include_pad=False)
    return photos


FILLS: dict[str, Fill] = {
    "darker": darker,
    "lighter": lighter,
    "flat": flat,
    "elsewhere": elsewhere,
    "displaced": displaced,
    "textured": textured,
    "noisy": noisy,
    "blurred": blurred,
}


def _shifted(photos: Tensor, most: float, generator: Generator) -> Tensor:
    """Returns each photo (N, 3, H, W) moved along both axes, by up to that share of them; what leaves comes back
    in at the other side."""
    count, channels, height, width = photos.shape
    drawn = torch.rand((2, count, 1), generator=generator, device=photos.device)
    away = (2 * drawn - 1) * most + 0.02 * (2 * drawn - 1).sign()
    rows = (torch.arange(height, device=photos.device) + (away[0] * height).round().long()) % height
    columns = (torch.arange(width, device=photos.device) + (away[1] * width).round().long()) % width
    moved = photos.gather(2, rows[:, None, :, None].expand(-1, channels, -1, width))
    return moved.gather(3, columns[:, None, None, :].expand(-1, channels, height, -1))


def _uniform(low: float, high: float, photos: Tensor, generator: Generator) -> Tensor:
    return low + (high - low) * torch.rand((len(photos), 1, 1, 1), generator=generator, device=photos.device)
