"""BraTS 2018 and 2021 (Bakas et al.; Baid et al.): slices of brains, made once from volumes as BMAD made its own.

BMAD takes FLAIR, the axial slices 60 to 99, each scaled to its own darkest and brightest value; good ones are those
without tumour. Nobody publishes a division of these volumes for learning from good slices alone: here the first two
thirds of the patients, in order of their names, are learned from, the others tested with.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemish.data.gathering import two_thirds
from blemish.data.images import save_png
from blemish.data.listing import has_file, has_folder, sub_folders
from blemish.data.nifti import read_volume
from blemish.errors import DataError
from blemish.files import move, remove
from blemish.progress import OnProgress, Progress, say_nothing

SLICES = range(60, 100)
"""The axial slices that are taken of each patient, counted from 0: BMAD's data_processing/brain."""
_CATEGORY = "Brain"
_ENDINGS = (".nii.gz", ".nii")


def write_brats_slices(source: Path, output: Path, *, on_progress: OnProgress = say_nothing) -> int:
    """Writes the slices of all patients below `source` as 8-bit grey PNG files in BMAD's layout; returns how many.

    A patient is a folder with X_flair.nii.gz and X_seg.nii.gz, directly in `source` or in HGG and LGG. The result is
    read by `--dataset bmad --category Brain OUTPUT`, and appears whole or not at all. Raises DataError for volumes that
    are missing or cannot be read, and where `output` already has such slices; what is there then is as it was.
    """
    patients = sorted(_patients(source), key=lambda folder: folder.name)
    if len(patients) < 2:
        raise DataError(
            f"{source}: holds fewer than two folders with X_flair.nii(.gz) and X_seg.nii(.gz); check the path"
        )
    place, beside = output / _CATEGORY, output / f".{_CATEGORY}-unfinished"
    if has_folder(place):
        raise DataError(f"{place}: is already there; give another folder")
    remove(beside)  # what one that was killed has left
    learned, written = set(two_thirds(patients)[0]), 0
    try:
        for done, patient in enumerate(patients, start=1):
            written += _write_patient(patient, beside, learned=patient in learned)
            on_progress(Progress(activity="reading volumes", done=done, total=len(patients)))
        move(beside, place)
    finally:
        remove(beside)
    return written


def _write_patient(patient: Path, base: Path, *, learned: bool) -> int:
    """Writes the slices of one patient, and returns how many."""
    flair, tumour = (read_volume(_volume(patient, kind)) for kind in ("flair", "seg"))
    if flair.shape != tumour.shape or flair.shape[2] < SLICES.stop:
        raise DataError(f"{patient}: its volumes are of shape {flair.shape} and {tumour.shape}; copy them again")
    return sum(
        _write(
            base,
            f"{patient.name}_{at}.png",
            # Axes of a volume run to the patient's left and back: rows of a picture are the second one.
            scaled_slice(flair[:, :, at].T),
            np.asarray(tumour[:, :, at].T != 0),
            learned=learned,
        )
        for at in SLICES
    )


def scaled_slice(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Returns a slice with its own lowest value as 0 and its highest as 255; all 0 where they are the same."""
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return np.zeros(values.shape, np.uint8)
    return np.asarray(np.rint((values - low) * (255 / (high - low))), np.uint8)


def _write(base: Path, name: str, photo: NDArray[np.uint8], tumour: NDArray[np.bool_], *, learned: bool) -> int:
    """Writes one slice and its mask, and returns 1; those with a tumour of patients learned from are not written."""
    if learned:
        if tumour.any():
            return 0
        save_png(base / "train" / "good" / name, photo)
        return 1
    kind = "Ungood" if tumour.any() else "good"
    save_png(base / "test" / kind / "label" / name, tumour)
    save_png(base / "test" / kind / "img" / name, photo)
    return 1


def _patients(source: Path) -> list[Path]:
    there = [*sub_folders(source), *(f for grade in ("HGG", "LGG") for f in sub_folders(source / grade))]
    return [folder for folder in there if any(has_file(folder / f"{folder.name}_flair{end}") for end in _ENDINGS)]


def _volume(patient: Path, kind: str) -> Path:
    for suffix in _ENDINGS:
        path = patient / f"{patient.name}_{kind}{suffix}"
        if has_file(path):
            return path
    raise DataError(f"{patient / f'{patient.name}_{kind}.nii.gz'}: is not there; copy the patient again")
