"""Where the defects of a photo are: the one place that reads a sample's masks."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blemish.data.dataset import Sample
from blemish.data.images import MaskValues, Size, read_header, read_mask
from blemish.errors import DataError
from blemish.process import available_cores


def mask_of(sample: Sample, photo_size: Size | None = None) -> NDArray[np.bool_] | None:
    """Returns where any of the sample's masks marks a defect, (H, W); None where it has no masks.

    Raises DataError for a mask that cannot be read, for one of another size than the photo's (`photo_size`, where it is
    given) or the first mask's, and where the masks of an anomalous photo mark nothing.
    """
    union: NDArray[np.bool_] | None = None
    for path in sample.masks:
        mask = read_mask(path, values=sample.mask_values)
        expected = photo_size or (mask.shape if union is None else union.shape)
        if mask.shape != expected:
            raise DataError(
                f"{path} is {mask.shape[1]}x{mask.shape[0]}, its photo {expected[1]}x{expected[0]}: "
                "a mask must have its photo's size"
            )
        union = mask if union is None else union | mask
    if union is not None and sample.anomalous and not union.any():
        raise DataError(
            f"{sample.masks[0]} marks no defect, though its photo is of one: paint it, or take the photo away"
        )
    return union


def wrong_masks(samples: Sequence[Sample]) -> list[str]:
    """Returns a line for each sample whose masks cannot be read, mark nothing, or do not have their photo's size."""
    wrong = []
    for sample in samples:
        if not sample.masks:
            continue
        try:
            size = read_header(sample.image).size
        except DataError:
            size = None  # the photo's own line says so
        try:
            mask_of(sample, size)
        except DataError as error:
            wrong.append(str(error))
    return wrong


def marks_defects(masks: Sequence[Path], values: MaskValues) -> list[bool | DataError]:
    """Returns of each mask whether it marks anything, or why it cannot be read; for datasets in which nothing else
    tells good photos from defective ones."""

    def marks(mask: Path) -> bool | DataError:
        try:
            return bool(read_mask(mask, values=values).any())
        except DataError as error:
            return error

    with ThreadPoolExecutor(available_cores(), thread_name_prefix="masks") as pool:
        return list(pool.map(marks, masks))
