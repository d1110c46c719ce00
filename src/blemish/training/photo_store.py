"""Photos decoded and laid out once: as many as the budget holds stay in memory, the others are read again when needed.

Photos are known by their place in one list, and so are their frames, in the photos' order: a photo that is seen as a
whole is its one frame, another has as many as it has tiles.

Which photos stay never depends on what was met before, so that a resumed run computes exactly what an uninterrupted one
does.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from blemish.data.alignment import Placement
from blemish.data.framing import FramedPhoto, Frames, Framing, frame_at, shown, stacked
from blemish.data.geometry import PhotoGeometry
from blemish.data.images import Pixels, read_file
from blemish.data.in_order import photos_at_once, results_in_order
from blemish.data.interest import Inside, Interest
from blemish.data.look import Facts, look_at
from blemish.data.pixel_limit import allow_pixels
from blemish.data.shared_photos import decoded_once
from blemish.data.survey import Survey
from blemish.errors import DataError

Indices = NDArray[np.int64]

_CHUNK = 256  # photos decoded between two reports of progress
_WAITING = 4  # photos a thread that may wait in memory, decoded, for one before them


class _Laid(NamedTuple):
    """A photo's canvas, overview and placement, see FramedPhoto."""

    canvas: Pixels
    overview: Pixels
    placement: Placement | None

    @property
    def nbytes(self) -> int:
        return self.canvas.nbytes + (0 if self.overview is self.canvas else self.overview.nbytes)


class _Read(NamedTuple):
    """The facts of a photo that are known when it was decoded."""

    laid: _Laid
    facts: Facts


class PhotoStore:
    """The framed photos and their frames; of a mix of 8 and 16 bits all are given in 16."""

    def __init__(
        self, paths: Sequence[Path], framing: Framing, *, budget: int, workers: int, asked_white: int | None = None
    ) -> None:
        """Takes a `budget` in bytes for what stays in memory, so many threads to decode in, and what is white in photos
        of 16 bits, where that is known."""
        allow_pixels(framing.max_pixels)
        self.framing = framing
        self.paths: list[Path] = list(paths)
        self.unreadable: list[DataError] = []
        self.facts: dict[Path, Facts] = {}
        """The facts of every photo that was decoded, copies too, in the order of `load`."""
        self.sixteen_bits = 0
        """How many of the photos have 16 bits."""
        self.asked_white = asked_white
        self._workers = workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")
        self._budget = budget
        self._largest = 3 * (framing.max_pixels or 0)  # bytes of a photo, as far as is known
        self._kept: list[_Laid] = []  # of the first photos
        self._bytes = 0
        self._ends: Indices = np.zeros(0, np.int64)  # of each photo's frames
        self._interest: Interest | None = None

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def bytes_in_memory(self) -> int:
        """How many bytes the photos take that are held in memory."""
        return self._bytes

    def load(self, on_photo: Callable[[int, int], object]) -> None:
        """Decodes every photo once: unreadable ones leave the list now, rather than end a training hours later.

        So do exact copies of photos before them: in other parts of a split they would break what a threshold promises.

        What white is in photos of 16 bits, where nobody asked for it, is taken from what all of them say or, else, from
        the highest value of all of them, for `framing`.
        """
        readable: list[Path] = []
        known: set[str] = set()
        for done, (path, read) in enumerate(self._read_all(), start=1):
            if isinstance(read, DataError):
                self.unreadable.append(read)
            else:
                self.facts[path] = read.facts
                if read.facts.digest not in known:
                    known.add(read.facts.digest)
                    self._keep(len(readable), read.laid)
                    readable.append(path)
            if done % _CHUNK == 0 or done == len(self.paths):
                on_photo(done, len(self.paths))
        self.paths = readable
        self._settle()

    def look_inside(self, interest: Interest) -> None:
        """Leaves frames alone in which anything counts: in the others there is nothing to be learned."""
        self._interest = interest
        self._count_frames()

    def frames_of(self, photos: Indices) -> Indices:
        """Returns the places of all frames of these photos, photo by photo."""
        starts, ends = self._starts[photos], self._ends[photos]
        return np.concatenate([np.arange(s, e) for s, e in zip(starts, ends, strict=True)] or [np.zeros(0, np.int64)])

    def frames_before(self, photo: int) -> int:
        """Returns how many frames the photos before this one have."""
        return int(self._ends[photo - 1]) if photo else 0

    def read(self, frames: Indices) -> Frames:
        """Returns frames (B, h, w, 3) RGB by their places, all of one type."""
        found = np.empty((len(frames), *self.framing.image_size, 3), self._dtype)
        photos = np.searchsorted(self._ends, frames, side="right")
        numbers = frames - self._starts[photos]
        for photo, laid in self._laid(np.unique(photos)):
            windows = self._windows(photo)
            for place in np.flatnonzero(photos == photo):
                found[place] = frame_at(laid.canvas, windows[numbers[place]], self.framing.image_size)
        return found

    def inside(self, frames: Indices) -> Inside | None:
        """Returns where frames count, (B, h, w), by their places; None: everywhere."""
        if self._interest is None:
            return None
        height, width = self.framing.image_size
        found = np.empty((len(frames), height, width), np.bool_)
        photos = np.searchsorted(self._ends, frames, side="right")
        for place, (photo, number) in enumerate(zip(photos, frames - self._starts[photos], strict=True)):
            canvas = self._interest.on_canvas(self._geometry(photo))
            top, left = self._windows(photo)[number]
            found[place] = canvas[top : top + height, left : left + width]
        return found

    def framed(self, index: int) -> FramedPhoto:
        """Returns one photo as the Predictor takes it, though its file may be gone."""
        ((_, laid),) = self._laid(np.array([index]))
        path = self.paths[index]
        return FramedPhoto(**laid._asdict(), photo_size=self.facts[path].size, path=path)

    def overviews(self, photos: Indices, device: torch.device) -> Tensor:
        """Returns images (B, 3, h, w), 0 to 1, of whole photos by their places."""
        return self.to_images(stacked([laid.overview for _, laid in self._laid(photos)]), device)

    def to_images(self, frames: Frames, device: torch.device) -> Tensor:
        """Returns images (B, 3, h, w), 0 to 1, channels last as frames already lie in memory."""
        if frames.dtype == np.uint8:
            return torch.from_numpy(frames).to(device).permute(0, 3, 1, 2).float().div_(255)
        wide = torch.from_numpy(frames.astype(np.float32)).to(device)
        return wide.permute(0, 3, 1, 2).div_(self.framing.white_level).clamp_(max=1)

    def images(self, frames: Indices, device: torch.device) -> Tensor:
        """Returns images (B, 3, h, w), 0 to 1, channels last."""
        return self.to_images(self.read(frames), device)

    def shown(self, frames: Indices) -> NDArray[np.uint8]:
        """Returns frames (B, h, w, 3) in 8 bits, as people are shown them."""
        return shown(self.read(frames), white_level=self.framing.white_level)

    def close(self) -> None:
        """Ends the decoding threads."""
        self._pool.shutdown(cancel_futures=True)

    @property
    def _starts(self) -> Indices:
        return np.concatenate([np.zeros(1, np.int64), self._ends[:-1]])

    @property
    def _dtype(self) -> Any:
        return np.uint16 if self.sixteen_bits else np.uint8

    def _windows(self, photo: int) -> tuple[tuple[int, int], ...]:
        geometry = self._geometry(photo)
        return geometry.windows if self._interest is None else self._interest.windows(geometry)

    def _geometry(self, photo: int) -> PhotoGeometry:
        return self.framing.geometry(self.facts[self.paths[photo]].size)

    def _keep(self, index: int, laid: _Laid) -> None:
        if index == len(self._kept) and self._bytes + laid.nbytes <= self._budget:
            self._kept.append(laid)
            self._bytes += laid.nbytes

    def _settle(self) -> None:
        """Counts frames, and widens photos of 8 bits that lie among others of 16 to what is white there."""
        self._count_frames()
        self.sixteen_bits = sum(self.facts[path].sixteen_bits for path in self.paths)
        if not self.sixteen_bits:
            self.framing = replace(self.framing, white_unknown=self.asked_white is None)
            return
        kept = Survey(facts={path: self.facts[path] for path in self.paths}, asked_white=self.asked_white)
        white = kept.white_level
        self.framing = replace(self.framing, white_level=white or self.framing.white_level)
        narrow, self._kept, self._bytes = self._kept, [], 0
        for index, laid in enumerate(narrow):
            self._keep(index, self._of_one_type(laid))

    def _count_frames(self) -> None:
        self._ends = np.cumsum([len(self._windows(photo)) for photo in range(len(self.paths))], dtype=np.int64)

    def _of_one_type(self, laid: _Laid) -> _Laid:
        if laid.canvas.dtype == self._dtype:
            return laid
        canvas = self._widened(laid.canvas)
        overview = canvas if laid.overview is laid.canvas else self._widened(laid.overview)
        return _Laid(canvas, overview, laid.placement)

    def _widened(self, values: NDArray[Any]) -> NDArray[np.uint16]:
        return np.rint(values * (self.framing.white_level / 255)).astype(np.uint16)

    def _laid(self, photos: Indices) -> Iterator[tuple[int, _Laid]]:
        """Yields photos, in order; those that are not held are decoded in threads, a few ahead of the one that is
        asked for."""
        missing = self._ahead(int(photo) for photo in photos if photo >= len(self._kept))
        for photo in map(int, photos):
            yield photo, self._kept[photo] if photo < len(self._kept) else next(missing)

    def _ahead(self, photos: Iterator[int]) -> Iterator[_Laid]:
        return results_in_order(
            lambda photo: self._pool.submit(self._decode, photo), photos, room=lambda: self._room(self._workers)
        )

    def _decode(self, index: int) -> _Laid:
        return self._of_one_type(self._read(self.paths[index]).laid)

    def _read_all(self) -> Iterator[tuple[Path, _Read | DataError]]:
        """Yields every photo, or why it cannot be read, in order, and decodes a few ahead."""
        results = results_in_order(
            lambda path: self._pool.submit(self._try, path),
            self.paths,
            room=lambda: self._room(_WAITING * self._workers) if self._largest else 1,
        )
        return zip(self.paths, results, strict=True)

    def _room(self, most: int) -> int:
        return photos_at_once(most, largest=self._largest)

    def _try(self, path: Path) -> _Read | DataError:
        try:
            return self._read(path)
        except DataError as error:
            return error

    def _read(self, path: Path) -> _Read:
        how = ("to learn from", self.framing)
        return decoded_once(path, how, lambda: self._decoded(path), size=lambda read: read.laid.nbytes)

    def _decoded(self, path: Path) -> _Read:
        look = look_at(read_file(path), name=str(path), reading=self.framing.reading)
        self._largest = max(self._largest, look.pixels.nbytes)
        framed = self.framing.framed(look.pixels, name=str(path))
        return _Read(laid=_Laid(framed.canvas, framed.overview, framed.placement), facts=look.facts)
