"""Known pixels in every format, kind of colours and shape that a camera may leave."""

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from blemish.data.images import decode_image, read_header, read_image, read_mask, resize_image, resize_map, resize_mask
from blemish.errors import DataError

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, OFFSET, SAMPLES, ROWS, BYTES, PLANAR, EXTRA, SIGN = (
    *(256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 338, 339),
)
ORIENTATION = ExifTags.Base.Orientation
LOSSLESS: dict[str, dict[str, Any]] = {"PNG": {}, "BMP": {}, "TIFF": {}, "WEBP": {"lossless": True, "exact": True}}
CORNERS = {"white": (255, 255, 255), "red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    picture.save(file, format=kind, **options)
    return file.getvalue()


def tiff(pixels: bytes, tags: dict[int, tuple[int, ...]]) -> bytes:
    """A TIFF as a camera's own software may write it: little-endian, with just these tags beside; the places of strips
    are those in the pixels, which lie in one strip unless tags say otherwise."""
    tags = {COMPRESSION: (1,), OFFSET: (0,), ROWS: tags[HEIGHT], BYTES: (len(pixels),), **tags}
    head = _directory(tags)
    placed = {**tags, OFFSET: tuple(len(head) + place for place in tags[OFFSET])}
    return _directory(placed) + pixels


def _directory(tags: dict[int, tuple[int, ...]]) -> bytes:
    head = 8 + 2 + 12 * len(tags) + 4
    behind = b""
    entries = b""
    for tag in sorted(tags):
        values = struct.pack(f"<{len(tags[tag])}I", *tags[tag])
        if len(values) > 4:
            values, behind = struct.pack("<I", head + len(behind)), behind + values
        entries += struct.pack("<HHI", tag, 4, len(tags[tag])) + values
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + behind


def four_corners() -> Image.Image:
    """2 x 2 blocks of 8 x 8 pixels: the blocks of a JPEG, so that its corners are of one colour."""
    colours = np.array(list(CORNERS.values()), np.uint8).reshape(2, 2, 3)
    return Image.fromarray(colours.repeat(8, axis=0).repeat(8, axis=1))


def corners_of(image: NDArray[Any]) -> list[str]:
    """Names of the colours in reading order."""
    height, width = image.shape[:2]
    centres = [image[y, x] for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    near = {name: np.array(colour) for name, colour in CORNERS.items()}
    return [min(near, key=lambda name: int(np.abs(near[name] - centre).sum())) for centre in centres]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF", "WEBP"])
def test_colours_keep_their_place_and_their_order(kind: str) -> None:
    assert corners_of(decode_image(encoded(four_corners(), kind), name="photo")) == list(CORNERS)


@pytest.mark.parametrize("kind", LOSSLESS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (3, 10_000), (10_000, 3), (7, 13)])
def test_any_size_and_aspect_is_read_to_the_pixel_and_resized(
    tmp_path: Path, kind: str, shape: tuple[int, int]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    path = tmp_path / "photo"
    path.write_bytes(encoded(Image.fromarray(pixels), kind, **LOSSLESS[kind]))
    image = read_image(path)
    np.testing.assert_array_equal(image, pixels)
    assert read_header(path).size == shape
    assert resize_image(image, (64, 48)).shape == (64, 48, 3)
    assert resize_map(np.ones((64, 48), np.float32), shape).shape == shape
    assert resize_mask(np.ones(shape, bool), (64, 48)).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (10_000, 3)])
def test_jpegs_of_any_size_and_aspect_are_read(shape: tuple[int, int]) -> None:
    image = decode_image(encoded(Image.new("RGB", shape[::-1], (200, 30, 60)), "JPEG", quality=95), name="photo")
    assert image.shape == (*shape, 3)
    assert np.abs(image.astype(int) - (200, 30, 60)).max() <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_a_photo_and_its_header_are_turned_upright(tmp_path: Path, kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    wide = four_corners().resize((32, 16), Image.Resampling.NEAREST)
    path = tmp_path / "photo"
    path.write_bytes(encoded(wide, kind, exif=exif))
    image = read_image(path)
    white, red, green, blue = CORNERS
    assert (
        corners_of(image)
        == {
            1: [white, red, green, blue],
            2: [red, white, blue, green],
            3: [blue, green, red, white],
            4: [green, blue, white, red],
            5: [white, green, red, blue],
            6: [green, white, blue, red],
            7: [blue, red, green, white],
            8: [red, blue, white, green],
        }[orientation]
    )
    assert read_header(path).size == image.shape[:2] == ((32, 16) if orientation > 4 else (16, 32))


@pytest.mark.parametrize("told_by", ["ImageMagick", "XMP"])
def test_a_png_and_its_header_are_turned_upright_whoever_tells(tmp_path: Path, told_by: str) -> None:
    exif, info = Image.Exif(), PngInfo()
    exif[ORIENTATION] = 6
    if told_by == "ImageMagick":  # which wrote EXIF data so before PNG had a place for them
        info.add_text("Raw profile type exif", f"\nexif\n{len(exif.tobytes()):8}\n{exif.tobytes().hex()}\n", zip=True)
    else:
        info.add_itxt("XML:com.adobe.xmp", '<rdf:Description tiff:Orientation="6"/>')
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(four_corners().resize((32, 16), Image.Resampling.NEAREST), "PNG", pnginfo=info))
    image = read_image(path)
    assert corners_of(image) == ["green", "white", "blue", "red"]
    assert read_header(path).size == image.shape[:2] == (32, 16)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
def test_compressed_tiffs_are_read_and_turned_upright(tmp_path: Path, compression: str) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    path = tmp_path / "photo.tif"
    four_corners().save(path, compression=compression, exif=exif)
    assert corners_of(read_image(path)) == ["green", "white", "blue", "red"]


def test_exif_data_that_cannot_be_written_anew_do_not_cost_the_photo() -> None:
    """A camera that gives its resolution as text; the orientation beside it counts."""
    text = struct.pack("<HHI4s", ExifTags.Base.XResolution, 2, 4, b"72")
    entries = struct.pack("<HHII", ORIENTATION, 3, 1, 6) + text
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(4)
    image = decode_image(encoded(four_corners(), "JPEG", exif=exif), name="photo")
    assert corners_of(image) == ["green", "white", "blue", "red"]


GREY = {PHOTOMETRIC: (1,), SAMPLES: (1,), HEIGHT: (1,)}


@pytest.mark.parametrize(
    ("tags", "pixels", "expected"),
    [
        ({**GREY, BITS: (8,), WIDTH: (3,)}, bytes([0, 7, 255]), [0, 7, 255]),
        ({**GREY, BITS: (8,), WIDTH: (3,), PHOTOMETRIC: (0,)}, bytes([0, 7, 255]), [255, 248, 0]),
        ({**GREY, BITS: (4,), WIDTH: (2,)}, bytes([0xF1]), [255, 17]),
        ({**GREY, BITS: (1,), WIDTH: (3,)}, bytes([0b10100000]), [255, 0, 255]),
        ({**GREY, BITS: (12,), WIDTH: (4,)}, bytes.fromhex("000 010 800 FFF".replace(" ", "")), [0, 256, 32776, 65535]),
        ({**GREY, BITS: (16,), WIDTH: (3,)}, struct.pack("<3H", 0, 514, 65535), [0, 514, 65535]),
        ({**GREY, BITS: (16,), WIDTH: (3,), PHOTOMETRIC: (0,)}, struct.pack("<3H", 0, 514, 65535), [65535, 65021, 0]),
    ],
    ids=["8 bits", "8 bits, 0 is white", "4 bits", "1 bit", "12 bits", "16 bits", "16 bits, 0 is white"],
)
def test_grey_tiffs_of_every_depth_run_from_black_to_white(
    tags: dict[int, tuple[int, ...]], pixels: bytes, expected: list[int]
) -> None:
    image = decode_image(tiff(pixels, tags), name="photo")
    assert image[0].tolist() == [[value] * 3 for value in expected]


@pytest.mark.parametrize(
    ("tags", "pixels"),
    [
        ({BITS: (8,) * 4, SAMPLES: (4,), PHOTOMETRIC: (2,), EXTRA: (2,)}, bytes([200, 100, 1, 9])),
        ({BITS: (8,) * 4, SAMPLES: (4,), PHOTOMETRIC: (2,), EXTRA: (0,)}, bytes([200, 100, 1, 9])),
        ({BITS: (8,) * 4, SAMPLES: (4,), PHOTOMETRIC: (5,)}, bytes([55, 155, 254, 0])),
    ],
    ids=["alpha", "a fourth value of unknown meaning", "CMYK"],
)
def test_colour_tiffs_of_every_kind_have_their_colours(tags: dict[int, tuple[int, ...]], pixels: bytes) -> None:
    image = decode_image(tiff(pixels, {WIDTH: (1,), HEIGHT: (1,), **tags}), name="photo")
    assert image.tolist() == [[[200, 100, 1]]]


def test_signed_values_are_refused_for_their_white_is_unknown() -> None:
    data = tiff(struct.pack("<2h", -5, 5), {**GREY, BITS: (16,), WIDTH: (2,), SIGN: (2,)})
    with pytest.raises(DataError, match="photo: holds 32-bit or signed values"):
        decode_image(data, name="photo")


def test_a_cmyk_jpeg_keeps_its_colours() -> None:
    image = decode_image(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=95), name="photo")
    assert np.abs(image.astype(int) - (255, 0, 0)).max() <= 4


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_palette_gives_its_colours(kind: str) -> None:
    picture = Image.fromarray(np.array([[0, 1, 2]], np.uint8))
    picture.putpalette([255, 0, 0, 0, 255, 0, 10, 20, 30])
    assert decode_image(encoded(picture, kind), name="photo").tolist() == [[[255, 0, 0], [0, 255, 0], [10, 20, 30]]]


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_of_several_frames_the_first_counts(kind: str) -> None:
    first, second = (Image.new("RGB", (16, 16), colour) for colour in ((250, 0, 0), (0, 0, 250)))
    image = decode_image(encoded(first, kind, save_all=True, append_images=[second]), name="photo")
    assert np.abs(image.astype(int) - (250, 0, 0)).max() <= 4


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF", "WEBP"])
def test_a_mask_may_be_in_any_format(tmp_path: Path, kind: str) -> None:
    mask = np.zeros((32, 16), bool)
    mask[:16, :8] = True
    path = tmp_path / "mask"
    path.write_bytes(encoded(Image.fromarray(mask.astype(np.uint8) * 255), kind))
    np.testing.assert_array_equal(read_mask(path), mask)


@pytest.mark.parametrize(
    ("picture", "kind", "said"),
    [
        (Image.new("L", (3, 2)), "PNG", "PNG grey"),
        (Image.new("I;16", (3, 2)), "TIFF", "TIFF 16-bit grey"),
        (Image.new("I;16", (3, 2)), "PNG", "PNG 16-bit grey"),
        (Image.new("RGB", (3, 2)), "JPEG", "JPEG colour"),
        (Image.new("RGBA", (3, 2)), "WEBP", "WEBP colour with alpha"),
        (Image.new("P", (3, 2)), "PNG", "PNG palette"),
        (Image.new("CMYK", (3, 2)), "TIFF", "TIFF CMYK"),
        (Image.new("1", (3, 2)), "BMP", "BMP black and white"),
    ],
)
def test_the_header_says_size_format_and_colours(tmp_path: Path, picture: Image.Image, kind: str, said: str) -> None:
    path = tmp_path / "photo"
    path.write_bytes(encoded(picture, kind, **LOSSLESS.get(kind, {})))
    header = read_header(path)
    assert (header.size, header.kind) == ((2, 3), said)
