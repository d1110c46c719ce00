"""How far photos lie from one another, by a frozen teacher's features of their places.

Large things are told by the teacher's finest and coarsest level: every place of a photo is held against all places of
another photo, so that a part may be turned or moved. Small ones are told as small_things.py has it. Per place the
second or third nearest photo counts: wrong photos of one kind do not vouch for one another.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, count

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from blemish.networks.feature_places import BATCH, COMPARED_LEVELS, FeaturePlaces, held, nearest, places_of
from blemish.networks.small_things import AtTheirPlaces, FeaturesOf, InAllViews, small_things_of

MOST_COMPARED_WITH = 64  # photos that each one is held against: seconds for hundreds, and as good where there are more
RESPECTS = 3
_NTH, _NTH_IF_SMALL = 3, 2
_FARTHEST_SHARE = 0.05  # of a photo's places: a small defect covers so few
_SMALLEST_SHARE = 0.01
_REMEMBERED = 32  # photos that small things are looked for in: with all views as much work as the other comparisons
_OWN_LEVEL = 0.3  # power of a photo's median place that its farthest places are divided by


@torch.no_grad()
def distances_to_others(
    features_of: FeaturesOf,
    photos: int,
    *,
    generator: np.random.Generator,
    on_photo: Callable[[int], object] = lambda _done: None,
) -> NDArray[np.float64]:
    """Returns (photos, RESPECTS): how far each photo's fine structure as a whole is from the others', how far the
    farthest twentieth of its places at the coarsest level, and how far the farthest hundredth for small things' sake;
    of at least two photos.

    Where there are more than 65, each is held against 64 of them or so, drawn once for all.
    """
    assert photos >= 2
    compared = np.sort(generator.permutation(photos)[: MOST_COMPARED_WITH + 1])
    batches = (places_of(features_of(batch, 0)) for batch in _batches(compared))
    others = FeaturePlaces(*(torch.cat(level) for level in zip(*batches, strict=True)))
    remembered = np.sort(generator.permutation(len(compared))[:_REMEMBERED])
    seen = FeaturePlaces(*(level[torch.from_numpy(remembered)] for level in others))
    against = _Others(
        photos=compared,
        fine=held(others.fine),
        coarse=held(others.coarse),
        remembered=compared[remembered],
        small=small_things_of(features_of, compared[remembered], seen, scale_by=others),
    )
    found = np.empty((photos, RESPECTS))
    more = _batches(np.setdiff1d(np.arange(photos), compared))
    done = count(1)
    split = (FeaturePlaces(*places) for places in zip(*(torch.split(level, BATCH) for level in others), strict=True))
    seen_now = ((batch, places_of(features_of(batch, 0))) for batch in more)
    for indices, places in chain(zip(_batches(compared), split, strict=True), seen_now):
        for index, distances in zip(indices, against.distances(indices, places), strict=True):
            found[index] = distances
            on_photo(next(done))
    return found


@dataclass(frozen=True, kw_only=True)
class _Others:
    """What each photo is held against."""

    photos: NDArray[np.int64]
    fine: Tensor
    coarse: Tensor
    """Their places, as `held` gives them."""
    remembered: NDArray[np.int64]
    small: InAllViews | AtTheirPlaces
    """What is told by these."""

    def distances(self, indices: NDArray[np.int64], places: FeaturePlaces) -> Iterator[tuple[float, float, float]]:
        """Yields the three distances of the photos of these numbers by their places."""
        small = self.small.distances(places)
        for index, fine, coarse, by_small in zip(indices, places.fine, places.coarse, small, strict=True):
            rest, others = (torch.from_numpy(np.flatnonzero(of != index)) for of in (self.photos, self.remembered))
            yield distances_of(
                nearest(fine, self.fine)[:, rest], nearest(coarse, self.coarse)[:, rest], by_small[:, others]
            )


def whole_of(levels: tuple[Tensor, ...]) -> NDArray[np.float32]:
    """Returns each photo as one vector (B, numbers): mean and standard deviation of every channel over its places."""
    compared = [level.float() for level in levels[:COMPARED_LEVELS]]
    parts = [part for level in compared for part in (level.mean((2, 3)), level.std((2, 3), correction=0))]
    return np.asarray(torch.cat(parts, dim=1).cpu().numpy(), np.float32)


def distances_of(fine: Tensor, coarse: Tensor, small: Tensor) -> tuple[float, float, float]:
    """Returns the three distances of one photo from those of its places to the nearest of others, (places, photos)."""
    as_a_whole, by_place, by_small = _nth(fine, _NTH), _nth(coarse, _NTH), _nth(small, _NTH_IF_SMALL)
    level = by_small.median().clamp_min(1e-6) ** _OWN_LEVEL
    farthest = _farthest(by_place, _FARTHEST_SHARE)
    return float(as_a_whole.mean()), float(farthest), float(_farthest(by_small, _SMALLEST_SHARE) / level)


def _batches(photos: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [photos[at : at + BATCH] for at in range(0, len(photos), BATCH)]


def _nth(distances: Tensor, nth: int) -> Tensor:
    """Returns per place (places,) its distance to the nth nearest photo's nearest place."""
    nth = min(nth, distances.shape[1])
    return distances.topk(nth, dim=1, largest=False).values[:, -1]


def _farthest(distances: Tensor, share: float) -> Tensor:
    return distances.topk(max(1, round(share * len(distances)))).values.mean()
