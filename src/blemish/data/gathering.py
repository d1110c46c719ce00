"""Samples from folders, with what was left out on the way: what layouts put together."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from blemish.data.dataset import GOOD, Dataset, Sample
from blemish.data.folder_names import bad_folder_among, is_called_good
from blemish.data.images import MaskValues
from blemish.data.listing import Listing, has_folder, look_through
from blemish.data.pairing import pair_masks
from blemish.data.skipped import Skipped, all_skipped, no_photos_in
from blemish.errors import DataError
from blemish.wording import some_of

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """The samples that were found so far; two of them add up."""

    samples: tuple[Sample, ...] = ()
    left_out: tuple[DataError, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    def __add__(self, other: "Gathered") -> "Gathered":
        return Gathered(
            samples=self.samples + other.samples,
            left_out=self.left_out + other.left_out,
            skipped=self.skipped + other.skipped,
        )


NOTHING = Gathered()


def good_photos_in(folder: Path) -> Gathered:
    """Returns every photo in the folder and below, as photos of good parts.

    Raises DataError where masks lie there, or photos in a folder that holds bad parts by its name: they would count
    as good.
    """
    found = _listing(folder)
    check_named_good(found.photos, folder)
    samples = tuple(Sample(image=photo) for photo in found.photos)
    return Gathered(samples=samples, left_out=found.troubles, skipped=(found.skipped,))


def check_named_good(photos: Iterable[Path], folder: Path) -> None:
    """Raises DataError where some of a folder's photos are masks, or lie in a folder that holds bad parts by its
    name."""
    places = {photo.parent: photo for photo in photos}
    own = folder.absolute().parts[-2:]  # somebody may have named the masks themselves, or those of one type of defect
    for place, photo in places.items():
        if "ground_truth" in (*own, *place.relative_to(folder).parts):
            raise DataError(
                f"{photo}: is a mask and would be learned as a good part; name the folder of good photos alone"
            )
    if bad := bad_folder_among(places, folder):
        raise DataError(
            f"{bad}, and would count as good ones; name the folder of good photos alone, or call "
            "it good, so that both are known"
        )


def good_photos_if_any(folder: Path) -> Gathered:
    """Returns what `good_photos_in` does, and nothing where there is no such folder."""
    return good_photos_in(folder) if has_folder(folder) else NOTHING


def defects_in(
    folder: Path, *, defect_type: str, truth: Path | None = None, mask_values: MaskValues = "bright"
) -> Gathered:
    """Returns every photo in the folder and below, of parts with one type of defect, and their masks in `truth`.

    Left out, with an error: photos that lie in a folder of good parts there, for nobody knows which of both they are.
    """
    assert defect_type != GOOD
    found, masks = _listing(folder), Listing() if truth is None else _listing(truth)
    photos, troubles = found.photos, found.troubles + masks.troubles
    good = {photo: photo.parent for photo in photos if _is_below_good(photo, folder)}
    if good:
        where = some_of([*dict.fromkeys(good.values())])
        line = f"{where}: good by its name, in a folder of defects; move it out of there"
        photos, troubles = tuple(photo for photo in photos if photo not in good), (*troubles, DataError(line))
    pairs = pair_masks(photos, masks.photos, folder=folder, truth=truth or folder)
    samples = tuple(
        Sample(
            image=photo,
            defect_type=defect_type,
            masks=(pairs.masks[photo],) if photo in pairs.masks else (),
            mask_values=mask_values,
        )
        for photo in photos
    )
    return Gathered(samples=samples, left_out=troubles + pairs.left_out, skipped=(found.skipped, masks.skipped))


def _is_below_good(photo: Path, folder: Path) -> bool:
    return any(is_called_good(name) for name in photo.relative_to(folder).parts[:-1])


def with_parts(found: Gathered, part_of: Callable[[Path], str | None]) -> Gathered:
    """Returns the same samples, each with the part that its photo shows."""
    return replace(found, samples=tuple(replace(sample, part=part_of(sample.image)) for sample in found.samples))


def two_thirds(items: Sequence[Item]) -> tuple[Sequence[Item], Sequence[Item]]:
    """Returns the first two thirds, rounded up, and the rest: how a dataset without an official division is divided
    into what is learned from and what is tested with."""
    learned = -(-2 * len(items) // 3)
    return items[:learned], items[learned:]


def as_dataset(
    name: str,
    root: Path,
    category: str | None,
    *,
    train: Gathered = NOTHING,
    validation: Gathered = NOTHING,
    test: Gathered = NOTHING,
    set_aside: Mapping[str, tuple[Path, ...]] | None = None,
) -> Dataset:
    """Returns what was gathered as a dataset; raises DataError where there are neither photos to learn from nor to test
    with."""
    everything = train + validation + test
    found = Dataset(
        name=name,
        root=root,
        category=category,
        train=train.samples,
        validation=validation.samples,
        test=test.samples,
        left_out=everything.left_out,
        skipped=all_skipped(everything.skipped),
        set_aside={what: photos for what, photos in (set_aside or {}).items() if photos},
    )
    if not found.train and not found.test:
        raise found.left_out[0] if found.left_out else no_photos_in(found.base, found.skipped)
    return found


def _listing(folder: Path) -> Listing:
    """Lists a folder; one that cannot be listed is left out, and harms no other."""
    try:
        return look_through(folder)
    except DataError as error:
        return Listing(troubles=(error,))
