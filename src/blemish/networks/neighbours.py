"""How far photos lie from one another, by a frozen teacher's features of their places.

Every place of a photo is held against all places of another photo, wherever they lie, as in PatchCore (Roth et al.,
CVPR 2022); the nearest counts, so that a part may be turned or moved. Per place the second or third nearest photo
counts: wrong photos of one kind do not vouch for one another.

Large things are told by the teacher's finest and coarsest level as they are. A small defect moves a place by little
beside what good places differ by anyway: it is told by all levels together, in directions in which good places differ
less counting for more, and where parts lie in any direction, beside turned and mirrored copies of the other photos.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, count
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

MOST_COMPARED_WITH = 64  # photos that each one is held against: seconds for hundreds, and as good where there are more
RESPECTS = 3
SPREADS_BEHIND = (0.0, 0.0, 1.0)
"""How far the respects are behind one another when photos are ranked: good photos differ by small things, too."""
COMPARED_LEVELS = 3  # of the teacher at most: beyond, a place sees most of the photo
VIEWS = 8  # of a photo: by quarter turns, as it is and mirrored
_SIDE = 16  # places along either side at most; for what is small, along the shorter side
_NTH, _NTH_IF_SMALL = 3, 2
_FARTHEST_SHARE = 0.05  # of a photo's places: a small defect covers so few
_SMALLEST_SHARE = 0.01
_REMEMBERED = 32  # photos that small things are looked for in: with all views as much work as the other comparisons
_REMEMBERED_PLACES = 256  # of each view
_DIRECTIONS = 128
_FLOOR = 0.01  # of the mean variance along a direction: less is noise
_OWN_LEVEL = 0.3  # power of a photo's median place that its farthest places are divided by
_TRIED, _AS_NEAR = 8, 1.05  # photos, and how many times as far a turned one may be, to be as near as one that is not
_BATCH = 16

FeaturesOf = Callable[[NDArray[np.int64], int], tuple[Tensor, ...]]
"""(indices of photos, view as `view_of` counts them) -> a teacher's levels of these, each (B, channels, h, w)."""


class FeaturePlaces(NamedTuple):
    """What the teacher says of the places of photos."""

    fine: Tensor
    """(B, places, channels) The finest level, unit vectors, 16 x 16 places at most."""
    coarse: Tensor
    """The coarsest level likewise."""
    joined: Tensor
    """(B, places, all levels' channels) Every level's unit vectors, at the coarsest level's places."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Places are compared along directions, each shrunk by the root of how far they usually differ in it."""

    middle: Tensor
    directions: Tensor

    def of(self, joined: Tensor) -> Tensor:
        """Returns places (B, places, channels) by this scale, (B, places, directions)."""
        return (joined - self.middle) @ self.directions


@torch.no_grad()
def distances_to_others(
    features_of: FeaturesOf,
    photos: int,
    *,
    generator: np.random.Generator,
    on_photo: Callable[[int], object] = lambda _done: None,
) -> NDArray[np.float64]:
    """Returns (photos, RESPECTS): how far each photo's fine structure as a whole is from the others', how far the
    farthest twentieth of its places at the coarsest level, and how far the farthest hundredth of all levels together;
    of at least two photos.

    Where there are more than 65, each is held against 64 of them or so, drawn once for all.
    """
    assert photos >= 2
    compared = np.sort(generator.permutation(photos)[: MOST_COMPARED_WITH + 1])
    batches = [places_of(features_of(compared[at : at + _BATCH], 0)) for at in range(0, len(compared), _BATCH)]
    others = FeaturePlaces(*(torch.cat(level) for level in zip(*batches, strict=True)))
    scale = scale_of(others.joined)
    remembered = np.sort(generator.permutation(len(compared))[:_REMEMBERED])
    as_they_are = scale.of(others.joined[torch.from_numpy(remembered)])
    views = views_of(features_of, compared[remembered], scale, as_they_are)
    against = _Others(
        photos=compared,
        levels=[held(level) for level in others[:2]],
        viewed=compared[remembered],
        views=[held(view) for view in views],
        scale=scale,
    )
    found = np.empty((photos, RESPECTS))
    more = np.setdiff1d(np.arange(photos), compared)
    batches_of_more = (more[at : at + _BATCH] for at in range(0, len(more), _BATCH))
    seen = ((batch, places_of(features_of(batch, 0))) for batch in batches_of_more)
    done = count(1)
    for indices, places in chain([(compared, others)], seen):
        for index, *own in zip(indices, *places, strict=True):
            found[index] = against.distances(int(index), *own)
            on_photo(next(done))
    return found


@dataclass(frozen=True, kw_only=True)
class _Others:
    """What each photo is held against: others as they are, and views of some of them."""

    photos: NDArray[np.int64]
    levels: list[Tensor]
    """Their fine and their coarse places, as `held` gives them."""
    viewed: NDArray[np.int64]
    views: list[Tensor]
    scale: Scale

    def distances(self, index: int, fine: Tensor, coarse: Tensor, joined: Tensor) -> tuple[float, float, float]:
        """Returns the three distances of the photo of this number by its places, (places, channels) each."""
        rest, rest_of_views = (torch.from_numpy(np.flatnonzero(of != index)) for of in (self.photos, self.viewed))
        scaled = self.scale.of(joined)
        small = torch.stack([nearest(scaled, view) for view in self.views]).amin(0)
        return distances_of(
            nearest(fine, self.levels[0])[:, rest], nearest(coarse, self.levels[1])[:, rest], small[:, rest_of_views]
        )


def view_of(images: Tensor, view: int) -> Tensor:
    """Returns images (B, C, H, W) turned by so many quarter turns, and mirrored from the fifth view on; 0: as they
    are."""
    turned = torch.rot90(images if view < VIEWS // 2 else images.flip(3), view % 4, (2, 3))
    return turned.contiguous(memory_format=torch.channels_last)  # as teachers are quickest with


def places_of(levels: tuple[Tensor, ...]) -> FeaturePlaces:
    """Returns the places of photos by a teacher's levels of them."""
    compared = [level.float() for level in levels[:COMPARED_LEVELS]]
    height, width = compared[-1].shape[-2:]
    shrunk = min(1.0, _SIDE / min(height, width))
    grid = (round(height * shrunk), round(width * shrunk))
    joined = torch.cat([_pooled(level, grid) for level in compared], dim=2)
    return FeaturePlaces(fine=_at_most(compared[0]), coarse=_at_most(compared[-1]), joined=joined)


def scale_of(joined: Tensor) -> Scale:
    """Returns by which scale places (B, places, channels) are compared: with distances along their principal axes
    divided by the fourth root of the variance, half way to Mahalanobis' distance."""
    rows = joined.flatten(0, 1)
    middle = rows.mean(0)
    rows = rows - middle
    variances, axes = torch.linalg.eigh((rows.T @ rows / len(rows)).cpu().double())
    variances, axes = variances[-_DIRECTIONS:].clamp_min(0), axes[:, -_DIRECTIONS:]
    floor = (_FLOOR * variances.mean()).clamp_min(1e-12)
    return Scale(middle=middle, directions=(axes * (variances + floor) ** -0.25).float().to(middle.device))


def whole_of(levels: tuple[Tensor, ...]) -> NDArray[np.float32]:
    """Returns each photo as one vector (B, numbers): mean and standard deviation of every channel over its places."""
    compared = [level.float() for level in levels[:COMPARED_LEVELS]]
    parts = [part for level in compared for part in (level.mean((2, 3)), level.std((2, 3), correction=0))]
    return np.asarray(torch.cat(parts, dim=1).cpu().numpy(), np.float32)


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


def views_of(features_of: FeaturesOf, photos: NDArray[np.int64], scale: Scale, as_they_are: Tensor) -> list[Tensor]:
    """Returns the places of photos, each view (photos, places, directions): all views where turned photos are as near
    to the others as those that are not, for parts then lie in any direction; or the photos as they are alone."""
    seen = [_thinned(as_they_are)]
    tried = np.arange(min(_TRIED, len(photos)))
    if _as_near(as_they_are[: len(tried)], _turned(features_of, photos[tried], scale, view=1)):
        seen += [_thinned(_turned(features_of, photos, scale, view=view)) for view in range(1, VIEWS)]
    return seen


def distances_of(fine: Tensor, coarse: Tensor, small: Tensor) -> tuple[float, float, float]:
    """Returns the three distances of one photo from those of its places to the nearest of others, (places, photos)."""
    as_a_whole, by_place, by_small = _nth(fine, _NTH), _nth(coarse, _NTH), _nth(small, _NTH_IF_SMALL)
    level = by_small.median().clamp_min(1e-6) ** _OWN_LEVEL
    farthest = _farthest(by_place, _FARTHEST_SHARE)
    return float(as_a_whole.mean()), float(farthest), float(_farthest(by_small, _SMALLEST_SHARE) / level)


def _turned(features_of: FeaturesOf, photos: NDArray[np.int64], scale: Scale, *, view: int) -> Tensor:
    batches = [photos[at : at + _BATCH] for at in range(0, len(photos), _BATCH)]
    return torch.cat([scale.of(places_of(features_of(batch, view)).joined) for batch in batches])


def _as_near(photos: Tensor, turned: Tensor) -> bool:
    """Returns whether places of photos are as near to those of the other ones turned as to those as they are."""
    means = []
    for others in (held(photos), held(turned)):
        apart = torch.stack([nearest(own, others).mean(0) for own in photos])
        means.append(apart[~torch.eye(len(photos), dtype=torch.bool, device=apart.device)].mean())
    return bool(means[1] <= _AS_NEAR * means[0])


def _thinned(places: Tensor) -> Tensor:
    """Returns at most so many places of each photo as are remembered, from all over it."""
    count = places.shape[1]
    kept = torch.linspace(0, count - 1, min(count, _REMEMBERED_PLACES), device=places.device).round().long()
    return places[:, kept]


def _at_most(level: Tensor) -> Tensor:
    height, width = level.shape[-2:]
    return _pooled(level, (min(height, _SIDE), min(width, _SIDE)))


def _pooled(level: Tensor, grid: tuple[int, int]) -> Tensor:
    pooled = functional.adaptive_avg_pool2d(level, grid)
    return functional.normalize(pooled, dim=1).flatten(2).transpose(1, 2).contiguous()


def _nth(distances: Tensor, nth: int) -> Tensor:
    """Returns per place (places,) its distance to the nth nearest photo's nearest place."""
    nth = min(nth, distances.shape[1])
    return distances.topk(nth, dim=1, largest=False).values[:, -1]


def _farthest(distances: Tensor, share: float) -> Tensor:
    return distances.topk(max(1, round(share * len(distances)))).values.mean()
