"""The methods that contracts are tested on, as small as they get, and how tests train them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from blemish.data.dataset import Dataset, Sample
from blemish.data.images import read_image, resize_image
from blemish.detectors import DETECTORS, Detector, ImageSize, destseg
from blemish.model.artifact import Artifact
from blemish.networks import BACKBONES
from blemish.networks.backbone import IMAGENET_MEAN, IMAGENET_STD, Backbone, FeaturePyramid, draw_weights
from blemish.networks.pretrained import WeightsSource
from blemish.networks.resnet import BasicBlock
from blemish.networks.teacher import Teacher
from blemish.training.settings import TrainingSettings
from blemish.training.train import train_detector
from contract.two_stage import TwoStage

ALL: dict[str, type[Detector]] = {**DETECTORS, "two_stage": TwoStage}
SIZE = ImageSize(32, 32)  # the smallest that training takes
SMALL_TEACHER = "small"
SMALLEST: dict[str, dict[str, Any]] = {"rstpm": {"second_teacher": SMALL_TEACHER, "reconstruction": "lite"}}
"""Settings that make a method as small as it gets."""
NARROW = 16  # channels of DeSTSeg's segmentation network where nothing is asked of what it learns
TRAINING = TrainingSettings(batch_size=4, check_every=2, checkpoint_every=3, held_out=0.25, light="mild", pose="mild")


def settings_of(method: str, **values: Any) -> Any:
    fixed = {"teacher": SMALL_TEACHER, "steps": 7, **SMALLEST.get(method, {})}
    return ALL[method].Settings(image_size=SIZE, **fixed | values)


class SmallPyramid(FeaturePyramid):
    """ResNet-18 with one block a level instead of two, and a quarter of the channels: nothing here asks what it saw."""

    nonnegative = True
    stem_channels = 16

    def __init__(self, levels: int) -> None:
        channels = (16, 32, 64, 128)[:levels]
        super().__init__(channels=channels, mean=IMAGENET_MEAN, std=IMAGENET_STD)
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.shrink = nn.MaxPool2d(3, stride=2, padding=1)
        self.blocks = nn.ModuleList(
            BasicBlock(before, width, stride=1 if width == 16 else 2)
            for before, width in zip((16, *channels), channels, strict=False)
        )
        draw_weights(self)

    def features(self, normalised: Tensor) -> tuple[Tensor, ...]:
        return self.features_with_stem(normalised)[:-1]

    def features_with_stem(self, normalised: Tensor) -> tuple[Tensor, ...]:
        stem = self.stem(normalised)
        levels = [self.shrink(stem)]
        for block in self.blocks:
            levels.append(block(levels[-1]))
        return (*levels[1:], stem)


@contextmanager
def small_methods() -> Iterator[None]:
    """While it is open, the small teacher and the method of the tests have names, and DeSTSeg is narrow."""
    nowhere = WeightsSource(file_name="small.pth", sha256="0" * 64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BACKBONES, SMALL_TEACHER, Backbone(build=SmallPyramid, weights=nowhere))
        patch.setitem(DETECTORS, "two_stage", TwoStage)
        patch.setattr(destseg, "_WIDTH", NARROW)
        yield


def drawn(method: str) -> Detector:
    torch.manual_seed(3)
    detector = ALL[method](settings_of(method))
    detector.eval()
    return detector


def few(parts: Dataset) -> tuple[Sample, ...]:
    return parts.train[:12]


def teacher_files(method: str, teacher: Path) -> list[Path]:
    return [teacher] * _teachers(method)


@cache
def _teachers(method: str) -> int:
    return sum(isinstance(module, Teacher) for module in drawn(method).modules())


def trained(method: str, parts: Dataset, run: Path, teacher: Path, **options: Any) -> Artifact:
    options = {"training": TRAINING, "settings": settings_of(method), **options}
    return train_detector(method, few(parts), run=run, teacher_weights=teacher_files(method, teacher), **options)


def images(samples: Sequence[Sample]) -> torch.Tensor:
    pixels = [torch.from_numpy(resize_image(read_image(sample.image), SIZE)) for sample in samples]
    return torch.stack(pixels).permute(0, 3, 1, 2).float() / 255
