"""What a TIFF's tags say of its values, before any is decoded."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from PIL import ExifTags, TiffImagePlugin

TIFF_BEGINS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_BIG = 43  # a TIFF's version that has addresses of 64 bits
SAMPLE_FORMAT, WHITE_LEVEL = 339, 50717
_HIGHEST = (341, 281)  # SMaxSampleValue, MaxSampleValue
_FULL = (1023, 4095, 16383)
"""The highest values of cameras: other numbers in those two tags are what one photo happens to hold."""
_DEPTHS = (10, 12, 14)
_GREY = (0, 1)  # PhotometricInterpretation


def tiff_tags(data: bytes, *, page: int = 1) -> Mapping[int, Any]:
    """Returns the tags of a TIFF's page, counted from 1; nothing where it is no TIFF, is damaged, or has fewer."""
    if not data.startswith(TIFF_BEGINS):
        return {}
    try:
        file = BytesIO(data)
        head = file.read(8)
        tags = TiffImagePlugin.ImageFileDirectory_v2(head + file.read(8) if _BIG in head[2:4] else head)
        for _ in range(page):
            if not tags.next:
                return {}
            file.seek(tags.next)
            tags.load(file)
        return dict(tags)
    except Exception:  # a damaged file: whoever reads it says what is wrong
        return {}


def bits_of(tags: Mapping[int, Any]) -> int:
    """Returns how many bits a value has, the most of any channel."""
    return int(max(tags.get(ExifTags.Base.BitsPerSample, (1,))))


def beyond_pillow(tags: Mapping[int, Any]) -> bool:
    """Returns whether a TIFF holds whole numbers that Pillow cannot give, or not all bits of: packed 10 and 14 bits,
    packed colours, 16 bits in planes, and channels that are no colours."""
    bits = tags.get(ExifTags.Base.BitsPerSample, (1,))
    samples = tags.get(ExifTags.Base.SamplesPerPixel, 1)
    if len(set(bits)) > 1 or bits[0] not in (8, *_DEPTHS, 16) or max(tags.get(SAMPLE_FORMAT, (1,))) != 1:
        return False
    if bits[0] in _DEPTHS and (samples > 1 or bits[0] != 12):
        return True
    grey = tags.get(ExifTags.Base.PhotometricInterpretation, 1) in _GREY
    planes = tags.get(ExifTags.Base.PlanarConfiguration, 1) == 2
    return samples > 1 and (samples > 4 or (planes and bits[0] == 16) or (grey and (samples, bits[0]) != (2, 8)))


def stated_white(tags: Mapping[int, Any]) -> int | None:
    """Returns which value of 16 bits is white, where a TIFF says so; None where it does not."""
    if bits_of(tags) != 16:
        return None
    levels = tags.get(WHITE_LEVEL, ())
    white = max(map(int, levels if isinstance(levels, tuple) else (levels,)), default=0)
    if 255 < white < 65535:
        return white
    highest = (tags.get(tag, ()) for tag in _HIGHEST)
    said = (max(map(int, values if isinstance(values, tuple) else (values,)), default=0) for values in highest)
    return next((value for value in said if value in _FULL), None)
