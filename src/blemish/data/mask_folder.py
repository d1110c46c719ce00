"""Masks that lie elsewhere than the layout of a data set has them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePath

from blemish.data.dataset import Dataset, Sample
from blemish.data.listing import look_through
from blemish.data.pairing import and_others
from blemish.errors import DataError


def with_masks_in(folder: Path, found: Dataset) -> Dataset:
    """Returns the data set with masks from `folder` in place of those that its layout found.

    A mask belongs to the defective test photo whose path ends as the mask's does below the folder, whatever their
    suffixes and with or without `_mask`: FOLDER/b1.bmp and FOLDER/scratch/b1_mask.png are masks of test/scratch/b1.tif.
    Masks of good photos are not looked at. Those of no photo, and of more than one, are left out with an error. Raises
    DataError where the folder cannot be listed or holds no masks.
    """
    listing = look_through(folder)
    if not listing.photos:
        raise DataError(f"{folder}: holds no masks, which are pictures such as PNG; check the path")
    by_stem: dict[str, list[Sample]] = defaultdict(list)
    for sample in found.test:
        by_stem[sample.image.stem].append(sample)
    masks: dict[Path, tuple[Path, ...]] = {}
    alone: list[Path] = []
    left_out = [*found.left_out, *listing.troubles]
    for mask in listing.photos:
        owners = list(_owners(mask.relative_to(folder).with_suffix(""), by_stem))
        if not owners:
            alone.append(mask)
        elif len(owners) > 1:
            names = " or ".join(str(owner.image) for owner in owners)
            left_out.append(DataError(f"{mask}: could be the mask of {names}; put masks into folders named as theirs"))
        elif owners[0].anomalous:
            photo = owners[0].image
            masks[photo] = (*masks.get(photo, ()), mask)
    if alone:
        line = f"{alone[0]}: is the mask of no test photo{and_others(alone)}; add its photo or remove the mask"
        left_out.append(DataError(line))
    return replace(
        found,
        test=tuple(replace(sample, masks=masks.get(sample.image, ())) for sample in found.test),
        left_out=tuple(left_out),
    )


def _owners(name: PurePath, by_stem: dict[str, list[Sample]]) -> Iterable[Sample]:
    """Yields the samples whose path ends as the name, without suffix, of a mask."""
    for stem in dict.fromkeys((name.name, name.name.removesuffix("_mask"))):
        parts = (*name.parts[:-1], stem)
        for sample in by_stem.get(stem, ()):
            if sample.image.with_suffix("").parts[-len(parts) :] == parts:
                yield sample
