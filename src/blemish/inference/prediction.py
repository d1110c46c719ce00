"""What one photo gives."""

from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemish.data.images import resize_map
from blemish.inference.marked_regions import Region, find_regions
from blemish.model.thresholds import Calibration, Verdict

FORMAT_VERSION = 2
"""Of a prediction's JSON and CSV fields: raised when one changes its meaning or goes."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Score, verdict, map and defect regions of one photo."""

    image: Path | None
    """Where the photo came from; None for an array."""
    anomaly_score: float
    """Raw, never clamped; comparable only with scores of the same artifact."""
    calibration: Calibration
    """The thresholds it is judged by."""
    anomaly_map: NDArray[np.float32]
    """(H, W) at the size the network saw, raw."""
    photo_size: tuple[int, int]
    """(height, width) of the photo, after its EXIF orientation."""
    min_area: int = 1
    """Marked regions of fewer pixels of the photo are dropped; the verdict knows nothing of it."""
    photo: NDArray[np.uint8] | None = field(default=None, repr=False)
    """(height, width, 3), the photo's own pixels, where they were kept."""

    @property
    def threshold(self) -> float:
        return self.calibration.image.value

    @property
    def anomalous(self) -> bool:
        return self.verdict == "anomalous"

    @property
    def verdict(self) -> Verdict:
        return self.calibration.verdict(self.anomaly_score)

    @property
    def percentile(self) -> float:
        """Share of the calibration photos, all good, that score lower, 0 to 100."""
        return self.calibration.percentile(self.anomaly_score)

    @cached_property
    def photo_map(self) -> NDArray[np.float32]:
        """The anomaly map at the photo's own size, bilinear."""
        return resize_map(self.anomaly_map, self.photo_size)

    @property
    def predicted_mask(self) -> NDArray[np.bool_]:
        """(height, width) of the photo: where the map is above the pixel threshold."""
        return self._marked[0]

    @property
    def regions(self) -> tuple[Region, ...]:
        """The connected parts of `predicted_mask`, strongest peak first."""
        return self._marked[1]

    @cached_property
    def _marked(self) -> tuple[NDArray[np.bool_], tuple[Region, ...]]:
        return find_regions(self.photo_map, above=self.calibration.pixel.value, min_area=self.min_area)

    def to_json(self) -> dict[str, Any]:
        """One line of predictions.jsonl."""
        return {
            "format_version": FORMAT_VERSION,
            "image": str(self.image) if self.image is not None else None,
            "verdict": self.verdict,
            "anomaly_score": self.anomaly_score,
            "threshold": self.threshold,
            "threshold_estimated": self.calibration.image.estimated,
            "percentile": self.percentile,
            "pixel_threshold": self.calibration.pixel.value,
            "height": self.photo_size[0],
            "width": self.photo_size[1],
            "marked_pixels": int(self.predicted_mask.sum()),
            "regions": [asdict(region) for region in self.regions],
        }
