"""A teacher's features of good photos, computed once for several trainings in a row, as those of a benchmark.

While `features_shared` is open, in this process, trainings that keep the features of the same teacher share them,
whatever their methods and seeds. A frame is known by the bits of its image. Its features depend, in their last bits, on
how many frames are computed together, but not on which others these are, nor on its place among them: so they are
shared between batches of one size alone, and every training checks that on its first batch, which it computes in any
case. Where the bits differ, it shares nothing.

Processors only: on a GPU features cost less than to look them up.
"""

import hashlib
import logging
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from blemish.data.held import HeldValues

Targets = tuple[Tensor, ...]
_Frame = tuple[Hashable, bytes]
_log = logging.getLogger("blemish")


class SharedFeatures(HeldValues[Targets]):
    """The features that are held, by frame, each (C, h, w)."""

    def __init__(self, budget: int) -> None:
        """Takes a `budget` in bytes."""
        super().__init__(budget)
        self.computed = 0
        """How many frames were computed since it was opened."""

    def hold_frame(self, frame: _Frame, values: Targets) -> None:
        """Holds on to a frame's features, where there is room."""
        self.hold(frame, values, size=sum(value.nbytes for value in values))


_open: list[SharedFeatures] = []


@contextmanager
def features_shared(budget: int) -> Iterator[SharedFeatures]:
    """Shares features, so many bytes of them, between all trainings of this process meanwhile."""
    shared = SharedFeatures(budget)
    _open.append(shared)
    try:
        yield shared
    finally:
        _open.remove(shared)


class SharedFrames:
    """One training's frames: those whose features are held are taken, the others computed as many at a time as ever."""

    def __init__(
        self,
        shared: SharedFeatures,
        identity: Hashable,
        *,
        batch_size: int,
        compute: Callable[[Tensor], Targets],
        keep: Callable[[Sequence[int], Targets], None],
    ) -> None:
        """Takes what computes the features of a batch of images, and what is done with those of frames by their
        places."""
        self._shared = shared
        self._identity = (identity, batch_size)
        self._size = batch_size
        self._compute, self._keep = compute, keep
        self._waiting: list[tuple[int, Tensor, _Frame]] = []

    def agrees(self, images: Tensor, values: Targets) -> bool:
        """Notes what was computed of the first batch; returns whether other trainings' features of it are the same, bit
        for bit."""
        for image, *own in zip(images, *values, strict=True):
            frame, found = self._frame(image), tuple(own)
            held = self._shared.held(frame)
            if held is not None and not all(torch.equal(h, v) for h, v in zip(held, found, strict=True)):
                _log.debug("a frame's features depend on the others of its batch here: they are not shared")
                return False
            self._shared.hold_frame(frame, tuple(value.clone() for value in found))
        self._shared.computed += len(images)
        return True

    def add(self, start: int, images: Tensor) -> None:
        """Takes a batch whose first frame has the place `start`."""
        for place, image in enumerate(images, start=start):
            frame = self._frame(image)
            held = self._shared.held(frame)
            if held is None:
                self._waiting.append((place, image, frame))
            else:
                self._keep([place], tuple(value[None] for value in held))
            if len(self._waiting) == self._size:
                self.finish()

    def finish(self) -> None:
        """Computes what is waiting, in a batch that is filled up where there are too few: its size decides the last
        bits."""
        if not self._waiting:
            return
        places, images, frames = zip(*self._waiting, strict=True)
        filled = torch.stack([*images, *[images[0]] * (self._size - len(images))])
        values = self._compute(filled.contiguous(memory_format=torch.channels_last))
        self._keep(places, tuple(value[: len(places)] for value in values))
        for at, frame in enumerate(frames):
            self._shared.hold_frame(frame, tuple(value[at].clone() for value in values))
        self._shared.computed += self._size
        self._waiting = []

    def _frame(self, image: Tensor) -> _Frame:
        return self._identity, hashlib.sha256(image.permute(1, 2, 0).contiguous().numpy().data).digest()


def shared_features(compute: object, images: Tensor) -> tuple[SharedFeatures, Hashable] | None:
    """Returns where features are shared, and what decides them beside the image; None where they are not shared, or
    nobody knows what decides them."""
    identity = getattr(compute, "identity", None)
    if not _open or identity is None or images.device.type != "cpu":
        return None
    return _open[-1], identity
