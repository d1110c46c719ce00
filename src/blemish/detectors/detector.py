"""What a method is to the rest of the house: a network that judges, settings that rebuild it, stages that train it."""

import dataclasses
import sys
import types
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from blemish.errors import SettingsError

Images = Tensor
"""(B, 3, H, W) float32, RGB, 0 to 1."""


class Output(NamedTuple):
    """What a detector says of a batch; this pair is what exports compute too."""

    anomaly_map: Tensor
    """(B, 1, H, W) float32, higher is more anomalous, no upper bound promised."""
    anomaly_score: Tensor
    """(B,) float32, raw."""


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
class Batch:
    """What one training step sees (with several processes: this process's share of it)."""

    images: Images
    """What the student sees."""
    clean: Images
    """The same photos before `Stage.corrupt`."""
    targets: tuple[Tensor, ...] = ()
    """What the frozen teacher says of `clean` (`Stage.targets`), float16."""
    masks: Tensor | None = None
    """(B, 1, H, W) float32, 1 where `Stage.corrupt` drew a defect."""
    global_size: int = 0
    """Photos in the whole step, over all processes: a loss that is summed over the batch is its mean times this."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One phase of training: what learns, from which loss, for how long.

    The loop does clean -> augment -> targets -> corrupt -> loss; every hook works on a batch, on the device, and draws
    only from the generator it is given.
    """

    name: str
    steps: int
    """The most steps; fewer where `patience` ends the stage."""
    trains: nn.Module
    """In train mode, with gradients; everything else of the detector is frozen, in eval mode."""
    loss: Callable[[Batch], dict[str, Tensor]]
    """Named parts; their sum is minimised."""
    optimizer: Callable[[nn.Module], Optimizer]
    augment: Callable[[Images, Generator], Images] | None = None
    """How a clean photo varies; None: not at all, and `targets` are computed once and kept."""
    targets: Callable[[Images], tuple[Tensor, ...]] | None = None
    """What the frozen teacher says of clean photos, each (B, ...)."""
    corrupt: Callable[[Images, Images, Generator], tuple[Images, Tensor]] | None = None
    """Draws defects: photos and textures of the same shape -> (images, masks (B, 1, H, W))."""
    textures: Path | None = None
    """Folder of pictures that `corrupt` gets as textures; None: made from noise and the training photos."""
    held_out_error: Callable[[Batch], Tensor] | None = None
    """(B,) how badly held-out normal photos are judged; the weights with the lowest mean are kept. None: the last."""
    patience: int | None = None
    """The stage ends early when this many steps have not lowered the held-out error by a tenth."""


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


class Detector(nn.Module, ABC):
    """A method: `forward` is what is exported, `stages` is how it is trained."""

    Settings: ClassVar[type[DetectorSettings]]

    def __init__(self, settings: DetectorSettings) -> None:
        super().__init__()
        self.settings = settings

    @abstractmethod
    def forward(self, images: Images) -> Output: ...

    @abstractmethod
    def stages(self) -> Sequence[Stage]: ...

    def level_maps(self, images: Images) -> dict[str, Tensor]:  # noqa: ARG002
        """How far each student is from its teacher at each level, for people to look at; none unless a method says so.

        By STUDENT_levelN, N from the finest: (B, 1, h, w) of the level's own resolution, float32, 1 - cos of the two
        vectors of a pixel: 0 where they agree, 1 where they are perpendicular, 2 where they are opposite.
        """
        return {}

    if typing.TYPE_CHECKING:

        def __call__(self, images: Images) -> Output: ...
