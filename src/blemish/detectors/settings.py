"""Settings of a method: the dataclass that rebuilds a detector, from JSON, Python and the command line alike."""

import dataclasses
import sys
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from blemish.errors import SettingsError


class ImageSize(NamedTuple):
    """What photos are resized to before a network sees them."""

    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.height}x{self.width}"


def image_size_of(size: Any) -> ImageSize:
    """From one number, for a square, or a pair (height, width); raises SettingsError."""
    sides = [size, size] if isinstance(size, int) else size
    if not (isinstance(sides, Sequence) and [type(side) for side in sides] == [int, int]):
        raise SettingsError(f"setting image_size cannot be {size!r}: give one number for a square, or (height, width)")
    return ImageSize(*sides)


PAPERS_SIZE = ImageSize(256, 256)  # all three papers


@dataclass(frozen=True, kw_only=True)
class DetectorSettings:
    """Settings that every method has."""

    teacher: str = "resnet18"
    """What is imitated: resnet18, -34, -50, wide_resnet50_2, efficientnet_lite0 (installed with us) or timm/NAME."""
    image_size: ImageSize = PAPERS_SIZE
    """What photos are resized to: 256, or HEIGHTxWIDTH such as 640x256."""
    steps: int = 1000
    """The most training steps; fewer are taken when held-out photos stop improving."""

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Raises SettingsError for a name or a type that does not belong, and names it."""
        hints = typing.get_type_hints(cls)
        unknown = sorted(set(values) - set(hints))
        if unknown:
            raise SettingsError(f"unknown setting {', '.join(unknown)}: {cls.__name__} has {', '.join(hints)}")
        return cls(**{name: typed_setting(name, value, hints[name]) for name, value in values.items()})


def typed_setting(name: str, value: Any, expected: Any) -> Any:
    """A value of JSON or Python as the type of its field; JSON knows no tuples and writes whole floats as integers.

    Raises SettingsError for another type.
    """
    if expected is ImageSize and isinstance(value, list) and [type(v) for v in value] == [int, int]:
        return ImageSize(*value)
    if expected is float and type(value) is int and abs(value) <= sys.float_info.max:
        return float(value)
    origin = typing.get_origin(expected)
    if origin is typing.Literal:
        fits = value in typing.get_args(expected)
    elif origin in (typing.Union, types.UnionType):
        fits = type(value) in typing.get_args(expected)
    else:
        fits = type(value) is expected
    if not fits:
        wanted = typing.get_args(expected) if origin is typing.Literal else getattr(expected, "__name__", expected)
        raise SettingsError(f"setting {name} cannot be {value!r}: it must be {wanted}")
    return value
