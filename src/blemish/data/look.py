"""What one read of a photo's bytes gives: its pixels, and the facts that a survey is made of."""

import math
from dataclasses import dataclass, replace

import numpy as np

from blemish.data.digest import digest_of
from blemish.data.file_kinds import holds_several
from blemish.data.images import Header, Pixels, Size, decode_header, decode_image
from blemish.data.mosaic import looks_like_mosaic
from blemish.data.reading import FIRST_PAGE, Reading
from blemish.data.tiff_tags import stated_white, tiff_tags

_EIGHT_BITS = 255


@dataclass(frozen=True, kw_only=True, slots=True)  # there may be hundreds of thousands
class Facts:
    """The facts of a photo that stay when its pixels are gone."""

    header: Header
    digest: str
    """See `file_digest`."""
    highest: int | None = None
    """The highest value of any pixel; None where the photo was not decoded."""
    mean: float | None = None
    """The mean of all values of all pixels; None where the photo was not decoded."""
    sixteen_bits: bool = False
    """Whether values go to 65535 instead of 255."""
    stated_white: int | None = None
    """The value of 16 bits that the file says is white; None where it does not."""
    several: bool = False
    """Whether the file holds further pages and nobody said which to read; where it was decoded."""
    mosaic: bool = False
    """Whether it looks like the raw mosaic of a colour camera; where it was decoded."""

    @property
    def size(self) -> Size:
        """How large the photo is, (height, width)."""
        return self.header.size

    @property
    def decoded_bytes(self) -> int:
        """How many bytes the photo's pixels take when they are decoded."""
        return 3 * math.prod(self.size) * (2 if self.sixteen_bits else 1)

    def brightest(self, white_level: int) -> float:
        """Returns the highest value as a share of white, where `white_level` is white in files of 16 bits."""
        assert self.highest is not None
        return self.highest / (white_level if self.sixteen_bits else _EIGHT_BITS)

    def brightness(self, white_level: int) -> float:
        """Returns the mean as a share of white, as `brightest` does the highest value."""
        assert self.mean is not None
        return self.mean / (white_level if self.sixteen_bits else _EIGHT_BITS)


@dataclass(frozen=True, kw_only=True)
class Look:
    """A photo that was decoded, and the facts of it."""

    pixels: Pixels
    """(H, W, 3) RGB, upright."""
    facts: Facts


def look_at(data: bytes, *, name: str, reading: Reading = FIRST_PAGE) -> Look:
    """Decodes the bytes of a file; `name` is what errors call it. Raises DataError."""
    pixels = decode_image(data, name=name, reading=reading)
    size = (pixels.shape[0], pixels.shape[1])  # headers of odd files say otherwise
    facts = Facts(
        header=replace(decode_header(data, name=name, reading=reading), size=size),
        digest=digest_of(data),
        highest=int(pixels.max()),
        mean=float(pixels.mean()),
        sixteen_bits=pixels.dtype == np.uint16,
        stated_white=stated_white(tiff_tags(data, page=(reading.pages or (1,))[0])),
        several=not reading.pages and holds_several(data),
        mosaic=looks_like_mosaic(pixels),
    )
    return Look(pixels=pixels, facts=facts)


def facts_of(data: bytes, *, name: str, reading: Reading = FIRST_PAGE) -> Facts:
    """Returns the facts without decoding pixels: how bright the photo is stays unknown. Raises DataError."""
    return Facts(header=decode_header(data, name=name, reading=reading), digest=digest_of(data))
