"""From what was asked for, by name, to a training: one way for the command, for Python and for run.json."""

import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from blemish.data.dataset import Dataset
from blemish.data.drawn_regions import EVERYTHING, AskedInterest
from blemish.data.leave_out import without_photos
from blemish.detectors import DETECTORS
from blemish.detectors.settings import image_size_of, typed_setting
from blemish.errors import SettingsError
from blemish.model.artifact import Artifact
from blemish.progress import OnProgress
from blemish.training.run_file import PhotosOrigin
from blemish.training.settings import TrainingSettings
from blemish.training.train import train_detector


def train_as_asked(
    method: str,
    photos: Dataset,
    run: Path,
    asked: Mapping[str, Any],
    *,
    teacher_weights: Sequence[Path],
    leave_out: Sequence[Path],
    origin: PhotosOrigin | None,
    resume: bool,
    overwrite: bool,
    on_progress: OnProgress,
    interest: AskedInterest = EVERYTHING,
) -> Artifact:
    """Trains with the settings `asked` for, fields of the method's or of TrainingSettings, the others as by default.

    Raises SettingsError for a method or a setting that there is not, and what `train` does.
    """
    if method not in DETECTORS:
        raise SettingsError(f"method {method!r} is unknown: give one of {', '.join(DETECTORS)}")
    known = typing.get_type_hints(TrainingSettings)
    sized = {"image_size": image_size_of(asked["image_size"])} if asked.get("image_size") is not None else {}
    own = {name: value for name, value in {**asked, **sized}.items() if name not in known}
    of_training = {name: typed_setting(name, value, known[name]) for name, value in asked.items() if name in known}
    photos.good_photos()  # or an error that says what to name instead
    photos, left_out = without_photos(photos, leave_out)
    return train_detector(
        method,
        photos,
        run=run,
        settings=DETECTORS[method].Settings.from_json(own, others=known),
        training=TrainingSettings(**{**DETECTORS[method].training_defaults, **of_training}),
        teacher_weights=teacher_weights,
        left_out=left_out,
        origin=origin,
        asked=interest,
        resume=resume,
        overwrite=overwrite,
        on_progress=on_progress,
    )
