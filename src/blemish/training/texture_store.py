"""What synthetic defects are made of: a folder's pictures, or noise and pieces of the training photos."""

import hashlib
import logging
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor

from blemish.data.framing import Framing
from blemish.data.listing import look_through
from blemish.detectors import Stage
from blemish.errors import DataError
from blemish.process import available_cores
from blemish.synthesis.textures import alter_pieces, draw_patterns
from blemish.training.photo_store import Indices, PhotoStore
from blemish.training.seeds import seed_of

FEWEST_PICTURES = 64  # pictures kept however little memory is allowed

OnPicture = Callable[[int, int], object]

_log = logging.getLogger("blemish")


class Textures:
    """The pictures that lie decoded on the training device, and how a batch of textures is drawn from them."""

    def __init__(self, pictures: Tensor, *, contents: str, altered: bool) -> None:
        """Takes `pictures` (N, H, W, 3) uint8: they are given as they are or, `altered`, in pieces and in turns with
        noise."""
        self._pictures = pictures
        self._altered = altered
        self.contents = contents
        """What they are, for the record."""

    @property
    def bytes(self) -> int:
        """How many bytes the pictures take."""
        return self._pictures.nbytes

    def draw(self, count: int, generator: Generator) -> Tensor:
        """Returns textures (count, 3, H, W), 0 to 1; the generator is the device's."""
        if not self._altered:
            return self._choose(count, generator)
        patterns = count // 2
        pieces = alter_pieces(self._choose(count - patterns, generator), generator)
        size = (self._pictures.shape[1], self._pictures.shape[2])
        return torch.cat([draw_patterns(patterns, size, generator), pieces])

    def _choose(self, count: int, generator: Generator) -> Tensor:
        device = self._pictures.device
        chosen = torch.randint(len(self._pictures), (count,), generator=generator, device=device)
        return self._pictures[chosen].permute(0, 3, 1, 2).float().div_(255)


def open_textures(
    stages: Sequence[Stage],
    photos: PhotoStore,
    train: Indices,
    *,
    seed: int,
    budget: int,
    device: torch.device,
    on_picture: OnPicture,
) -> dict[Path | None, Textures]:
    """Opens the textures of stages with synthetic defects, by the folder that a stage names, decoded once for all.

    All of them together take `budget` bytes on the device, or FEWEST_PICTURES pictures where that is more.
    """
    opened: dict[Path | None, Textures] = {}
    folders = list(dict.fromkeys(stage.textures for stage in stages if stage.add_defects is not None))
    size = photos.framing.image_size
    room = max(FEWEST_PICTURES, budget // max(1, len(folders)) // (math.prod(size) * 3))
    for folder in folders:
        if folder is None:
            opened[folder] = _of_photos(photos, some_of_frames(photos, train, most=room), device)
        else:
            opened[folder] = _of_folder(folder, size, seed=seed, room=room, device=device, on_picture=on_picture)
    return opened


def some_of_frames(photos: PhotoStore, chosen: Indices, *, most: int) -> Indices:
    """Returns the places of so many frames of the `chosen` photos at most, of as many photos as can be: the first of
    photos that are seen as a whole, tiles from all over the others."""
    frames = photos.frames_of(chosen)
    if len(frames) == len(chosen):
        return frames[:most]
    return frames[np.linspace(0, len(frames) - 1, min(most, len(frames))).round().astype(np.int64)]


def _of_photos(photos: PhotoStore, chosen: Indices, device: torch.device) -> Textures:
    """Cuts up photos that are trained on alone: those that calibrate must not be met in training in any form."""
    pictures = torch.from_numpy(photos.shown(chosen)).to(device)
    return Textures(pictures, contents=f"noise and pieces of {len(pictures)} training photos", altered=True)


def _of_folder(
    folder: Path, size: tuple[int, int], *, seed: int, room: int, device: torch.device, on_picture: OnPicture
) -> Textures:
    """Takes all pictures in the folder and below; where there is no room for all, a choice that the seed makes."""
    listing = look_through(folder)
    found = listing.photos
    for line in (*(f"left out: {error}" for error in listing.troubles), *listing.skipped.lines()):
        _log.warning("%s", line)
    each = math.prod(size) * 3
    paths = [found[i] for i in np.random.default_rng(seed_of("textures", seed)).permutation(len(found))[:room]]
    if len(paths) < len(found):
        _log.warning("%d of %d textures are used: a third of --cache-memory holds no more", len(paths), len(found))
    pictures = PhotoStore(paths, Framing(image_size=size), budget=len(paths) * each, workers=available_cores())
    try:
        pictures.load(on_picture)
        kept = pictures.shown(np.arange(pictures.frames_before(len(pictures))))
    finally:
        pictures.close()
    for error in pictures.unreadable:
        _log.warning("left out: %s", error)
    if not len(pictures):
        raise DataError(f"{folder}: holds no readable pictures to take textures from; name a folder that does")
    digest = hashlib.sha256(kept.data).hexdigest()[:16]
    contents = f"{len(pictures)} pictures, contents {digest}"
    return Textures(torch.from_numpy(kept).to(device), contents=contents, altered=False)
