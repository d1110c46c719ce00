"""Where student and teacher disagree: distance maps, and how maps of several levels become one. No state."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from blemish.networks.resizing import resize_features

_LEAST = 1e-12  # far below the share of any pixel that is inside at all


def unit_vectors(features: Tensor) -> Tensor:
    """Returns features (B, C, h, w) of length 1 over channels, in float32 whatever the autocast; zero stays zero."""
    return F.normalize(features.float(), dim=1)


def squared_distance(teacher: Tensor, student: Tensor) -> Tensor:
    """Returns (B, 1, h, w) from two (B, C, h, w) of unit vectors: ||t - s||^2 = 2 (1 - cos), 0 to 4.

    The difference is formed before it is squared: `2 - 2 cos` would lose the small distances of good photos in float32.
    """
    return (teacher - student).square().sum(dim=1, keepdim=True)


def distances(teacher: Sequence[Tensor], student: Sequence[Tensor]) -> list[Tensor]:
    """Returns per level (B, 1, h_l, w_l) the squared distance of the teacher's unit vectors and the student's."""
    return [squared_distance(t.float(), unit_vectors(s)) for t, s in zip(teacher, student, strict=True)]


def mean_inside(values: Tensor, inside: Tensor | None) -> Tensor:
    """Returns the mean of values (B, C, h, w) over photos and pixels, each pixel counting by how much of it is `inside`
    (B, 1, H, W), 0 to 1; None: all alike. Where nothing is inside, as of regions that all moved out of view, it is 0.
    """
    if inside is None:
        return values.mean()
    share = share_inside(values, inside).expand_as(values)
    return (values * share).sum() / share.sum().clamp(min=_LEAST)


def mean_of_hardest(values: Tensor, inside: Tensor | None, *, power: float) -> Tensor:
    """Returns the same mean, but pixels count by a power of their own value over the mean, so that most is learned
    where most is amiss."""
    fixed = values.detach()
    mean = mean_inside(fixed, inside)
    weight = torch.where(mean > 0, fixed / mean, 0.0)  # the mean is 0 where nothing is inside
    return mean_inside(values * weight**power, inside)


def means_inside(values: Tensor, inside: Tensor | None) -> Tensor:
    """Returns (B,) the same mean of each photo."""
    if inside is None:
        return values.mean(dim=(1, 2, 3))
    share = share_inside(values, inside).expand_as(values)
    return (values * share).sum(dim=(1, 2, 3)) / share.sum(dim=(1, 2, 3))


def share_inside(values: Tensor, inside: Tensor) -> Tensor:
    """Returns (B, 1, h, w) how much of each pixel of values (B, C, h, w) is inside."""
    size = (values.shape[-2], values.shape[-1])
    return inside if inside.shape[-2:] == size else F.interpolate(inside, size=size, mode="area")


def maps_by_level(student: str, squared_distances: Sequence[Tensor]) -> dict[str, Tensor]:
    """Returns `Detector.level_maps` of one student, from ||t - s||^2 of each level, finest first: half of that is 1 -
    cos."""
    return {f"{student}_level{level}": distance / 2 for level, distance in enumerate(squared_distances, start=1)}


def interpolate_map(anomaly_map: Tensor, size: tuple[int, int]) -> Tensor:
    """Returns (B, 1, *size) of a map (B, 1, h, w), bilinear, pixel centres aligned (not corners)."""
    if anomaly_map.shape[-2:] == size:
        return anomaly_map
    return resize_features(anomaly_map, size)


def multiply_maps(maps: Sequence[Tensor]) -> Tensor:
    """Returns the product of the maps (B, 1, h_l, w_l) of all levels, at the resolution of the first, which is the
    finest."""
    finest = (maps[0].shape[-2], maps[0].shape[-1])
    return math.prod((interpolate_map(level, finest) for level in maps[1:]), start=maps[0])


def highest_mean(maps: Tensor, share: float, inside: Tensor | None = None) -> Tensor:
    """Returns (B,) the mean of the highest pixels of maps (B, 1, h, w), as `Score` has it, of those that are inside: as
    many as of a whole frame, or all where there are fewer."""
    values = maps.flatten(start_dim=1)
    count = max(1, round(share * values.shape[1]))
    if inside is not None:
        counted = [some[mask > 0] for some, mask in zip(values, inside.flatten(start_dim=1), strict=True)]
        return torch.stack([some.topk(min(count, len(some))).values.mean() for some in counted])
    return values.topk(count, dim=1).values.mean(dim=1)
