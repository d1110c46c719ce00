"""From the bytes of a file to the values of one page, upright: every failure is a DataError of one line."""

import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from blemish.data.file_kinds import WITHOUT_WHITE, unusual_values
from blemish.data.pixel_limit import MOST_MEGAPIXELS, MOST_PIXELS, load_picture, most_pixels, open_picture
from blemish.data.tiff_file import tiff_values
from blemish.data.tiff_tags import bits_of
from blemish.errors import DataError
from blemish.wording import brief

Values = NDArray[np.uint8] | NDArray[np.uint16]
"""(H, W) or (H, W, C), of which 255 or 65535 is white, or less where a camera leaves the upper bits unused."""

_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")  # nothing else is tried, whatever the file's name says
_TURNS: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    2: lambda values: values[:, ::-1],
    3: lambda values: values[::-1, ::-1],
    4: lambda values: values[::-1],
    5: lambda values: values.swapaxes(0, 1),
    6: lambda values: np.rot90(values, -1),
    7: lambda values: values[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}
"""What makes a photo of each EXIF orientation upright."""
_OTHER_BYTE = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
"""In whose order Pillow is to read 16 bits, where it keeps the higher 8 of them, so that it keeps the lower ones."""


@contextmanager
def opened(data: bytes, *, name: str, page: int = 1) -> Iterator[Image.Image]:
    """Opens a page, counted from 1, of which only the header was read; whatever then goes wrong with it is a
    DataError."""
    if not data:
        raise DataError(f"{name}: is empty (0 bytes); copy it again or delete it")
    with one_error(name):
        try:
            picture = open_picture(data, formats=_FORMATS)
        except UnidentifiedImageError:
            if what := unusual_values(data):
                raise DataError(f"{name}: {what}") from None
            raise
        with picture:
            if page > 1:
                _turn_to(picture, page, name=name)
            check_picture(picture, name=name)
            yield picture


@contextmanager
def one_error(name: str) -> Iterator[None]:
    """Makes whatever a decoder raises a DataError of one line."""
    try:
        yield
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError(f"{name}: is not a {', '.join(_FORMATS)} picture; save it as one or delete it") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"{name}: has {_too_many(error)}") from None
    except Exception as error:  # a damaged file makes decoders raise nearly anything
        raise DataError(f"{name}: cannot be decoded ({brief(error)}); copy or save it again, or delete it") from error


def check_picture(picture: Image.Image, *, name: str) -> None:
    """Raises what `one_error` makes a DataError of, where a picture is too large or its white is unknown."""
    _check_pixels(picture.width, picture.height)
    if picture.mode == "F" or (picture.mode == "I" and picture.format not in ("PNG", None)):
        kind = "32-bit floating-point pixels" if picture.mode == "F" else "32-bit or signed values"
        raise DataError(f"{name}: holds {kind}, {WITHOUT_WHITE}")
    if picture.mode == "I" and picture.format is None:  # of a program, which may hold anything
        values = np.asarray(picture)
        lowest, highest = int(values.min()), int(values.max())
        if not 0 <= lowest <= highest <= 65535:
            raise DataError(f"{name}: holds values from {lowest} to {highest}, {WITHOUT_WHITE}")


def picture_values(
    picture: Image.Image, *, mode: Literal["L", "RGB", "as it is"], again: Callable[[], Image.Image] | None = None
) -> Values:
    """Returns uint8 in the mode asked for, but grey (H, W) in mode RGB, too; or uint16 of 16-bit grey and, but in mode
    L, colours; upright.

    `again` opens the same page once more: Pillow keeps 8 of 16 bits of colours, and these are decoded twice.
    """
    if again is not None and mode != "L" and keeps_half(picture):
        values: Values = _whole(picture, again)
    else:
        load_picture(picture)
        values = _eight_bits(picture, mode)
    # ImageOps.exif_transpose would also write the EXIF data anew, and fail where a camera wrote it badly.
    return turned(values, picture.getexif().get(ExifTags.Base.Orientation, 1))


def page_values(data: bytes, tags: Mapping[int, Any], *, page: int, name: str) -> Values:
    """Returns the values of a page of a TIFF that is beyond Pillow, upright; packed ones are scaled to 65535."""
    with one_error(name):
        _check_pixels(tags[ExifTags.Base.ImageWidth], tags[ExifTags.Base.ImageLength])
        values: Values = tiff_values(data, page=page, name=name)
        if (bits := bits_of(tags)) not in (8, 16):
            values = scaled_up(values, bits)
        dark_is_high = tags.get(ExifTags.Base.PhotometricInterpretation) == 0
        return turned(np.invert(values) if dark_is_high else values, tags.get(ExifTags.Base.Orientation, 1))


def scaled_up(values: NDArray[Any], bits: int) -> NDArray[np.uint16]:
    """Returns values of fewer bits than 16 with 65535 for the highest."""
    white = (1 << bits) - 1
    return ((values.astype(np.uint32) * 65535 + white // 2) // white).astype(np.uint16)


def turned(values: Values, orientation: Any) -> Values:
    """Returns values upright, by the EXIF orientation; of an unknown one as they are."""
    turn = _TURNS.get(orientation)
    return values if turn is None else turn(values)


def keeps_half(picture: Image.Image) -> bool:
    """Returns whether Pillow would keep 8 of 16 bits of a picture that it has not decoded yet."""
    colours, _, order = _raw_mode(picture).partition(";16")
    return colours in ("RGB", "RGBA", "RGBX", "LA") and order in _OTHER_BYTE


def _turn_to(picture: Image.Image, page: int, *, name: str) -> None:
    there = getattr(picture, "n_frames", 1)
    if page > there:
        raise DataError(
            f"{name}: has {there} page{'s' * (there > 1)}, and page {page} was asked for; give files like those "
            "trained on, or train with other --pages"
        )
    picture.seek(page - 1)


def _check_pixels(width: int, height: int) -> None:
    most, pixels = most_pixels(), width * height
    if most is not None and pixels > most:  # twice as many for Pillow itself, which warns of these
        raise Image.DecompressionBombError(f"Image size ({pixels} pixels)")


def _too_many(error: BaseException) -> str:
    """Returns how many pixels a photo has that was refused for them, and what to do; Pillow's own error begins like
    ours."""
    found = re.search(r"\((\d+) pixels\)", str(error))
    allowed, pixels = (most_pixels() or 0) / 1e6, int(found[1]) / 1e6 if found else None
    there = "more" if pixels is None else f"{pixels:,.0f} million pixels, more"
    needed = "MILLIONS" if pixels is None else math.ceil(pixels)
    learned = f"--max-megapixels {needed} of `blemish train` and `blemish check`, or by "
    if pixels is not None and pixels * 1e6 > MOST_PIXELS:
        learned = ""
    return (
        f"{there} than the {allowed:.0f} million that are decoded unasked; cut it into smaller photos, or allow them "
        f"by {learned}{MOST_MEGAPIXELS}={needed} in the environment"
    )


def _eight_bits(picture: Image.Image, mode: Literal["L", "RGB", "as it is"]) -> Values:
    """Returns a decoded picture in the mode, of which 16-bit grey is none."""
    if picture.mode.startswith("I"):  # I;16, I;16B, and what older Pillows call 16-bit PNG
        return _sixteen_bits(np.array(picture), getattr(picture, "tag_v2", {}))
    wanted: str = mode
    if mode == "as it is":
        wanted = picture.mode if picture.mode in ("L", "LA", "RGB", "RGBA") else "RGB"
    if "transparency" in picture.info:  # alpha is dropped, and a palette's would only make Pillow warn
        picture = picture.copy()
        del picture.info["transparency"]
    # Else it would be copied once more; and three equal colours, which Pillow keeps in four bytes, are made with less.
    return np.array(picture if picture.mode in (wanted, "L") else picture.convert(wanted))


def _sixteen_bits(grey: NDArray[Any], tags: Mapping[int, Any]) -> NDArray[np.uint16]:
    """Returns values of which 65535 is white: Pillow leaves 12 bits, and a white of 0, as they are; a TIFF's `tags`
    tell."""
    values = grey.astype(np.uint16)
    if tags.get(ExifTags.Base.BitsPerSample) == (12,):
        values = scaled_up(values, 12)
    return np.invert(values) if tags.get(ExifTags.Base.PhotometricInterpretation) == 0 else values


def _raw_mode(picture: Image.Image) -> str:
    """Returns how values lie in the file, in Pillow's words; nothing where the picture is decoded."""
    tiles: Any = getattr(picture, "tile", [])
    given: Any = tiles[0][3] if tiles else ""
    return str(given[0] if isinstance(given, tuple) and given else given)


def _whole(picture: Image.Image, again: Callable[[], Image.Image]) -> NDArray[np.uint16]:
    """Returns both bytes of values (H, W, C) of which Pillow keeps the higher one."""
    raw = _raw_mode(picture)
    if raw.startswith("LA"):  # Pillow lays four bytes on a pixel, which are the two values' as they lie
        each: Any = _loaded(picture, "RGBA").astype(np.uint16)
        first, second = each[:, :, 0::2], each[:, :, 1::2]
        both: NDArray[np.uint16] = first << 8 | second if raw.endswith("B") else second << 8 | first
        return both
    high = _loaded(picture, raw)
    with again() as other:
        low = _loaded(other, raw[:-1] + _OTHER_BYTE[raw[-1]])
    whole = high.astype(np.uint16)
    whole <<= 8
    whole |= low
    return whole


def _loaded(picture: Image.Image, raw: str) -> NDArray[np.uint8]:
    """Returns a picture's values, read as a raw mode says instead of its own."""
    loading: Any = picture
    loading.tile = [_lying(tile, raw) for tile in loading.tile]
    load_picture(picture)
    return np.array(picture)


def _lying(tile: Any, raw: str) -> Any:
    """Returns one of Pillow's tiles with another raw mode; before Pillow 11 they are plain tuples."""
    args = (raw, *tile[3][1:]) if isinstance(tile[3], tuple) else raw
    return tile._replace(args=args) if hasattr(tile, "_replace") else (*tile[:3], args)
