"""Settings of training that no method owns."""

import math
from dataclasses import dataclass
from typing import Literal

from blemish.data.framing import DARKEST_WHITE, OVERLAP, OVERLAPS, WHITES
from blemish.data.framing_choice import Aspect
from blemish.data.pixel_limit import MOST_PIXELS
from blemish.data.reading import Reading
from blemish.errors import SettingsError

Precision = Literal["auto", "fp32", "bf16"]
Extent = Literal["off", "mild", "strong"]


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """The settings by which any detector is trained."""

    seed: int = 0
    """Seed of the weights, the split, the order of photos and every synthetic defect."""
    batch_size: int = 32
    """Photos per step, over all processes. A smaller folder makes a smaller batch, or fills it where photos vary."""
    held_out: float = 0.2
    """Share of the good photos never trained on: it gives the thresholds; a quarter chooses weights, where any are."""
    part: str | None = None
    """Regular expression for which part a photo's name says it shows, where several show one, such as (.+)_[0-9]+."""
    light: Extent = "off"
    """How much brightness, contrast and colour vary in training: mild is a tenth brighter or darker, strong a fifth."""
    pose: Extent = "off"
    """How far photos move in training: mild is 1/64 of their sides, 2 degrees, 2 % in size; strong 1/16, 5 and 6 %."""
    false_alarms: float = 0.01
    """Share of good photos that the threshold may call anomalous."""
    region_thresholds: Literal["shared", "own"] = "shared"
    """Whether regions of interest share one threshold, or each has its own; both keep the promise of all together."""
    check_every: int = 25
    """Steps between two looks at the photos that choose the weights."""
    checkpoint_every: int = 100
    """Steps between two checkpoints: as much is lost at most when training is killed."""
    cache_memory: float = 4.0
    """Gigabytes for photos, textures and teacher features; what does not fit is read or computed again."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    precision: Precision = "auto"
    """How exactly training computes: auto rounds more (bf16) where processor or GPU are made for it, or not (fp32)."""

    aspect: Aspect = "keep"
    """keep: photos are not squeezed, and those of another shape get mirrored borders; squeeze: all to --image-size."""
    tiles: int | str = "off"
    """For small defects on large photos: off, auto (where shrunk more than twice), or a tile's length in pixels."""
    overlap: int = OVERLAP
    """How many of a tile's --image-size pixels its neighbour sees too; half of them at most."""
    max_megapixels: int | None = None
    """Most millions of pixels of a photo, here and wherever the model judges; none: 89, as Pillow decodes unasked."""

    align: bool | None = False
    """Whether photos are laid on one another, here and wherever the model judges; none: where good parts lie anyhow."""
    pages: int | str = "first"
    """Which pages of a file are the photo: first, a number from 1, or three grey ones as red, green, blue: 1,2,3."""
    channels: int | str = "all"
    """Which channels of a file are the photo: all, a number from 1 for a grey one, or three such as 3,2,1."""
    white_level: int | str = "auto"
    """The value that is white in files of 16 bits, such as 4095 of a 12-bit camera; auto: by their tags or values."""

    @property
    def reading(self) -> Reading:
        """Which pages and channels of files are read; ValueError where they cannot be."""
        return Reading.asked(pages=self.pages, channels=self.channels)

    @property
    def asked_white(self) -> int | None:
        """The value that is white in files of 16 bits; None where it is to be found out."""
        return None if isinstance(self.white_level, str) else self.white_level

    @property
    def max_pixels(self) -> int | None:
        """The most pixels of a photo; None where Pillow's own limit is meant."""
        return None if self.max_megapixels is None else self.max_megapixels * 10**6

    @property
    def varies(self) -> bool:
        """Says whether photos vary in training."""
        return self.light != "off" or self.pose != "off"

    def check(self) -> None:
        """Raises SettingsError for a number that its setting cannot take."""
        for name in ("batch_size", "check_every", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} is {getattr(self, name)}: it must be at least 1")
        for name in ("held_out", "false_alarms"):
            if not 0 < getattr(self, name) < 1:
                raise SettingsError(f"{name} is {getattr(self, name)}: it is a share, between 0 and 1")
        if not OVERLAPS[0] <= self.overlap <= OVERLAPS[1]:
            raise SettingsError(f"overlap is {self.overlap}: it must be {OVERLAPS[0]} to {OVERLAPS[1]} pixels")
        if isinstance(self.tiles, str) and self.tiles not in ("off", "auto"):
            raise SettingsError(f"tiles is {self.tiles!r}: give off, auto, or how many pixels of the photo a tile has")
        most = MOST_PIXELS // 10**6
        if self.max_megapixels is not None and not 1 <= self.max_megapixels <= most:
            raise SettingsError(f"max_megapixels is {self.max_megapixels}: it must be 1 to {most}")
        self._check_files()
        if not 0 <= self.seed < 1 << 63:
            raise SettingsError(f"seed is {self.seed}: it must be at least 0 and below 2^63")
        if not 0 <= self.cache_memory < math.inf:
            raise SettingsError(f"cache_memory is {self.cache_memory}: it is a number of gigabytes, at least 0")

    def _check_files(self) -> None:
        try:
            _ = self.reading
        except ValueError as error:
            raise SettingsError(str(error)) from error
        white, highest = self.asked_white, WHITES[-1]
        if self.white_level != "auto" and (white is None or not DARKEST_WHITE <= white <= highest):
            raise SettingsError(
                f"white_level is {self.white_level!r}: give auto, or the value that is white in files of 16 bits, "
                f"{DARKEST_WHITE} to {highest}"
            )
