"""The stream of batches: seeded, sharded, resumable; teacher features cached within a budget.

Photos are known by their index in one shuffled list, whose last part calibrates, and what a step is made of are their
frames: the whole photo, or its tiles, or views of these. Targets of the first K are cached, where K is what the budget
holds; those of the rest are computed each time they are met. Which are cached never depends on what was met before, so
that a resumed run computes exactly what an uninterrupted one does.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from blemish.data.framing import Frames
from blemish.detectors import Batch
from blemish.training.photo_store import Indices
from blemish.training.processes import Processes
from blemish.training.seeds import seed_of
from blemish.training.shared_features import SharedFrames, Targets, shared_features

_AHEAD = 2  # batches read while the network works


@dataclass(frozen=True)
class RepeatedBatches:
    """Repeated batches are read anew as often as they are gone through."""

    chunks: Sequence[Indices]
    """The frames of each."""
    read: Callable[[Indices], Batch]

    def __iter__(self) -> Iterator[Batch]:
        return map(self.read, self.chunks)


class TargetCache:
    """The teacher's features of clean frames, float16, computed once for those that the budget holds."""

    def __init__(
        self,
        compute: Callable[[Tensor], Targets],
        images: Callable[[Indices], Tensor],
        processes: Processes,
        *,
        budget: int,
    ) -> None:
        """Takes what gives the images of frames, and a `budget` in bytes; 0 caches nothing."""
        self._compute = compute
        self._images = images
        self._processes = processes
        self._budget = budget
        self._cached: Targets = ()

    def load(self, count: int, batch_size: int, on_photo: Callable[[int, int], None]) -> None:
        """Fills the store with the first `count` frames, always in the same chunks: a frame's features depend on its
        batch's size in the last bits, and must not depend on the history of a run."""
        room, start, sharing = count, 0, None
        while start < room:
            indices = np.arange(start, min(start + batch_size, room))
            images = self._images(indices)
            if sharing is not None and len(indices) == batch_size:
                sharing.add(start, images)
            else:
                values = self._values(images)
                if not self._cached:
                    per_photo = sum(v[0].numel() * v.element_size() for v in values)
                    room = min(room, self._budget // per_photo)
                    self._cached = tuple(_room_for(value, room) for value in values)
                    sharing = self._sharing(images, values, batch_size)
                self._keep(range(start, min(start + len(indices), room)), values)
            start += batch_size
            on_photo(min(start, room), room)
        if sharing is not None:
            sharing.finish()

    def _sharing(self, images: Tensor, values: Targets, batch_size: int) -> SharedFrames | None:
        """Returns what shares the features of whole batches with other trainings; None where that is not possible."""
        there = shared_features(self._compute, images) if len(images) == batch_size else None
        if there is None:
            return None
        shared, identity = there
        of = (identity, self._processes.precision)
        frames = SharedFrames(shared, of, batch_size=batch_size, compute=self._values, keep=self._keep)
        return frames if frames.agrees(images, values) else None

    def _keep(self, places: Sequence[int], values: Targets) -> None:
        for cached, value in zip(self._cached, values, strict=True):
            cached[torch.as_tensor(places, dtype=torch.long)] = _channels_last(value)[: len(places)]

    def of(self, indices: Indices, clean: Tensor) -> Targets:
        """Returns the targets of the frames `indices`, whose images are `clean`."""
        room = len(self._cached[0]) if self._cached else 0
        cached = indices < room
        if not cached.any():
            return self._values(clean)
        taken = torch.from_numpy(indices[cached]).to(self._processes.device)
        found = tuple(_channels_first(k[taken]) for k in self._cached)
        if cached.all():
            return found
        where = torch.from_numpy(cached).to(self._processes.device)
        computed = self._values(clean[~where])
        return tuple(_merged(where, f, c) for f, c in zip(found, computed, strict=True))

    def _values(self, clean: Tensor) -> Targets:
        with torch.no_grad(), self._processes.autocast():
            return tuple(value.to(torch.float16) for value in self._compute(clean))


def _channels_last(value: Tensor) -> Tensor:
    """Returns (B, h, w, C) of (B, C, h, w), as convolutions leave it in memory: no copy reorders it."""
    return value.permute(0, 2, 3, 1) if value.ndim == 4 else value


def _channels_first(value: Tensor) -> Tensor:
    return value.permute(0, 3, 1, 2) if value.ndim == 4 else value


def _room_for(value: Tensor, photos: int) -> Tensor:
    return value.new_empty((photos, *_channels_last(value).shape[1:]))


def _merged(where: Tensor, found: Tensor, computed: Tensor) -> Tensor:
    merged = found.new_empty((len(where), *found.shape[1:]))
    merged[where], merged[~where] = found, computed
    return merged


@lru_cache(maxsize=2)
def _order(count: int, seed: int, stage: int, epoch: int) -> Indices:
    return np.random.default_rng(seed_of("order", seed, stage, epoch)).permutation(count)


def step_indices(count: int, batch_size: int, *, seed: int, stage: int, step: int, copies: int = 1) -> Indices:
    """Returns the frames of step 0, 1, ...: all of them in a new order each epoch; a batch may run on into the next
    epoch.

    Of `copies` of all frames, which follow one another, each epoch takes the next, and the first again after the last.
    """
    places = np.arange(step * batch_size, (step + 1) * batch_size)
    epochs = places // count
    orders = [_order(count, seed, stage, int(e))[places[epochs == e] % count] for e in np.unique(epochs)]
    return np.concatenate(orders) + epochs % copies * count


def read_ahead(read: Callable[[Indices], Frames], batches: Iterator[Indices]) -> Iterator[tuple[Indices, Frames]]:
    """Yields each batch's indices and frames, in order, read while the batches before it are used."""
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as reader:
        waiting: list[tuple[Indices, Future[Frames]]] = []
        for indices in batches:
            waiting.append((indices, reader.submit(read, indices)))
            if len(waiting) > _AHEAD:
                first, photo = waiting.pop(0)
                yield first, photo.result()
        for first, photo in waiting:
            yield first, photo.result()
