"""What a photo may be: every way gives the same pixels, anything else is one line that says what is taken."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image

from blemish.data.digest import file_digest
from blemish.data.photo import read_photo
from blemish.errors import DataError

COLOURS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A photo that lies on its side, as its EXIF data says."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(COLOURS).save(tmp_path / "photo.png", exif=exif)
    return tmp_path / "photo.png"


WAYS: dict[str, Callable[[Path], Any]] = {
    "path": lambda path: path,
    "string": str,
    "bytes": Path.read_bytes,
    "bytearray": lambda path: bytearray(path.read_bytes()),
    "memoryview": lambda path: memoryview(path.read_bytes()),
    "open file": lambda path: path.open("rb"),
    "BytesIO": lambda path: BytesIO(path.read_bytes()),
    "PIL image": Image.open,
    "array": lambda _: np.rot90(COLOURS, -1),
}


@pytest.mark.parametrize("way", WAYS)
def test_whatever_a_photo_is_its_pixels_are_the_same(way: str, file: Path) -> None:
    given = WAYS[way](file)
    try:
        photo = read_photo(given)
    finally:
        if hasattr(given, "close"):
            given.close()
    np.testing.assert_array_equal(photo.pixels, np.rot90(COLOURS, -1))
    assert (photo.path == file) == (way in ("path", "string"))
    assert photo.digest == (None if way in ("PIL image", "array") else file_digest(file))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_of_several_pages_a_pil_image_is_the_one_that_it_is_turned_to(
    dtype: type[np.unsignedinteger[Any]], tmp_path: Path
) -> None:
    first, second = COLOURS.astype(dtype), COLOURS[::-1].astype(dtype)
    with tifffile.TiffWriter(tmp_path / "photo.tif") as writer:
        for page in (first, second):
            writer.write(page, photometric="rgb")
    with Image.open(tmp_path / "photo.tif") as picture:
        picture.seek(1)
        np.testing.assert_array_equal(read_photo(picture).pixels, second)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_opencvs_colours_are_turned_round_and_only_where_it_is_said(dtype: type[np.generic]) -> None:
    rgb = COLOURS.astype(dtype)
    alpha = np.full((5, 7, 1), 9, dtype)
    for bgr in (rgb[:, :, ::-1], np.concatenate([rgb[:, :, ::-1], alpha], axis=2)):
        np.testing.assert_array_equal(read_photo(bgr, bgr=True).pixels, rgb)
    np.testing.assert_array_equal(read_photo(rgb).pixels, rgb)
    grey = rgb[:, :, 0]
    np.testing.assert_array_equal(read_photo(grey, bgr=True).pixels, np.stack([grey] * 3, axis=2))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_a_picture_of_pillows_is_what_its_file_would_be(mode: str, tmp_path: Path) -> None:
    source = Image.fromarray(COLOURS)
    picture = Image.fromarray(COLOURS[:, :, 0].astype(np.uint16) * 200) if mode == "I;16" else source.convert(mode)
    path = tmp_path / ("photo.tif" if mode == "CMYK" else "photo.png")
    picture.save(path)
    np.testing.assert_array_equal(read_photo(picture).pixels, read_photo(path).pixels)


def test_a_palettes_transparency_survives_in_the_picture_that_was_given() -> None:
    picture = Image.fromarray(COLOURS).convert("P")
    picture.info["transparency"] = 3
    read_photo(picture)
    assert picture.info["transparency"] == 3


@pytest.mark.parametrize("photo", [[[0, 1]], 7, None, {"a": 1}, (1, 2), np.float32(1)])
def test_anything_else_is_a_line_that_says_what_is_taken(photo: Any) -> None:
    with pytest.raises(DataError, match=r"^a photo cannot be a \w+: give a path, the bytes of a file, [^\n]*bgr=True"):
        read_photo(photo)


@pytest.mark.parametrize(
    ("photo", "said"),
    [
        (b"", "photo in memory: is empty"),
        (b"no photo", "photo in memory: is not a PNG"),
        (BytesIO(b"no photo"), "open file: is not a PNG"),
        (np.zeros((4, 5, 3), np.float32), "expected uint8 or uint16 values, got float32"),
        (np.zeros((3, 4, 5), np.uint8), "expected shape"),
        (Image.new("F", (3, 4)), "32-bit"),
    ],
)
def test_what_holds_no_photo_is_named(photo: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_photo(photo)


def test_a_file_that_is_closed_or_gives_text_is_named(file: Path) -> None:
    with file.open("rb") as closed:
        pass
    with pytest.raises(DataError, match="open it for reading"):
        read_photo(closed)
    with file.open(encoding="latin-1") as text, pytest.raises(DataError, match="binary mode"):
        read_photo(text)  # type: ignore[arg-type]


@pytest.mark.parametrize("values", [(0, 70000), (-5, 9), (65536, 65536)])
def test_a_picture_of_whole_numbers_beyond_16_bits_is_refused_and_not_wrapped(values: tuple[int, int]) -> None:
    """As its file is: 70000 came out as 4464."""
    picture = Image.fromarray(np.tile(np.array(values, np.int32), (8, 4)))
    assert (picture.mode, picture.format) == ("I", None)
    with pytest.raises(DataError, match=f"holds values from {min(values)} to {max(values)}, whose white is unknown"):
        read_photo(picture)
    within = Image.fromarray(np.tile(np.array([0, 65535], np.int32), (8, 4)))
    assert read_photo(within).pixels.max() == 65535
