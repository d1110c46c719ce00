"""What of the photos is learned from: regions of interest, as a training's batches need them."""

import dataclasses
import hashlib
import json
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from blemish.data.drawn_regions import DrawnInterest
from blemish.data.interest import Interest
from blemish.detectors import Images, Stage
from blemish.errors import DataError, SettingsError
from blemish.training.photo_store import PhotoStore
from blemish.wording import some_of

AddDefects = Callable[[Images, Images, Generator], tuple[Images, Tensor]]
LEAST_WINDOW = 0.5  # of a frame's sides

_log = logging.getLogger("blemish")


def interest_on(drawn: DrawnInterest, photos: PhotoStore, stages: Sequence[Stage]) -> Interest:
    """Returns the regions on the photos, most of which are of one size.

    Raises DataError where a region does not fit them, where a photo has another shape, and where nothing of a region
    is left at the size that the network sees; SettingsError where photos are turned or mirrored in training.
    """
    if any(stage.moves_photos for stage in stages):
        raise SettingsError(
            "a region of interest says where the part lies in the photos, and training would turn or mirror them: set "
            "lie to fixed (rotation to none), or give no region"
        )
    sizes = {path: photos.facts[path].size for path in photos.paths}
    (size, _), *_ = Counter(sizes.values()).most_common(1)
    interest = drawn.on(size)
    strange = []
    for path, own in sizes.items():
        try:
            interest.check_photo(own, name=str(path))
        except DataError:
            strange.append(path)
    if strange:
        raise DataError(
            f"{len(strange)} of {len(sizes)} photos have another shape than {size[1]}x{size[0]} (width x height), on "
            f"which the regions of interest lie: {some_of(strange)}; name them in a file for --leave-out"
        )
    interest.check_map(map_size := photos.framing.map_size(size))
    said = ", ".join(f"{name} {mask.mean():.1%}" for name, mask in interest.masks(map_size).items())
    _log.info("of each photo, only regions of interest count (%s of it); unusual photos are looked for in all", said)
    return interest


@dataclass(frozen=True, kw_only=True)
class InsideFrames:
    """Where frames count, and how synthetic defects are drawn there."""

    mask: Tensor
    """(1, 1, h, w) float32, 1 where a frame counts, else 0."""
    window: tuple[slice, slice]
    """Rows and columns that hold all that counts, see `window_around`."""

    def of(self, frames: Tensor) -> Tensor:
        """Returns where each of some frames (B, 3, h, w) counts, (B, 1, h, w)."""
        return self.mask.expand(len(frames), -1, -1, -1)

    def with_defects(
        self, add_defects: AddDefects, clean: Images, textures: Images, generator: Generator
    ) -> tuple[Images, Tensor]:
        """Returns what a stage's `add_defects` does, inside alone: what lies outside stays as it was.

        They are drawn in the window, so that most of them reach what counts.
        """
        place = (..., *self.window)
        drawn, masks = add_defects(clean[place], textures[place], generator)
        counts = self.mask[place] > 0
        images, everywhere = clean.clone(), torch.zeros_like(clean[:, :1])
        images[place] = torch.where(counts, drawn, clean[place])
        everywhere[place] = masks * counts
        return images, everywhere


def inside_frames(interest: Interest, photos: PhotoStore, device: torch.device) -> InsideFrames:
    """Returns where the photos' frames count."""
    inside = interest.inside(photos.framing.map_size(interest.size))
    mask = torch.from_numpy(inside.astype(np.float32))[None, None].to(device)
    return InsideFrames(mask=mask, window=window_around(inside))


def window_around(inside: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Returns the rows and columns of the window around all that is inside (h, w), half of either side at least: the
    sizes of synthetic defects are shares of the window's."""
    spans = []
    for axis in (0, 1):
        found = np.flatnonzero(inside.any(axis=1 - axis))
        first, last, side = int(found[0]), int(found[-1]) + 1, inside.shape[axis]
        length = max(last - first, round(LEAST_WINDOW * side))
        start = min(max(0, (first + last - length) // 2), side - length)
        spans.append(slice(start, start + length))
    return spans[0], spans[1]


def checksum_of(interest: Interest | None) -> str | None:
    """Returns what tells one choice of regions from another, for a checkpoint; None where all of a photo counts."""
    if interest is None:
        return None
    text = json.dumps(dataclasses.asdict(interest), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
