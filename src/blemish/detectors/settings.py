"""Settings of a method: the dataclass that rebuilds a detector, from JSON, Python and the command line alike."""

import dataclasses
import difflib
import math
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from blemish.errors import SettingsError


class ImageSize(NamedTuple):
    """The size that photos are resized to before a network sees them."""

    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.height}x{self.width}"


class AreaSize(ImageSize):
    """A square that was asked for by one number, or not at all: as many pixels are meant, in the photos' own shape."""


def image_size_of(size: Any) -> ImageSize:
    """Returns the size that one number asks for, see AreaSize, or that of a pair (height, width); raises
    SettingsError."""
    if isinstance(size, AreaSize):
        return size
    value = _plain(size)
    if type(value) is int:
        return AreaSize(value, value)
    sides = value
    if not (isinstance(sides, Sequence) and [type(_plain(side)) for side in sides] == [int, int]):
        raise SettingsError(f"setting image_size cannot be {size!r}: give one number for a square, or (height, width)")
    return ImageSize(*map(_plain, sides))


@dataclass(frozen=True)
class LearnedPhotos:
    """Says what is known of the good photos to train on before they are read."""

    count: int
    surface: Callable[[], bool] = lambda: False
    """Says whether they show a surface, any place of which may look like any other: that takes seconds."""


PAPERS_SIZE = AreaSize(256, 256)  # all three papers, whose photos are square or squeezed


@dataclass(frozen=True, kw_only=True)
class DetectorSettings:
    """Settings that every method has."""

    teacher: str = "resnet18"
    """What is imitated: resnet18, -34, -50, wide_resnet50_2, efficientnet_lite0 (installed with us) or timm/NAME."""
    image_size: ImageSize = PAPERS_SIZE
    """What photos are resized to: 256 (an area, in the photos' own shape), or HEIGHTxWIDTH such as 640x256."""
    steps: int | None = 1000
    """The most training steps; none: what the method takes where none are given."""

    def for_photos(self, _photos: LearnedPhotos, /) -> Self:
        """Returns the settings with what was left open decided by what is known of the photos."""
        return self

    def to_json(self) -> dict[str, Any]:
        """Returns the settings as model.json holds them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any], *, others: Iterable[str] = ()) -> Self:
        """Returns the settings that JSON holds; raises SettingsError, with its name, for one that the method has not.

        `others` are settings that the user may have meant, too, but that belong to another class.
        """
        hints = typing.get_type_hints(cls)
        for name in values:
            if name not in hints:
                raise SettingsError(f"unknown setting {name}{_meant(name, [*hints, *others])}")
        return cls(**{name: typed_setting(name, value, hints[name]) for name, value in values.items()})


def _meant(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f": did you mean {close[0]}?" if close else f": there are {', '.join(known)}"


def typed_setting(name: str, value: Any, expected: Any) -> Any:
    """Returns a value of JSON, Python or numpy as the type of its field; raises SettingsError for another type.

    JSON knows no tuples and writes whole floats as integers; numpy's scalars, as a sweep gives, stand for Python's.
    """
    if expected is ImageSize:
        return image_size_of(value)
    given, origin = _plain(value), typing.get_origin(expected)
    if origin is typing.Literal:
        if given in typing.get_args(expected):
            return given
        raise SettingsError(f"setting {name} cannot be {value!r}: it must be {typing.get_args(expected)}")
    kinds = typing.get_args(expected) if origin in (typing.Union, types.UnionType) else (expected,)
    if type(given) in kinds and not (isinstance(given, float) and not math.isfinite(given)):
        return given
    if float in kinds and type(given) is int and abs(given) <= sys.float_info.max:
        return float(given)
    raise SettingsError(f"setting {name} cannot be {value!r}: it must be {' or '.join(map(_named, kinds))}")


def _plain(value: Any) -> Any:
    """Returns what Python has for a scalar or an array of numpy."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


def _named(kind: Any) -> str:
    return "None" if kind is types.NoneType else "a finite number" if kind is float else str(kind.__name__)
