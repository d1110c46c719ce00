"""RSTPM: reconstruction student with attention for student-teacher pyramid matching (Yamada & Hotta, arXiv 2111.15376).

Two pairs of teacher and student. The first is STPM. In the second a student takes the first teacher's deepest features,
grows them stage by stage, and reconstructs another teacher's features, helped by attention that looks at those. Six
maps, two at each of three levels, make the anomaly map.

No official code exists and the text was not to be had; this is read off the abstract, the figures of the follow-up
(Yamada, Kamiya & Hotta, IROS 2022, arXiv 2210.07548) and the one public re-implementation that runs.

Established:
- two pairs, the first exactly STPM; the second reconstructs, has attention and another teacher; six maps; STPM is
  improved in pixel and image AUROC (abstract);
- the first teacher is ResNet-18 with its 4 stages, the second ResNet-50 with 3, the first student ResNet-18 with 3;
- the reconstruction student begins with the output of the first teacher's 4th stage and has 3 stages of growing
  resolution; its results are compared with the second teacher's stages, the coarsest first;
- attention comes from the second teacher at all three levels: 3x3 convolution, batch norm, ReLU, 1x1 convolution,
  sigmoid, giving one plane;
- maps of the same level are added; STPM multiplies its three and fails where one misses;
- the published 98.7 / 98.5 / 95.1 belong to the follow-up's additional segmentation network, not to this one.

Our reading:
- each gate acts on what enters its stage, resized to that. What is compared is the direction of each pixel's vector:
  one positive factor per pixel, put on the compared features themselves, would cancel, and the gate of the finest
  level would neither do nor learn anything. Gates between the stages, as the re-implementation has two of, leave that
  level without (`--attention between-stages` builds its layers literally). A gate on what its stage has grown, as
  finely resolved as what is to be reconstructed, told the student where to reconstruct defects: measured, and worse;
- a shut gate still lets a tenth through. One that could shut wholly did so everywhere but in a corner, in 3 of 29
  trainings, and the batch norm behind it made that corner's slightest change ruin the maps;
- a transposed 3x3 convolution doubles the resolution, then two residual blocks per stage, as wide as the second
  teacher. `lite` has one, and gates with a quarter of the channels: half of the arithmetic;
- where the second teacher's features may be negative, as EfficientNet's, no stage ends in a ReLU;
- the sums of the three levels are multiplied, as the re-implementation does, each map first resized to the photo;
- loss, optimiser, learning rate and choice of weights are those of STPM's paper, for each pair on its own: the students
  share nothing that learns, so that training them together would be the same but for memory.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from blemish.detectors.detector import AnomalyMap, Batch, Detector, Images, Stage
from blemish.detectors.settings import DetectorSettings
from blemish.detectors.stpm import LEVELS, imitation_error, imitation_loss
from blemish.errors import SettingsError
from blemish.networks import build_backbone
from blemish.networks.discrepancy import distances, interpolate_map, maps_by_level, multiply_maps, unit_vectors
from blemish.networks.reconstruction import GatesBetweenStages, GrowingPyramid
from blemish.networks.teacher import Teacher
from blemish.networks.teacher_vectors import TeacherVectors


class _Size(NamedTuple):
    """How large the reconstruction student is."""

    blocks: int
    """Residual blocks per stage."""
    squeeze: int
    """How many times fewer channels a gate has inside than the features it looks at."""


_SIZES = {"full": _Size(blocks=2, squeeze=1), "lite": _Size(blocks=1, squeeze=4)}


@dataclass(frozen=True, kw_only=True)
class RSTPMSettings(DetectorSettings):
    """Settings of RSTPM; each student learns as STPM's paper has it, but that the length counts steps, not epochs."""

    steps: int = 1600
    """The most training steps of each student; fewer are taken when held-out photos stop improving."""
    second_teacher: str = "resnet50"
    """What is reconstructed; names as for the first teacher."""
    attention: Literal["input-gate", "between-stages", "none"] = "input-gate"
    """Where the second teacher says which pixels count: as stages begin, or between them, where the finest has none."""
    reconstruction: Literal["full", "lite"] = "full"
    """Size of the reconstruction student; lite takes half of the arithmetic."""
    learning_rate: float = 0.4
    """Step size of SGD for the first student, as in STPM."""
    reconstruction_learning_rate: float = 0.4
    """Step size of SGD for the reconstruction student."""
    momentum: float = 0.9
    """Momentum of SGD."""
    weight_decay: float = 1e-4
    """Weight decay of SGD."""
    patience: int | None = 300
    """Stop when this many steps have not lowered the error on held-out photos by a tenth; none: train all steps."""
    keep: Literal["best", "last"] = "best"
    """Which weights to keep: `best` on held-out normal photos (as STPM's paper does) or the `last`."""


class RSTPM(Detector):
    """RSTPM (arXiv 2111.15376) is STPM, and a second student that reconstructs another teacher's features."""

    Settings = RSTPMSettings
    title = "RSTPM"
    learns_inside = True
    paper = (
        "Yamada, Hotta: Reconstruction Student with Attention for Student-Teacher Pyramid Matching, arXiv 2111.15376"
    )
    settings: RSTPMSettings

    def __init__(self, settings: RSTPMSettings) -> None:
        super().__init__(settings)
        self.teacher = Teacher(build_backbone(settings.teacher, levels=LEVELS + 1), name=settings.teacher)
        self.second_teacher = Teacher(
            build_backbone(settings.second_teacher, levels=LEVELS), name=settings.second_teacher
        )
        self.student = build_backbone(settings.teacher, levels=LEVELS)
        self.reconstruction = _reconstruction_student(settings, self.teacher, self.second_teacher)

    def forward(self, images: Images) -> AnomalyMap:
        return self.forward_with_levels(images)[0]

    def forward_with_levels(self, images: Images) -> tuple[AnomalyMap, dict[str, Tensor]]:
        """Returns the map, and the levels of both pairs: student_level1 to -3, reconstruction_level1 to -3."""
        size, levels = (images.shape[-2], images.shape[-1]), self._levels(images)
        maps = {name: interpolate_map(level_map, size) for name, level_map in levels.items()}
        product = multiply_maps(
            [maps[f"student_level{level}"] + maps[f"reconstruction_level{level}"] for level in range(1, LEVELS + 1)]
        )
        return product, levels

    def _levels(self, images: Images) -> dict[str, Tensor]:
        *matched, deepest = self.teacher(images)
        second = self.second_teacher(images)
        first_pair = distances(_vectors(matched), self.student(images))
        second_pair = distances(_vectors(second), self.reconstruction(deepest, second))
        return maps_by_level("student", first_pair) | maps_by_level("reconstruction", second_pair)

    def stages(self) -> Sequence[Stage]:
        settings = self.settings
        selects = settings.keep == "best"
        return [
            Stage(
                name="student",
                steps=settings.steps,
                trains=self.student,
                loss=self._student_loss,
                optimizer=self._student_optimizer,
                targets=TeacherVectors(self.teacher, LEVELS),
                validation_loss=self._student_error if selects else None,
                patience=settings.patience,
            ),
            Stage(
                name="reconstruction",
                steps=settings.steps,
                trains=self.reconstruction,
                loss=self._reconstruction_loss,
                optimizer=self._reconstruction_optimizer,
                targets=self._reconstruction_targets,
                validation_loss=self._reconstruction_error if selects else None,
                patience=settings.patience,
            ),
        ]

    def check_trainable(self) -> None:
        """Raises SettingsError where the second teacher's features cannot be grown at this image size."""
        size, stride = self.settings.image_size, self.teacher.strides[-1]
        if self.settings.attention == "between-stages" and max(size) <= stride:
            raise SettingsError(  # its batch norm on the deepest features needs two pixels even of a single photo
                f"image_size is {size}: attention between-stages needs a side above {stride}"
            )
        photo = torch.zeros(1, 3, *size, device=next(self.parameters()).device)
        features = (*self.second_teacher(photo), self.teacher(photo)[-1])
        for finer, coarser in itertools.pairwise(tuple(level.shape[-2:]) for level in features):
            if not all(2 * c - f in (0, 1) for c, f in zip(coarser, finer, strict=True)):
                raise SettingsError(
                    f"teacher {self.teacher.name} and second teacher {self.second_teacher.name} do not go together at "
                    f"image_size {size}: features of {_by(coarser)} grow to twice that or one less, not to {_by(finer)}"
                )

    def _student_loss(self, batch: Batch) -> dict[str, Tensor]:
        return imitation_loss(batch.targets, self.student(batch.images), batch.inside)

    def _student_error(self, batch: Batch) -> Tensor:
        return imitation_error(batch.targets, self.student(batch.images), batch.inside)

    def _reconstruction_targets(self, images: Images) -> tuple[Tensor, ...]:
        """Returns all that the reconstruction student sees, so that no teacher runs while it learns.

        The second teacher's features as they are: the gates look at their lengths too.
        """
        return (self.teacher(images)[-1], *self.second_teacher(images))

    def _reconstruction_loss(self, batch: Batch) -> dict[str, Tensor]:
        return imitation_loss(*self._second_pair(batch), batch.inside)

    def _reconstruction_error(self, batch: Batch) -> Tensor:
        return imitation_error(*self._second_pair(batch), batch.inside)

    def _second_pair(self, batch: Batch) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        deepest, *second = (target.float() for target in batch.targets)
        return _vectors(second), self.reconstruction(deepest, second)

    def _student_optimizer(self, module: nn.Module) -> Optimizer:
        return self._sgd(module, learning_rate=self.settings.learning_rate)

    def _reconstruction_optimizer(self, module: nn.Module) -> Optimizer:
        return self._sgd(module, learning_rate=self.settings.reconstruction_learning_rate)

    def _sgd(self, module: nn.Module, *, learning_rate: float) -> Optimizer:
        s = self.settings
        return SGD(module.parameters(), lr=learning_rate, momentum=s.momentum, weight_decay=s.weight_decay)


def _vectors(features: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return tuple(unit_vectors(level) for level in features)


def _by(size: tuple[int, ...]) -> str:
    return "x".join(str(side) for side in size)


def _reconstruction_student(settings: RSTPMSettings, first: Teacher, second: Teacher) -> nn.Module:
    deepest, nonnegative = first.channels[-1], second.backbone.nonnegative
    blocks, squeeze = _SIZES[settings.reconstruction]
    if settings.attention == "between-stages":
        return GatesBetweenStages(deepest, second.channels, blocks=blocks, squeeze=squeeze, nonnegative=nonnegative)
    gated = settings.attention == "input-gate"
    return GrowingPyramid(
        deepest, second.channels, gated=gated, blocks=blocks, squeeze=squeeze, nonnegative=nonnegative
    )
