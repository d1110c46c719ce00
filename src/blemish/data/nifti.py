"""Volumes in NIfTI files (.nii, .nii.gz), as scanners' data are handed on; `nibabel` reads them."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemish.errors import DataError, MissingExtraError
from blemish.wording import brief


def read_volume(path: Path) -> NDArray[Any]:
    """Returns a volume (X, Y, Z) in the file's own order of axes, scaled as its header says.

    Raises DataError for a file that cannot be read, or has not three axes, and MissingExtraError without nibabel.
    """
    try:
        import nibabel
    except ImportError:
        raise MissingExtraError(package="nibabel", extra="brats", purpose="reading volumes") from None
    try:
        volume = np.asarray(nibabel.load(path).dataobj)  # of images that have data
    except Exception as error:  # whatever a damaged file makes of it
        raise DataError(f"{path}: cannot be read as a NIfTI volume ({brief(error)}); copy it again") from error
    if volume.ndim != 3 or min(volume.shape) < 1:
        raise DataError(f"{path}: has the shape {volume.shape}; volumes of three axes are read")
    return volume
