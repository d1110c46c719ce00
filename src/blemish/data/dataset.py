"""What a dataset is: photos that were found, what is known of each, and nothing decoded yet."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from blemish.data.folder_names import is_called_good
from blemish.data.images import MaskValues
from blemish.data.listing import sub_folders
from blemish.data.skipped import Skipped
from blemish.errors import DataError

GOOD = "good"


@dataclass(frozen=True, kw_only=True)
class Saturation:
    """How much of a defect of one kind is enough to have found it (Bergmann et al., IJCV 2022).

    A missing screw may lie anywhere in its empty compartment, so that nobody can mark all of the mask.
    """

    value: int
    """The value that this kind of defect has in its masks."""
    threshold: float
    """So many pixels, or this share of the mask."""
    relative: bool


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One photo, and what is known of it."""

    image: Path
    defect_type: str = GOOD
    """`good` for a normal part, else the name of the defect's folder."""
    masks: tuple[Path, ...] = ()
    """Where the defect is; several masks count together, see `mask_of`. None for normal photos, and for defects
    without ground truth."""
    mask_values: MaskValues = "bright"
    """Which values of a mask stand for defect."""
    part: str | None = None
    """Which part the photo shows, where the dataset knows that several photos show one."""
    saturations: tuple[Saturation, ...] = ()
    """One for each kind of defect, where the dataset has such; each mask is then one defect."""

    @property
    def anomalous(self) -> bool:
        """Whether the photo shows a defect."""
        return self.defect_type != GOOD


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """The photos of one category; `train` and `validation` hold good parts only."""

    name: str
    root: Path
    category: str | None = None
    train: tuple[Sample, ...] = ()
    validation: tuple[Sample, ...] = ()
    """Photos that the dataset keeps apart: they calibrate, and all of `train` is trained on."""
    test: tuple[Sample, ...] = ()
    left_out: tuple[DataError, ...] = ()
    """What was found and cannot be used, such as masks without photo and folders that may not be read."""
    skipped: Skipped = field(default_factory=Skipped)
    """What lies among the photos and is none."""
    set_aside: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    """Photos that are neither learned from nor tested with, by what they are: `photos without label`."""

    @property
    def base(self) -> Path:
        """The folder of the category, where there is one, else the root."""
        return self.root if self.category is None else self.root / self.category

    def good_photos(self) -> tuple[Sample, ...]:
        """Returns the photos to train on; where there are none, raises DataError with what to name instead."""
        if self.train:
            return self.train
        apart = [folder for folder in sub_folders(self.base) if is_called_good(folder.name)]
        tested = sorted({sample.image.parent for sample in self.test if not sample.anomalous})
        good = apart or tested  # those beside the test's own, where there are any: then nothing is tested with twice
        mend = f"to learn from its good parts, name {good[0]}" if good else "name a folder of photos of good parts"
        raise DataError(f"{self.base}: is read as a test set, which nothing is learned from; {mend}")


def dataset_of(*, train: Sequence[Sample] = (), test: Sequence[Sample] = ()) -> Dataset:
    """Returns samples from anywhere as a dataset, whose root is the folder that all of them lie in."""
    folders = [sample.image.absolute().parent for sample in (*train, *test)]
    root = Path(os.path.commonpath(folders) if folders else ".")
    return Dataset(name="samples", root=root, train=tuple(train), test=tuple(test))


@dataclass(frozen=True, kw_only=True)
class PhotoCounts:
    """How many photos one category has, as its publishers say; None where that is not known."""

    train: int | None = None
    """Good ones to learn from."""
    validation: int | None = None
    good: int | None = None
    """Good ones to test with."""
    bad: int | None = None
    """Defective ones to test with."""


Finder = Callable[[Path, str | None], Dataset]
"""(root, category) -> Dataset; raises DataError where nothing usable is found."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The way the photos of a dataset lie in folders, and how such a dataset is found and recognised."""

    name: str
    find: Finder
    categories: Callable[[Path], tuple[str, ...]]
    """The categories below a root, in natural order; none where the layout knows none there."""
    recognises: Callable[[Path], bool]
    """Whether a folder is, by its folders and files, what `find` takes without a category."""
    holds: str
    """What such a folder holds, for messages."""
    official: Mapping[str, PhotoCounts] = field(default_factory=dict)
    """The categories of a published dataset, by name; one that has none stands under the empty name."""
    in_common_use: bool = False
    """Whether others lay out photos of their own so, whose number says nothing."""
    official_total: PhotoCounts | None = None
    """The photos of all categories together, where those of each are not known."""
