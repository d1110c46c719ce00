"""How far the places of a photo lie from those of others for a small defect's sake.

It moves a place by little beside what good places differ by anyway, so directions in which good places differ less
count for more. Where parts lie in any direction, all levels together are held against turned and mirrored copies of the
other photos; where they lie one way, the early levels against the same places of other photos and those around them,
which is finer: of 30 screws laid on one another and one to three defective ones, all of these were among the first five
in 85, 70 and 63 of 100 draws by it alone (three choices of photos), in 35, 18 and 23 by all levels anywhere.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from blemish.networks.feature_places import BATCH, FeaturePlaces, held, nearest, places_of

VIEWS = 8  # of a photo: by quarter turns, as it is and mirrored
_REMEMBERED_PLACES = 256  # of each view
_DIRECTIONS = 128
_FLOOR = 0.01  # of the mean variance along a direction: less is noise
_TRIED, _AS_NEAR = 16, 1.06  # photos, and how many times as far a turned one may be, to be as near as one that is not

FeaturesOf = Callable[[NDArray[np.int64], int], tuple[Tensor, ...]]
"""(indices of photos, view as `view_of` counts them) -> a teacher's levels of these, each (B, channels, h, w)."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Places are compared along directions, each shrunk by the root of how far they usually differ in it."""

    middle: Tensor
    directions: Tensor

    def of(self, places: Tensor) -> Tensor:
        """Returns places (..., channels) by this scale, (..., directions)."""
        return (places - self.middle) @ self.directions


@dataclass(frozen=True, kw_only=True)
class InAllViews:
    """Places of all levels together, wherever they lie in photos that are turned and mirrored."""

    views: list[Tensor]
    """The places of the remembered photos, a tensor for each view, as `held` gives them."""
    scale: Scale

    def distances(self, places: FeaturePlaces) -> Iterator[Tensor]:
        """Yields per photo the distances of its places to the nearest of each remembered photo, (places, photos)."""
        for joined in places.joined:
            own = self.scale.of(joined)
            yield torch.stack([nearest(own, view) for view in self.views]).amin(0)


@dataclass(frozen=True, kw_only=True)
class AtTheirPlaces:
    """Places of the early levels, by the same places of other photos and those around them."""

    early: Tensor
    """The places of the remembered photos by the scale, (photos, h, w, directions)."""
    scale: Scale

    def distances(self, places: FeaturePlaces) -> Iterator[Tensor]:
        """Yields per photo the distances of its places to the nearest of each remembered photo, (places, photos)."""
        yield from nearest_around(self.scale.of(places.early), self.early)


def small_things_of(
    features_of: FeaturesOf, photos: NDArray[np.int64], seen: FeaturePlaces, *, scale_by: FeaturePlaces
) -> InAllViews | AtTheirPlaces:
    """Returns what small things are told by: remembered photos of these numbers, whose places were `seen`.

    All views count where turned photos are as near to the others as those that are not: parts lie in any direction.
    """
    scale = scale_of(scale_by.joined)
    as_they_are = scale.of(seen.joined)
    tried = min(_TRIED, len(photos))
    if not _as_near(as_they_are[:tried], _turned(features_of, photos[:tried], scale, view=1)):
        scale = scale_of(scale_by.early)
        return AtTheirPlaces(early=scale.of(seen.early), scale=scale)
    turned = (_turned(features_of, photos, scale, view=view) for view in range(1, VIEWS))
    return InAllViews(views=[held(_thinned(view)) for view in (as_they_are, *turned)], scale=scale)


def view_of(images: Tensor, view: int) -> Tensor:
    """Returns images (B, C, H, W) turned by so many quarter turns, and mirrored from the fifth view on; 0: as they
    are."""
    turned = torch.rot90(images if view < VIEWS // 2 else images.flip(3), view % 4, (2, 3))
    return turned.contiguous(memory_format=torch.channels_last)  # as teachers are quickest with


def scale_of(places: Tensor) -> Scale:
    """Returns by which scale places (..., channels) are compared: with distances along their principal axes divided by
    the fourth root of the variance, half way to Mahalanobis' distance."""
    rows = places.flatten(0, -2)
    middle = rows.mean(0)
    rows = rows - middle
    variances, axes = torch.linalg.eigh((rows.T @ rows / len(rows)).cpu().double())
    variances, axes = variances[-_DIRECTIONS:].clamp_min(0), axes[:, -_DIRECTIONS:]
    floor = (_FLOOR * variances.mean()).clamp_min(1e-12)
    return Scale(middle=middle, directions=(axes * (variances + floor) ** -0.25).float().to(middle.device))


def nearest_around(own: Tensor, others: Tensor) -> Tensor:
    """Returns (B, h * w, photos): per place of photos (B, h, w, numbers) its distance from each other photo's nearest,
    (photos, h, w, numbers), of the nine at the same place and around it."""
    height, width = own.shape[1:3]
    places = own.permute(1, 2, 0, 3).flatten(0, 1)
    around = functional.pad(others, (0, 0, 1, 1, 1, 1))
    squares = functional.pad(others.square().sum(3), (1, 1, 1, 1), value=torch.inf)  # beyond the border is nothing
    least = torch.full((height * width, len(own), len(others)), torch.inf, device=own.device)
    for down, right in product(range(3), repeat=2):
        window = (slice(None), slice(down, down + height), slice(right, right + width))
        moved = around[window].permute(1, 2, 3, 0).flatten(0, 1)
        less_own = torch.baddbmm(squares[window].flatten(1).T[:, None], places, moved, alpha=-2)
        least = torch.minimum(least, less_own)
    return (least + places.square().sum(2, keepdim=True)).clamp_min(0).sqrt().transpose(0, 1)


def _turned(features_of: FeaturesOf, photos: NDArray[np.int64], scale: Scale, *, view: int) -> Tensor:
    batches = [photos[at : at + BATCH] for at in range(0, len(photos), BATCH)]
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
