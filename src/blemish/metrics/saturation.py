"""Defects of which a share is enough: what their pixels weigh, for sPRO (Bergmann et al., IJCV 2022)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemish.metrics.stored_arrays import StoredArrays
from blemish.metrics.true_regions import PhotoRegions


@dataclass(frozen=True, kw_only=True)
class SaturatedDefect:
    """A defect of which a share is enough: the missing part may lie anywhere in the place that its mask marks."""

    mask: NDArray[np.bool_]
    """(H, W) the whole of it."""
    share: float
    """The share of the mask that is enough, above 0 and at most 1."""


def saturated_in(
    mask: NDArray[np.bool_], defects: Sequence[SaturatedDefect], anomaly_map: NDArray[Any]
) -> PhotoRegions:
    """Returns saturated defects, which may overlap, seen through a map; `mask` (H, W) is of all of them together.

    Sizes are such that the highest pixels of a defect weigh 1 together, as many as are enough, and the others nothing:
    of K pixels that reach a threshold, min(K / enough, 1) is found then. Defects of no pixel count as none.
    """
    scores, found_at = anomaly_map[mask], []
    weights = np.zeros(scores.size)
    falling = np.argsort(scores, kind="stable")[::-1]
    for defect in defects:
        own = falling[defect.mask[mask][falling]]
        if own.size:
            enough = defect.share * own.size
            weights[own] += np.clip(enough - np.arange(own.size), 0, 1) / enough
            found_at.append(scores[own[int(enough / 2)]])
    rising = falling[::-1]
    sizes = np.divide(1, weights[rising], out=np.full(scores.size, np.inf), where=weights[rising] > 0)
    return PhotoRegions(scores=scores[rising], sizes=sizes, found_at=np.array(found_at, anomaly_map.dtype))


class SaturatedWeights:
    """Takes photo after photo; nothing is stored as long as none says how much of its defects is enough."""

    def __init__(self) -> None:
        self.sizes: StoredArrays | None = None
        """The sizes of the defect pixels of each photo, as `saturated_in` gives them; infinite where it has none."""
        self.found_at: list[NDArray[Any]] = []
        self.known: list[bool] = []
        """Whether all defects of a photo have a share; so it is where there are none."""
        self._pixels: list[int] = []

    def add(self, regions: PhotoRegions | None, pixels: int) -> None:
        """Takes the saturated defects of a photo that has so many defect pixels; None where nothing is said of
        them."""
        if regions is not None and self.sizes is None:
            self.sizes = StoredArrays(np.float64)
            for earlier in self._pixels:
                self.sizes.append(np.full(earlier, np.inf))
        if self.sizes is not None:
            self.sizes.append(np.full(pixels, np.inf) if regions is None else regions.sizes)
        self.found_at.append(np.empty(0) if regions is None else regions.found_at)
        self.known.append(regions is not None or not pixels)
        self._pixels.append(pixels)
