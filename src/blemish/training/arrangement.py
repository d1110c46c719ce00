"""In which order good photos are trained on, so that each use of them is one stretch of the list.

Where a dataset keeps validation photos apart, these calibrate, and a quarter of them validates while training goes on;
all of its photos to train on are trained on. Else a share of these is held out, see `split`.
"""

import typing
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blemish.data.dataset import Dataset, Sample
from blemish.data.images import Size
from blemish.data.part_names import parts_of
from blemish.errors import DataError, SettingsError
from blemish.training.settings import TrainingSettings
from blemish.training.split import MOST_VALIDATION, VALIDATION, Split, shuffled, split

if TYPE_CHECKING:
    from blemish.detectors import Stage


def validates_weights(stages: "Sequence[Stage]") -> bool:
    """Returns whether a method chooses its weights by the validation loss."""
    return any(stage.validation_loss is not None for stage in stages)


def method_validates(method: str, settings: Mapping[str, Any]) -> tuple[bool, Size]:
    """Returns whether a method with these settings does, and the (height, width) it sees; the rest is as by default.

    Raises SettingsError for an unknown method, and settings that it has not.
    """
    import torch

    from blemish.detectors import DETECTORS
    from blemish.detectors.settings import image_size_of

    if method not in DETECTORS:
        raise SettingsError(f"method {method!r} is unknown: give one of {', '.join(DETECTORS)}")
    sized = {"image_size": image_size_of(settings["image_size"])} if "image_size" in settings else {}
    known = DETECTORS[method].Settings.from_json({**settings, **sized})
    with torch.random.fork_rng(devices=[]):
        return validates_weights(DETECTORS[method](known).stages()), known.image_size


def intended(method: str | None, settings: Mapping[str, Any]) -> tuple[TrainingSettings, bool, Size]:
    """Returns what settings of both kinds say of a training: its own, whether it validates weights, and the size it
    sees.

    Without a method, the default is assumed, which keeps its last weights, or one that keeps what it is told to; torch
    need not be installed for that. Raises SettingsError.
    """
    known = typing.get_type_hints(TrainingSettings)
    training = TrainingSettings(**{name: value for name, value in settings.items() if name in known})
    training.check()
    own = {name: value for name, value in settings.items() if name not in known}
    if method is not None:
        return training, *method_validates(method, own)
    keep, size = own.pop("keep", "last"), own.pop("image_size", 256)
    if own or keep not in ("best", "last"):
        raise SettingsError(f"unknown setting {', '.join(own) or keep}: give the method that has it")
    return training, keep == "best", (size, size) if isinstance(size, int) else size


def arranged(found: Dataset, training: TrainingSettings, *, validates: bool) -> list[Sample]:
    """Returns all good photos in the order that `divided` takes them: validating, trained on, calibrating."""
    train = shuffled(found.train, seed=training.seed, part=training.part)
    if not found.validation:
        return train
    apart = shuffled(found.validation, seed=training.seed, part=training.part)
    first = _validating(parts_of(apart, training.part)) if validates else 0
    return [*apart[:first], *train, *apart[first:]]


def divided(
    paths: Sequence[Path], parts: Sequence[str], apart: Collection[Path], *, held_out: float, validates: bool
) -> Split:
    """Divides photos in the order of `arranged`, of which some may have been left out since.

    `apart` are those that the dataset keeps apart. Raises DataError where what is left cannot be divided.
    """
    if not apart:
        return split(parts, held_out=held_out, validates=validates)
    trained = np.array([path not in apart for path in paths], np.bool_)
    places = np.flatnonzero(trained)
    if not len(places):
        raise DataError("none of the photos to train on can be read; validation photos only calibrate")
    start, end = int(places[0]), int(places[-1]) + 1
    if end == len(paths):
        raise DataError("none of the validation photos that should calibrate can be read, or all are copies")
    first, train, last = np.split(np.arange(len(paths)), [start, end])
    return Split(validation=first, train=train, calibrating=last)


def _validating(parts: Sequence[str]) -> int:
    """Returns how many photos a quarter is, in whole parts; none where one part is all there is."""
    photos = len(parts)
    wanted = min(max(1, round(VALIDATION * photos)), MOST_VALIDATION)
    edges = [i for i in range(1, photos) if parts[i] != parts[i - 1]]
    return min((edge for edge in edges if edge >= wanted), default=0)
