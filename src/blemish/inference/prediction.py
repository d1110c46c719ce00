"""What one photo gives."""

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemish.data.alignment import Placement
from blemish.data.description import PhotoDescription
from blemish.data.images import Pixels, Size, resize_map
from blemish.data.interest import Inside, Interest
from blemish.data.reading import FIRST_PAGE, Reading
from blemish.errors import DataError
from blemish.inference.marked_regions import Region, find_regions
from blemish.model.provenance import Provenance
from blemish.model.rules import Rules
from blemish.model.thresholds import Thresholds, Unit, Verdict, is_alarm
from blemish.model.usual import Unusualness

PREDICTION_FORMAT = 4
"""Version of a prediction's JSON and CSV fields: raised when one changes its meaning or goes."""
UNREADABLE = "unreadable"
"""What stands in the place of a verdict where a photo could not be read."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """A record that stands alone: score, verdict, map and regions of one photo, and what it was judged by."""

    image: Path | None
    """The path that the photo came from; None for what was in memory."""
    digest: str | None = None
    """Checksum of the photo's file (see `digest_of`); None for a picture in memory."""
    photo_size: tuple[int, int]
    """(height, width) of the photo, after its EXIF orientation."""
    anomaly_score: float
    """Raw, never clamped; comparable only with scores of the same model."""
    percentile: float
    """Share of the calibration photos (or parts, see `percentile_of`), all good, that score lower, 0 to 100."""
    percentile_of: Unit = "photos"
    thresholds: Thresholds
    """The thresholds of the moment it was judged, whatever the model is given later."""
    provenance: Provenance | None
    """Which model judged; None where it was no model folder."""
    judged_at: datetime
    """UTC."""
    anomaly_map: NDArray[np.float32] = field(repr=False)
    """(h, w) raw, of the whole photo: score, mask and regions are taken from it. Outside regions of interest it is 0;
    where they have thresholds of their own, it is divided by each one's scale."""
    level_maps: dict[str, NDArray[np.float32]] = field(default_factory=dict, repr=False)
    """How far each student is from its teacher at each level, by name, (h, w) of the level; empty where not asked
    for."""
    min_area: int = 1
    """Regions of fewer pixels of the photo are dropped; the verdict knows nothing of it."""
    unusualness: Unusualness | None = None
    """How unlike the photos learned from it is; None where the model does not say."""
    description: PhotoDescription | None = field(default=None, repr=False)
    """What it looks like, in a few numbers; None as above."""
    photo: Pixels | None = field(default=None, repr=False)
    """(height, width, 3), the photo's own pixels, where they were kept."""
    white_level: int = 65535
    """The value of a photo of 16 bits that is shown white: 4095 where the camera gives 12 bits."""
    reading: Reading = FIRST_PAGE
    """Which pages and channels of its file are the photo."""
    interest: Interest | None = field(default=None, repr=False)
    """What of the photo counts; None: all of it."""
    placement: Placement | None = field(default=None, repr=False)
    """How the part lies on the photo, where photos are aligned; regions of interest follow it."""
    region_scores: dict[str, float] = field(default_factory=dict)
    """The score of each region of interest by itself, by name; none where all of the photo counts."""
    rules: Rules | None = field(default=None, repr=False)
    """Which marks stop a photo above the threshold; None: any."""

    @property
    def threshold(self) -> float:
        """The value that a score must be above to be anomalous."""
        return self.thresholds.image

    @property
    def anomalous(self) -> bool:
        """Whether the score is above the threshold and, where there are rules, one of them stops the photo."""
        return self.verdict == "anomalous"

    @property
    def verdict(self) -> Verdict:
        """What the score means: normal, check or anomalous; unusual where the photo is none of the part.

        Where a photo is above the threshold and no rule stops it, it is normal all the same, see `rule_reason`.
        """
        if self.rule_reason is None:
            return self.threshold_verdict
        return "normal" if self.unusual_reason is None else "unusual"

    @property
    def threshold_verdict(self) -> Verdict:
        """What thresholds alone say, whatever the rules are."""
        return self.thresholds.verdict(self.anomaly_score, self._unusual_by)

    @cached_property
    def stopped_by(self) -> tuple[str, ...]:
        """The rules that stop a photo above the threshold, in words; none where there are no rules."""
        if self.rules is None or not self._above:
            return ()
        return self.rules.stopped_by(self._every_mark, self.photo_size)

    @property
    def rule_reason(self) -> str | None:
        """Why no rule stops the photo, though its score is above the threshold; None where that is not so."""
        if self.rules is None or not self._above or self.stopped_by:
            return None
        return self.rules.reason(self._every_mark, self.photo_size)

    @property
    def _above(self) -> bool:
        return self.threshold_verdict == "anomalous"

    @cached_property
    def _every_mark(self) -> tuple[Region, ...]:
        """All marks, those smaller than `min_area` too, which changes no verdict."""
        return self.regions if self.min_area == 1 else replace(self, min_area=1).regions

    @property
    def alarm(self) -> bool:
        """Whether the photo is stopped, as anomalous or as unusual."""
        return is_alarm(self.verdict)

    @property
    def unusual_reason(self) -> str | None:
        """What is unusual about the photo, in words, an anomalous one too; None for a usual one."""
        if self.unusualness is None or not self.thresholds.is_unusual(self.unusualness.value):
            return None
        return self.unusualness.reason

    @property
    def _unusual_by(self) -> float:
        return 0.0 if self.unusualness is None else self.unusualness.value

    @property
    def inside(self) -> Inside | None:
        """Says which pixels (h, w) of the map count; None: all do."""
        if self.interest is None:
            return None
        size = (self.anomaly_map.shape[0], self.anomaly_map.shape[1])
        inside = self.interest.inside(size)
        return inside if self.placement is None else self.placement.mask_laid_back(inside)

    def region_masks(self, size: Size) -> dict[str, Inside]:
        """Returns the regions of interest by name, as pixels (height, width) of the photo, or of a map that covers it
        all; none where all of the photo counts."""
        masks = {} if self.interest is None else self.interest.masks(size)
        if self.placement is None:
            return masks
        return {name: self.placement.mask_laid_back(mask) for name, mask in masks.items()}

    @property
    def region_thresholds(self) -> dict[str, float]:
        """The threshold of each region's score, by name, where regions have thresholds of their own; else nothing."""
        if self.interest is None or not self.interest.scaled:
            return {}
        return {region.name: region.scale * self.thresholds.image for region in self.interest.regions}

    @cached_property
    def photo_map(self) -> NDArray[np.float32]:
        """The anomaly map at the photo's own size, bilinear: it is to look at, lower at its peaks than the map
        itself."""
        return resize_map(self.anomaly_map, self.photo_size)

    @property
    def predicted_mask(self) -> NDArray[np.bool_]:
        """The mask (height, width) of the photo that says where the map is above the threshold of pixels, as far as it
        is half way, in logarithms, to the peak there, see `find_regions`."""
        return self._mask_and_regions[0]

    @property
    def regions(self) -> tuple[Region, ...]:
        """The connected parts of `predicted_mask`, strongest peak first; a photo above the threshold has one at
        least."""
        return self._mask_and_regions[1]

    @cached_property
    def _mask_and_regions(self) -> tuple[NDArray[np.bool_], tuple[Region, ...]]:
        return find_regions(
            self.anomaly_map,
            above=self._mask_threshold,
            photo_size=self.photo_size,
            min_area=self.min_area,
            keep_strongest=self._above,
            named=tuple(self.region_masks((self.anomaly_map.shape[0], self.anomaly_map.shape[1])).items()),
        )

    @property
    def _mask_threshold(self) -> float:
        """The threshold of pixels; where an anomalous photo has none above it, that of scores: no score of an anomaly
        is above the highest value of its map, so that some pixel always is."""
        highest = float(self.anomaly_map.max())
        if not self._above or highest > self.thresholds.pixel:
            return self.thresholds.pixel
        if self.placement is None or highest > self.thresholds.image:
            return self.thresholds.image
        return float(np.nextafter(np.float32(highest), np.float32(0)))  # laid back, a map is lower at its peaks

    def to_json(self) -> dict[str, Any]:
        """Returns one line of predictions.jsonl."""
        return {
            "format_version": PREDICTION_FORMAT,
            "image": str(self.image) if self.image is not None else None,
            "digest": self.digest,
            "judged_at": self.judged_at.isoformat(timespec="milliseconds"),
            "verdict": self.verdict,
            "anomaly_score": self.anomaly_score,
            "threshold": self.thresholds.image,
            "threshold_estimated": self.thresholds.estimated,
            "check_threshold": self.thresholds.check,
            "pixel_threshold": self.thresholds.pixel,
            "unusual_reason": self.unusual_reason,
            "unusualness": None if self.unusualness is None else self.unusualness.value,
            "unusual_threshold": self.thresholds.unusual,
            "stopped_by": list(self.stopped_by),
            "rule_reason": self.rule_reason,
            "percentile": self.percentile,
            "percentile_of": self.percentile_of,
            "height": self.photo_size[0],
            "width": self.photo_size[1],
            "mask_pixels": int(self.predicted_mask.sum()),
            "regions": [asdict(region) for region in self.regions],
            "regions_of_interest": [
                {"name": name, "anomaly_score": score, "threshold": self.region_thresholds.get(name)}
                for name, score in self.region_scores.items()
            ],
            **(_UNKNOWN if self.provenance is None else asdict(self.provenance)),
        }


_UNKNOWN = dict.fromkeys(Provenance.__dataclass_fields__)


def unreadable_json(image: str | Path, error: DataError) -> dict[str, Any]:
    """Returns the line of predictions.jsonl of a photo that could not be read."""
    return {"format_version": PREDICTION_FORMAT, "image": str(image), "verdict": UNREADABLE, "error": str(error)}
