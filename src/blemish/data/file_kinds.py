"""What a file holds beside the pixels of one photo: values that are no camera's, and further pages."""

from contextlib import suppress

from blemish.data.pixel_limit import open_picture
from blemish.data.tiff_tags import bits_of, sample_format, tiff_tags

_KINDS = {2: "signed whole numbers", 3: "floating-point pixels", 5: "complex numbers", 6: "complex numbers"}
"""What a TIFF's SampleFormat says of its values, but for whole numbers from 0 up."""
WITHOUT_WHITE = "whose white is unknown; scale them to 0 to 255 or 0 to 65535 and save the photo with 8 or 16 bits"


def unusual_values(data: bytes) -> str:
    """Returns, for an error, what values a TIFF holds that photos have not, and what to do; empty where it is none or
    does not say."""
    tags = tiff_tags(data)
    bits, kind = bits_of(tags), _KINDS.get(sample_format(tags), "whole numbers")
    if kind == "whole numbers" and bits <= 16:
        return ""
    return f"holds {kind} ({bits} bits), {WITHOUT_WHITE}"


def holds_several(data: bytes) -> bool:
    """Returns whether a file holds several pages or frames, of which photos are only the first.

    The previews that cameras put behind a JPEG are none.
    """
    with suppress(Exception), open_picture(data, formats=("PNG", "TIFF", "WEBP")) as picture:
        return bool(getattr(picture, "is_animated", False))
    return bool(tiff_tags(data, page=2))  # of a TIFF that Pillow cannot open, and that is read all the same
