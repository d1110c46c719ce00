"""What photos of the part usually look like, learned from those trained on, and how unusual another photo is beside
them: an empty fixture, a dead lamp or another product is no defect, and may even score as a good part.

Every look is one check, whose excess is measured in what the good photos themselves differ by. The largest excess is
the photo's unusualness, so that one threshold serves. What is unusual is said in words by the look that explains most:
another shape or size changes all the others, too little or much light most of them, and only where no such look is
unusual itself is it said that nothing alike was learned.
"""

import math
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from blemish.data.description import DIRECTIONS, SIDE, PhotoDescription
from blemish.data.images import Size

MOST_LEARNED = 256
"""How many photos are learned from: more would make model.json large, and tell little."""
UNUSUAL_ABOVE = 2.5
"""The unusualness above which a photo is unusual, unless calibration photos say otherwise: good test photos of seven
sets reached 2.2 at most, and another product, a dead lamp or an empty fixture 3.3 at least."""
_COMMON = 0.95  # share of the photos within a range: a few odd ones among them do not widen it
_NARROWEST = {
    "brightness": 6.0,
    "contrast": 4.0,
    "sharpness": 0.08,
    "colourfulness": 2.0,
    "redness": 3.0,
    "greenness": 2.0,
    "vividness": 0.3,
    "structure": 0.3,
    "across": 0.02,
    "down": 0.02,
    "small": 4.0,
    "directions": 0.02,
}
"""What counts as no difference for photos that are all alike, in each look's own units (see PhotoDescription)."""
_FEW = 4.0  # photos: of so many the spread is doubled, of many it is as it was found
_SAME_SHAPE = math.log(1.2) / UNUSUAL_ABOVE  # a fifth wider is unusual
_SMALLER = 1 / UNUSUAL_ABOVE  # octaves: half as wide and high is unusual
_OCTAVES = ("vividness", "structure")  # looks that are logarithms
_LIT = ("brightness", "contrast", "colourfulness", "redness", "greenness")
"""The looks that are so much more where so much more light falls."""
_WORDS = {
    "brightness": ("darker than the photos it learned from", "brighter than the photos it learned from"),
    "contrast": ("hardly anything to see: no part in view?", "more contrast than the photos it learned from"),
    "sharpness": (
        "blurred, or something large and soft on it",
        "noisier or sharper than the photos it learned from, or nothing in view",
    ),
    "colourfulness": ("grey, or nearly, where it learned colours", "more colourful than the photos it learned from"),
    "redness": ("bluer than the photos it learned from", "redder than the photos it learned from"),
    "greenness": ("more purple than the photos it learned from", "greener than the photos it learned from"),
    "vividness": ("grey, or nearly, where it learned colours", "more colourful than the photos it learned from"),
    "structure": (
        "a part of it shows nothing: covered, or half a part?",
        "structure all over, where the photos it learned from have blank places",
    ),
    "across": ("the part lies further left", "the part lies further right"),
    "down": ("the part lies higher", "the part lies lower"),
}
_FURTHER = ("greenness", "vividness", "structure")  # looks that models trained before these were told do not have
_NOT_ALIGNED = "cannot be laid on the good parts: turned or moved too far, or another part?"
_OTHER = {
    "small": "nothing like it was learned: turned, covered, moved or another product?",
    "directions": "its edges run otherwise: turned, or another product?",
}


@dataclass(frozen=True, kw_only=True)
class Unusualness:
    """How unusual a photo is, and by what."""

    value: float
    """0 for a photo like those learned from; above about UNUSUAL_ABOVE it is none of them."""
    reason: str
    """The look that explains most, in words."""


@dataclass(frozen=True, kw_only=True)
class UsualPhotos:
    """What the photos that were learned from look like; a part of model.json, so that every runtime judges alike."""

    ranges: dict[str, tuple[float, float]]
    """Of each number of a PhotoDescription what most photos lie between; an older model lacks some."""
    spreads: dict[str, float]
    """What an excess is measured in, for each number, and for the distances of `small` and `directions`."""
    sizes: list[tuple[int, int]]
    """The (height, width) that photos had."""
    small: str
    """The reduced photos (N, SIDE, SIDE) of uint8, in base64."""
    directions: str
    """The directions of their edges (N, DIRECTIONS), of which 65535 is the whole, little endian, in base64."""
    light: float = 0.0
    """How much more or less light may fall, as training varied it: the logarithm of the factor. It is in the ranges."""

    def of(self, photo: PhotoDescription, *, misfit: float = 0.0) -> Unusualness:
        """Returns how unusual a photo is; `misfit` is how much less it agrees with what photos are laid on than good
        ones do, in what these differ by."""
        numbers = self._numbers(photo)
        light = _together(numbers.pop("brightness"), numbers.pop("contrast"))
        laid = Unusualness(value=misfit, reason=_NOT_ALIGNED)
        groups = (self._sizes(photo), [light], list(numbers.values()), [laid], self._distances(photo))
        highest = [max(group, key=lambda unusual: unusual.value) for group in groups]
        most = max(highest, key=lambda unusual: unusual.value)
        explains = next((group for group in highest if group.value > UNUSUAL_ABOVE), most)
        return Unusualness(value=most.value, reason=explains.reason)

    def _numbers(self, photo: PhotoDescription) -> dict[str, Unusualness]:
        found, values = {}, photo.numbers()
        for name, (low, high) in self.ranges.items():
            excess = max(low - values[name], values[name] - high, 0.0) / self.spreads[name]
            found[name] = Unusualness(value=excess, reason=_WORDS[name][values[name] > high])
        return found

    def _distances(self, photo: PhotoDescription) -> list[Unusualness]:
        nearest = {
            "small": float(_apart(self._small, photo.small, self.light).min()),
            "directions": float(_turned(self._directions, photo.directions).min()),
        }
        return [
            Unusualness(value=distance / self.spreads[name], reason=_OTHER[name]) for name, distance in nearest.items()
        ]

    def _sizes(self, photo: PhotoDescription) -> list[Unusualness]:
        (height, width), usual = photo.photo_size, self.sizes[0]
        beside = f"{width}x{height} where it learned {usual[1]}x{usual[0]} (width x height)"
        shape = min(abs(math.log(width / height) - math.log(size[1] / size[0])) for size in self.sizes)
        smaller = min(math.log2(min(size) / min(height, width)) for size in self.sizes)
        return [
            Unusualness(value=shape / _SAME_SHAPE, reason=f"another shape: {beside}"),
            Unusualness(value=max(smaller, 0.0) / _SMALLER, reason=f"much smaller: {beside}"),
        ]

    @cached_property
    def _small(self) -> NDArray[np.float32]:
        return np.frombuffer(b64decode(self.small), np.uint8).reshape(-1, SIDE, SIDE).astype(np.float32)

    @cached_property
    def _directions(self) -> NDArray[np.float32]:
        return _shares(np.frombuffer(b64decode(self.directions), "<u2").reshape(-1, DIRECTIONS))

    def check_values(self) -> None:
        """Raises ValueError for values that no training writes."""
        looks = self.ranges.keys()
        known = _WORDS.keys() - looks <= set(_FURTHER) and self.spreads.keys() == looks | _OTHER.keys()
        if not (known and looks <= _WORDS.keys() and self.sizes):
            raise ValueError("looks are missing, or others than this version knows")
        if not all(low <= high for low, high in self.ranges.values()) or min(self.spreads.values()) <= 0:
            raise ValueError("a range of looks is turned round, or its spread is not above 0")
        if min(side for size in self.sizes for side in size) < 1:
            raise ValueError("a photo has no pixels")
        if not 0 <= self.light < math.inf:
            raise ValueError(f"light differs by {self.light}")
        if not len(self._small) == len(self._directions) > 0:
            raise ValueError(f"{len(self._small)} photos are kept, and edges of {len(self._directions)}")


def learn_usual(photos: Sequence[PhotoDescription], *, light: float = 0.0) -> UsualPhotos:
    """Learns from photos of good parts, the first MOST_LEARNED of them; at least one. `light` is how much more or less
    may fall, see UsualPhotos: what a network was taught to let pass is not unusual."""
    photos = photos[:MOST_LEARNED]
    assert photos
    wider = 1 + _FEW / len(photos)
    numbers = {name: [photo.numbers()[name] for photo in photos] for name in _WORDS}
    ranges = {name: _range(values) for name, values in numbers.items()}
    small = np.stack([photo.small for photo in photos])
    directions = np.rint(np.stack([photo.directions for photo in photos]) * 65535).astype("<u2")
    found = {name: high - low for name, (low, high) in ranges.items()}
    found["small"] = _usual_distance([_apart(small.astype(np.float32), each) for each in small])
    shares = _shares(directions)
    found["directions"] = _usual_distance([_turned(shares, each) for each in shares])
    return UsualPhotos(
        ranges={name: _lit(name, own, light) for name, own in ranges.items()},
        spreads={name: wider * max(spread, _NARROWEST[name]) for name, spread in found.items()},
        sizes=_by_count([photo.photo_size for photo in photos]),
        small=b64encode(small.tobytes()).decode(),
        directions=b64encode(directions.tobytes()).decode(),
        light=float(light),  # as it is read back
    )


def looks_of(photo: PhotoDescription) -> Mapping[str, float]:
    """Returns the looks whose slow change is watched for: light, focus and place."""
    return {name: photo.numbers()[name] for name in LOOKS}


LOOKS = ("brightness", "sharpness", "across", "down")
"""The looks of which calibration photos' values are kept."""


def _together(one: Unusualness, other: Unusualness) -> Unusualness:
    """Returns the larger of two, with both reasons where both are unusual."""
    if min(one.value, other.value) > UNUSUAL_ABOVE:
        return Unusualness(value=max(one.value, other.value), reason=f"{one.reason}, {other.reason}")
    return max(one, other, key=lambda unusual: unusual.value)


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = np.quantile(values, [1 - _COMMON, _COMMON])
    return float(low), float(high)


def _lit(name: str, own: tuple[float, float], light: float) -> tuple[float, float]:
    """Returns the range of a look where so much more or less light falls, from that in the light learned from."""
    if name in _OCTAVES:
        return own[0] - light / math.log(2), own[1] + light / math.log(2)
    if name not in _LIT:
        return own
    values = [value * math.exp(sign * light) for value in own for sign in (-1, 1)]
    return min(values), max(values)


def _usual_distance(distances: Sequence[NDArray[np.float32]]) -> float:
    """Returns how far nearly all photos are at most from the nearest other one, from each one's distances to all."""
    if len(distances) < 2:
        return 0.0
    nearest = [float(np.delete(each, place).min()) for place, each in enumerate(distances)]
    return float(np.quantile(nearest, _COMMON))


def _apart(photos: NDArray[np.float32], photo: NDArray[np.uint8], light: float = 0.0) -> NDArray[np.float32]:
    """Returns the root mean square difference of reduced photos (N, SIDE, SIDE) and one, in grey levels, (N,): each is
    held against it with as much more or less light, as far as that may differ, as brings it nearest."""
    own = photo.astype(np.float32)
    if light:
        nearest = (photos * own).mean((1, 2)) / np.maximum((photos**2).mean((1, 2)), 1)
        photos = photos * np.clip(nearest, math.exp(-light), math.exp(light))[:, None, None]
    apart: NDArray[np.float32] = np.sqrt(((photos - own) ** 2).mean((1, 2)))
    return apart


def _shares(directions: NDArray[np.uint16]) -> NDArray[np.float32]:
    return directions.astype(np.float32) / np.float32(65535)


def _turned(photos: NDArray[np.float32], photo: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the share of edges that run otherwise in each of (N, DIRECTIONS), (N,)."""
    share: NDArray[np.float32] = np.abs(photos - photo).sum(1) / 2
    return share


def _by_count(sizes: Sequence[Size]) -> list[tuple[int, int]]:
    return sorted(set(sizes), key=lambda size: (-sizes.count(size), size))
