"""How many pixels a photo may have to be decoded: a small file can be of a picture that fills the memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from threading import Lock

from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

MOST_MEGAPIXELS = "BLEMISH_MAX_MEGAPIXELS"
"""The environment variable by which the command decodes larger photos than Pillow would; libraries set Pillow's own."""
MOST_PIXELS = 1 << 30
"""The most pixels that a setting may allow a photo: its bytes alone are then 3 GB."""

_USUAL_BYTES = 1 << 30  # of a file: Pillow's own limit of pixels takes 0.7 GB, uncompressed, in four times 16 bits
_BYTES_EACH = 12  # likewise more than the 8 that a pixel takes so

_opening = Lock()  # Pillow's limit is the whole process's
_allowed = 0  # pixels


def allow_pixels(most: int | None) -> None:
    """Lets photos of so many pixels be decoded here from now on, for as long as the process lives; None, or fewer than
    were allowed before, changes nothing.

    It is asked for by a setting of a training and by the models that came of one. Pillow's own limit, which programs
    that use Pillow besides rely on, stays as it is.
    """
    global _allowed  # noqa: PLW0603  as Pillow's
    _allowed = max(_allowed, most or 0)


def most_pixels() -> int | None:
    """Returns the most pixels of a photo that is decoded; None: any."""
    return None if Image.MAX_IMAGE_PIXELS is None else max(Image.MAX_IMAGE_PIXELS, _allowed)


def most_bytes() -> int:
    """Returns the most bytes of a photo's file that is read: more where more pixels are allowed."""
    return max(_USUAL_BYTES, _BYTES_EACH * (most_pixels() or 0))


def open_picture(data: bytes, *, formats: tuple[str, ...]) -> Image.Image:
    """Returns what Pillow opens, of which only the header was read; raises what Pillow does."""
    with allowing():
        return Image.open(BytesIO(data), formats=formats)


def load_picture(picture: Image.Image) -> None:
    """Decodes what `open_picture` opened; raises what Pillow does.

    A TIFF is held against Pillow's limit a second time, where room is made for its pixels.
    """
    if isinstance(picture, TiffImageFile) and picture.tile:  # without any, there is nothing to make room for
        with allowing():
            picture.load_prepare()
    picture.load()


@contextmanager
def allowing(pixels: int = 0) -> Iterator[None]:
    """Lets Pillow take as many pixels as are allowed here, or so many, for a moment."""
    most = max(_allowed, pixels)
    if not most:
        yield
        return
    with _opening:
        usual = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None if usual is None else max(usual, most)
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = usual
