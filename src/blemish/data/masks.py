"""Where the defects of a photo are: the one place that reads a sample's masks."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blemish.data.dataset import Sample
from blemish.data.images import MaskValues, Size, read_grey, read_header, read_mask
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


def saturated_masks(sample: Sample) -> list[tuple[NDArray[np.bool_], float]]:
    """Returns each defect of a photo, (H, W), and which share of it is enough; none where the dataset does not say.

    A mask is one defect, whose value says of what kind it is. Raises DataError for a mask that cannot be read and for a
    value of which nothing is said.
    """
    known = {saturation.value: saturation for saturation in sample.saturations}
    defects = []
    for path in sample.masks if known else ():
        grey = read_grey(path)
        for value in np.unique(grey[grey != 0]).tolist():
            if value not in known:
                raise DataError(f"{path}: has the value {value}, of which the data set does not say what is enough")
            mask, of_kind = np.asarray(grey == value), known[value]
            area = int(mask.sum())
            enough = int(of_kind.threshold * area) if of_kind.relative else min(of_kind.threshold, area)
            defects.append((mask, max(enough, 1) / area))
    return defects


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
