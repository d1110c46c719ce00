"""Pictures in every way that a format can be written, and ways to damage files."""

import io
import json
import random
import struct
import zlib
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from PIL import ExifTags, Image

NUMBERS = (0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
ODD_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        -1,
        0,
        1,
        0.5,
        1e308,
        -1e308,
        10**400,
        float("nan"),
        float("inf"),
        "",
        "é\n",
        "1",
        "stpm",
        "x" * 5000,
    ),
    *([], [[]], [1, 2, 3], {}, {"": None}, [0] * 1000),
)

Piece = tuple[int, int]
"""(beginning, end)"""


def encode(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, format=kind, **options)
    return file.getvalue()


def written_as(kind: str, photo: Image.Image) -> list[bytes]:
    """The photo in the modes and variants of a format."""
    exif = Image.Exif()
    exif.update({ExifTags.Base.Orientation: 6, ExifTags.Base.Make: "camera", ExifTags.Base.XResolution: 72.0})
    grey, alpha = photo.convert("L"), photo.convert("RGBA")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    modes = [photo, grey, photo.convert("1"), photo.quantize(16)]
    if kind == "PNG":
        modes += [alpha, deep, photo.convert("LA")]
        several = encode(photo, kind, save_all=True, append_images=[photo.rotate(90)])
        return [encode(mode, kind, exif=exif, dpi=(72, 72)) for mode in modes] + [several]
    if kind == "JPEG":
        variants: list[dict[str, Any]] = [{}, {"progressive": True}, {"exif": exif}, {"subsampling": 0, "comment": "a"}]
        return [encode(m, kind, **v) for m in (photo, grey, photo.convert("CMYK")) for v in variants]
    if kind == "BMP":
        return [encode(mode, kind) for mode in [*modes, alpha]]
    if kind == "TIFF":
        modes += [alpha, deep, photo.convert("CMYK"), photo.convert("LAB"), photo.convert("YCbCr")]
        packed = [encode(mode, kind, compression=c) for mode in modes for c in (None, "tiff_lzw", "tiff_deflate")]
        packed += [encode(m, kind, compression="jpeg") for m in (photo, grey)]
        packed += [encode(modes[2], kind, compression=c) for c in ("group3", "group4", "packbits")]
        return [*packed, encode(photo, kind, exif=exif), encode(photo, kind, save_all=True, append_images=[photo])]
    options: list[dict[str, Any]] = [{}, {"lossless": True}, {"exif": exif}, {"quality": 5}]
    several = encode(photo, kind, save_all=True, append_images=[photo.rotate(90)])
    return [encode(mode, kind, **option) for mode in (photo, alpha, grey) for option in options] + [several]


def pieces(data: bytes) -> list[Piece]:
    """Where the file's own parts begin and end: chunks, segments, tags."""
    found: list[Piece] = []
    if data[:4] == b"\x89PNG":
        at = 8
        while at + 12 <= len(data):
            end = at + 12 + int.from_bytes(data[at : at + 4], "big")
            found.append((at, end))
            at = end
    elif data[:4] == b"RIFF":
        at = 12
        while at + 8 <= len(data):
            end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")
            found.append((at, end + end % 2))
            at = end + end % 2
    elif data[:2] == b"\xff\xd8":
        at = 2
        while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] not in (b"", b"\xda"):
            end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
            found.append((at, end))
            at = end
    elif data[:2] == b"BM":
        found = [(at, at + 4) for at in range(2, 54, 4)]
    return found + tags(data)


def tags(data: bytes) -> list[Piece]:
    """Tags of a TIFF, which EXIF data are too, wherever it begins in the file."""
    start = max(data.find(b"II*\0"), data.find(b"MM\0*"))
    if start < 0:
        return []
    order: Any = "little" if data[start : start + 2] == b"II" else "big"
    first = start + int.from_bytes(data[start + 4 : start + 8], order)
    count = int.from_bytes(data[first : first + 2], order)
    return [(first + 2 + 12 * i, first + 14 + 12 * i) for i in range(count)]


def flip_bits(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]
    if rng.random() < 0.3:
        data += bytes(rng.randrange(2000))


def edit_header(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.randrange(1, 6)):
        data[rng.randrange(min(len(data), 64))] = rng.choice((0, 1, 2, 127, 128, 255, rng.randrange(256)))


def edit_number(data: bytearray, rng: random.Random) -> None:
    """Lengths, counts, offsets, sizes: in a part's beginning where the parts are known."""
    known = pieces(bytes(data))
    start, end = rng.choice(known) if known and rng.random() < 0.8 else (0, len(data))
    at = rng.randrange(start, max(start + 1, min(end, start + 24)))
    size = rng.choice((1, 2, 4))
    number = rng.choice(NUMBERS) % 256**size
    data[at : at + size] = number.to_bytes(size, rng.choice(("big", "little")))


def move_parts(data: bytearray, rng: random.Random) -> None:
    """Swaps, repeats or drops parts of the file."""
    known = [piece for piece in pieces(bytes(data)) if piece[1] <= len(data)]
    if len(known) < 2:
        known = [(at, at + rng.randrange(1, 64)) for at in rng.choices(range(len(data)), k=2)]
    (a, b), (c, d) = sorted(rng.sample(known, 2))
    one, two = data[a:b], data[c:d]
    change = rng.randrange(3)
    data[c:d] = one if change == 0 else b"" if change == 1 else one + two
    if change == 0:
        data[a:b] = two


def insert(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    data[at:at] = rng.randbytes(rng.choice((1, 2, 100)))


def mend_checksums(data: bytearray) -> None:
    """So that a PNG's damage is met behind its checksums too."""
    for start, end in pieces(bytes(data)) if data[:4] == b"\x89PNG" else ():
        if end <= len(data) and end - start >= 12:
            data[end - 4 : end] = struct.pack(">I", zlib.crc32(data[start + 4 : end - 4]))


def damaged(whole: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    data = bytearray(whole)
    if rng.random() < 0.05:  # the head of one file and the tail of another
        other = rng.choice(others)
        return bytes(data[: rng.randrange(len(data))] + other[rng.randrange(len(other)) :])
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if data:
            rng.choice((flip_bits, cut, edit_header, edit_number, edit_number, move_parts, insert))(data, rng)
    if rng.random() < 0.7:
        mend_checksums(data)
    return bytes(data)


def damaged_json(text: str, rng: random.Random) -> bytes:
    """A value replaced, dropped or added somewhere; now and then the text itself damaged."""
    if rng.random() < 0.2:
        return damaged(text.encode(), [b"[" * 100_000, b'{"a":' * 50_000], rng)
    values = json.loads(text)
    for _ in range(rng.choice((1, 1, 2, 5))):
        where: Any = values
        while True:
            key = rng.choice(list(where) if isinstance(where, dict) else range(len(where)))
            if not isinstance(where[key], dict | list) or not where[key] or rng.random() < 0.2:
                break
            where = where[key]
        change = rng.randrange(6)
        if change == 0:
            del where[key]
        elif change == 1 and isinstance(where, dict):
            where[rng.choice(("extra", "", "é"))] = deepcopy(rng.choice(ODD_VALUES))
        else:
            where[key] = deepcopy(rng.choice(ODD_VALUES))
        if not values:
            break
    return json.dumps(values).encode()
