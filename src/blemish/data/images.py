"""Photos, masks and maps: the one place that decodes, checks, resizes and saves pictures."""

import os
import re
import stat
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from blemish.data.atomic import write_atomically
from blemish.errors import DataError

PHOTO_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")  # nothing else is tried, whatever the file's name says

# Nine evenly spaced colours of matplotlib's `inferno` (public domain): perceived brightness rises evenly.
_INFERNO = np.array(
    [
        (0, 0, 4),
        (33, 12, 74),
        (87, 16, 110),
        (138, 34, 106),
        (188, 55, 84),
        (228, 90, 49),
        (249, 142, 9),
        (249, 203, 53),
        (252, 255, 164),
    ]
)
_CONTOUR = (0, 255, 255)  # cyan is on no part of the scale above

Size = tuple[int, int]
"""(height, width), as everywhere but inside Pillow."""


def list_folder(folder: Path) -> tuple[list[Path], list[Path]]:
    """Photos and sub-folders directly in a folder, without hidden ones, each in natural order: img2 before img10."""
    photos: list[Path] = []
    folders: list[Path] = []
    try:
        for entry in folder.iterdir():
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                folders.append(entry)
            elif entry.suffix.lower() in PHOTO_SUFFIXES:
                photos.append(entry)
    except FileNotFoundError:
        raise DataError(f"{folder}: no such folder; check the path") from None
    except NotADirectoryError:
        raise DataError(f"{folder}: is a file where a folder was expected; name the folder that holds it") from None
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed ({error.strerror}); check its permissions") from error
    return sorted(photos, key=_natural_order), sorted(folders, key=_natural_order)


def list_photos(folder: Path) -> tuple[Path, ...]:
    """All photos in a folder, then those of its sub-folders, by suffix, in natural order, without hidden ones.

    Links to folders are followed; a folder that is reached twice counts once, so that no link can make a loop.
    """
    found: list[Path] = []
    seen: set[Path] = set()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        photos, folders = list_folder(here)
        real = here.resolve()
        if real not in seen:
            seen.add(real)
            found += photos
            # The last is visited first; links come after real folders, so that a photo keeps its own path.
            waiting += sorted(folders, key=Path.is_symlink)[::-1]
    return tuple(found)


def photos_under(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Files as named and the photos of folders, each once, in the order given; DataError for a folder without any."""
    found: dict[Path, None] = {}
    for path in paths:
        photos = list_photos(path) if stat.S_ISDIR(_kind(path)) else (path,)
        if not photos:
            raise DataError(f"{path}: holds no photos ({' '.join(PHOTO_SUFFIXES)}); name a folder that does")
        found |= dict.fromkeys(photos)
    return tuple(found)


def read_image(path: Path) -> NDArray[np.uint8]:
    """A photo as (H, W, 3) RGB, turned upright as its EXIF orientation says; every failure is a DataError.

    16-bit grey is scaled so that 65535 becomes 255. Alpha is dropped, not blended. Of several frames the first counts.
    Colour profiles are not applied.
    """
    with _open(path) as file:
        return _eight_bits(_pixels(file, name=str(path), mode="RGB"))


def decode_image(data: bytes, *, name: str) -> NDArray[np.uint8]:
    """The same as `read_image` for the bytes of a file; `name` is what errors call it."""
    return _eight_bits(_pixels(BytesIO(data), name=name, mode="RGB"))


def as_image(array: NDArray[Any], *, name: str = "image") -> NDArray[np.uint8]:
    """A picture in memory, checked: uint8 (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA -> (H, W, 3).

    Alpha is dropped. Other types are refused, for their white is unknown. The result may be the array itself.
    """
    if not isinstance(array, np.ndarray):
        raise DataError(f"{name}: expected a numpy array, got {type(array).__name__}; pass numpy.asarray(...) of it")
    if array.dtype != np.uint8:
        raise DataError(f"{name}: expected uint8 values 0 to 255, got {array.dtype}; scale and convert it first")
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise DataError(f"{name}: expected shape (height, width, 3), got {array.shape}; colour comes last")
    return np.repeat(array, 3, axis=2) if array.shape[2] == 1 else np.ascontiguousarray(array[:, :, :3])


def read_mask(path: Path) -> NDArray[np.bool_]:
    """Where the defect is, (H, W): grey values of at least half the range (128 of 255); of a mask of 0s and 1s, the 1s.

    A mask of other low values (class numbers, dark colours) would come out empty: it is a DataError. Turned upright as
    `read_image` does.
    """
    with _open(path) as file:
        grey = _pixels(file, name=str(path), mode="L")
    white = int(np.iinfo(grey.dtype).max)
    highest = int(grey.max())
    if highest <= 1:
        return grey.astype(np.bool_)
    if highest <= white // 2:
        raise DataError(
            f"{path}: no value is above {highest} of {white}; save the mask with {white} for defect, else 0"
        )
    mask: NDArray[np.bool_] = grey > white // 2
    return mask


def resize_image(image: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """Bilinear with antialiasing, Pillow's own: (H, W, 3) -> (*size, 3); the image itself where the size is right."""
    if image.shape[:2] == size:
        return image
    return np.array(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR))


def resize_map(anomaly_map: NDArray[np.float32], size: Size) -> NDArray[np.float32]:
    """Bilinear, with antialiasing where it shrinks: (h, w) -> size."""
    if anomaly_map.shape == size:
        return anomaly_map
    return np.array(Image.fromarray(anomaly_map).resize(size[::-1], Image.Resampling.BILINEAR))


def resize_mask(mask: NDArray[np.bool_], size: Size) -> NDArray[np.bool_]:
    """Antialiased bilinear, then rounded: defect where at least half is (DeSTSeg §4.6 evaluates so)."""
    if mask.shape == size:
        return mask
    resized: NDArray[np.bool_] = resize_map(mask.astype(np.float32), size) >= 0.5
    return resized


def heatmap(anomaly_map: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Coloured picture of a map of 0 to 1: (H, W) -> (H, W, 3), black over violet and orange to pale yellow."""
    place = np.clip(anomaly_map, 0, 1) * (len(_INFERNO) - 1)
    below = np.minimum(place.astype(np.intp), len(_INFERNO) - 2)
    part = (place - below)[..., None]
    colours: NDArray[np.float64] = _INFERNO[below] * (1 - part) + _INFERNO[below + 1] * part
    return np.rint(colours).astype(np.uint8)


def overlay(
    image: NDArray[np.uint8], anomaly_map: NDArray[np.floating], *, mask: NDArray[np.bool_] | None = None
) -> NDArray[np.uint8]:
    """The photo under its heatmap, transparent where the map (0 to 1) is low, with the predicted mask's outline.

    All are (H, W), the photo (H, W, 3); returns (H, W, 3).
    """
    if anomaly_map.shape != image.shape[:2] or (mask is not None and mask.shape != image.shape[:2]):
        raise DataError(f"overlay: photo {image.shape[:2]}, map {anomaly_map.shape} and mask differ; resize them first")
    level = np.clip(anomaly_map, 0, 1)
    opacity = (0.6 * level * level * (3 - 2 * level))[..., None]  # smooth from none to 0.6
    blended: NDArray[np.uint8] = np.rint(image * (1 - opacity) + heatmap(anomaly_map) * opacity).astype(np.uint8)
    if mask is not None:
        blended[_outline(mask, thickness=max(1, round(min(mask.shape) / 200)))] = _CONTOUR
    return blended


def save_png(path: Path, array: NDArray[np.uint8] | NDArray[np.bool_]) -> None:
    """Write uint8 (H, W) or (H, W, 3), or a bool mask as 0 and 255; folders are made. Raises OutputError.

    The file appears whole or not at all.
    """
    assert array.dtype in (np.uint8, np.bool_), array.dtype
    picture = Image.fromarray(array.astype(np.uint8) * 255 if array.dtype == np.bool_ else array)
    write_atomically(path, lambda beside: picture.save(beside, format="PNG"))


def save_map(path: Path, anomaly_map: NDArray[np.float32]) -> None:
    """Write a raw map (H, W) as a float32 TIFF, which keeps every digit. Raises OutputError; whole or not at all."""
    assert anomaly_map.dtype == np.float32, anomaly_map.dtype
    write_atomically(path, lambda beside: Image.fromarray(anomaly_map).save(beside, format="TIFF"))


def _kind(path: Path) -> int:
    """Its st_mode: file, folder or something else."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        raise DataError(f"{path}: no such file or folder; check the path") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be opened ({error.strerror}); check its permissions") from error


def _open(path: Path) -> IO[bytes]:
    kind = _kind(path)
    if stat.S_ISDIR(kind):
        raise DataError(f"{path}: is a folder where a photo was expected; name a file in it")
    if not stat.S_ISREG(kind):  # a pipe would wait forever
        raise DataError(f"{path}: is not a regular file; name a photo")
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: cannot be opened ({error.strerror}); check its permissions") from error


def _pixels(file: IO[bytes], *, name: str, mode: Literal["L", "RGB"]) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The first frame, upright: uint8 in the mode asked for, or uint16 (H, W) where the file holds 16-bit grey."""
    if file.seek(0, os.SEEK_END) == 0:
        raise DataError(f"{name}: is empty (0 bytes); copy it again or delete it")
    file.seek(0)
    try:
        with Image.open(file, formats=_FORMATS) as picture:
            ImageOps.exif_transpose(picture, in_place=True)
            if picture.mode.startswith("I;16") or (picture.mode == "I" and picture.format == "PNG"):
                return np.array(picture).astype(np.uint16)  # older Pillows call 16-bit PNG "I"
            if picture.mode in ("I", "F"):
                raise DataError(f"{name}: holds 32-bit values, whose white is unknown; save it with 8 or 16 bits")
            picture.info.pop("transparency", None)  # alpha is dropped, and a palette's would only make Pillow warn
            return np.array(picture.convert(mode))
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError(f"{name}: is not a {', '.join(_FORMATS)} picture; save it as one or delete it") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(f"{name}: has too many pixels to be decoded safely; cut it into smaller photos") from None
    except Exception as error:  # a damaged file makes decoders raise nearly anything
        reason = " ".join(str(error).split())
        raise DataError(f"{name}: cannot be decoded ({reason}); copy or save it again, or delete it") from error


def _eight_bits(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.uint8]:
    """(H, W, 3) from what `_pixels` gives; 16-bit values are divided by 257 and rounded."""
    if pixels.dtype == np.uint16:
        pixels = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return as_image(pixels)


def _outline(mask: NDArray[np.bool_], *, thickness: int) -> NDArray[np.bool_]:
    """A line around the mask, just outside it, so that the defect stays visible."""
    grown = mask
    for _ in range(thickness):
        padded = np.pad(grown, 1)
        grown = grown | padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
    return grown & ~mask


def _natural_order(path: Path) -> tuple[list[str | int], str]:
    pieces = re.split(r"([0-9]+)", path.name.casefold())
    return [int(piece) if odd % 2 else piece for odd, piece in enumerate(pieces)], path.name
