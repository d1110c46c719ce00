"""Verbs that make something of good photos alone: synthesize, a test; roi, a region of interest."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from blemish.data.dataset import Dataset
from blemish.data.finding import find_photos
from blemish.data.paths import Named
from blemish.files import Folder
from blemish.progress import OnProgress, say_nothing

if TYPE_CHECKING:
    from blemish.studies.region_proposal import RegionProposal
    from blemish.studies.synthetic_test import SyntheticTest


def synthesize(
    good: Named | Dataset,
    output: Folder,
    *,
    sizes: Sequence[int] = (),
    kinds: Sequence[str] = ("spot", "scratch", "stain"),
    each: int = 20,
    contrast: float = 0.25,
    unseen_by: Folder | None = None,
    seed: int = 0,
    overwrite: bool = False,
    on_progress: OnProgress = say_nothing,
) -> "SyntheticTest":
    """Writes a test folder of photos with synthetic defects of given sizes, made from photos of good parts.

    `sizes` are the longest extents of defects in the photos' own pixels, by default up to nine that fit them, and
    `each` is how many there are of each size and kind. `contrast`, 0.01 to 1, is the share of white by which a defect's
    pixels become lighter or darker. `unseen_by` is the folder of a model: photos that it was trained on are passed
    over. `overwrite` replaces an earlier such folder, and nothing else. Raises DataError where no photo can be used,
    SettingsError for defects that cannot be painted, OutputError for the folder.
    """
    from blemish.studies.synthetic_test import SweepSettings, make_synthetic_test

    settings = SweepSettings(sizes=tuple(sizes), kinds=tuple(kinds), each=each, contrast=contrast, seed=seed)
    return make_synthetic_test(
        good if isinstance(good, Dataset) else find_photos(good),
        Path(output),
        settings=settings,
        unseen_by=None if unseen_by is None else Path(unseen_by),
        overwrite=overwrite,
        on_progress=on_progress,
    )


def roi(
    photos: Named | Dataset,
    *,
    output: Folder = "roi.json",
    name: str = "part",
    margin: float = 0.02,
    overwrite: bool = False,
    on_progress: OnProgress = say_nothing,
) -> "RegionProposal":
    """Proposes where the part lies in photos of good parts, as `train` takes it by `roi`, and draws it for approval.

    `output` is a JSON file; a mask, and a picture to look at, are left beside it. The region holds the part in every
    photo, and `margin` around it, a share of the photo's longer side. Raises DataError where nothing stands out from a
    background, as where the part fills the photos.
    """
    from blemish.studies.region_proposal import propose_region

    return propose_region(
        photos if isinstance(photos, Dataset) else find_photos(photos),
        Path(output),
        name=name,
        margin=margin,
        overwrite=overwrite,
        on_progress=on_progress,
    )
