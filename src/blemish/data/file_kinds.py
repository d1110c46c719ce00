"""What a file holds beside the pixels of one photo: values that are no camera's, and further pages."""

from contextlib import suppress
from io import BytesIO

from PIL import ExifTags, TiffImagePlugin

from blemish.data.pixel_limit import open_picture

_TIFF_BEGINS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_SAMPLE_FORMAT = 339
_KINDS = {2: "signed whole numbers", 3: "floating-point pixels", 5: "complex numbers", 6: "complex numbers"}
"""What a TIFF's SampleFormat says of its values, but for whole numbers from 0 up."""
WITHOUT_WHITE = "whose white is unknown; scale them to 0 to 255 or 0 to 65535 and save the photo with 8 or 16 bits"


def unusual_values(data: bytes) -> str:
    """Returns, for an error, what values a TIFF holds that photos have not, and what to do; empty where it is none or
    does not say."""
    if not data.startswith(_TIFF_BEGINS):
        return ""
    try:
        file = BytesIO(data)
        tags = TiffImagePlugin.ImageFileDirectory_v2(file.read(8))
        file.seek(tags.next)
        tags.load(file)
        bits = max(tags.get(ExifTags.Base.BitsPerSample, (1,)))
        kind = _KINDS.get(max(tags.get(_SAMPLE_FORMAT, (1,))), "whole numbers")
    except Exception:  # a damaged file: whoever reads it says what is wrong
        return ""
    if kind == "whole numbers" and bits <= 16:
        return ""
    return f"holds {kind} ({bits} bits), {WITHOUT_WHITE}"


def holds_several(data: bytes) -> bool:
    """Returns whether a file holds several pages or frames, of which photos are only the first.

    The previews that cameras put behind a JPEG are none.
    """
    with suppress(Exception), open_picture(data, formats=("PNG", "TIFF", "WEBP")) as picture:
        return bool(getattr(picture, "is_animated", False))
    return False
