"""Values of 10, 12, 14 and 16 bits, grey and colours, reach the network as many as they are, from every file."""

import struct
import sys
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from blemish.data.framing import Framing
from blemish.data.images import decode_image, picture_pixels, read_header, read_image, save_png
from blemish.errors import DataError
from data.test_formats import (
    BITS,
    BYTES,
    EXTRA,
    HEIGHT,
    OFFSET,
    ORIENTATION,
    PHOTOMETRIC,
    PLANAR,
    ROWS,
    SAMPLES,
    WIDTH,
    tiff,
)

SIZE = (3, 32)
CHANNELS = {"grey": 1, "colour": 3}


def ramp(bits: int, channels: int) -> NDArray[np.uint16]:
    """Neighbouring values near black and up to white, (H, W, C), all different in a row."""
    white = (1 << bits) - 1
    row = np.concatenate([np.arange(SIZE[1] // 2), white - np.arange(SIZE[1] // 2)])
    shifts = np.arange(channels)  # so that no channel passes for another
    return np.stack([np.roll(row, shift) for shift in shifts], axis=1)[None].repeat(SIZE[0], 0).astype(np.uint16)


def packed(values: NDArray[np.uint16], bits: int) -> bytes:
    """Rows of values of so many bits, one behind another, as TIFF 6.0 lays them."""
    rows = ["".join(f"{value:0{bits}b}" for value in row.ravel()) for row in values]
    return b"".join(int(row.ljust(-(-len(row) // 8) * 8, "0"), 2).to_bytes(-(-len(row) // 8), "big") for row in rows)


def tags_of(values: NDArray[np.uint16], bits: int) -> dict[int, tuple[int, ...]]:
    height, width, channels = values.shape
    size = {WIDTH: (width,), HEIGHT: (height,), SAMPLES: (channels,)}
    return size | {BITS: (bits,) * channels, PHOTOMETRIC: (2 if channels == 3 else 1,)}


def png_of(values: NDArray[np.uint16], colour_type: int) -> bytes:
    """A PNG of 16 bits of any kind of colours, by the standard and no library."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    chunks = {b"IHDR": struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)}
    chunks |= {b"IDAT": zlib.compress(rows), b"IEND": b""}
    written = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks.items())
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


def in_sixteen_bits(values: NDArray[np.uint16], kind: str) -> bytes:
    if kind == "PNG":
        return png_of(values, 2 if values.shape[2] == 3 else 0)
    return tiff(values.astype("<u2").tobytes(), tags_of(values, 16))


@pytest.mark.parametrize("colours", CHANNELS)
@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "packed TIFF", "array"])
def test_neighbouring_values_stay_apart_up_to_the_networks_input(kind: str, bits: int, colours: str) -> None:
    values, white = ramp(bits, CHANNELS[colours]), (1 << bits) - 1
    if kind == "packed TIFF":
        photo = decode_image(
            tiff(packed(values, bits) if bits < 16 else values.tobytes(), tags_of(values, bits)), name=""
        )
        level = 65535
    elif kind == "array":
        photo, level = values.repeat(4 - values.shape[2], 2)[:, :, :3], white
    else:
        photo, level = decode_image(in_sixteen_bits(values, kind), name=""), white
    assert photo.dtype == np.uint16
    framing = Framing(image_size=SIZE, white_level=level)
    images = framing.images(framing.cut(photo))
    expected = np.broadcast_to(values.transpose(2, 0, 1) / white, (3, *SIZE))
    np.testing.assert_allclose(images[0], expected, atol=0.5 / 65535)
    assert all(len(np.unique(channel)) == SIZE[1] for channel in images[0])


def test_alpha_of_16_bits_is_dropped() -> None:
    values = ramp(16, 4)
    for photo, channels in ((png_of(values, 6), 3), (png_of(values[:, :, :2], 4), 1)):
        np.testing.assert_array_equal(
            decode_image(photo, name=""), np.broadcast_to(values[:, :, :channels], (*SIZE, 3))
        )
    rgba = tiff(values.tobytes(), tags_of(values, 16) | {PHOTOMETRIC: (2,), EXTRA: (2,)})
    np.testing.assert_array_equal(decode_image(rgba, name=""), values[:, :, :3])


@pytest.mark.parametrize("how", ["planes", "compressed", "big-endian", "compressed planes"])
def test_tiffs_of_16_bits_are_read_however_they_lie(how: str) -> None:
    tifffile = pytest.importorskip("tifffile")
    values, file = ramp(16, 3), BytesIO()
    planes = values.transpose(2, 0, 1) if "planes" in how else values
    options: dict[str, Any] = {"photometric": "rgb", "planarconfig": "separate" if "planes" in how else "contig"}
    options |= {"compression": "zlib"} if "compressed" in how else {}
    tifffile.imwrite(file, planes, byteorder=">" if how == "big-endian" else "<", **options)
    np.testing.assert_array_equal(decode_image(file.getvalue(), name=""), values)


def test_packed_values_are_read_strip_by_strip_and_plane_by_plane() -> None:
    values = ramp(10, 3)
    values[1] = values[1, ::-1]
    planes = values.transpose(2, 0, 1)
    data = packed(planes.reshape(-1, SIZE[1]), 10)
    each = len(data) // 9  # a strip for each row of each plane
    strips = {PLANAR: (2,), ROWS: (1,), OFFSET: tuple(range(0, len(data), each)), BYTES: (each,) * 9}
    whole = tiff(data, tags_of(values, 10) | strips)
    scaled = (values.astype(int) * 65535 + 511) // 1023
    np.testing.assert_array_equal(decode_image(whole, name=""), scaled)


def test_such_photos_are_turned_upright_and_their_headers_say_what_they_are(tmp_path: Path) -> None:
    values = ramp(10, 3)
    path = tmp_path / "photo.tif"
    path.write_bytes(tiff(packed(values, 10), tags_of(values, 10) | {ORIENTATION: (6,)}))
    header = read_header(path)
    assert (header.size, header.kind) == (SIZE[::-1], "TIFF 10-bit colour")
    assert read_image(path).shape == (*SIZE[::-1], 3)
    assert np.array_equal(read_image(path)[0, -1] > 0, values[0, 0] > 0)
    path.write_bytes(png_of(values, 2))
    assert read_header(path).kind == "PNG 16-bit colour"


def test_a_picture_of_pillows_that_was_not_decoded_gives_all_16_bits(tmp_path: Path) -> None:
    values = ramp(16, 3)
    (tmp_path / "photo.png").write_bytes(png_of(values, 2))
    with Image.open(tmp_path / "photo.png") as picture:
        np.testing.assert_array_equal(picture_pixels(picture), values)


def test_colours_of_16_bits_are_written_as_they_are_read(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (7, 5, 3), dtype=np.uint16)
    save_png(tmp_path / "photo.png", values)
    np.testing.assert_array_equal(read_image(tmp_path / "photo.png"), values)


def test_without_tifffile_only_what_pillow_cannot_read_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tifffile", None)
    values = ramp(10, 3)
    with pytest.raises(DataError, match=r"^cam.tif: such a TIFF needs tifffile, [^\n]*'blemish\[tiff\]'"):
        decode_image(tiff(packed(values, 10), tags_of(values, 10)), name="cam.tif")
    decode_image(in_sixteen_bits(values, "TIFF"), name="")


def test_a_damaged_file_of_many_bits_is_one_line() -> None:
    values = ramp(10, 3)
    for data in (tiff(packed(values, 10), tags_of(values, 10))[:-20], png_of(ramp(16, 3), 2)[:-40]):
        with pytest.raises(DataError, match="cam: cannot be decoded"):
            decode_image(data, name="cam")
