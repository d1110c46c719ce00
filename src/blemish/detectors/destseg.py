"""DeSTSeg: segmentation guided denoising student-teacher (Zhang, Li, Li, Huang, Shan, Chen; CVPR 2023).

First a student, an encoder with a decoder, learns to give the teacher's features of the good photo when it sees the
photo with synthetic defects. Then, with the student fixed, a segmentation network learns from such photos to read off
the two networks' features where the defects are.

Where paper and official code differ, the code is followed:
- textures are 0.2 to 1 opaque, not 0.15 to 1;
- the student's loss is summed over the batch, so that it grows with --batch-size, not averaged as Eq. 4 has it;
- the segmentation network's input is the negative product of the features, not the product (Eq. 2);
- between residual blocks and the last convolution it has, beside ASPP, a 3x3 convolution that the text leaves out, and
  ASPP has no 1x1 branch and is merged by a 3x3 convolution;
- the student's encoder begins with the last batch norm of every residual block at zero weight.

Differing from the code: what does not reach the result is not computed (in stage 1 the segmentation network and the
teacher on photos with synthetic defects, in stage 2 the teacher on good ones and the student's gradients); vectors are
divided by max(length, 1e-12), not by length + 1e-12, whose gradient is no number at length 0; a folder with fewer
photos than the batch fills it with repetitions, each with defects of its own, where the code would wait for ever; a
batch runs on into the next epoch, where the code drops an epoch's rest; a fifth of the good photos is held out to
calibrate with, where the code trains on all; the teacher's targets are kept as float16, and bf16 is taken where it is
fast. Where a teacher's features do not end in a ReLU (EfficientNet, timm), the student's do not either.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD, Optimizer

from blemish.detectors.detector import AnomalyMap, Batch, Detector, Images, Stage
from blemish.detectors.settings import PAPERS_SIZE, DetectorSettings
from blemish.errors import SettingsError
from blemish.model.score import Score
from blemish.networks import build_backbone
from blemish.networks.backbone import FeaturePyramid, draw_weights
from blemish.networks.blocks import ASPP, ReversedPyramid, conv_norm_relu, silence_residuals, two_blocks
from blemish.networks.discrepancy import distances, interpolate_map, maps_by_level, mean_inside, unit_vectors
from blemish.networks.teacher import Teacher
from blemish.networks.teacher_vectors import TeacherVectors
from blemish.synthesis.defects import draw_defects
from blemish.synthesis.rotation import Rotation, turn_at_random

_LEVELS = 3  # of the teacher that are imitated; the student's encoder has one more
_WIDTH = 256  # channels of the segmentation network
_RATES = (6, 12, 18)  # of ASPP's dilated convolutions
LEAST_VALUES = 4  # per channel that batch norm sees at the student's coarsest level, see _check_batch

# Which good parts of MVTec AD the paper turns. Whoever chose it had seen the test photos: take it to compare with the
# paper's figures, not as advice for other parts.
MVTEC_AD_ROTATION: dict[str, Rotation] = {
    **dict.fromkeys(("capsule", "metal_nut", "pill", "toothbrush", "transistor"), "none"),
    **dict.fromkeys(("cable", "wood", "zipper"), "slight"),
    **dict.fromkeys(("bottle", "carpet", "grid", "hazelnut", "leather", "screw", "tile"), "full"),
}


@dataclass(frozen=True, kw_only=True)
class DeSTSegSettings(DetectorSettings):
    """Settings of DeSTSeg; the defaults are the official code's, but that it takes a folder of textures."""

    steps: int = 5000
    """Training steps of both stages together; the weights of the last are kept."""
    student_share: float = 0.2
    """Share of the steps in which the student learns; in the rest the segmentation network does."""
    textures: str | None = None
    """Folder of pictures that synthetic defects are made of, such as DTD; none: from noise and pieces of the photos."""
    rotation: Literal["none", "slight", "full"] = "none"
    """How good parts may lie: slight is up to 5 degrees either way, full any quarter turn (half if not square) too."""
    student_learning_rate: float = 0.4
    """Step size of SGD for the student."""
    residual_learning_rate: float = 0.1
    """Step size of SGD for the segmentation network's residual blocks."""
    head_learning_rate: float = 0.01
    """Step size of SGD for the rest of the segmentation network."""
    momentum: float = 0.9
    """Momentum of SGD."""
    weight_decay: float = 1e-4
    """Weight decay of SGD."""
    focal_gamma: float = 4.0
    """How little pixels count that are already judged right, in the focal loss."""
    top_pixels: int = 100
    """The score is the mean of this many highest pixels of the map, counted at 256x256 and scaled with its area."""


class DeSTSeg(Detector):
    """DeSTSeg (CVPR 2023) has a student that ignores synthetic defects, and a network that segments where it does."""

    Settings = DeSTSegSettings
    title = "DeSTSeg"
    learns_inside = True
    paper = "Zhang, Li, Li, Huang, Shan, Chen: DeSTSeg, Segmentation Guided Denoising Student-Teacher, CVPR 2023"
    settings: DeSTSegSettings

    def __init__(self, settings: DeSTSegSettings) -> None:
        super().__init__(settings)
        _check(settings)
        self.teacher = Teacher(build_backbone(settings.teacher, levels=_LEVELS), name=settings.teacher)
        self.student = Student(build_backbone(settings.teacher, levels=_LEVELS + 1))
        self.segmentation = Segmentation(sum(self.teacher.channels))
        share = settings.top_pixels / (PAPERS_SIZE.height * PAPERS_SIZE.width)
        self.score = Score(kind="top_mean", share=min(share, 1.0))

    def forward(self, images: Images) -> AnomalyMap:
        return self._segmented(self._products(images), images)

    def forward_with_levels(self, images: Images) -> tuple[AnomalyMap, dict[str, Tensor]]:
        """Returns the map, and what the segmentation network has to go by; the levels' product is the official code's
        auxiliary map."""
        teacher, student = self._teacher_vectors(images), self.student(images)
        levels = maps_by_level("student", distances(teacher, student))
        return self._segmented(_multiplied(teacher, student), images), levels

    def _segmented(self, products: Tensor, images: Images) -> AnomalyMap:
        judged = torch.sigmoid(self.segmentation(products).float())
        return interpolate_map(judged, (images.shape[-2], images.shape[-1]))

    def stages(self) -> Sequence[Stage]:
        settings = self.settings
        textures = Path(settings.textures).expanduser() if settings.textures is not None else None
        student_steps = math.ceil(settings.student_share * settings.steps)
        return [
            Stage(
                name="student",
                steps=student_steps,
                trains=self.student,
                loss=self._student_loss,
                optimizer=self._student_optimizer,
                augment=self._turn if settings.rotation != "none" else None,
                moves_photos=settings.rotation != "none",
                targets=TeacherVectors(self.teacher, _LEVELS),
                add_defects=draw_defects,
                textures=textures,
            ),
            Stage(
                name="segmentation",
                steps=max(1, settings.steps - student_steps),
                trains=self.segmentation,
                loss=self._segmentation_loss,
                optimizer=self._segmentation_optimizer,
                augment=self._turn if settings.rotation != "none" else None,
                moves_photos=settings.rotation != "none",
                add_defects=draw_defects,
                textures=textures,
            ),
        ]

    def _turn(self, clean: Images, generator: Generator) -> Images:
        return turn_at_random(clean, self.settings.rotation, generator)

    def _teacher_vectors(self, images: Images) -> tuple[Tensor, ...]:
        return tuple(unit_vectors(features) for features in self.teacher(images))

    def _products(self, images: Images) -> Tensor:
        """Returns the segmentation network's input of Eq. 2 (B, 448 with ResNet-18, h, w), at the finest level's
        resolution."""
        return _multiplied(self._teacher_vectors(images), self.student(images))

    def _student_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Returns, by Eq. 4, the mean over pixels of 1 - cos per level, summed over the whole batch."""
        _check_batch(batch, self.student.encoder.strides[-1])
        student = self.student(batch.images)
        return {
            f"level{level}": mean_inside(1 - (t.float() * unit_vectors(s)).sum(dim=1, keepdim=True), batch.inside)
            * batch.global_size
            for level, (t, s) in enumerate(zip(batch.targets, student, strict=True), start=1)
        }

    def _segmentation_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Returns the focal loss and the L1 distance to the masks, which are shrunk to the map's resolution."""
        assert batch.masks is not None
        _check_batch(batch, self.student.encoder.strides[-1])
        with torch.no_grad():
            products = self._products(batch.images)
        logits = self.segmentation(products).float()
        masks = F.interpolate(batch.masks, size=logits.shape[-2:], mode="bilinear", align_corners=False) >= 0.5
        return segmentation_losses(logits, masks, gamma=self.settings.focal_gamma, inside=batch.inside)

    def _student_optimizer(self, module: nn.Module) -> Optimizer:
        s = self.settings
        return SGD(module.parameters(), lr=s.student_learning_rate, momentum=s.momentum, weight_decay=s.weight_decay)

    def _segmentation_optimizer(self, module: nn.Module) -> Optimizer:
        assert isinstance(module, Segmentation)
        s = self.settings
        groups = [
            {"params": module.residual.parameters(), "lr": s.residual_learning_rate},
            {"params": module.head.parameters(), "lr": s.head_learning_rate},
        ]
        return SGD(groups, momentum=s.momentum, weight_decay=s.weight_decay)


class Student(nn.Module):
    """An encoder that has one level more than the teacher, and a decoder that is a residual network run backwards."""

    def __init__(self, encoder: FeaturePyramid) -> None:
        super().__init__()
        self.encoder = encoder
        silence_residuals(encoder)
        self.decoder = ReversedPyramid(encoder.channels, nonnegative=encoder.nonnegative)

    def forward(self, images: Images) -> tuple[Tensor, ...]:
        """Returns, for images (B, 3, H, W), features of the shapes that the teacher's have."""
        features: tuple[Tensor, ...] = self.decoder(self.encoder(images))
        return features


class Segmentation(nn.Module):
    """The network that turns products of features (B, in_channels, h, w) into logits of being a defect (B, 1, h, w)."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.residual = two_blocks(in_channels, _WIDTH)
        draw_weights(self.residual)
        self.head = nn.Sequential(
            ASPP(_WIDTH, _WIDTH, rates=_RATES), conv_norm_relu(_WIDTH, _WIDTH, kernel=3), nn.Conv2d(_WIDTH, 1, 1)
        )

    def forward(self, products: Tensor) -> Tensor:
        logits: Tensor = self.head(self.residual(products))
        return logits


def _multiplied(teacher: Sequence[Tensor], student: Sequence[Tensor]) -> Tensor:
    """Returns the negative products of the teacher's unit vectors and the student's, at the finest level's
    resolution."""
    finest, *others = (-t * unit_vectors(s) for t, s in zip(teacher, student, strict=True))
    size = finest.shape[-2:]
    resized = (F.interpolate(product, size=size, mode="bilinear", align_corners=False) for product in others)
    return torch.cat([finest, *resized], dim=1)


def segmentation_losses(
    logits: Tensor, masks: Tensor, *, gamma: float, inside: Tensor | None = None
) -> dict[str, Tensor]:
    """Returns both losses from logits (B, 1, h, w) in float32, so that no logarithm of a rounded 0 is taken; masks are
    bool.

    With p the probability given to the truth: focal is the mean of -(1 - p)^gamma log p, L1 the mean of 1 - p.
    """
    signed = torch.where(masks, logits, -logits)
    missed = torch.sigmoid(-signed)
    return {"focal": mean_inside(missed**gamma * F.softplus(-signed), inside), "l1": mean_inside(missed, inside)}


def _check(settings: DeSTSegSettings) -> None:
    if not 0 < settings.student_share < 1:
        raise SettingsError(f"student_share is {settings.student_share}: it is a share, between 0 and 1")
    if settings.top_pixels < 1:
        raise SettingsError(f"top_pixels is {settings.top_pixels}: it must be at least 1")


def _check_batch(batch: Batch, stride: int) -> None:
    """Raises SettingsError where batch norm gets too few values. One is an error of torch's, and of two, which it makes
    -1 and 1, it divides by a difference that may be rounding alone. The student has eight such layers in a row at its
    coarsest resolution: its first gradients were 10^3 to 10^6 with two values there, about 10 with four and 2 with
    eight, in float32."""
    photos, _, height, width = batch.images.shape
    values = photos * -(-height // stride) * -(-width // stride)
    if photos < 2:
        raise SettingsError("DeSTSeg needs at least 2 photos per step and process: raise --batch-size")
    if values < LEAST_VALUES:
        raise SettingsError(
            f"DeSTSeg would diverge: at {height}x{width} pixels and {photos} photos per step and process its coarsest "
            f"features have {values} values, of at least {LEAST_VALUES}: raise --batch-size or --image-size"
        )
