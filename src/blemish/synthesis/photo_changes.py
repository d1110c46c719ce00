"""What changes photos on a line: the light, where the part lies, the lens, the sensor, the file.

Each change is one function of a photo and a strength; `conditions.py` names them. numpy, Pillow and scipy alone make
them: a PC without torch can try its model.

Light clips at white, as in a camera: what would be brighter is white, and bright places lose what there was to see.
Where a photo is moved, turned or seen smaller, its edge is mirrored into what nobody has photographed.
"""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from scipy import ndimage

Photograph = NDArray[np.uint8] | NDArray[np.uint16]
"""(H, W, 3), RGB, as `data.images.Pixels`."""

KERNELS: dict[str, Image.Resampling | None] = {
    "nearest": Image.Resampling.NEAREST,
    "linear": None,  # OpenCV's default: bilinear between the nearest four pixels, whatever lies between them
    "box": Image.Resampling.BOX,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
"""What resizes photos in other programs, by name."""
_LONGEST_OF_JPEG = 65_500  # pixels, in the library that everybody writes it with


@dataclass(frozen=True, kw_only=True)
class Capture:
    """The circumstances of a photo, which belong to it beside its pixels."""

    white: int
    """The value that is white in it."""
    seen: tuple[int, int]
    """(height, width) that a model resizes it to."""
    generator: Generator
    """What directions and noise are drawn from: begun anew for each strength, so that these differ in nothing else."""


def change_brightness(photo: Photograph, strength: float, capture: Capture) -> Photograph:
    """Returns the photo in `strength` times as much light."""
    return _as_photo(photo * np.float32(strength), photo, capture)


def light_from_a_side(photo: Photograph, strength: float, capture: Capture) -> Photograph:
    """Returns the photo with light from a side drawn by chance: times 1 + strength there, 1 - strength across."""
    angle = capture.generator.uniform(0, 2 * math.pi)
    down, across = (np.linspace(-1, 1, side, dtype=np.float32) for side in photo.shape[:2])
    slope = math.sin(angle) * down[:, None] + math.cos(angle) * across
    slope /= abs(math.sin(angle)) + abs(math.cos(angle))
    return _as_photo(photo * (1 + np.float32(strength) * slope[:, :, None]), photo, capture)


def cast_colour(photo: Photograph, strength: float, capture: Capture) -> Photograph:
    """Returns the photo with so much more red and less blue, as in warmer light; below 0 the other way."""
    gains = np.array([1 + strength, 1, 1 - strength], np.float32)
    return _as_photo(photo * gains, photo, capture)


def shift_photo(photo: Photograph, strength: float, capture: Capture) -> Photograph:
    """Returns the photo moved by whole pixels, so that nothing is blurred, towards a side drawn by chance."""
    angle = capture.generator.uniform(0, 2 * math.pi)
    down, across = round(strength * math.sin(angle)), round(strength * math.cos(angle))
    padded = np.pad(photo, [(abs(down),) * 2, (abs(across),) * 2, (0, 0)], mode="symmetric")
    top, left = abs(down) - down, abs(across) - across
    moved: Any = padded[top : top + photo.shape[0], left : left + photo.shape[1]]
    return np.ascontiguousarray(moved)


def rotate_photo(photo: Photograph, strength: float, capture: Capture) -> Photograph:
    """Returns the photo turned by so many degrees about its middle, one way or the other by chance."""
    angle = math.radians(strength) * (1 if capture.generator.random() < 0.5 else -1)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return _warped(photo, turn, capture)


def scale_photo(photo: Photograph, strength: float, capture: Capture) -> Photograph:
    """Returns the photo as if the part were `strength` times as large, seen from nearer or further away."""
    return _warped(photo, np.eye(2) / strength, capture)


def blur_photo(photo: Photograph, strength: float, capture: Capture) -> Photograph:
    """Returns the photo out of focus, by a Gaussian with a standard deviation of `strength` pixels."""
    blurred = ndimage.gaussian_filter(photo.astype(np.float32), (strength, strength, 0), mode="reflect")
    return _as_photo(blurred, photo, capture)


def add_noise(photo: Photograph, strength: float, capture: Capture) -> Photograph:
    """Returns the photo with normal noise of `strength` times white; a grey one stays grey, as its camera is."""
    shape = (*photo.shape[:2], 1) if _is_grey(photo) else photo.shape
    noise = capture.generator.standard_normal(shape, np.float32) * np.float32(strength * capture.white)
    return _as_photo(photo + noise, photo, capture)


def save_as_jpeg(photo: Photograph, strength: float, _capture: Capture) -> Photograph:
    """Returns the photo as it is read from a JPEG file of this quality, 1 to 100; a grey one is saved as grey."""
    picture, file = Image.fromarray(photo[:, :, 0] if _is_grey(photo) else photo), io.BytesIO()
    picture.save(file, format="JPEG", quality=round(strength))
    file.seek(0)
    with JpegImageFile(file) as read:  # not by Image.open, which would hold it against Pillow's limit of pixels
        return np.array(read.convert("RGB"))


def resize_by_kernel(photo: Photograph, strength: float, capture: Capture) -> Photograph:
    """Returns the photo at the size that the model sees, resized by the kernel of this place in KERNELS."""
    kernel, (height, width) = list(KERNELS.values())[int(strength)], capture.seen
    whole = (0, 0, photo.shape[1], photo.shape[0])

    def resize(picture: Image.Image) -> Image.Image:
        if kernel is not None:
            return picture.resize((width, height), kernel)
        return picture.transform((width, height), Image.Transform.EXTENT, whole, Image.Resampling.BILINEAR)

    return _by_pillow(photo, resize, capture)


def _warped(photo: Photograph, matrix: NDArray[np.float64], capture: Capture) -> Photograph:
    """Returns a photo whose pixel at p, counted (x, y) from the middle, is taken from matrix @ p; bicubic."""
    height, width = photo.shape[:2]
    corners = np.array([[width, height], [width, -height]]) / 2
    beyond = np.abs(corners @ matrix.T).max(axis=0) - corners[0]
    right, down = (max(0, math.ceil(far)) + 2 for far in beyond)
    padded: Any = np.pad(photo, [(down, down), (right, right), (0, 0)], mode="symmetric")
    middle = np.array([width, height]) / 2
    offset = middle + np.array([right, down]) - matrix @ middle
    taken_from = (*matrix[0], offset[0], *matrix[1], offset[1])

    def warp(picture: Image.Image) -> Image.Image:
        return picture.transform((width, height), Image.Transform.AFFINE, taken_from, Image.Resampling.BICUBIC)

    return _by_pillow(padded, warp, capture)


def _by_pillow(photo: Photograph, work: Callable[[Image.Image], Image.Image], capture: Capture) -> Photograph:
    """Does work of Pillow's, which knows no colour of 16 bits: there each channel goes alone, as float32."""
    if photo.dtype == np.uint8:
        return np.array(work(Image.fromarray(photo)))
    planes = [np.array(work(Image.fromarray(photo[:, :, plane].astype(np.float32)))) for plane in range(3)]
    return _as_photo(np.stack(planes, axis=2), photo, capture)


def _as_photo(values: NDArray[Any], photo: Photograph, capture: Capture) -> Photograph:
    """Returns values, cut off at black and white, in the photo's type."""
    clipped: Any = np.clip(np.rint(values), 0, capture.white).astype(photo.dtype)
    photograph: Photograph = clipped
    return photograph


def _is_grey(photo: Photograph) -> bool:
    return bool((photo == photo[:, :, :1]).all())


def has_no_colour(photo: Photograph, _capture: Capture) -> str | None:
    """Returns why a photo can have no colour cast."""
    return "grey photos have no colour to change" if _is_grey(photo) else None


def is_beyond_jpeg(photo: Photograph, _capture: Capture) -> str | None:
    """Returns why a photo can be no JPEG."""
    if photo.dtype == np.uint16:
        return "photos have 16 bits, and JPEG has 8"
    return f"JPEG has no sides of more than {_LONGEST_OF_JPEG} pixels" if max(photo.shape) > _LONGEST_OF_JPEG else None


def is_not_resized(photo: Photograph, capture: Capture) -> str | None:
    """Returns why no kernel matters."""
    return "the model sees photos at their own size, and resizes none" if photo.shape[:2] == capture.seen else None
