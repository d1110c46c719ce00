"""What is refused before training begins."""

import math
from collections.abc import Sequence
from pathlib import Path

from blemish.data.dataset import Dataset
from blemish.detectors import DetectorSettings, Stage
from blemish.errors import ArtifactError, DataError, SettingsError
from blemish.files import make_folder
from blemish.model.artifact import LARGEST_SIDE, MODEL_FILE
from blemish.training.checkpoint import CHECKPOINT_FILE
from blemish.training.run_file import RUN_FILE
from blemish.training.settings import TrainingSettings
from blemish.wording import as_argument, brief

SMALLEST_SIDE = 32  # pixels; two at the coarsest of three levels, for batch norm


def check_settings(settings: DetectorSettings, training: TrainingSettings) -> None:
    """Raises SettingsError for settings that contradict each other or the machine."""
    training.check()
    if settings.steps is not None and settings.steps < 1:
        raise SettingsError(f"steps is {settings.steps}: it must be at least 1")
    if not SMALLEST_SIDE <= min(settings.image_size) <= max(settings.image_size) <= LARGEST_SIDE:
        raise SettingsError(
            f"image_size is {settings.image_size}: both sides must be {SMALLEST_SIDE} to {LARGEST_SIDE} pixels"
        )
    for name, value in settings.to_json().items():
        if isinstance(value, float) and not math.isfinite(value):
            raise SettingsError(f"{name} is {value}: it must be a number")


def check_stages(stages: Sequence[Stage], training: TrainingSettings) -> None:
    """Raises SettingsError or DataError for what would end a later stage, before the first begins."""
    for stage in stages:
        if stage.steps < 1:
            raise SettingsError(f"{stage.setting} is {stage.steps}: it must be at least 1")
        try:
            rates = [group["lr"] for group in stage.optimizer(stage.trains).param_groups]
        except ValueError as error:
            raise SettingsError(f"stage {stage.name} cannot be trained so: {brief(error)}") from error
        if not all(0 <= rate < math.inf for rate in rates):  # torch does not look at those of single groups
            raise SettingsError(f"stage {stage.name} cannot be trained so: its learning rates are {rates}")
        if stage.textures is not None and not stage.textures.is_dir():
            raise DataError(f"{stage.textures}: no such folder of textures; check the path")
        if stage.validation_loss is not None and stage.patience is not None and stage.patience < training.check_every:
            raise SettingsError(
                f"patience is {stage.patience}: it must be at least check_every ({training.check_every}), for between "
                "two checks nothing can improve"
            )


def check_folder(run: Path, *, apart_from: Dataset, resume: bool, overwrite: bool) -> None:
    """Nothing that took long to compute is lost by repeating a command, or for want of a folder to write into.

    Raises ArtifactError, OutputError, SettingsError.
    """
    if resume and overwrite:
        raise SettingsError("resume goes on with what the folder holds, overwrite replaces it: give one of the two")
    _check_apart(run, apart_from)
    make_folder(run)
    trained, unfinished = (run / MODEL_FILE).exists(), (run / CHECKPOINT_FILE).exists()
    if trained and resume and not unfinished:
        raise ArtifactError(
            f"{run} is already trained: there is nothing to resume; to train for longer, from the start: `blemish "
            f"train --from {as_argument(run / RUN_FILE)} NEW_RUN --steps MORE`"
        )
    if trained and not (resume or overwrite):
        raise ArtifactError(f"{run} already holds a trained model: give another folder, or --overwrite")
    if unfinished and not (resume or overwrite):
        raise ArtifactError(f"{run} holds an unfinished training: give --resume to go on, or --overwrite to start anew")


def _check_apart(run: Path, found: Dataset) -> None:
    """A model among its photos, or above them, would hide those in sub-folders from the next command; raises
    SettingsError."""
    places = {found.base, *(sample.image.parent for sample in (*found.train, *found.validation, *found.test))}
    if run.resolve() in {place.resolve() for place in places}:
        raise SettingsError(f"{run} is a folder of photos: give the model a folder of its own, such as {run / 'model'}")
    below = next((place for place in sorted(places) if run.resolve() in place.resolve().parents), None)
    if below is not None:
        raise SettingsError(
            f"{run} holds the folder of photos {below}: give the model a folder of its own, such as {run / 'model'}"
        )
