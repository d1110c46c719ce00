import os
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import ExifTags, Image

import permissions
from bare import Bare
from blemish.data.framing import shown
from blemish.data.images import as_image, decode_image, read_header, read_image, save_png
from blemish.data.pixel_limit import allow_pixels
from blemish.errors import DataError

COLOURS = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
GREY = np.random.default_rng(1).integers(0, 256, (6, 9), dtype=np.uint8)
LOSSLESS: dict[str, dict[str, Any]] = {
    ".png": {},
    ".bmp": {},
    ".tif": {},
    ".tiff": {"compression": "tiff_lzw"},
    ".webp": {"lossless": True},
}


def refusal(read: Callable[[Path], object], path: Path) -> str:
    """The one line in which a file is refused; it names the file."""
    with pytest.raises(DataError) as caught:
        read(path)
    text = str(caught.value)
    assert str(path) in text
    assert len(text.splitlines()) == 1
    return text


def encoded(array: NDArray[Any], kind: str, **options: Any) -> bytes:
    file = BytesIO()
    Image.fromarray(array).save(file, format=kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_colour_photos_of_every_lossless_format_come_back_unchanged(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo{suffix}"
    Image.fromarray(COLOURS).save(path, **LOSSLESS[suffix])
    image = read_image(path)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, COLOURS)


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_grey_photos_become_three_equal_channels(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo{suffix}"
    Image.fromarray(GREY).save(path, **LOSSLESS[suffix])
    np.testing.assert_array_equal(read_image(path), np.stack([GREY] * 3, axis=2))


def test_a_jpeg_is_read_as_close_as_jpeg_allows(tmp_path: Path) -> None:
    smooth = np.stack([np.add.outer(np.arange(32), np.arange(48)) + 80] * 3, axis=2).astype(np.uint8)
    path = tmp_path / "photo.JPG"
    Image.fromarray(smooth).save(path, quality=95)
    assert np.abs(read_image(path).astype(int) - smooth).max() <= 3


def test_an_image_that_was_read_may_be_written_to(tmp_path: Path) -> None:
    save_png(tmp_path / "photo.png", COLOURS)
    image = read_image(tmp_path / "photo.png")
    image[0, 0] = 7
    assert image.flags.c_contiguous


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bit_grey_keeps_its_values_and_is_shown_in_eight(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo{suffix}"
    values = [0, 128, 129, 257, 32768, 65406, 65407, 65535]
    Image.fromarray(np.array([values], np.uint16)).save(path)
    image = read_image(path)
    assert image.dtype == np.uint16
    assert image[0, :, 1].tolist() == values
    assert shown(image)[0, :, 1].tolist() == [0, 0, 1, 1, 128, 254, 255, 255]


def test_big_endian_sixteen_bit_grey_keeps_its_values(tmp_path: Path) -> None:
    path = tmp_path / "photo.tif"
    Image.frombytes("I;16B", (3, 1), np.array([0, 514, 65535], ">u2").tobytes()).save(path)
    assert read_image(path)[0, :, 0].tolist() == [0, 514, 65535]


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_thirty_two_bit_values_are_refused_rather_than_guessed(tmp_path: Path, dtype: type[np.generic]) -> None:
    path = tmp_path / "photo.tif"
    Image.fromarray(np.array([[0, 1, 200]], dtype)).save(path)
    assert "32-bit" in refusal(read_image, path)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_alpha_is_dropped_and_not_blended(kind: str) -> None:
    alpha = np.random.default_rng(2).integers(1, 256, (6, 9, 1), dtype=np.uint8)
    options = {"lossless": True} if kind == "WEBP" else {}
    image = decode_image(encoded(np.concatenate([COLOURS, alpha], axis=2), kind, **options), name="photo")
    np.testing.assert_array_equal(image, COLOURS)


def test_a_palette_with_several_transparencies_is_read_without_a_warning(tmp_path: Path) -> None:
    picture = Image.fromarray(np.array([[0, 1, 2]], np.uint8))
    picture.putpalette([255, 0, 0, 0, 255, 0, 10, 20, 30])
    picture.save(tmp_path / "photo.png", transparency=bytes([0, 128, 255]))
    assert read_image(tmp_path / "photo.png").tolist() == [[[255, 0, 0], [0, 255, 0], [10, 20, 30]]]


def test_black_and_white_is_zero_and_255(tmp_path: Path) -> None:
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "photo.png")
    assert read_image(tmp_path / "photo.png")[0, :, 0].tolist() == [255, 0]


def test_cmyk_is_turned_into_rgb(tmp_path: Path) -> None:
    Image.new("CMYK", (2, 1), (0, 255, 255, 0)).save(tmp_path / "photo.tif")
    assert read_image(tmp_path / "photo.tif").tolist() == [[[255, 0, 0], [255, 0, 0]]]


UPRIGHT: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_the_exif_orientation_is_applied(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    image = decode_image(encoded(COLOURS, kind, exif=exif), name="photo")
    np.testing.assert_array_equal(image, UPRIGHT[orientation](COLOURS))


def test_the_exif_orientation_of_a_sixteen_bit_photo_is_applied() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    image = decode_image(encoded(GREY.astype(np.uint16) * 257, "PNG", exif=exif), name="photo")
    np.testing.assert_array_equal(image[:, :, 0], np.rot90(GREY.astype(np.uint16) * 257, -1))


def test_a_missing_photo_is_named(tmp_path: Path) -> None:
    assert "no such file" in refusal(read_image, tmp_path / "none.png")


def test_a_folder_is_no_photo(tmp_path: Path) -> None:
    assert "is a folder" in refusal(read_image, tmp_path)


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    (tmp_path / "photo.png").touch()
    assert "is empty" in refusal(read_image, tmp_path / "photo.png")


def test_a_file_larger_than_any_photo_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "photo.png").open("wb") as file:
        file.truncate(1 << 40)  # takes no room on the disk
    assert "has more than 1024 MB" in refusal(read_image, tmp_path / "photo.png")


def test_a_text_named_png_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_text("not a picture at all")
    assert "PNG, JPEG, BMP, TIFF, WEBP" in refusal(read_image, tmp_path / "photo.png")


def test_a_format_that_is_not_on_the_list_is_refused_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(encoded(GREY, "GIF"))
    assert "PNG, JPEG, BMP, TIFF, WEBP" in refusal(read_image, tmp_path / "photo.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF", "WEBP"])
def test_a_truncated_photo_gives_one_line_naming_it(tmp_path: Path, kind: str) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    whole = encoded(noise, kind)
    path = tmp_path / "photo.png"
    path.write_bytes(whole[: len(whole) * 2 // 3])
    refusal(read_image, path)


@pytest.mark.parametrize("silent", [False, True])
def test_decoders_print_beside_the_one_line_unless_a_program_of_ours_silences_them(silent: bool, bare: Bare) -> None:
    data = bytearray(encoded(COLOURS, "TIFF", compression="tiff_adobe_deflate"))
    data[8:60] = bytes(52)  # the compressed pixels, of which libtiff has much to say
    program = "import sys\nfrom blemish.data.images import decode_image, silence_libtiff\n"
    program += "silence_libtiff()\n" * silent
    program += f"try:\n decode_image({bytes(data)!r}, name='photo')\nexcept ValueError as error:\n print(error)\n"
    done = bare.run(program)
    assert done.out[0].startswith("photo: cannot be decoded")
    assert (done.err == []) == silent


@pytest.mark.filterwarnings("ignore")  # Pillow's of the smaller one, which must not decide
@pytest.mark.parametrize("side", [10_000, 60_000])  # where Pillow warns, and where it refuses
def test_a_decompression_bomb_is_not_unpacked(tmp_path: Path, side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path = tmp_path / "photo.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )
    millions = side * side // 10**6
    assert f"has {millions:,} million pixels, more than the 89 million" in refusal(read_image, path)
    assert (f"--max-megapixels {millions} of" in refusal(read_image, path)) == (millions <= 1073)  # which it takes
    assert f"BLEMISH_MAX_MEGAPIXELS={millions} " in refusal(read_image, path)
    monkeypatch.setattr("blemish.data.pixel_limit._allowed", 0)
    usual = Image.MAX_IMAGE_PIXELS
    allow_pixels(side * side - 1)
    allow_pixels(7)  # fewer than were allowed before change nothing
    assert f"more than the {millions} million" in refusal(read_image, path)
    allow_pixels(side * side)
    assert read_header(path).size == (side, side)
    assert usual == Image.MAX_IMAGE_PIXELS  # which other users of Pillow rely on


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "photo.png")
    assert "not a regular file" in refusal(read_image, tmp_path / "photo.png")


def test_a_photo_without_permission_is_named(tmp_path: Path) -> None:
    save_png(tmp_path / "photo.png", COLOURS)
    (tmp_path / "photo.png").chmod(0)
    with permissions.obeyed():
        assert "cannot be read (Permission denied)" in refusal(read_image, tmp_path / "photo.png")


@pytest.mark.parametrize(
    "name", ["two\nlines.png", "\x1b[31mred.png", os.fsdecode(b"not utf-8 \xff.png"), "a\u2028b.png"]
)
def test_a_name_that_no_terminal_can_show_still_makes_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError) as caught:
        read_image(tmp_path / name)
    assert str(caught.value).isprintable()
    assert str(caught.value).encode("utf-8").endswith(b".png: no such file or folder; check the path")


def test_a_name_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(DataError, match="no file can have this name"):
        read_image(Path("a\0b.png"))


@given(
    kind=st.sampled_from(["PNG", "JPEG", "BMP", "TIFF", "WEBP"]),
    damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6),
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_damaged_bytes_give_a_picture_or_a_data_error(kind: str, damage: list[tuple[float, int]]) -> None:
    data = bytearray(encoded(COLOURS, kind))
    for place, value in damage:
        data[int(place * len(data))] = value
    try:
        image = decode_image(bytes(data), name="photo")
    except DataError as error:
        assert str(error).startswith("photo: ")
        assert len(str(error).splitlines()) == 1
    else:
        assert image.dtype == np.uint8
        assert image.shape[2:] == (3,)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 3), (4, 5, 4)])
def test_pictures_in_memory_may_be_grey_or_colour_with_or_without_alpha(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(4).integers(0, 256, shape, dtype=np.uint8)
    image = as_image(array)
    assert image.shape == (4, 5, 3)
    np.testing.assert_array_equal(image[:, :, 0], array if array.ndim == 2 else array[:, :, 0])
    np.testing.assert_array_equal(image[:, :, 2], array if array.ndim == 2 else array[:, :, :3][:, :, -1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.int64, np.bool_])
def test_pictures_in_memory_of_other_types_are_refused_rather_than_guessed(dtype: type[np.generic]) -> None:
    with pytest.raises(DataError, match=f"expected uint8 or uint16 values, got {np.dtype(dtype)}"):
        as_image(np.zeros((4, 5, 3), dtype))


@pytest.mark.parametrize("shape", [(4,), (3, 4, 5), (4, 5, 2), (1, 4, 5, 3), (0, 5, 3), ()])
def test_pictures_in_memory_of_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"expected shape \(height, width, 3\)"):
        as_image(np.zeros(shape, np.uint8))
