"""Which mask belongs to which photo: by name, never by order."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from blemish.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Masks that belong to their photos, and those that found none."""

    masks: dict[Path, Path]
    """The mask by photo; a photo of which it is in doubt which mask is its own has none."""
    left_out: tuple[DataError, ...]
    """Masks of no photo, and of more than one."""


@dataclass(frozen=True, kw_only=True)
class Owners:
    """The photos that masks are named after."""

    masks: dict[Path, list[Path]]
    """The masks by photo."""
    shared: dict[Path, list[Path]]
    """The photos by mask, where a mask is named after several of them."""
    alone: list[Path]
    """Masks that are named after no photo."""


def owners_of(masks: Sequence[Path], photos: Mapping[str, Sequence[Path]], *, truth: Path) -> Owners:
    """Returns which photos masks in the folder `truth` belong to: mask X_mask or X is that of a photo that is called X.

    X, as photos are called in `photos`, is a path without suffix, and a mask's that below `truth`.
    """
    found = Owners(masks=defaultdict(list), shared={}, alone=[])
    for mask in masks:
        name = _stem_below(mask, truth)
        fits = [photo for n in dict.fromkeys((name, name.removesuffix("_mask"))) for photo in photos.get(n, ())]
        for photo in fits:
            found.masks[photo].append(mask)
        if not fits:
            found.alone.append(mask)
        if len(fits) > 1:
            found.shared[mask] = fits
    return found


def _stem_below(path: Path, folder: Path) -> str:
    """Returns a file's path below a folder, without its suffix, as it is compared."""
    return path.relative_to(folder).with_suffix("").as_posix()


def pair_masks(photos: Sequence[Path], masks: Sequence[Path], *, folder: Path, truth: Path) -> Pairs:
    """Pairs photo X in `folder` with its one mask X_mask or X in `truth`, whatever their suffixes."""
    by_name: dict[str, list[Path]] = defaultdict(list)
    for photo in photos:
        by_name[_stem_below(photo, folder)].append(photo)
    found = owners_of(masks, by_name, truth=truth)
    doubtful = {photo for photos in found.shared.values() for photo in photos}
    left_out = [
        DataError(f"{mask}: could be the mask of {' or '.join(photo.name for photo in photos)}; rename the photos")
        for mask, photos in found.shared.items()
    ]
    for photo, (mask, *more) in found.masks.items():
        if more and photo not in doubtful:
            doubtful.add(photo)
            left_out.append(DataError(f"{more[0]}: is a second mask of {photo.name}, beside {mask.name}; remove one"))
    if alone := found.alone:
        line = f"{alone[0]}: is the mask of no photo in {folder}{and_others(alone)}; add its photo or remove the mask"
        left_out.append(DataError(line))
    sure = {photo: mask for photo, (mask, *_) in found.masks.items() if photo not in doubtful}
    return Pairs(masks=sure, left_out=tuple(left_out))


def and_others(files: Sequence[Path]) -> str:
    """Returns what a line about the first of several files says of the others."""
    return f" (the same goes for {len(files) - 1} more)" if len(files) > 1 else ""
