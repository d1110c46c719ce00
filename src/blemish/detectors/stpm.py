"""STPM: student-teacher feature pyramid matching for anomaly detection (Wang, Han, Ding, Huang; BMVC 2021).

A student with the teacher's architecture, randomly initialised, learns to give the teacher's features on good photos at
three levels. Where it fails to on a new photo, it has not seen the like.

Where paper and official code differ, the code is followed: the loss has no factor 1/2 and is a mean over the batch;
the maps are multiplied at the finest level's resolution and the product is resized to the image. With recipe paper the
student learns as the paper's does; by default the learning rate rises and falls once, in a fraction of the time.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import SGD

from blemish.detectors.detector import AnomalyMap, Batch, Detector, Images, Stage
from blemish.detectors.settings import DetectorSettings, LearnedPhotos
from blemish.errors import SettingsError
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
from blemish.networks.one_cycle import OneCycleSGD
from blemish.networks.teacher import Teacher
from blemish.networks.teacher_vectors import TeacherVectors

LEVELS = 3  # sec. 3: outputs of conv2_x, conv3_x, conv4_x

_EPOCHS, _BATCH = 100, 32  # sec. 4
_FEWEST_STEPS, _MOST_STEPS = 280, 1600  # of recipe one-cycle: a hundred are too few for some folders of dozens
_WARM_UP = 0.15  # of its steps, in which the rate rises


@dataclass(frozen=True, kw_only=True)
class STPMSettings(DetectorSettings):
    """Settings of STPM; what is left open is as the recipe has it, all else is the paper's."""

    recipe: Literal["one-cycle", "paper"] = "one-cycle"
    """How the learning rate goes: it rises and falls once, and the last weights are kept; or as in the paper."""
    steps: int | None = None
    """The most training steps; none: 100 epochs in batches of 32 (sec. 4), by recipe one-cycle 280 to 1600."""
    learning_rate: float = 0.4
    """Step size of SGD (sec. 4), by recipe one-cycle the highest."""
    momentum: float = 0.9
    """Momentum of SGD (sec. 4)."""
    weight_decay: float = 1e-4
    """Weight decay of SGD (sec. 4)."""
    patience: int | None = None
    """Recipe paper may stop when this many steps have not lowered the error on held-out photos by a tenth."""
    keep: Literal["auto", "best", "last"] = "auto"
    """Which weights to keep: `best` on held-out normal photos, or the `last`; auto: best by recipe paper alone."""

    @classmethod
    def from_json(cls, values: Mapping[str, Any], *, others: Iterable[str] = ()) -> "STPMSettings":
        """Returns what DetectorSettings does, of records too that are older than recipes: theirs was the paper's."""
        whole = {field.name for field in fields(cls)} - {"recipe"} <= values.keys()
        return super().from_json({"recipe": "paper", **values} if whole else values, others=others)

    def for_photos(self, photos: LearnedPhotos, /) -> "STPMSettings":
        """Returns the settings with what was left open as the recipe has it."""
        epochs = _EPOCHS * max(1, math.ceil(4 * photos.count // 5 / _BATCH))  # a fifth is held out, as in the paper
        steps = epochs if self.recipe == "paper" else min(max(epochs, _FEWEST_STEPS), _MOST_STEPS)
        keep: Literal["best", "last"] = "best" if self.recipe == "paper" else "last"
        return replace(self, steps=self.steps or steps, keep=keep if self.keep == "auto" else self.keep)


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
        if settings.recipe == "one-cycle" and settings.patience is not None:
            raise SettingsError(
                f"patience is {settings.patience}: recipe one-cycle takes all its steps, for the rate falls until the "
                "last; leave it out, or set recipe to paper"
            )
        self.teacher = Teacher(build_backbone(settings.teacher, levels=LEVELS), name=settings.teacher)
        self.student = build_backbone(settings.teacher, levels=LEVELS)

    def forward(self, images: Images) -> AnomalyMap:
        return self.forward_with_levels(images)[0]

    def forward_with_levels(self, images: Images) -> tuple[AnomalyMap, dict[str, Tensor]]:
        found = distances(self._teacher_vectors(images), self.student(images))
        product = interpolate_map(multiply_maps(found), (images.shape[-2], images.shape[-1]))
        return product, maps_by_level("student", found)

    def check_trainable(self) -> None:
        """Raises SettingsError where patience is asked for, and nothing is validated."""
        if self.settings.patience is not None and self.settings.keep == "last":
            raise SettingsError(
                f"patience is {self.settings.patience}: where the last weights are kept, no held-out photos are looked "
                "at and all steps are taken; leave it out, or set keep to best"
            )

    def stages(self) -> Sequence[Stage]:
        settings = self.settings.for_photos(LearnedPhotos(1))  # where that was not done, and nobody has counted them
        steps = settings.steps
        assert steps is not None
        return [
            Stage(
                name="student",
                steps=steps,
                trains=self.student,
                loss=self._loss,
                optimizer=partial(_optimizer, settings=settings, steps=steps),
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


def _optimizer(module: nn.Module, *, settings: STPMSettings, steps: int) -> torch.optim.Optimizer:
    rate, momentum, decay = settings.learning_rate, settings.momentum, settings.weight_decay
    if settings.recipe == "paper":
        return SGD(module.parameters(), lr=rate, momentum=momentum, weight_decay=decay)
    return OneCycleSGD(
        module.parameters(), highest=rate, momentum=momentum, weight_decay=decay, steps=steps, warm_up=_WARM_UP
    )


def imitation_loss(teacher: Sequence[Tensor], student: Sequence[Tensor], inside: Tensor | None) -> dict[str, Tensor]:
    """Returns Eq. 1-2 as the official code has them: per level the mean over photos and pixels of ||t - s||^2.

    The teacher's features are unit vectors already.
    """
    return {f"level{level}": mean_inside(d, inside) for level, d in enumerate(distances(teacher, student), start=1)}


def imitation_error(teacher: Sequence[Tensor], student: Sequence[Tensor], inside: Tensor | None) -> Tensor:
    """Returns (B,) the mean of the product over levels of ||t - s||^2, by which the official code selects an epoch."""
    return means_inside(multiply_maps(distances(teacher, student)), inside)
