"""What MVTec AD 2's benchmark server is given: maps and masks of the photos without labels, in its layout.

`anomaly_images/OBJECT/PART/NAME.tiff` holds a photo's map in 16-bit floating point, at the photo's size, and
`anomaly_images_thresholded/OBJECT/PART/NAME.png` 255 where it is above the model's pixel threshold, else 0
(Heckler-Kram et al., 2025, and their public code). Maps are divided by that threshold: no ranking changes by it, and
what counts lies where such numbers are finest.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from blemish.data.images import resize_map
from blemish.data.listing import has_folder, list_photos
from blemish.data.mvtec_ad_2 import MVTEC_AD_2, PRIVATE_PARTS, PRIVATE_PHOTOS
from blemish.errors import DataError, MissingExtraError
from blemish.files import make_folder, write_atomically
from blemish.inference.prediction import Prediction
from blemish.inference.predictor import Predictor
from blemish.progress import OnProgress, Progress

MAPS, MASKS = "anomaly_images", "anomaly_images_thresholded"
_LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What was written for one object, and what the server would miss."""

    written: int
    """How many photos."""
    problems: list[str]
    """A line for each photo that could not be judged, and each part that has not as many as the publishers gave it."""
    missing: list[str]
    """Objects of MVTec AD 2 of which the folder does not hold every photo yet, as where a command was stopped."""


def write_submission(predictor: Predictor, folder: Path, output: Path, *, on_progress: OnProgress) -> Submission:
    """Judges both private parts of an object, whose folder is called as the publishers do, and writes maps and masks.

    Raises DataError for another folder, OutputError where it cannot be written, MissingExtraError without tifffile.
    """
    _need_tifffile()
    name = folder.absolute().name
    if name not in PRIVATE_PHOTOS:
        raise DataError(f"{folder} is no object of MVTec AD 2: give a folder called {', '.join(PRIVATE_PHOTOS)}")
    absent = [part for part in PRIVATE_PARTS if not has_folder(folder / part)]
    if absent:
        raise DataError(f"{folder} has no {' and no '.join(absent)}: these are the photos to judge")
    make_folder(output)
    photos = [(part, photo) for part in PRIVATE_PARTS for photo in list_photos(folder / part)]
    problems = [
        f"{name}/{part} holds {count} photos, of {PRIVATE_PHOTOS[name]}: the server wants all of them"
        for part in PRIVATE_PARTS
        if (count := sum(of == part for of, _ in photos)) != PRIVATE_PHOTOS[name]
    ]
    written = 0
    results: Iterator[Prediction | DataError] = predictor.predict_many(photo for _, photo in photos)
    for done, ((part, photo), result) in enumerate(zip(photos, results, strict=True), start=1):
        if isinstance(result, DataError):
            problems.append(str(result))
        else:
            _write(result, Path(name, part, photo.stem), output)
            written += 1
        on_progress(Progress(activity="judging", done=done, total=len(photos)))
    missing = [other for other in MVTEC_AD_2.official if not _is_whole(other, output)]
    return Submission(written=written, problems=problems, missing=missing)


def _is_whole(name: str, output: Path) -> bool:
    """Returns whether every photo of an object has its mask, which is written after its map."""
    places = [output / MASKS / name / part for part in PRIVATE_PARTS]
    return all(len(list(place.glob("*.png"))) >= PRIVATE_PHOTOS[name] for place in places)


def _write(result: Prediction, place: Path, output: Path) -> None:
    whole = resize_map(result.anomaly_map, result.photo_size)
    unit = result.thresholds.pixel if result.thresholds.pixel > 0 else 1.0
    relative = np.clip(whole / unit, -_LARGEST, _LARGEST).astype(np.float16)
    _save_halves(output / MAPS / place.with_name(f"{place.name}.tiff"), relative)
    mask = Image.fromarray((whole > result.thresholds.pixel).astype(np.uint8) * 255)
    write_atomically(output / MASKS / place.with_name(f"{place.name}.png"), lambda beside: mask.save(beside, "PNG"))


def _need_tifffile() -> None:
    if find_spec("tifffile") is None:
        raise MissingExtraError(package="tifffile", extra="tiff", purpose="a submission")


def _save_halves(path: Path, values: NDArray[np.float16]) -> None:
    """Writes (h, w) numbers of 16 bits, which Pillow does not; raises OutputError."""
    import tifffile

    file = BytesIO()
    tifffile.imwrite(file, values, compression="zlib")
    write_atomically(path, lambda beside: beside.write_bytes(file.getvalue()))
