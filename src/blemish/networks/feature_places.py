"""What a frozen teacher says of the places of photos, and how far places lie from those of other photos.

The nearest place of another photo counts, wherever it lies, as in PatchCore (Roth et al., CVPR 2022).
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

COMPARED_LEVELS = 3  # of the teacher at most: beyond, a place sees most of the photo
BATCH = 16  # photos
_EARLY = 2  # levels of these that tell small things best where parts lie alike
_SIDE = 16  # places along either side at most; of all levels together, along the shorter side
_SIDE_IF_EARLY = 32  # likewise


class FeaturePlaces(NamedTuple):
    """What the teacher says of the places of photos, as unit vectors of each level."""

    fine: Tensor
    """(B, places, channels) The finest level, 16 x 16 places at most."""
    coarse: Tensor
    """The coarsest level likewise."""
    joined: Tensor
    """(B, places, all levels' channels) All levels, at the coarsest level's places."""
    early: Tensor
    """(B, h, w, early levels' channels) The early levels, each averaged over 3x3, at the places of the coarser one."""


def places_of(levels: tuple[Tensor, ...]) -> FeaturePlaces:
    """Returns the places of photos by a teacher's levels of them, each (B, channels, h, w)."""
    compared = [level.float() for level in levels[:COMPARED_LEVELS]]
    smooth = [functional.avg_pool2d(level, 3, 1, 1) for level in compared[:_EARLY]]
    return FeaturePlaces(
        fine=_rows(_at_most(compared[0])),
        coarse=_rows(_at_most(compared[-1])),
        joined=_rows(_together(compared, side=_SIDE)),
        early=_together(smooth, side=_SIDE_IF_EARLY).permute(0, 2, 3, 1).contiguous(),
    )


def held(places: Tensor) -> Tensor:
    """Returns places (photos, places, numbers) as `nearest` holds others against them, (photos, places, numbers + 1):
    one product gives the squared distances then, less one's own square."""
    return torch.cat([-2 * places, places.square().sum(2, keepdim=True)], dim=2)


def nearest(own: Tensor, others: Tensor) -> Tensor:
    """Returns (places, photos): per place of one photo (places, numbers) its distance from each other photo's nearest,
    of `others` as `held` gives them."""
    with_one = functional.pad(own, (0, 1), value=1.0)
    less_own = (with_one @ others.flatten(0, 1).T).view(len(own), len(others), -1).amin(2)
    return (less_own + own.square().sum(1, keepdim=True)).clamp_min(0).sqrt()


def _at_most(level: Tensor) -> Tensor:
    height, width = level.shape[-2:]
    return _pooled(level, (min(height, _SIDE), min(width, _SIDE)))


def _together(levels: list[Tensor], *, side: int) -> Tensor:
    height, width = levels[-1].shape[-2:]
    shrunk = min(1.0, side / min(height, width))
    grid = (round(height * shrunk), round(width * shrunk))
    return torch.cat([_pooled(level, grid) for level in levels], dim=1)


def _pooled(level: Tensor, grid: tuple[int, int]) -> Tensor:
    return functional.normalize(functional.adaptive_avg_pool2d(level, grid), dim=1)


def _rows(places: Tensor) -> Tensor:
    return places.flatten(2).transpose(1, 2).contiguous()
