"""STPM: student-teacher feature pyramid matching for anomaly detection (Wang, Han, Ding, Huang; BMVC 2021).

A student with the teacher's architecture, randomly initialised, learns to give the teacher's features on good photos at
three levels. Where it fails to on a new photo, it has not seen the like.

Where paper and official code differ, the code is followed: the loss has no factor 1/2 and is a mean over the batch;
the maps are multiplied at the finest level's resolution and the product is resized to the image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import SGD

from blemish.detectors.detector import AnomalyMap, Batch, Detector, Images, Stage
from blemish.detectors.settings import DetectorSettings
from blemish.networks import build_backbone
from blemish.networks.discrepancy import (
    distances,
    interpolate_map,
    maps_by_level,
    mean_inside,
    means_inside,
    multiply_maps,
    unit_vectors,
)
from blemish.networks.teacher import Teacher
from blemish.networks.teacher_vectors import TeacherVectors

LEVELS = 3  # sec. 3: outputs of conv2_x, conv3_x, conv4_x


@dataclass(frozen=True, kw_only=True)
class STPMSettings(DetectorSettings):
    """Settings of STPM; the defaults are the paper's, but that the length of training counts steps, not epochs."""

    steps: int = 1600
    """The most training steps; fewer are taken when held-out photos stop improving."""
    learning_rate: float = 0.4
    """Step size of SGD (sec. 4)."""
    momentum: float = 0.9
    """Momentum of SGD (sec. 4)."""
    weight_decay: float = 1e-4
    """Weight decay of SGD (sec. 4)."""
    patience: int | None = 300
    """Stop when this many steps have not lowered the error on held-out photos by a tenth; none: train all steps."""
    keep: Literal["best", "last"] = "best"
    """Which weights to keep: `best` on held-out normal photos (as the paper does) or the `last`."""


class STPM(Detector):
    """STPM (BMVC 2021) has a student that follows the teacher at three levels; the maps are multiplied."""

    Settings = STPMSettings
    title = "STPM"
    learns_inside = True
    sees_near = True
    paper = "Wang, Han, Ding, Huang: Student-Teacher Feature Pyramid Matching for Anomaly Detection, BMVC 2021"
    settings: STPMSettings

    def __init__(self, settings: STPMSettings) -> None:
        super().__init__(settings)
        self.teacher = Teacher(build_backbone(settings.teacher, levels=LEVELS), name=settings.teacher)
        self.student = build_backbone(settings.teacher, levels=LEVELS)

    def forward(self, images: Images) -> AnomalyMap:
        return self.forward_with_levels(images)[0]

    def forward_with_levels(self, images: Images) -> tuple[AnomalyMap, dict[str, Tensor]]:
        found = distances(self._teacher_vectors(images), self.student(images))
        product = interpolate_map(multiply_maps(found), (images.shape[-2], images.shape[-1]))
        return product, maps_by_level("student", found)

    def stages(self) -> Sequence[Stage]:
        settings = self.settings
        return [
            Stage(
                name="student",
                steps=settings.steps,
                trains=self.student,
                loss=self._loss,
                optimizer=self._optimizer,
                targets=TeacherVectors(self.teacher, LEVELS),
                validation_loss=self._validation_loss if settings.keep == "best" else None,
                patience=settings.patience,
            )
        ]

    def _teacher_vectors(self, images: Images) -> tuple[Tensor, ...]:
        return tuple(unit_vectors(features) for features in self.teacher(images))

    def _loss(self, batch: Batch) -> dict[str, Tensor]:
        return imitation_loss(batch.targets, self.student(batch.images), batch.inside)

    def _validation_loss(self, batch: Batch) -> Tensor:
        return imitation_error(batch.targets, self.student(batch.images), batch.inside)

    def _optimizer(self, module: nn.Module) -> torch.optim.Optimizer:
        s = self.settings
        return SGD(module.parameters(), lr=s.learning_rate, momentum=s.momentum, weight_decay=s.weight_decay)


def imitation_loss(teacher: Sequence[Tensor], student: Sequence[Tensor], inside: Tensor | None) -> dict[str, Tensor]:
    """Returns Eq. 1-2 as the official code has them: per level the mean over photos and pixels of ||t - s||^2.

    The teacher's features are unit vectors already.
    """
    return {f"level{level}": mean_inside(d, inside) for level, d in enumerate(distances(teacher, student), start=1)}


def imitation_error(teacher: Sequence[Tensor], student: Sequence[Tensor], inside: Tensor | None) -> Tensor:
    """Returns (B,) the mean of the product over levels of ||t - s||^2, by which the official code selects an epoch."""
    return means_inside(multiply_maps(distances(teacher, student)), inside)
