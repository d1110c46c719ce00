"""Photos are turned and moved to where good parts lie, and what is found on them is laid back: by OpenCV, an extra.

How a photo lies is found on a small grey picture of it, by the highest correlation with a reference (ECC: Evangelidis
and Psarakis, PAMI 2008), which light and contrast do not change; from coarse to fine, so that it need not lie near. Of
the ways that were measured (docs/how-to/align-parts.md) it was the one that left the least.
"""

import base64
import math
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from io import BytesIO
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from blemish.data.images import Pixels, Size, resize_image
from blemish.data.interest import same_shape
from blemish.errors import DataError, MissingExtraError
from blemish.wording import brief

REFERENCE_SIDE = 192
"""Pixels of the longer side of the pictures by which photos are laid on one another."""
MOST_SHIFT = 0.2
"""Of the longer side; what seems to lie further away is none of the part."""
_TURNS = range(-75, 90, 30)  # degrees, from which a part is looked for that is not surely where it should lie;
# OpenCV's ECC keeps an angle by its sine, so no photo is turned by more than a quarter: it is turned upside down before
_FOLLOWED = 3  # of the turns, those that agree most where pictures are coarse
_COARSE_TO_FINE = (4, 2, 1)
_BLURS = {4: 3, 2: 3, 1: 5}  # pixels of the Gaussian that ECC sees each through
_STEPS, _ENOUGH = 60, 1e-5  # the most steps, and the gain in correlation that is worth none
_LONGEST = (1 << 15) - 2  # pixels of a side that OpenCV warps

PlaneT = TypeVar("PlaneT", NDArray[np.uint8], NDArray[np.uint16], Pixels, NDArray[np.float32])
Grey = NDArray[np.float32]
"""(h, w), a small picture of a photo."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """How the part lies on a photo, beside the reference."""

    photo_size: Size
    turn: float
    """Degrees, clockwise as the photo is seen, about its middle."""
    across: float
    """How far to the right, as a share of the photo's width."""
    down: float
    """How far down, as a share of the photo's height."""
    agreement: float
    """Correlation with the reference when laid on it, -1 to 1; 0 where none was found."""

    def beside(self, other: "Placement") -> "Placement":
        """Returns how the part lies beside a reference that lies like the part of another photo of the same size."""
        height, width = self.photo_size
        turn = self.turn - other.turn
        x, y = _turned(turn, 1, 1)[:, :2] @ [other.across * width, other.down * height]
        return replace(self, turn=turn, across=self.across - float(x) / width, down=self.down - float(y) / height)

    def aligned(self, photo: PlaneT, *, shrinks: bool = False) -> PlaneT:
        """Returns the photo (H, W, 3), or a plane of it, as if its part lay like the reference, of its own size: what
        would come from beyond its edges is mirrored.

        Bicubic, for bilinear lets half of the finest differences go; where it `shrinks` to half thereafter, they go
        anyway, and bilinear takes less than half the time.
        """
        if max(photo.shape[:2]) > _LONGEST:
            raise DataError(f"photos with a side of more than {_LONGEST} pixels cannot be aligned")
        cv2 = opencv()
        height, width = photo.shape[:2]
        flags = (cv2.INTER_LINEAR if shrinks else cv2.INTER_CUBIC) | cv2.WARP_INVERSE_MAP
        matrix = self.matrix((height, width))[:2]
        warped: PlaneT = cv2.warpAffine(photo, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT)
        return warped

    def laid_back(self, values: NDArray[np.float32], *, outside: float) -> NDArray[np.float32]:
        """Returns a map (h, w) of the aligned photo as a map of the photo; `outside` is what the aligned one does not
        show."""
        cv2 = opencv()
        height, width = values.shape
        back = np.linalg.inv(self.matrix((height, width)))[:2]
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        border = {"borderMode": cv2.BORDER_CONSTANT, "borderValue": outside}
        return np.asarray(cv2.warpAffine(values, back, (width, height), flags=flags, **border), np.float32)

    def mask_laid_back(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Returns a mask (h, w) of the aligned photo as one of the photo: where at least half of a pixel is."""
        laid: NDArray[np.bool_] = self.laid_back(mask.astype(np.float32), outside=0.0) >= 0.5
        return laid

    def matrix(self, size: Size) -> NDArray[np.float64]:
        """Returns what takes (x, y, 1) of the aligned plane (h, w) to the photo's plane of that size."""
        (height, width), (h, w) = self.photo_size, size
        on_photo = np.vstack([_turned(self.turn, width, height), [0, 0, 1]])
        on_photo[:2, 2] += self.across * width, self.down * height
        scale = np.array([[width / w, 0, (width / w - 1) / 2], [0, height / h, (height / h - 1) / 2], [0, 0, 1]])
        matrix: NDArray[np.float64] = np.linalg.inv(scale) @ on_photo @ scale
        return matrix


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """What photos are laid on before a network sees them; a part of model.json."""

    size: Size
    """(height, width) of the photos that it was learned from."""
    reference: str
    """A grey PNG of what good parts look like where they lie, its longer side of REFERENCE_SIDE, in base64."""
    agreement: float
    """The correlation with it that good photos have, but for the lowest twentieth."""
    spread: float
    """What a lower correlation is measured in."""

    def check_values(self) -> None:
        """Raises ValueError for values that were never written."""
        _picture(self.reference, reference_size(self.size))
        if not (self.spread > 0 and -1 <= self.agreement <= 1):
            raise ValueError(f"an alignment's spread is {self.spread}, its agreement {self.agreement}")

    @property
    def picture(self) -> Grey:
        """Gives what photos are laid on, its darkest value 0 and its brightest 255."""
        return _picture(self.reference, reference_size(self.size))

    def place(self, photo: Pixels) -> Placement:
        """Returns how the part lies on a photo (H, W, 3); as it is, in agreement with nothing, where that is not found.

        Raises MissingExtraError without OpenCV.
        """
        size = (photo.shape[0], photo.shape[1])
        if not same_shape(size, self.size):
            return _as_it_is(size)
        return placed(self.picture, small_grey(photo, self.size), size, sure=self.agreement)

    def misfit(self, placement: Placement) -> float:
        """Returns how much less a photo agrees than good ones do, in what these differ by; 0 for most good ones."""
        return max(0.0, (self.agreement - placement.agreement) / self.spread)


def opencv() -> Any:
    """Returns the package; raises MissingExtraError."""
    try:
        return import_module("cv2")
    except ImportError:
        raise MissingExtraError(package="opencv-python-headless", extra="align", purpose="aligning photos") from None


def reference_size(photo_size: Size) -> Size:
    """Returns the (height, width) of the small pictures of photos of a size."""
    zoom = REFERENCE_SIDE / max(photo_size)
    return max(16, round(photo_size[0] * zoom)), max(16, round(photo_size[1] * zoom))


def small_grey(photo: Pixels, photo_size: Size) -> Grey:
    """Returns the small grey picture of a photo (H, W, 3), of the shape that photos of a size have."""
    small = resize_image(photo, reference_size(photo_size))
    return np.ascontiguousarray(small.mean(axis=2, dtype=np.float32))


def placed(reference: Grey, picture: Grey, photo_size: Size, *, sure: float = 1.0) -> Placement:
    """Returns how a small picture of a photo lies beside a reference of its size.

    A part that agrees by less than is `sure` may be laid on the reference the wrong way round, where half of it fits:
    it is looked for in all directions.
    """
    height, width = reference.shape
    agreement, matrix = _correlated(reference, picture, sure=sure)
    turn = math.degrees(math.atan2(matrix[1, 0], matrix[0, 0]))
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    shift = matrix[:, :2] @ middle + matrix[:, 2] - middle
    if agreement <= 0 or float(np.hypot(*shift)) > MOST_SHIFT * max(width, height):
        return _as_it_is(photo_size)
    return Placement(
        photo_size=photo_size,
        turn=turn,
        across=float(shift[0]) / width,
        down=float(shift[1]) / height,
        agreement=agreement,
    )


def encoded_reference(reference: Grey) -> str:
    """Returns a picture as model.json holds it: of 8 bits, from its darkest value to its brightest."""
    low, high = float(reference.min()), float(reference.max())
    scaled = np.rint((reference - low) * (255 / max(high - low, 1e-6))).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(scaled).save(file, format="PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")


def _as_it_is(photo_size: Size) -> Placement:
    return Placement(photo_size=photo_size, turn=0.0, across=0.0, down=0.0, agreement=0.0)


def _correlated(reference: Grey, picture: Grey, *, sure: float) -> tuple[float, NDArray[np.float64]]:
    """Returns the highest correlation, and what takes (x, y, 1) of the reference to the picture; 0 where none is
    found."""
    straight = _from_coarse_to_fine(reference, picture, np.eye(2, 3))
    if straight[0] >= sure:
        return straight
    height, width = reference.shape
    upside_down = np.ascontiguousarray(picture[::-1, ::-1])
    tries = [
        (*_climbed(reference, each, _turned(turn, width, height), _COARSE_TO_FINE[0]), each is upside_down)
        for each in (picture, upside_down)
        for turn in _TURNS
    ]
    best = straight
    for _, matrix, turned in sorted(tries, key=lambda tried: -tried[0])[:_FOLLOWED]:
        agreement, reached = _from_coarse_to_fine(reference, upside_down if turned else picture, matrix)
        if agreement > best[0]:
            half = _turned(180 if turned else 0, width, height)
            best = agreement, (half[:, :2] @ reached + [[0, 0, half[0, 2]], [0, 0, half[1, 2]]])
    return best


def _from_coarse_to_fine(
    reference: Grey, picture: Grey, matrix: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    found = 0.0
    for coarse in _COARSE_TO_FINE:
        found, matrix = _climbed(reference, picture, matrix, coarse)
    return found, matrix


def _climbed(
    reference: Grey, picture: Grey, matrix: NDArray[np.float64], coarse: int
) -> tuple[float, NDArray[np.float64]]:
    """Returns the correlation that is reached from a matrix, on pictures so many times coarser, and where; 0, and the
    matrix itself, where there is nothing to see, or it ran out of the picture."""
    cv2 = opencv()
    height, width = reference.shape
    size = (max(8, width // coarse), max(8, height // coarse))
    small = [cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (reference, picture)]
    scale = np.array([[1, 1, size[0] / width]] * 2)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _STEPS, _ENOUGH)
    begin = (matrix * scale).astype(np.float32)
    try:
        found, reached = cv2.findTransformECC(*small, begin, cv2.MOTION_EUCLIDEAN, criteria, None, _BLURS[coarse])
    except cv2.error:
        return 0.0, matrix
    return (found if math.isfinite(found) else 0.0), reached / scale


def _turned(degrees: float, width: int, height: int) -> NDArray[np.float64]:
    """Returns what turns a picture about its middle."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = (width - 1) / 2, (height - 1) / 2
    return np.array([[cos, -sin, x - cos * x + sin * y], [sin, cos, y - sin * x - cos * y]])


@lru_cache(maxsize=8)
def _picture(reference: str, size: Size) -> Grey:
    """Returns what `encoded_reference` wrote; raises ValueError where it is none of this size."""
    try:
        with PngImageFile(BytesIO(base64.b64decode(reference, validate=True))) as picture:
            if (picture.height, picture.width) != size:
                raise ValueError(f"a reference is of {picture.width}x{picture.height}, not {size[1]}x{size[0]}")
            return np.asarray(picture.convert("L"), np.float32)
    except (OSError, SyntaxError) as error:
        raise ValueError(f"a reference cannot be read: {brief(error)}") from error
