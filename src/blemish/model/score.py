"""How an anomaly map becomes an anomaly score: data in model.json, computed by numpy for every runtime alike."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Score:
    """The rule by which the map of a whole photo gives its score."""

    kind: Literal["maximum", "top_mean"] = "maximum"
    """`maximum` is the highest value of the map, `top_mean` the mean of its highest pixels."""
    share: float = 0.0
    """How many pixels `top_mean` takes, as a share of one frame's, 0 to 1; it takes at least one."""

    def __post_init__(self) -> None:
        if self.kind not in ("maximum", "top_mean"):
            raise ValueError(f"the score's kind is {self.kind}")
        if not 0 <= self.share <= 1:
            raise ValueError(f"the score's share of pixels is {self.share}")

    def of(self, anomaly_map: NDArray[Any], *, frame_pixels: int | None = None) -> float:
        """Returns the score of a map (h, w); NaN where the map holds NaN.

        `frame_pixels` are those of one frame that the network sees, the map's own by default. A share of them, rather
        than of a map that was joined of many frames, or of the part of it that counts, is as large a place whatever the
        size of the photo and its regions: a small defect is not diluted by what lies around it. Where the map has fewer
        pixels than that, all count.
        """
        if self.kind == "maximum":
            return float(anomaly_map.max())
        wanted = round(self.share * (anomaly_map.size if frame_pixels is None else frame_pixels))
        count = min(max(1, wanted), anomaly_map.size)
        if count == anomaly_map.size:
            return float(anomaly_map.mean(dtype=np.float64))
        highest = np.partition(anomaly_map, anomaly_map.size - count, axis=None)[-count:]  # NaN counts as the highest
        return float(highest.mean(dtype=np.float64))
