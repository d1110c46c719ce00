"""Which mask belongs to which photo: by name, never by order."""

from collections import defaultdict
from collections.abc import Sequence
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


def pair_masks(photos: Sequence[Path], masks: Sequence[Path], *, folder: Path, truth: Path) -> Pairs:
    """Pairs photo X in `folder` with mask X_mask or X in `truth`, whatever their suffixes."""
    by_name: dict[str, list[Path]] = defaultdict(list)
    for photo in photos:
        by_name[_name(photo, folder)].append(photo)
    found: dict[Path, list[Path]] = defaultdict(list)
    doubtful: set[Path] = set()
    alone: list[Path] = []
    left_out: list[DataError] = []
    for mask in masks:
        name = _name(mask, truth)
        fits = [photo for n in dict.fromkeys((name, name.removesuffix("_mask"))) for photo in by_name.get(n, ())]
        for photo in fits:
            found[photo].append(mask)
        if not fits:
            alone.append(mask)
        if len(fits) > 1:
            doubtful.update(fits)
            names = " or ".join(photo.name for photo in fits)
            left_out.append(DataError(f"{mask}: could be the mask of {names}; rename the photos"))
    for photo, (mask, *more) in found.items():
        if more and photo not in doubtful:
            doubtful.add(photo)
            left_out.append(DataError(f"{more[0]}: is a second mask of {photo.name}, beside {mask.name}; remove one"))
    if alone:
        line = f"{alone[0]}: is the mask of no photo in {folder}{and_others(alone)}; add its photo or remove the mask"
        left_out.append(DataError(line))
    sure = {photo: mask for photo, (mask, *_) in found.items() if photo not in doubtful}
    return Pairs(masks=sure, left_out=tuple(left_out))


def and_others(files: Sequence[Path]) -> str:
    """Returns what a line about the first of several files says of the others."""
    return f" (the same goes for {len(files) - 1} more)" if len(files) > 1 else ""


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()
