"""What one photo gives."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemish.data.images import resize_map


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Score, verdict and map of one photo."""

    image: Path | None
    """Where the photo came from; None for an array."""
    anomaly_score: float
    """Raw, never clamped; comparable only with scores of the same artifact."""
    threshold: float
    """Scores above it are anomalous."""
    anomaly_map: NDArray[np.float32]
    """(H, W) at the size the network saw, raw."""
    photo_size: tuple[int, int]
    """(height, width) of the photo, after its EXIF orientation."""

    @property
    def anomalous(self) -> bool:
        return self.anomaly_score > self.threshold

    @property
    def verdict(self) -> str:
        return "anomalous" if self.anomalous else "normal"

    @property
    def photo_map(self) -> NDArray[np.float32]:
        """The anomaly map at the photo's own size, bilinear."""
        return resize_map(self.anomaly_map, self.photo_size)

    def to_json(self) -> dict[str, Any]:
        """One line of predictions.jsonl."""
        return {
            "image": str(self.image) if self.image is not None else None,
            "verdict": self.verdict,
            "anomaly_score": self.anomaly_score,
            "threshold": self.threshold,
            "height": self.photo_size[0],
            "width": self.photo_size[1],
        }
