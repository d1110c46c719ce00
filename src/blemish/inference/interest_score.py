"""What of a map counts: only what lies in regions of interest, in score, marks and thresholds alike."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blemish.data.interest import Interest
from blemish.model.score import Score


@dataclass(frozen=True, kw_only=True)
class CountedMap:
    """A map of which only what is of interest is left."""

    anomaly_map: NDArray[np.float32]
    """(h, w): 0 outside, or the lowest value inside where that is below 0; divided by each region's scale."""
    anomaly_score: float
    region_scores: dict[str, float]
    """The score of each region by itself, before it is divided by the region's scale."""


def counted_map(anomaly_map: NDArray[np.float32], interest: Interest, score: Score, *, frame_pixels: int) -> CountedMap:
    """Returns what counts of the joined map (h, w) of a photo; `frame_pixels` as in `Score.of`.

    The photo's score is that of all that lies inside; where regions have thresholds of their own, the highest of their
    scores, each divided by its scale. Where regions overlap, a pixel counts by the smaller scale.
    """
    size = (anomaly_map.shape[0], anomaly_map.shape[1])
    inside, masks = interest.inside(size), interest.masks(size)
    scales = {region.name: region.scale for region in interest.regions}
    scores = {name: score.of(anomaly_map[mask], frame_pixels=frame_pixels) for name, mask in masks.items()}
    divided = anomaly_map
    if interest.scaled:
        by = np.full(size, np.inf, np.float32)
        for name, mask in masks.items():
            by[mask] = np.minimum(by[mask], np.float32(scales[name]))
        divided = anomaly_map / by
        whole = max(value / scales[name] for name, value in scores.items())
    else:
        whole = score.of(anomaly_map[inside], frame_pixels=frame_pixels)
    outside = np.minimum(divided[inside].min(), np.float32(0))
    return CountedMap(anomaly_map=np.where(inside, divided, outside), anomaly_score=whole, region_scores=scores)
