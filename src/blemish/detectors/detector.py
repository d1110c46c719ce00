"""What a method is to the rest of the house: a network that judges, settings that rebuild it, stages that train it."""

import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from blemish.detectors.settings import DetectorSettings
from blemish.model.score import Score

Images = Tensor
"""(B, 3, H, W) float32, RGB, 0 to 1."""


AnomalyMap = Tensor
"""(B, 1, H, W) float32, higher is more anomalous, no upper bound promised."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The photos that one training step sees (with several processes: this process's share of them)."""

    images: Images
    """What the student sees."""
    clean: Images
    """The same photos before `Stage.add_defects`."""
    targets: tuple[Tensor, ...] = ()
    """What the frozen teacher says of `clean` (`Stage.targets`), float16."""
    masks: Tensor | None = None
    """(B, 1, H, W) float32, 1 where `Stage.add_defects` drew a defect."""
    inside: Tensor | None = None
    """(B, 1, H, W) float32, 1 where the photo counts, else 0, see `mean_inside`: nothing is learned outside. None: it
    counts everywhere."""
    global_size: int = 0
    """Photos in the whole step, over all processes: a loss that is summed over the batch is its mean times this."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One phase of training: it says what learns, from which loss, for how long.

    The loop does clean -> light and pose -> augment -> targets -> add_defects -> loss. Every hook works on a batch, on
    the device, and draws only from the generator it is given.
    """

    name: str
    steps: int
    """The most steps; fewer where `patience` ends the stage."""
    trains: nn.Module
    """The module that learns, in train mode, with gradients; all else of the detector is frozen, in eval mode."""
    loss: Callable[[Batch], dict[str, Tensor]]
    """Named parts; their sum is minimised."""
    optimizer: Callable[[nn.Module], Optimizer]
    augment: Callable[[Images, Generator], Images] | None = None
    """How a clean photo varies beyond the light and pose that were asked for; None: no further, and `targets` are
    computed once and kept."""
    targets: Callable[[Images], tuple[Tensor, ...]] | None = None
    """What the frozen teacher says of clean photos, each (B, ...)."""
    add_defects: Callable[[Images, Images, Generator], tuple[Images, Tensor]] | None = None
    """Draws defects: photos and textures of the same shape -> (images, masks (B, 1, H, W))."""
    textures: Path | None = None
    """Folder of pictures that `add_defects` gets as textures; None: made from noise and the training photos."""
    validation_loss: Callable[[Batch], Tensor] | None = None
    """(B,) how badly good photos that are not trained on are judged; the weights with the lowest mean are kept. None:
    the last."""
    setting: str = "steps"
    """The name of the setting that `steps` comes from."""
    batch_size: int | None = None
    """Photos of a step, of all processes together, where so few do; None: as many as training was asked for."""
    patience: int | None = None
    """The stage ends early when this many steps have not lowered the validation loss by a tenth."""
    settle: Callable[[Iterable[Batch]], None] | None = None
    """Sets buffers of `trains`, when the stage has ended, from photos that it trained on, as they are; they may be gone
    through more than once."""
    moves_photos: bool = False
    """Whether `augment` lays photos otherwise, by turns or mirrors: regions of interest would no longer fit them."""


class Detector(nn.Module, ABC):
    """A method, of which `forward` is exported and `stages` says how it is trained."""

    Settings: ClassVar[type[DetectorSettings]]
    title: ClassVar[str]
    """What reports call the method."""
    paper: ClassVar[str]
    """Authors, title, place and year of its publication."""
    training_defaults: ClassVar[Mapping[str, Any]] = {}
    """Values of TrainingSettings that suit the method better than these settings' defaults, by name."""
    learns_inside: ClassVar[bool] = False
    """Whether its losses are taken where `Batch.inside` says, and nowhere else; if not, regions of interest are refused
    rather than learned around."""
    sees_near: ClassVar[bool] = False
    """Whether what its map says of a place depends on what lies near alone, as of convolutions: then it may judge
    frames that are larger than those it learned from. A mean over a whole frame, or attention, sees far."""
    score: Score
    """How the map of a whole photo becomes its score."""

    def __init__(self, settings: DetectorSettings) -> None:
        super().__init__()
        self.settings = settings
        self.score = Score(kind="maximum")

    @abstractmethod
    def forward(self, images: Images) -> AnomalyMap:
        """Returns the anomaly map of each image: the one thing that an export computes."""

    @abstractmethod
    def stages(self) -> Sequence[Stage]:
        """Returns how the method is trained; asked once per training, and computes nothing."""

    def check_trainable(self) -> None:
        """Raises SettingsError for what would end a training late; called once, before photos are read."""

    def forward_with_levels(self, images: Images) -> tuple[AnomalyMap, dict[str, Tensor]]:
        """Returns the same anomaly map and, from the same pass, how far each student is from its teacher at each level,
        for people to look at; no levels unless a method has them.

        By STUDENT_levelN, N from the finest: (B, 1, h, w) of the level's own resolution, float32, 1 - cos of the two
        vectors of a pixel: 0 where they agree, 1 where they are perpendicular, 2 where they are opposite.
        """
        return self(images), {}

    def level_maps(self, images: Images) -> dict[str, Tensor]:
        """Returns the levels alone."""
        return self.forward_with_levels(images)[1]

    if typing.TYPE_CHECKING:

        def __call__(self, images: Images) -> AnomalyMap: ...
