"""What one read of a photo's bytes gives: its pixels, and the facts that a survey is made of."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blemish.data.digest import digest_of
from blemish.data.images import Header, Size, decode_header, decode_image

_DARK = 16  # of 255: the highest of 12 bits, 4095, in a file of 16


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a photo once its pixels are gone."""

    header: Header
    digest: str
    """See `file_digest`."""
    highest: int | None = None
    """The highest value of any pixel, of 255; None where the photo was not decoded."""

    @property
    def size(self) -> Size:
        return self.header.size

    @property
    def dark(self) -> bool:
        """Whether the photo was decoded and is nearly black."""
        return self.highest is not None and self.highest <= _DARK


@dataclass(frozen=True, kw_only=True)
class Look:
    """A photo, decoded, and the facts of it."""

    pixels: NDArray[np.uint8]
    """(H, W, 3) RGB, upright."""
    facts: Facts


def look_at(data: bytes, *, name: str) -> Look:
    """Decodes the bytes of a file; `name` is what errors call it. Raises DataError."""
    pixels = decode_image(data, name=name)
    header = decode_header(data, name=name)
    return Look(pixels=pixels, facts=Facts(header=header, digest=digest_of(data), highest=int(pixels.max())))


def facts_of(data: bytes, *, name: str) -> Facts:
    """The facts without decoding pixels: nothing is known of how dark the photo is. Raises DataError."""
    return Facts(header=decode_header(data, name=name), digest=digest_of(data))
