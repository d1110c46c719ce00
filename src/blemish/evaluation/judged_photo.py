"""What is kept of a judged test photo when its map has gone to the disk."""

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blemish.data.dataset import GOOD, Sample
from blemish.data.images import Size
from blemish.data.part_names import parts_of
from blemish.errors import DataError
from blemish.evaluation.record import PhotoJudgement
from blemish.inference.prediction import Prediction


@dataclass(frozen=True, kw_only=True)
class JudgedPhoto:
    """A judged test photo has its judgement, and what was seen of map and mask."""

    judgement: PhotoJudgement
    digest: str | None
    photo_size: Size
    map_size: Size
    marked: bool
    """Whether its map is above the threshold of pixels anywhere."""
    lost: bool
    """Whether nothing is left of its mask at the map's size."""
    outside: bool
    """Whether all that is left of it lies outside regions of interest."""

    @property
    def good(self) -> bool:
        """Returns whether the photo is of a good part."""
        return self.judgement.defect_type == GOOD


def judged_photo(
    sample: Sample,
    prediction: Prediction,
    mask: NDArray[np.bool_] | None,
    *,
    part: str | None,
) -> JudgedPhoto:
    """Returns the record of a photo with its mask at the map's size; `part` is the pattern that finds its part."""
    height, width = prediction.anomaly_map.shape
    counted = mask if mask is None or prediction.inside is None else mask & prediction.inside
    return JudgedPhoto(
        judgement=PhotoJudgement(
            image=str(sample.image.absolute()),
            defect_type=sample.defect_type,
            part=_part(sample, part),
            masks=[] if mask is None else [str(path.absolute()) for path in sample.masks],
            mask_values=sample.mask_values,
            anomaly_score=prediction.anomaly_score,
            verdict=prediction.verdict,
            photo_size=prediction.photo_size,
            defect_pixels=int(counted.sum()) if sample.anomalous and counted is not None else None,
            unusual_reason=prediction.unusual_reason,
            rule_reason=prediction.rule_reason,
            digest=prediction.digest,
        ),
        digest=prediction.digest,
        photo_size=prediction.photo_size,
        map_size=(height, width),
        marked=bool(prediction.anomaly_map.max() > prediction.thresholds.pixel),
        lost=sample.anomalous and mask is not None and not mask.any(),
        outside=mask is not None and counted is not None and bool(mask.any()) and not counted.any(),
    )


def _part(sample: Sample, pattern: str | None) -> str | None:
    """Returns which part a photo shows, where dataset or name say it."""
    known = sample.part
    if known is None and pattern is not None:
        with suppress(DataError):  # the name of a photo from elsewhere need not hold a part's
            (known,) = parts_of([sample.image], pattern)
    return known
