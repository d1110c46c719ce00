"""Masks that lie elsewhere than the layout of a data set has them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from blemish.data.dataset import Dataset
from blemish.data.listing import look_through
from blemish.data.pairing import and_others, owners_of
from blemish.errors import DataError


def with_masks_in(folder: Path, found: Dataset) -> Dataset:
    """Returns the data set with masks from `folder` in place of those that its layout found.

    A mask belongs to the defective test photo whose path ends as the mask's does below the folder, whatever their
    suffixes and with or without `_mask`: FOLDER/b1.bmp and FOLDER/scratch/b1_mask.png are masks of test/scratch/b1.tif.
    Masks of good photos are not looked at, nor test photos themselves, which may lie beside their masks. Those of no
    photo, and of more than one, are left out with an error. Raises DataError where the folder cannot be listed or holds
    no masks.
    """
    listing = look_through(folder)
    if not listing.photos:
        raise DataError(f"{folder}: holds no masks, which are pictures such as PNG; check the path")
    photos = {sample.image: sample for sample in found.test}
    themselves = {photo.resolve() for photo in photos}
    pictures = [picture for picture in listing.photos if picture.resolve() not in themselves]
    if not pictures:
        raise DataError(f"{folder}: holds the test photos themselves, and no masks; name the folder of their masks")
    owners = owners_of(pictures, _by_endings(list(photos)), truth=folder)
    left_out = [*found.left_out, *listing.troubles]
    for mask, several in owners.shared.items():
        names = " or ".join(map(str, several))
        left_out.append(DataError(f"{mask}: could be the mask of {names}; put masks into folders named as theirs"))
    masks = {
        photo: tuple(mask for mask in own if mask not in owners.shared)
        for photo, own in owners.masks.items()
        if photos[photo].anomalous
    }
    if alone := owners.alone:
        line = f"{alone[0]}: is the mask of no test photo{and_others(alone)}; add its photo or remove the mask"
        left_out.append(DataError(line))
    return replace(
        found,
        test=tuple(replace(sample, masks=masks.get(sample.image, ()), saturations=()) for sample in found.test),
        left_out=tuple(left_out),
    )


def _by_endings(photos: Sequence[Path]) -> dict[str, list[Path]]:
    """Returns the photos by all that their paths, without suffix, end as."""
    named: dict[str, list[Path]] = defaultdict(list)
    for photo in photos:
        parts = photo.with_suffix("").parts
        for first in range(len(parts)):
            named[PurePath(*parts[first:]).as_posix()].append(photo)
    return named
