"""In which order good photos are trained on, so that each use of them is one stretch of the list.

Where a dataset keeps validation photos apart, these calibrate, and a quarter of them validates while training goes on;
all of its photos to train on are trained on. Else a share of these is held out, see `split`.
"""

import typing
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blemish.data.dataset import Dataset, Sample
from blemish.data.framing import Framing
from blemish.data.framing_choice import choose_framing, typical_sizes
from blemish.data.images import Size
from blemish.data.part_names import parts_of
from blemish.data.pixel_limit import allow_pixels
from blemish.data.survey import survey
from blemish.errors import DataError, SettingsError
from blemish.training.settings import TrainingSettings
from blemish.training.split import MOST_VALIDATION, VALIDATION, Split, shuffled, split

if TYPE_CHECKING:
    from blemish.detectors import DetectorSettings, ImageSize, Stage

_FEW = 200  # photos; of more, the first lie far from those that calibrate, whatever is left out


def validates_weights(stages: "Sequence[Stage]") -> bool:
    """Returns whether a method chooses its weights by the validation loss."""
    return any(stage.validation_loss is not None for stage in stages)


def method_validates(method: str, settings: Mapping[str, Any]) -> tuple[bool, "ImageSize"]:
    """Returns whether a method with these settings does, and the size it was asked for; the rest is as by default.

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


@dataclass(frozen=True, kw_only=True)
class Intention:
    """What settings of both kinds say of a training that may come."""

    training: TrainingSettings
    validates: bool
    """Whether it chooses its weights by the validation loss."""
    image_size: Size
    """The (height, width) that was asked for."""
    any_shape: bool
    """Whether of that only the area counts."""

    def framing(self, sizes: Mapping[Size, int]) -> Framing:
        """Returns how photos of such sizes would be framed; raises SettingsError."""
        return _framing(sizes, self.image_size, self.training, any_shape=self.any_shape)


def intended(method: str | None, settings: Mapping[str, Any]) -> Intention:
    """Returns what settings say of a training.

    Without a method, the default is assumed, which keeps its last weights, or one that keeps what it is told to; torch
    need not be installed for that. Raises SettingsError.
    """
    known = typing.get_type_hints(TrainingSettings)
    training = TrainingSettings(**{name: value for name, value in settings.items() if name in known})
    training.check()
    own = {name: value for name, value in settings.items() if name not in known}
    if method is not None:
        validates, chosen = method_validates(method, own)
        size, any_shape = (chosen.height, chosen.width), _is_area(chosen)
    else:
        keep, given = own.pop("keep", "last"), own.pop("image_size", 256)
        if own or keep not in ("best", "last"):
            raise SettingsError(f"unknown setting {', '.join(own) or keep}: give the method that has it")
        validates, any_shape = keep == "best", isinstance(given, int)
        size = (given, given) if isinstance(given, int) else given
    return Intention(training=training, validates=validates, image_size=size, any_shape=any_shape)


def asked_framing(
    settings: "DetectorSettings", training: TrainingSettings, found: Dataset
) -> tuple[Framing, dict[Size, int]]:
    """Returns how the photos of a data set are framed, and the sizes of some of them; raises SettingsError."""
    allow_pixels(training.max_pixels)
    sizes = typical_sizes([s.image for s in (*found.train, *found.validation)], reading=training.reading)
    return _framing(sizes, settings.image_size, training, any_shape=_is_area(settings.image_size)), sizes


def _is_area(size: Size) -> bool:
    from blemish.detectors.settings import AreaSize

    return isinstance(size, AreaSize)


def _framing(sizes: Mapping[Size, int], image_size: Size, training: TrainingSettings, *, any_shape: bool) -> Framing:
    try:
        return choose_framing(
            sizes,
            image_size,
            any_shape=any_shape,
            aspect=training.aspect,
            tiles=training.tiles,
            overlap=training.overlap,
            max_pixels=training.max_pixels,
            reading=training.reading,
            white_level=training.asked_white,
        )
    except ValueError as error:
        raise SettingsError(str(error)) from error


def arranged(found: Dataset, training: TrainingSettings, *, validates: bool) -> list[Sample]:
    """Returns all good photos in the order that `divided` takes them: validating, trained on, calibrating."""
    train = shuffled(found.train, seed=training.seed, part=training.part)
    if not found.validation:
        return train
    apart = shuffled(found.validation, seed=training.seed, part=training.part)
    first = _validating(parts_of(apart, training.part)) if validates else 0
    return [*apart[:first], *train, *apart[first:]]


def trained_on(found: Dataset, training: TrainingSettings) -> list[Sample]:
    """Returns the good photos that calibrate nothing, in the order of `arranged`: what is learned before they are read
    is learned from the first of these."""
    samples = arranged(found, training, validates=False)
    if len(samples) <= _FEW:
        samples = _usable(samples, training)
    if len(samples) < 2:
        return samples
    apart = {sample.image for sample in found.validation}
    paths, parts = [sample.image for sample in samples], parts_of(samples, training.part)
    return [samples[i] for i in divided(paths, parts, apart, held_out=training.held_out, validates=False).train]


def _usable(samples: Sequence[Sample], training: TrainingSettings) -> list[Sample]:
    """Leaves out copies and what cannot be read, each of which would move the others towards those that calibrate."""
    paths = [sample.image for sample in samples]
    seen = survey(paths, decode=True, reading=training.reading, asked_white=training.asked_white)
    different = set(seen.different)
    return [sample for sample in samples if sample.image in different]


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
