"""Photos, masks and maps: the one place that decodes, checks, resizes and saves pictures."""

import ctypes
import stat
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from sys import intern
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, _imaging

from blemish.data.decoding import (
    check_picture,
    keeps_half,
    one_error,
    opened,
    page_values,
    picture_values,
)
from blemish.data.listing import file_kind
from blemish.data.pixel_limit import most_bytes
from blemish.data.png_file import colour_png
from blemish.data.reading import FIRST_PAGE, Reading, stacked_pages
from blemish.data.resizing import resized_bands
from blemish.data.tiff_tags import beyond_pillow, bits_of, tiff_tags
from blemish.errors import DataError
from blemish.files import write_atomically

_COLOURS = {
    "1": "black and white",
    "L": "grey",
    "LA": "grey with alpha",
    "I;16": "16-bit grey",
    "RGBX": "colour with a fourth value",
    "P": "palette",
    "RGB": "colour",
    "RGBA": "colour with alpha",
}
"""What people call Pillow's modes; the others are called as they are."""
_SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations

Size = tuple[int, int]
"""(height, width), as everywhere but inside Pillow."""

MaskValues = Literal["bright", "any", "black", "not_white"]
"""Which grey values of a mask stand for defect: at least half the range, all but 0, 0 alone, or all but white."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """The facts that a file gives of its photo before anything is decoded."""

    size: Size
    """The (height, width) of the photo turned upright."""
    kind: str
    """Format and colours, such as `TIFF 16-bit grey`."""


PixelsT = TypeVar("PixelsT", NDArray[np.uint8], NDArray[np.uint16], NDArray[np.uint8] | NDArray[np.uint16])
Pixels = NDArray[np.uint8] | NDArray[np.uint16]
"""A photo (H, W, 3), RGB: 0 to 255, or of a file of 16 bits its own values, whose white `Framing` knows."""


def read_image(path: Path, *, reading: Reading = FIRST_PAGE) -> Pixels:
    """Returns a photo, turned upright as its EXIF orientation says; every failure is a DataError.

    16 bits keep their values, grey and colours (of a TIFF of packed 10, 12 or 14 bits, the highest becomes 65535).
    Alpha is dropped, not blended. Of several frames the first counts, or what `reading` names. Colour profiles are not
    applied. More pixels than Pillow's Image.MAX_IMAGE_PIXELS are refused, unless `allow_pixels` was called. TIFFs that
    Pillow cannot read in full take tifffile.
    """
    return decode_image(read_file(path), name=str(path), reading=reading)


def decode_image(data: bytes, *, name: str, reading: Reading = FIRST_PAGE) -> Pixels:
    """Does the same as `read_image` for the bytes of a file; `name` is what errors call it."""
    pages = [_decoded_page(data, page, reading, name=name) for page in reading.pages or (1,)]
    return as_image(pages[0] if len(pages) == 1 else stacked_pages(pages, name=name), name=name)


def _decoded_page(data: bytes, page: int, reading: Reading, *, name: str) -> Pixels:
    tags = tiff_tags(data, page=page)
    with ExitStack() as stack:
        if beyond_pillow(tags):
            values = page_values(data, tags, page=page, name=name)
        else:
            picture = stack.enter_context(opened(data, name=name, page=page))
            plain = not reading.channels and len(reading.pages) < 2
            values = picture_values(
                picture,
                mode="RGB" if plain else "as it is",
                again=lambda: stack.enter_context(opened(data, name=name, page=page)),
            )
    chosen = reading.chosen(values, name=name)
    if chosen.ndim == 3 and chosen.shape[2] == 2:  # grey and alpha
        return chosen[:, :, 0]
    if chosen.ndim == 3 and chosen.shape[2] > 4:
        raise DataError(f"{name}: has {chosen.shape[2]} channels; say which are the photo by training with --channels")
    return chosen


def read_header(path: Path, *, reading: Reading = FIRST_PAGE) -> Header:
    """Reads the header alone, which is cheap; raises DataError where even the header is damaged."""
    return decode_header(read_file(path), name=str(path), reading=reading)


def decode_header(data: bytes, *, name: str, reading: Reading = FIRST_PAGE) -> Header:
    """Does the same as `read_header` for the bytes of a file; `name` is what errors call it."""
    page = (reading.pages or (1,))[0]
    tags: Any = tiff_tags(data, page=page)
    if beyond_pillow(tags):
        with one_error(name):
            return _header_of(tags)
    with opened(data, name=name, page=page) as picture:
        tags = getattr(picture, "tag_v2", {})  # of a TIFF, whose size some Pillows give already turned
        width = tags.get(ExifTags.Base.ImageWidth, picture.width)
        height = tags.get(ExifTags.Base.ImageLength, picture.height)
        # Not a PNG's own, which decodes it to look behind the pixels, where hardly any program writes EXIF data.
        exif = Image.Image.getexif(picture)
        sideways = exif.get(ExifTags.Base.Orientation, 1) in _SIDEWAYS
        colours = _COLOURS.get("I;16" if picture.mode.startswith("I") else picture.mode, picture.mode)
        depth = "16-bit " if keeps_half(picture) else ""
        kind = f"{'JPEG' if picture.format == 'MPO' else picture.format} {depth}{colours}"
        return Header(size=(width, height) if sideways else (height, width), kind=intern(kind))


def _header_of(tags: Any) -> Header:
    """Returns what the tags of a TIFF say that is beyond Pillow."""
    height, width = tags[ExifTags.Base.ImageLength], tags[ExifTags.Base.ImageWidth]
    samples = tags.get(ExifTags.Base.SamplesPerPixel, 1)
    kind = f"TIFF {bits_of(tags)}-bit {'grey' if samples == 1 else 'colour' if samples in (3, 4) else 'channels'}"
    sideways = tags.get(ExifTags.Base.Orientation, 1) in _SIDEWAYS
    return Header(size=(width, height) if sideways else (height, width), kind=intern(kind))


def as_image(array: NDArray[Any], *, bgr: bool = False, name: str = "image") -> Pixels:
    """Returns a picture in memory as a photo: uint8 or uint16, (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) -> (H, W, 3).

    Alpha is dropped. `bgr`: colours lie in OpenCV's order. Other types are refused, for their white is unknown. The
    result may be the array itself.
    """
    if array.dtype not in (np.uint8, np.uint16):
        raise DataError(f"{name}: expected uint8 or uint16 values, got {array.dtype}; scale and convert it first")
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise DataError(f"{name}: expected shape (height, width, 3), got {array.shape}; colour comes last")
    if array.shape[2] == 1:
        return np.repeat(array, 3, axis=2)
    return np.ascontiguousarray(array[:, :, 2::-1] if bgr else array[:, :, :3])


def picture_pixels(picture: Image.Image, *, name: str = "picture") -> Pixels:
    """Returns a picture of Pillow's as `read_image` would return its file.

    Of a file with colours of 16 bits Pillow has dropped 8 once it was decoded; before that, the page that it is turned
    to is read anew.
    """
    with one_error(name):
        check_picture(picture, name=name)
        file: Any = getattr(picture, "fp", None)
        if keeps_half(picture) and file is not None:
            file.seek(0)
            return decode_image(file.read(), name=name, reading=Reading(pages=(picture.tell() + 1,)))
        return as_image(picture_values(picture, mode="RGB"), name=name)


def read_mask(path: Path, *, values: MaskValues = "bright") -> NDArray[np.bool_]:
    """Returns where the defect is, (H, W): grey values of at least half the range (128 of 255), or a mask's 1s if all
    are 0 or 1.

    A mask of other low values (class numbers, dark colours) would come out empty: it is a DataError, unless the dataset
    says by `values` what they stand for. Turned upright as `read_image` does.
    """
    grey = read_grey(path)
    white = int(np.iinfo(grey.dtype).max)
    if values != "bright":
        return np.equal(grey, 0) if values == "black" else np.not_equal(grey, white if values == "not_white" else 0)
    highest = int(grey.max())
    if highest <= 1:
        return grey.astype(np.bool_)
    if highest <= white // 2:
        raise DataError(
            f"{path}: no value is above {highest} of {white}; save the mask with {white} for defect, else 0"
        )
    mask: NDArray[np.bool_] = grey > white // 2
    return mask


def read_grey(path: Path) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Returns the grey values of a mask's file, (H, W)."""
    with opened(read_file(path), name=str(path)) as picture:
        return picture_values(picture, mode="L")


def resize_image(image: PixelsT, size: Size) -> PixelsT:
    """Returns (*size, 3) of an image (H, W, 3) of uint8 or uint16, bilinear with antialiasing, Pillow's own.

    The image itself is returned where its size is right.
    """
    if image.shape[:2] == size:
        return image
    if image.dtype == np.uint8:
        resized: Any = np.array(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR))
    else:
        resized = np.empty((*size, 3), np.uint16)
        for plane in range(3):
            for rows, values in resized_bands(image[:, :, plane], size):
                resized[rows, :, plane] = np.rint(values)
    return resized  # type: ignore[no-any-return]


def resize_map(anomaly_map: NDArray[np.float32], size: Size) -> NDArray[np.float32]:
    """Resizes a map (h, w) to `size`, bilinear, with antialiasing where it shrinks."""
    if anomaly_map.shape == size:
        return anomaly_map
    return np.array(Image.fromarray(anomaly_map).resize(size[::-1], Image.Resampling.BILINEAR))


def resize_mask(mask: NDArray[np.bool_], size: Size) -> NDArray[np.bool_]:
    """Resizes a mask, antialiased bilinear, then rounded: defect where at least half is (DeSTSeg §4.6 evaluates so)."""
    if mask.shape == size:
        return mask
    resized: NDArray[np.bool_] = resize_map(mask.astype(np.float32), size) >= 0.5
    return resized


def save_png(path: Path, array: Pixels | NDArray[np.bool_]) -> None:
    """Writes uint8 or uint16, (H, W) or (H, W, 3), or a bool mask as 0 and 255; folders are made. Raises OutputError.

    The file appears whole or not at all.
    """
    assert array.dtype in (np.uint8, np.uint16, np.bool_), array.dtype
    pixels: NDArray[Any] = array.astype(np.uint8) * np.uint8(255) if array.dtype == np.bool_ else array
    if pixels.dtype == np.uint16 and pixels.ndim == 3:
        if (pixels != pixels[:, :, :1]).any():  # colours of 16 bits, which Pillow does not write
            write_atomically(path, lambda beside: beside.write_bytes(colour_png(pixels)))
            return
        pixels = np.ascontiguousarray(pixels[:, :, 0])
    picture = Image.fromarray(pixels)
    # Level 1 takes a third of the default's time and makes a photo a third larger.
    write_atomically(path, lambda beside: picture.save(beside, format="PNG", compress_level=1))


def save_map(path: Path, anomaly_map: NDArray[np.float32]) -> None:
    """Writes a raw map (H, W) as a float32 TIFF, which keeps every digit; it is whole or not there. Raises
    OutputError."""
    assert anomaly_map.dtype == np.float32, anomaly_map.dtype
    write_atomically(path, lambda beside: Image.fromarray(anomaly_map).save(beside, format="TIFF"))


def read_file(path: Path) -> bytes:
    """Returns the bytes of a photo's file; raises DataError where it is none or may not be read.

    Decoders get bytes rather than the file: where a damaged one asks for gigabytes, a file would make room for them.
    """
    kind = file_kind(path)
    if stat.S_ISDIR(kind):
        raise DataError(f"{path}: is a folder where a photo was expected; name a file in it")
    if not stat.S_ISREG(kind):  # a pipe would wait forever
        raise DataError(f"{path}: is not a regular file; name a photo")
    try:
        check_bytes(path.stat().st_size, name=str(path))
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error


def check_bytes(size: int, *, name: str) -> None:
    """Raises DataError for a file of more bytes than any photo that may be decoded."""
    if size > (most := most_bytes()):
        raise DataError(
            f"{name}: has more than {most >> 20} MB, as no photo has of as many pixels as are decoded; save the photo "
            "alone, or allow more pixels by --max-megapixels of `blemish train` and `blemish check`"
        )


def silence_libtiff() -> None:
    """Keeps libtiff, for the whole process, from printing about a damaged file beside our one line: for programs that
    are all ours, as whoever imports this package may want to hear it."""
    with suppress(OSError, AttributeError):  # not every Pillow lets it be told so
        ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)
