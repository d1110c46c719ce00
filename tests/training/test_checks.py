"""What is refused before training begins."""

from pathlib import Path
from typing import Any

import pytest

import blemish
from blemish.data.dataset import Dataset
from blemish.detectors import ImageSize
from blemish.detectors.destseg import DeSTSegSettings
from blemish.detectors.mend import MendSettings
from blemish.detectors.stpm import STPMSettings
from blemish.errors import DataError, SettingsError
from blemish.training.settings import TrainingSettings
from blemish.training.train import train_detector


@pytest.mark.parametrize(
    ("settings", "training", "named"),
    [
        (STPMSettings(steps=0), TrainingSettings(), "steps"),
        (STPMSettings(), TrainingSettings(batch_size=0), "batch_size"),
        (STPMSettings(image_size=ImageSize(256, 16)), TrainingSettings(), "image_size"),
        (STPMSettings(image_size=ImageSize(20_000, 64)), TrainingSettings(), "32 to 16384 pixels"),
        (STPMSettings(), TrainingSettings(held_out=1.0), "held_out"),
        (STPMSettings(teacher="resnet19"), TrainingSettings(), "resnet19"),
        (STPMSettings(), TrainingSettings(seed=-1), "seed"),
        (STPMSettings(), TrainingSettings(seed=1 << 64), "seed"),
        (STPMSettings(momentum=float("nan")), TrainingSettings(), "momentum is nan"),
        (STPMSettings(), TrainingSettings(cache_memory=-1), "cache_memory"),
        (STPMSettings(), TrainingSettings(cache_memory=float("nan")), "cache_memory"),
        (STPMSettings(learning_rate=-1), TrainingSettings(), "stage student .*learning rate"),
        (STPMSettings(recipe="paper", patience=24), TrainingSettings(), "patience is 24.*at least check_every"),
        (
            STPMSettings(recipe="paper", patience=50, keep="last"),
            TrainingSettings(),
            "patience is 50.*set keep to best",
        ),
    ],
)
def test_impossible_settings_are_refused_by_name_before_any_photo_is_read(
    tmp_path: Path, settings: STPMSettings, training: TrainingSettings, named: str
) -> None:
    with pytest.raises(SettingsError, match=named):
        train_detector("stpm", [], run=tmp_path / "run", settings=settings, training=training)


def test_a_later_stage_that_cannot_be_trained_is_refused_before_the_first_begins(tmp_path: Path) -> None:
    settings = DeSTSegSettings(head_learning_rate=-0.1)
    with pytest.raises(SettingsError, match="stage segmentation cannot be trained so"):
        train_detector("destseg", [], run=tmp_path / "run", settings=settings)


@pytest.mark.parametrize("steps", [0, -3])
def test_a_stage_of_no_steps_is_refused(tmp_path: Path, steps: int) -> None:
    """Its network would judge as it was drawn."""
    settings = MendSettings(learns="decoder_first", decoder_steps=steps)
    with pytest.raises(SettingsError, match=f"decoder_steps is {steps}: it must be at least 1"):
        train_detector("mend", [], run=tmp_path / "run", settings=settings)


def test_a_folder_of_textures_that_is_not_there_is_named_before_any_photo_is_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere: no such folder of textures"):
        train_detector(
            "destseg", [], run=tmp_path / "run", settings=DeSTSegSettings(textures=str(tmp_path / "nowhere"))
        )


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"precision": "half"}, "precision cannot be 'half': it must be .*'bf16'"),
        ({"batch_size": "8"}, "batch_size cannot be '8'"),
        ({"image_size": (256,)}, "image_size cannot be"),
        ({"image_size": "256"}, "image_size cannot be"),
        ({"resume": True, "overwrite": True}, "one of the two"),
    ],
)
def test_a_setting_of_another_type_is_refused_by_name(
    parts: Dataset, tmp_path: Path, settings: dict[str, Any], named: str
) -> None:
    with pytest.raises(SettingsError, match=named):
        blemish.train("stpm", parts, tmp_path / "run", **settings)
