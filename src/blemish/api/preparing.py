"""The verb that makes photos of a data set that has none: prepare_brats."""

from pathlib import Path

from blemish.files import Folder
from blemish.progress import OnProgress, say_nothing


def prepare_brats(source: Folder, output: Folder, *, on_progress: OnProgress = say_nothing) -> int:
    """Writes slices of the volumes of BraTS 2018 or 2021, as BMAD made its own, and returns how many.

    A patient is a folder with X_flair.nii.gz and X_seg.nii.gz, directly in `source` or in HGG and LGG. What is written
    is read as dataset bmad, category Brain. Raises DataError for volumes that are missing or cannot be read, and where
    `output` already has such slices, MissingExtraError without nibabel, and OutputError.
    """
    from blemish.data.brats import write_brats_slices

    return write_brats_slices(Path(source), Path(output), on_progress=on_progress)
