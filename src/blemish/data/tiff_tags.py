"""What a TIFF's tags say of its values, before any is decoded."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from PIL import ExifTags, TiffImagePlugin

_TIFF_BEGINS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_BIG = 43  # a TIFF's version that has addresses of 64 bits
_SAMPLE_FORMAT, _WHITE_LEVEL = 339, 50717
_HIGHEST = (341, 281)  # SMaxSampleValue, MaxSampleValue
_FULL = (1023, 4095, 16383)
"""The highest values of cameras: other numbers in those two tags are what one photo happens to hold."""
_DEPTHS = (10, 12, 14)
_GREY = (0, 1)  # PhotometricInterpretation


def tiff_tags(data: bytes, *, page: int = 1) -> Mapping[int, Any]:
    """Returns the tags of a TIFF's page, counted from 1; nothing where it is no TIFF, is damaged, or has fewer."""
    if not data.startswith(_TIFF_BEGINS):
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
    return max(_whole_numbers(tags, ExifTags.Base.BitsPerSample, usual=1))


def sample_format(tags: Mapping[int, Any]) -> int:
    """Returns what kind of values there are, by TIFF's SampleFormat: 1 for whole numbers from 0 up."""
    return max(_whole_numbers(tags, _SAMPLE_FORMAT, usual=1))


def beyond_pillow(tags: Mapping[int, Any]) -> bool:
    """Returns whether a TIFF holds whole numbers that Pillow cannot give, or not all bits of: packed 10 and 14 bits,
    packed colours, 16 bits in planes, and channels that are no colours."""
    bits = _whole_numbers(tags, ExifTags.Base.BitsPerSample, usual=1)
    samples = max(_whole_numbers(tags, ExifTags.Base.SamplesPerPixel, usual=1))
    if len(set(bits)) > 1 or bits[0] not in (8, *_DEPTHS, 16) or sample_format(tags) != 1:
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
    white = max(_whole_numbers(tags, _WHITE_LEVEL, usual=0))
    if 255 < white < 65535:
        return white
    said = (max(_whole_numbers(tags, tag, usual=0)) for tag in _HIGHEST)
    return next((value for value in said if value in _FULL), None)


def _whole_numbers(tags: Mapping[int, Any], tag: int, *, usual: int) -> tuple[int, ...]:
    """Returns the values of a tag; what is usual where it is missing, or holds what it never should."""
    values = tags.get(tag, usual)
    try:
        return tuple(int(value) for value in (values if isinstance(values, tuple) else (values,))) or (usual,)
    except (TypeError, ValueError, ZeroDivisionError):  # text, or a rational of a damaged file
        return (usual,)
