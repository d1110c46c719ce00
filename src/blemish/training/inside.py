"""What of the photos is learned from: regions of interest, as a training's batches need them."""

import dataclasses
import hashlib
import json
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from blemish.data.drawn_regions import DrawnInterest
from blemish.data.interest import Inside, Interest
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
    for own, path in {own: path for path, own in sizes.items()}.items():
        interest.check_map(photos.framing.map_size(own), name=str(path))
    shares = interest.masks(photos.framing.map_size(size))
    said = ", ".join(f"{name} {mask.mean():.1%}" for name, mask in shares.items())
    _log.info("of each photo, only regions of interest count (%s of it); unusual photos are looked for in all", said)
    return interest


def draw_inside(
    add_defects: AddDefects, clean: Images, textures: Images, generator: Generator, *, inside: Inside
) -> tuple[Images, Tensor]:
    """Returns what a stage's `add_defects` does, inside (B, h, w) alone: what lies outside stays as it was.

    They are drawn in a window of each frame, so that most of them reach what counts.
    """
    places = [(..., *window) for window in windows_around(inside)]
    drawn, masks = add_defects(_cut(clean, places), _cut(textures, places), generator)
    counts = torch.from_numpy(inside[:, None]).to(clean.device)
    images, everywhere = clean.clone(), torch.zeros_like(clean[:, :1])
    for number, place in enumerate(places):
        here = counts[number][place]
        images[number][place] = torch.where(here, drawn[number], clean[number][place])
        everywhere[number][place] = masks[number] * here
    return images, everywhere


def windows_around(inside: Inside) -> list[tuple[slice, slice]]:
    """Returns of frames (B, h, w) the rows and columns of a window around all that is inside, each of something.

    All windows are as large as the largest, half of either side at least: the sizes of synthetic defects are shares of
    the window's.
    """
    return list(zip(_spans(np.any(inside, axis=2)), _spans(np.any(inside, axis=1)), strict=True))


def _spans(inside: NDArray[np.bool_]) -> list[slice]:
    """Returns a stretch around what is inside of each line (B, length), all of one length."""
    side = inside.shape[1]
    first, after = inside.argmax(axis=1), side - inside[:, ::-1].argmax(axis=1)
    length = max(int((after - first).max()), round(LEAST_WINDOW * side))
    starts = np.clip((first + after - length) // 2, 0, side - length)
    return [slice(start, start + length) for start in starts.tolist()]


def _cut(frames: Images, places: Sequence[tuple[Any, ...]]) -> Images:
    return torch.stack([frame[place] for frame, place in zip(frames, places, strict=True)])


def checksum_of(interest: Interest | None) -> str | None:
    """Returns what tells one choice of regions from another, for a checkpoint; None where all of a photo counts."""
    if interest is None:
        return None
    text = json.dumps(dataclasses.asdict(interest), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
