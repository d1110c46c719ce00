"""Photos of which their masks alone say whether they are good: a mask without any mark is a good part's."""

from collections.abc import Callable
from pathlib import Path

from blemish.data.dataset import Sample
from blemish.data.gathering import Gathered
from blemish.data.listing import look_through
from blemish.data.masks import marks_defects
from blemish.data.pairing import and_others
from blemish.errors import DataError
from blemish.wording import some_of


def labelled_photos(folder: Path, *, ending: str, part_of: Callable[[Path], str | None] = lambda _: None) -> Gathered:
    """Returns every photo X below a folder beside which a mask X + `ending` lies, defective where that marks anything.

    Masks are decoded, photos are not. Left out, with an error: photos without mask, masks without photo, photos whose
    mask cannot be read, for nobody knows whether they are good, and all but one of those that differ in suffix alone.
    """
    found = look_through(folder)
    masks = {path.with_name(path.stem.removesuffix(ending)): path for path in found.photos if _is_mask(path, ending)}
    photos = {path.with_suffix(""): path for path in found.photos if not _is_mask(path, ending)}
    pairs = [(photo, masks[name]) for name, photo in photos.items() if name in masks]
    marked = marks_defects([mask for _, mask in pairs], "any")
    samples, left_out = [], [*found.troubles]
    for (photo, mask), bad in zip(pairs, marked, strict=True):
        if isinstance(bad, DataError):
            left_out.append(DataError(f"{bad}; whether {photo.name} is good is not known without it"))
        elif bad:
            samples.append(
                Sample(image=photo, defect_type="defect", masks=(mask,), mask_values="any", part=part_of(photo))
            )
        else:
            samples.append(Sample(image=photo, part=part_of(photo)))
    twins = [path for path in found.photos if not _is_mask(path, ending) and photos[path.with_suffix("")] != path]
    bare = [photo for name, photo in photos.items() if name not in masks]
    alone = [mask for name, mask in masks.items() if name not in photos]
    if twins:
        first = (
            f"{some_of(twins, shown=1)}: is called as {photos[twins[0].with_suffix('')].name} is, whose mask is its own"
        )
        left_out.append(DataError(f"{first}; remove one of both"))
    if bare:
        line = f"{some_of(bare, shown=1)}: without its mask, NAME{ending}, nobody knows whether the part is good"
        left_out.append(DataError(f"{line}; copy the masks"))
    if alone:
        line = f"{alone[0]}: is the mask of no photo{and_others(alone)}; add its photo or remove the mask"
        left_out.append(DataError(line))
    return Gathered(samples=tuple(samples), left_out=tuple(left_out), skipped=(found.skipped,))


def _is_mask(path: Path, ending: str) -> bool:
    return path.stem.endswith(ending)
