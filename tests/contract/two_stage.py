"""A small detector of two stages that uses every hook: proof that the loop and the contracts need no change for one."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD, Adam, Optimizer

from blemish.detectors import AnomalyMap, Batch, Detector, DetectorSettings, Images, Stage
from blemish.networks import build_backbone
from blemish.networks.discrepancy import interpolate_map, squared_distance, unit_vectors
from blemish.networks.teacher import Teacher


@dataclass(frozen=True, kw_only=True)
class TwoStageSettings(DetectorSettings):
    steps: int = 1000
    """Steps of the first stage."""
    head_steps: int = 4
    """Steps of the second stage."""
    opacity: float | None = None
    """How strongly synthetic defects cover; none: at random."""


class TwoStage(Detector):
    """A student follows the teacher's first level; then a head learns, on drawn squares, to read their discrepancy."""

    Settings = TwoStageSettings
    title = "Two stages"
    paper = "none: a method of the tests"
    settings: TwoStageSettings

    def __init__(self, settings: TwoStageSettings) -> None:
        super().__init__(settings)
        self.teacher = Teacher(build_backbone(settings.teacher, levels=1), name=settings.teacher)
        channels = self.teacher.channels[0]
        self.student = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=4, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, channels, 1)
        )
        self.head = nn.Sequential(
            nn.Conv2d(channels, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 1, 1)
        )

    def forward(self, images: Images) -> AnomalyMap:
        return interpolate_map(torch.sigmoid(self._logits(images)), (images.shape[-2], images.shape[-1]))

    def stages(self) -> Sequence[Stage]:
        return [
            Stage(
                name="student",
                steps=self.settings.steps,
                trains=self.student,
                loss=self._imitation,
                optimizer=_student_optimizer,
                targets=self._targets,
                validation_loss=lambda batch: self._distance(batch).mean(dim=(1, 2, 3)),
            ),
            Stage(
                name="head",
                steps=self.settings.head_steps,
                trains=self.head,
                loss=self._segmentation,
                optimizer=_head_optimizer,
                augment=_flip,
                targets=self._targets,
                add_defects=_draw_squares,
            ),
        ]

    def _targets(self, clean: Images) -> tuple[Tensor, ...]:
        return (unit_vectors(self.teacher(clean)[0]),)

    def _distance(self, batch: Batch) -> Tensor:
        return squared_distance(batch.targets[0].float(), unit_vectors(self.student(batch.images)))

    def _imitation(self, batch: Batch) -> dict[str, Tensor]:
        return {"cosine": self._distance(batch).mean() * batch.global_size}  # summed over the whole batch

    def _segmentation(self, batch: Batch) -> dict[str, Tensor]:
        assert batch.masks is not None
        logits = self._logits(batch.images)
        truth = F.interpolate(batch.masks, size=logits.shape[-2:], mode="bilinear")
        return {"bce": F.binary_cross_entropy_with_logits(logits.float(), truth), "l1": logits.float().sigmoid().mean()}

    def _logits(self, images: Images) -> Tensor:
        product = self._targets(images)[0] * unit_vectors(self.student(images))
        logits: Tensor = self.head(product)
        return logits


def _student_optimizer(module: nn.Module) -> Optimizer:
    return SGD(module.parameters(), lr=0.01, momentum=0.9)


def _head_optimizer(module: nn.Module) -> Optimizer:
    return Adam(module.parameters(), lr=1e-3)


def _flip(clean: Images, generator: Generator) -> Images:
    flipped = torch.rand(len(clean), generator=generator, device=clean.device) < 0.5
    return torch.where(flipped[:, None, None, None], clean.flip(-1), clean)


def _draw_squares(clean: Images, textures: Images, generator: Generator) -> tuple[Images, Tensor]:
    masks = torch.zeros_like(clean[:, :1])
    corners = torch.randint(0, clean.shape[-1] // 2, (len(clean), 2), generator=generator, device=clean.device)
    for mask, (top, left) in zip(masks, corners.tolist(), strict=True):
        mask[:, top : top + 12, left : left + 12] = 1
    return torch.where(masks > 0, textures, clean), masks
