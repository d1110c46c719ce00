"""Defects of every shape and fill, painted over photos of good parts: which pixels they change is known."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from blemish.synthesis.fills import FILLS, Fill
from blemish.synthesis.shapes import SHAPES, Shape

CLEAN = 0.15  # share of the photos that get no defect
MOST_DEFECTS = 4  # defects in one photo
VISIBLE = 0.06  # of the largest channel, averaged over 3x3 pixels: what changes less is no defect

_Kind = TypeVar("_Kind")


def paint_defects(
    clean: Tensor,
    textures: Tensor,
    generator: Generator,
    *,
    shapes: Mapping[str, Shape] = SHAPES,
    fills: Mapping[str, Fill] = FILLS,
) -> tuple[Tensor, Tensor]:
    """Returns photos with synthetic defects, and masks (B, 1, H, W) of 0 and 1, from photos and textures (B, 3, H, W).

    A photo in seven stays as it is; of the others as many get one, two, three and four defects. All shapes and fills
    are as frequent, and every pair of them occurs.
    """
    order = torch.randperm(len(clean), generator=generator, device=clean.device)
    layers = [
        order[: round((1 - CLEAN) * (MOST_DEFECTS - layer) / MOST_DEFECTS * len(clean))]
        for layer in range(MOST_DEFECTS)
    ]
    layers[0] = layers[0] if len(layers[0]) else order[:1]
    places = torch.cat(layers)
    size = (clean.shape[-2], clean.shape[-1])
    coverage = _shuffled(
        lambda shape, indices: shape(len(indices), size, generator), list(shapes.values()), len(places), generator
    )
    shown = _shuffled(
        lambda fill, indices: fill(clean[places[indices]], textures[places[indices]], generator),
        list(fills.values()),
        len(places),
        generator,
    )
    opacity = 0.35 + 0.65 * torch.rand((len(places), 1, 1, 1), generator=generator, device=clean.device)
    painted, start = clean.clone(), 0
    for layer in layers:
        here = slice(start, start + len(layer))
        painted[layer] = torch.lerp(painted[layer], shown[here], coverage[here] * opacity[here] ** 0.7)
        start += len(layer)
    return painted.contiguous(memory_format=torch.channels_last), visible_changes(clean, painted)


def visible_changes(clean: Tensor, painted: Tensor) -> Tensor:
    """Returns (B, 1, H, W), 1 where the photos (B, 3, H, W) differ visibly, else 0."""
    change = (painted - clean).abs().amax(dim=1, keepdim=True)
    return (F.avg_pool2d(change, 3, stride=1, padding=1) > VISIBLE).float()


def _shuffled(
    draw: Callable[[_Kind, Tensor], Tensor], kinds: Sequence[_Kind], count: int, generator: Generator
) -> Tensor:
    """Returns (count, ...) as many of each kind as of any other, one more or less, in a random order.

    `draw` gets a kind, and for which places it draws. The device need not say which kind fell to which place, so that
    nothing waits for it.
    """
    each = -(-count // len(kinds))
    places = torch.randperm(each * len(kinds), generator=generator, device=generator.device)
    drawn = torch.cat([draw(kind, places[i * each : (i + 1) * each] % count) for i, kind in enumerate(kinds)])
    result = torch.empty_like(drawn)
    result[places] = drawn
    return result[:count]
