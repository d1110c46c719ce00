"""How far photos lie from one another, by a frozen teacher's features of their places.

Every place of a photo is held against all places of another photo, wherever they lie, as in PatchCore (Roth et al.,
CVPR 2022); the nearest counts, so that a part may be turned or moved. Per place the third nearest photo counts: two
wrong photos of one kind do not vouch for a third.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

MOST_COMPARED_WITH = 64  # photos that each one is held against: seconds for hundreds, and as good where there are more
_NTH = 3
_SIDE = 16  # places along the longer side at most
COMPARED_LEVELS = 3  # of the teacher at most: beyond, a place sees most of the photo
_FARTHEST_SHARE = 0.05  # of a photo's places: a small defect covers so few
_BATCH = 16

FeaturesOf = Callable[[NDArray[np.int64]], tuple[Tensor, ...]]
"""(indices of photos) -> a teacher's levels of these, each (B, channels, h, w)."""


@torch.no_grad()
def distances_to_others(
    features_of: FeaturesOf,
    photos: int,
    *,
    generator: np.random.Generator,
    on_photo: Callable[[int], object] = lambda _done: None,
) -> NDArray[np.float64]:
    """Returns (photos, 2): how far each photo's fine structure as a whole is from the others', and how far the farthest
    twentieth of its places at the coarsest level; of at least two photos.

    Where there are more than 65, each is held against 64 of them or so, drawn once for all.
    """
    assert photos >= 2
    compared = np.sort(generator.permutation(photos)[: MOST_COMPARED_WITH + 1])
    others = [places_of(features_of(compared[at : at + _BATCH])) for at in range(0, len(compared), _BATCH)]
    fine, coarse = (torch.cat([batch[level] for batch in others]) for level in (0, 1))
    found = np.empty((photos, 2))
    for start in range(0, photos, _BATCH):
        indices = np.arange(start, min(start + _BATCH, photos))
        for index, own_fine, own_coarse in zip(indices, *places_of(features_of(indices)), strict=True):
            rest = torch.from_numpy(np.flatnonzero(compared != index))
            found[index] = distances_of(
                nearest_cosines(own_fine, fine)[:, rest], nearest_cosines(own_coarse, coarse)[:, rest]
            )
        on_photo(int(indices[-1]) + 1)
    return found


def places_of(levels: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """Returns the finest and the coarsest level as unit vectors (B, places, channels), 16 x 16 places at most."""
    return _pooled(levels[0].float()), _pooled(levels[:COMPARED_LEVELS][-1].float())


def whole_of(levels: tuple[Tensor, ...]) -> NDArray[np.float32]:
    """Returns each photo as one vector (B, numbers): mean and standard deviation of every channel over its places."""
    compared = [level.float() for level in levels[:COMPARED_LEVELS]]
    parts = [part for level in compared for part in (level.mean((2, 3)), level.std((2, 3), correction=0))]
    return np.asarray(torch.cat(parts, dim=1).cpu().numpy(), np.float32)


def nearest_cosines(own: Tensor, others: Tensor) -> Tensor:
    """Returns (places, photos): per place of one photo (places, channels) the cosine with each other photo's nearest.

    `others` are (photos, places, channels).
    """
    return (own @ others.flatten(0, 1).T).view(len(own), len(others), -1).amax(2)


def distances_of(fine: Tensor, coarse: Tensor) -> tuple[float, float]:
    """Returns both distances of one photo from its nearest cosines (places, photos) with the others."""
    as_a_whole, by_place = _nth_nearest(fine), _nth_nearest(coarse)
    farthest = by_place.topk(max(1, round(_FARTHEST_SHARE * len(by_place)))).values
    return float(as_a_whole.mean()), float(farthest.mean())


def _pooled(level: Tensor) -> Tensor:
    height, width = level.shape[-2:]
    pooled = functional.adaptive_avg_pool2d(level, (min(height, _SIDE), min(width, _SIDE)))
    return functional.normalize(pooled, dim=1).flatten(2).transpose(1, 2).contiguous()


def _nth_nearest(cosines: Tensor) -> Tensor:
    """Returns per place (places,) its distance to the third nearest photo's nearest place."""
    nth = min(_NTH, cosines.shape[1])
    return (2 - 2 * cosines.topk(nth, dim=1).values[:, -1]).clamp_min(0).sqrt()
