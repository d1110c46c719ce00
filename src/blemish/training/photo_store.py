"""Photos decoded and framed once: as many as the budget holds stay in memory, the others are read again when needed.

Which photos stay never depends on what was met before, so that a resumed run computes exactly what an uninterrupted one
does.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from blemish.data.framing import FramedPhoto, Frames, Framing, shown
from blemish.data.images import read_file
from blemish.data.look import Facts, look_at
from blemish.data.survey import Survey
from blemish.errors import DataError

Indices = NDArray[np.int64]

_CHUNK = 256  # photos decoded between two reports of progress; bounds what waits in memory


class _Read(NamedTuple):
    """The facts of a photo that are known when it was decoded."""

    frame: Frames
    facts: Facts


class PhotoStore:
    """The framed photos, which are known by their index; of a mix of 8 and 16 bits all are given in 16."""

    def __init__(self, paths: Sequence[Path], framing: Framing, *, budget: int, workers: int) -> None:
        """Takes a `budget` in bytes for what stays in memory, and so many threads to decode in."""
        self.framing = framing
        self.paths: list[Path] = list(paths)
        self.unreadable: list[DataError] = []
        self.facts: dict[Path, Facts] = {}
        """The facts of every photo that was decoded, copies too, in the order of `load`."""
        self.sixteen_bits = 0
        """How many of the photos have 16 bits."""
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")
        self._budget = budget
        self._frames: Frames = np.empty((self._room(np.uint8), *framing.image_size, 3), np.uint8)

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def in_memory(self) -> Frames:
        """The frames (N, h, w, 3) of the first N photos, which are held in memory."""
        return self._frames

    @property
    def bytes_in_memory(self) -> int:
        """How many bytes the frames take that are held in memory."""
        return self._frames.nbytes

    def load(self, on_photo: Callable[[int, int], object]) -> None:
        """Decodes every photo once: unreadable ones leave the list now, rather than end a training hours later.

        So do exact copies of photos before them: in other parts of a split they would break what a threshold promises.

        What white is in photos of 16 bits is taken from the highest value of all of them, for `framing`.
        """
        readable: list[Path] = []
        known: set[str] = set()
        for start in range(0, len(self.paths), _CHUNK):
            chunk = self.paths[start : start + _CHUNK]
            for path, read in zip(chunk, self._pool.map(self._try, chunk), strict=True):
                if isinstance(read, DataError):
                    self.unreadable.append(read)
                    continue
                self.facts[path] = read.facts
                if read.facts.digest not in known:
                    known.add(read.facts.digest)
                    self._keep(len(readable), read.frame)
                    readable.append(path)
            on_photo(min(start + _CHUNK, len(self.paths)), len(self.paths))
        self.paths = readable
        self._frames = self._frames[: len(readable)]
        self._settle()

    def read(self, indices: Indices) -> Frames:
        """Returns frames (B, h, w, 3) RGB, all of one type."""
        frames = np.empty((len(indices), *self.framing.image_size, 3), self._frames.dtype)
        held = indices < len(self._frames)
        frames[held] = self._frames[indices[held]]
        missing = np.flatnonzero(~held)
        for place, frame in zip(missing, self._pool.map(self._decode, indices[missing]), strict=True):
            frames[place] = frame
        return frames

    def framed(self, index: int) -> FramedPhoto:
        """Returns one photo as the Predictor takes it, though its file may be gone."""
        return FramedPhoto(
            frames=self.read(np.array([index])), photo_size=self.facts[self.paths[index]].size, path=self.paths[index]
        )

    def to_images(self, frames: Frames, device: torch.device) -> Tensor:
        """Returns images (B, 3, h, w), 0 to 1, channels last as frames already lie in memory."""
        if frames.dtype == np.uint8:
            return torch.from_numpy(frames).to(device).permute(0, 3, 1, 2).float().div_(255)
        wide = torch.from_numpy(frames.astype(np.float32)).to(device)
        return wide.permute(0, 3, 1, 2).div_(self.framing.white_level).clamp_(max=1)

    def images(self, indices: Indices, device: torch.device) -> Tensor:
        """Returns images (B, 3, h, w), 0 to 1, channels last."""
        return self.to_images(self.read(indices), device)

    def shown(self, indices: Indices) -> NDArray[np.uint8]:
        """Returns frames (B, h, w, 3) in 8 bits, as people are shown them."""
        return shown(self.read(indices), white_level=self.framing.white_level)

    def close(self) -> None:
        """Ends the decoding threads."""
        self._pool.shutdown(cancel_futures=True)

    def _room(self, dtype: Any) -> int:
        height, width = self.framing.image_size
        each: int = height * width * 3 * np.dtype(dtype).itemsize
        return min(self._budget // each, len(self.paths))

    def _keep(self, index: int, frame: Frames) -> None:
        if frame.dtype == np.uint16 and self._frames.dtype == np.uint8:
            self._frames = self._frames[: self._room(np.uint16)].astype(np.uint16)  # as they are: _settle widens them
        if index < len(self._frames):
            self._frames[index] = frame

    def _settle(self) -> None:
        """Widens photos of 8 bits that lie among others of 16 to what is white there."""
        wide = np.array([self.facts[path].sixteen_bits for path in self.paths], np.bool_)
        self.sixteen_bits = int(wide.sum())
        if not self.sixteen_bits:
            self.framing = replace(self.framing, white_unknown=True)
            return
        white = Survey(facts={path: self.facts[path] for path in self.paths}).white_level
        self.framing = replace(self.framing, white_level=white or self.framing.white_level)
        narrow = np.flatnonzero(~wide[: len(self._frames)])
        self._frames[narrow] = self._widened(self._frames[narrow])

    def _widened(self, values: NDArray[Any]) -> NDArray[np.uint16]:
        return np.rint(values * (self.framing.white_level / 255)).astype(np.uint16)

    def _decode(self, index: int) -> Frames:
        frame = self._read(self.paths[index]).frame
        return frame if frame.dtype == self._frames.dtype else self._widened(frame)

    def _try(self, path: Path) -> _Read | DataError:
        try:
            return self._read(path)
        except DataError as error:
            return error

    def _read(self, path: Path) -> _Read:
        look = look_at(read_file(path), name=str(path))
        return _Read(frame=self.framing.cut(look.pixels, name=str(path))[0], facts=look.facts)
