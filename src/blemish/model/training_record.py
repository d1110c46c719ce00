"""What model.json says of the training: on what, how, and how it went."""

import math
import re
from dataclasses import dataclass, field
from typing import Any

from blemish.data.shapes import sizes_counted

_LAST_SHARE, _FALLS, _FEWEST_POINTS = 0.2, 0.1, 5


@dataclass(frozen=True, kw_only=True)
class TeacherRecord:
    """A pretrained network that was imitated."""

    name: str
    sha256: str
    """Checksum of its weights file."""
    origin: str
    """The place that file came from."""


@dataclass(frozen=True, kw_only=True)
class KnownPhoto:
    """A good photo that the model was trained or calibrated with."""

    digest: str
    """The file's contents, by data/digest.py; a copy has the same."""
    file: str
    """Absolute path of where it lay."""
    part: str | None
    """Name of the part that it shows, as others may; None: it shows a part of its own."""


@dataclass(frozen=True, kw_only=True)
class HistoryPoint:
    """One look at a stage while it was trained."""

    step: int
    loss: float
    """Mean over the steps since the last point."""
    losses: dict[str, float]
    """Its named parts, whose sum it is."""
    validation_loss: float | None
    """Mean over the validation photos; None where the stage is not validated."""


@dataclass(frozen=True, kw_only=True)
class StageHistory:
    """The course that one stage of training took."""

    name: str
    steps: int
    best_step: int | None
    """Step with the lowest validation loss, whose weights were chosen; None: those of the last step were."""
    best_loss: float | None
    """The validation loss of that step."""
    gain_step: int
    """Step at which the validation loss last fell by enough to be worth the time: patience counts from there."""
    history: list[HistoryPoint]
    setting: str = "steps"
    """The setting of the method that says how many steps the stage takes at most."""

    @property
    def was_falling(self) -> bool:
        """Returns whether more steps would pay: the lowest figure fell by over a tenth in the last fifth of them.

        The figure is the validation loss, or the training loss where the stage is not validated. Fewer than 5 points
        tell nothing.
        """
        figures = [(p.step, p.loss if p.validation_loss is None else p.validation_loss) for p in self.history]
        before = [figure for step, figure in figures if step <= (1 - _LAST_SHARE) * self.steps]
        if len(figures) < _FEWEST_POINTS or not before:
            return False
        return min(figure for _, figure in figures) < (1 - _FALLS) * min(before)

    def check_values(self) -> None:
        if not 0 <= (self.best_step or 0) <= self.steps:
            raise ValueError(f"step {self.best_step} is kept of {self.steps} steps")
        steps = [point.step for point in self.history]
        if steps != sorted(set(steps)) or (steps and not 0 <= steps[0] <= steps[-1] <= self.steps):
            raise ValueError(f"the history's steps do not rise to {self.steps}")


@dataclass(frozen=True, kw_only=True)
class TrainingRecord:
    """The record of a training that has ended; calibrating anew changes its `photos`, and by
    which pattern their names say what part they show, alone."""

    settings: dict[str, Any]
    """All fields of TrainingSettings."""
    photos: list[KnownPhoto]
    """Those of training in the order of the split: validation, trained on, calibrating. Calibrating anew adds to the
    last ones, or puts others in their place."""
    validation: int
    """How many photos chose the weights."""
    trained_on: int
    calibrating: int
    """How many photos gave the thresholds when training ended."""
    photo_sizes: dict[str, int] = field(default_factory=dict)
    """How many of the photos had each size, written WIDTHxHEIGHT; empty where nobody counted."""
    unreadable: list[str]
    """A line for each photo that was left out."""
    left_out: list[str] = field(default_factory=list)
    """Absolute paths of the good photos that the user left out."""
    could_align: tuple[float, float] | None = None
    """What two good photos correlate by as they lie, and aligned, where that is far more and nobody asked for it."""
    textures: list[str]
    """What synthetic defects were cut from, a line for each folder."""
    stages: list[StageHistory]
    seconds: float
    trained_at: str = ""
    """When training ended: UTC, ISO 8601; empty where an earlier version trained."""
    precision: str
    threads: int
    versions: dict[str, str]
    """Packages and their versions."""
    machine: str
    """Kind of device, and how many processes."""

    @property
    def good_photos(self) -> int:
        """Returns how many photos there were when training began."""
        return self.validation + self.trained_on + self.calibrating

    @property
    def calibrated_from(self) -> int:
        """Returns where in `photos` those begin that gave the thresholds."""
        return self.validation + self.trained_on

    @property
    def known_parts(self) -> frozenset[str]:
        """Returns the names of the parts that known photos show, where they have names."""
        return frozenset(photo.part for photo in self.photos if photo.part is not None)

    @property
    def photos_per_part(self) -> float | None:
        """Returns how many of the photos that gave the thresholds show one part, on average; None without any."""
        calibrating = self.photos[self.calibrated_from :]
        parts = {photo.part or photo.file for photo in calibrating}
        return len(calibrating) / len(parts) if parts else None

    @property
    def digests(self) -> list[str]:
        """The digests that all known photos have."""
        return [photo.digest for photo in self.photos]

    @property
    def files(self) -> list[str]:
        """The paths of all known photos, as they were."""
        return [photo.file for photo in self.photos]

    @property
    def seed(self) -> int:
        """The seed that was trained with."""
        return int(self.settings["seed"])

    @property
    def part_pattern(self) -> str | None:
        """Returns the regular expression that finds a part's name in a photo's; None: each photo shows its own."""
        pattern: str | None = self.settings["part"]
        return pattern

    def check_values(self) -> None:
        if min(self.validation, self.trained_on, self.calibrating, self.threads) < 0 or self.seconds < 0:
            raise ValueError("a count of photos or threads, or a time, is below 0")
        if len(self.photos) < self.calibrated_from:
            raise ValueError(f"{len(self.photos)} photos are listed, {self.calibrated_from} and more were trained on")
        sizes_counted(self.photo_sizes)
        if type(self.settings.get("seed")) is not int:
            raise ValueError("settings have no seed")
        _check_pattern(self.settings.get("part", math.nan))


def _check_pattern(pattern: object) -> None:
    if pattern is None:
        return
    if not isinstance(pattern, str):
        raise ValueError("settings do not say what part a photo shows")
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"settings.part is no regular expression ({error})") from error
