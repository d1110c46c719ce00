"""Photos of many places, listed as they are asked for and cut into blocks that are judged in one go."""

import logging
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence, Set
from hashlib import blake2b
from itertools import islice
from queue import Full, Queue
from typing import Self

from blemish.data.skipped import Skipped, all_skipped
from blemish.data.stores import StoredPhoto, photos_in
from blemish.errors import DataError

_log = logging.getLogger("blemish")

PHOTOS_PER_BLOCK = 256
_LISTED_AHEAD = 400  # blocks: how many photos there are is then known early, and a hundred thousand names are no burden

Block = tuple[StoredPhoto, ...]


def name_digest(address: str) -> bytes:
    """Returns 16 bytes that stand for a photo's address: hundred of millions of them fit in memory."""
    return blake2b(as_text(address).encode(), digest_size=16).digest()


def as_text(name: str) -> str:
    """Returns a name as it can be written: bytes that are no text, as names of files may hold, are escaped."""
    return name.encode("utf-8", "backslashreplace").decode()


class ListedBlocks:
    """The blocks of the photos in some places, without those whose records stand, each photo once.

    A thread lists, no further than _LISTED_AHEAD blocks before whoever takes them. Blocks that are given back come
    first, also after the last one.
    """

    def __init__(self, places: Sequence[str], standing: Set[bytes], *, size: int = PHOTOS_PER_BLOCK) -> None:
        """Takes the `name_digest` of each photo that is passed over."""
        self.found = 0
        """How many photos were listed by now, with those passed over."""
        self.troubles: list[DataError] = []
        """An error for each place that cannot be listed, and for pictures of kinds that are not read."""
        self._places, self._standing, self._size = places, standing, size
        self._again: deque[Block] = deque()
        self._queue: Queue[Block | None] = Queue(_LISTED_AHEAD)
        self._closed = self._ended = False
        self._failed: Exception | None = None
        self._thread = threading.Thread(target=self._list, name="listing", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._thread.join()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Block:
        if self._again:
            return self._again.popleft()
        block = None if self._ended else self._queue.get()
        if block is not None:
            return block
        self._ended = True
        if self._failed is not None:
            raise self._failed
        raise StopIteration

    def give_back(self, blocks: Iterable[Block]) -> None:
        """Takes blocks that are to be asked for next."""
        self._again.extend(blocks)

    def _list(self) -> None:
        try:
            photos = self._photos()
            while listed := tuple(islice(photos, self._size)):
                self.found += len(listed)
                block = tuple(photo for photo in listed if name_digest(photo.address) not in self._standing)
                if block and not self._put(block):
                    return
        except Exception as error:  # which the thread that waits for blocks must raise
            self._failed = error
        self._put(None)

    def _put(self, block: Block | None) -> bool:
        while not self._closed:
            try:
                self._queue.put(block, timeout=0.2)
                return True
            except Full:
                continue
        return False

    def _photos(self) -> Iterator[StoredPhoto]:
        places = list(dict.fromkeys(self._places))
        several, listed = len(places) > 1, set[bytes]()  # one may lie in another
        skipped: list[Skipped] = []
        for place in places:
            try:
                for photo in photos_in(place, on_skipped=skipped.append, on_error=self.troubles.append):
                    if several:
                        if (name := name_digest(photo.address)) in listed:
                            continue
                        listed.add(name)
                    yield photo
            except DataError as error:
                self.troubles.append(error)
        told = all_skipped(skipped)
        self.troubles += told.unread()
        for line in told.notes():
            _log.warning("%s", line)
