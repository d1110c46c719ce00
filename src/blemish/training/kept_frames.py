"""What training keeps in memory between steps, as far as its budget goes: photos, and the teacher's features."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from blemish.data.images import Size
from blemish.training.memory import MemoryBudget


@dataclass(frozen=True, kw_only=True)
class KeptFrames:
    """How many frames are kept, and what budget they have."""

    budget: MemoryBudget
    photos: float
    """As many frames' pixels as all photos have."""
    views: Sequence[float]
    """Of each stage, how many views' features are kept; 0 where none are. One stage's are gone when the next begins."""

    def bytes_held(self, size: Size, per_pixel: Sequence[float]) -> float:
        """Returns the bytes on the training's device, with frames of this size, of which each stage's features take so
        many a pixel."""
        photos = self._bytes_of_photos(size)
        room = self.budget.features(photos=int(photos), textures=0)
        features = (count * math.prod(size) * each for count, each in zip(self.views, per_pixel, strict=True))
        return (0.0 if self.budget.apart else photos) + min(float(room), max(features, default=0.0))

    def _bytes_of_photos(self, size: Size) -> float:
        return min(self.budget.photos, 3 * math.prod(size) * self.photos)  # a byte a value
