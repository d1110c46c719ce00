"""Photos that are decoded in threads while the network works on those before them."""

import math
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from itertools import islice

from blemish.data.framing import FramedPhoto
from blemish.data.photo import Photo
from blemish.errors import DataError
from blemish.process import available_cores

MOST_AHEAD = 1 << 29
"""Bytes of decoded photos that wait for the network or for their results to be taken, beyond the one at work."""

Input = Photo | FramedPhoto
"""What a Predictor judges: whatever a photo may be, or one that was read and framed before."""

Submit = Callable[[Input], Future[FramedPhoto | DataError]]
"""Starts to read and frame a photo."""


class ReadAhead:
    """The photos that are on their way through the decoding threads, as many as memory allows."""

    def __init__(self, submit: Submit, photos: Iterable[Input], batch_size: int, *, largest: int) -> None:
        """Takes the bytes that the `largest` photo may have; 0 where photos are not known to be large."""
        self._submit = submit
        self._source = iter(photos)
        self._batch_size = batch_size
        self._waiting: deque[Future[FramedPhoto | DataError]] = deque()
        self._largest = 1  # bytes of the largest photo so far: those to come are taken to be like it
        self._read(max(1, min(batch_size, available_cores(), MOST_AHEAD // max(1, largest))))

    def next_batch(self) -> list[FramedPhoto | DataError]:
        """Returns the next photos, none where all were returned; those after them are read meanwhile."""
        batch: list[FramedPhoto | DataError] = []
        while self._waiting and len(batch) < self._room():
            framed = self._waiting.popleft().result()
            if not isinstance(framed, DataError):
                photo = 3 * framed.canvas.dtype.itemsize * math.prod(framed.photo_size)
                self._largest = max(self._largest, photo, framed.canvas.nbytes)
            batch.append(framed)
            self._read(self._room() - len(self._waiting))
        return batch

    def _room(self) -> int:
        return max(1, min(self._batch_size, MOST_AHEAD // (2 * self._largest)))

    def _read(self, count: int) -> None:
        self._waiting.extend(self._submit(photo) for photo in islice(self._source, max(0, count)))
