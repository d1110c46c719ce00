"""What a photo may be: a file, its bytes, or a picture in memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from blemish.data.digest import digest_of
from blemish.data.file_kinds import holds_several
from blemish.data.images import Pixels, as_image, decode_image, picture_pixels, read_file
from blemish.data.reading import FIRST_PAGE, Reading
from blemish.errors import DataError

Photo = str | Path | bytes | BinaryIO | Image.Image | NDArray[Any]
"""A file's path, its bytes, an open file, a picture of Pillow's, or an array (see `as_image`)."""

TAKEN = (
    "a path, the bytes of a file, an open file, a PIL image, or a numpy array of uint8 or uint16 "
    "(grey, RGB or RGBA; bgr=True for OpenCV's)"
)


@dataclass(frozen=True, kw_only=True)
class DecodedPhoto:
    """The pixels of a photo, and where they came from."""

    pixels: Pixels
    path: Path | None
    digest: str | None
    """See `digest_of`; None where there was no file's content to take it of."""
    first_of_several: bool = False
    """Whether its file holds further pages, and nobody said which to look at."""


def read_photo(photo: Photo, *, bgr: bool = False, reading: Reading = FIRST_PAGE) -> DecodedPhoto:
    """Reads whatever a photo may be; `bgr` is for arrays in OpenCV's order, `reading` for files alone.

    Raises DataError, which says what is taken, for anything else, and where there is no photo in it.
    """
    if isinstance(photo, str | Path):
        path = Path(photo)
        return _decoded(read_file(path), path=path, name=str(photo), reading=reading)
    if isinstance(photo, bytes | bytearray | memoryview):
        return _decoded(bytes(photo), path=None, name="photo in memory", reading=reading)
    if isinstance(photo, np.ndarray):
        return DecodedPhoto(pixels=as_image(photo, bgr=bgr), path=None, digest=None)
    if isinstance(photo, Image.Image):
        return DecodedPhoto(pixels=picture_pixels(photo), path=None, digest=None)
    if hasattr(photo, "read"):
        return _read_open_file(photo, reading)
    raise DataError(f"a photo cannot be a {type(photo).__name__}: give {TAKEN}")


def is_one_photo(photos: object) -> bool:
    """Returns whether what may be several photos is itself one in memory: its rows or bytes are none."""
    if isinstance(photos, np.ndarray):
        return photos.ndim < 3 or (photos.ndim == 3 and photos.shape[-1] in (1, 3, 4))
    return isinstance(photos, bytes | bytearray | memoryview | Image.Image) or hasattr(photos, "read")


def _read_open_file(file: BinaryIO, reading: Reading) -> DecodedPhoto:
    name = str(getattr(file, "name", "open file"))
    try:
        data = file.read()
    except DataError:  # of a photo that is being fetched
        raise
    except (OSError, ValueError) as error:  # ValueError: it was closed before
        raise DataError(f"{name}: cannot be read ({error}); open it for reading") from error
    if not isinstance(data, bytes):
        raise DataError(f"{name}: gives {type(data).__name__}, not bytes; open it in binary mode ('rb')")
    return _decoded(data, path=None, name=name, reading=reading)


def _decoded(data: bytes, *, path: Path | None, name: str, reading: Reading) -> DecodedPhoto:
    pixels = decode_image(data, name=name, reading=reading)
    several = not reading.pages and holds_several(data)
    return DecodedPhoto(pixels=pixels, path=path, digest=digest_of(data), first_of_several=several)
