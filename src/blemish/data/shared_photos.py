"""Photos that are decoded and laid out once for several trainings in a row, as those of a benchmark.

While `photos_shared` is open, in this process, whoever decodes a file asks here first. A file is known by its place,
size and time of change, and by how it is framed, so that a file that changed is read anew. What is handed out is never
changed.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar, cast

from blemish.data.held import HeldValues

_T = TypeVar("_T")


class SharedPhotos(HeldValues[object]):
    """The photos that are held."""

    def __init__(self, budget: int) -> None:
        """Takes a `budget` in bytes."""
        super().__init__(budget)
        self.decoded = 0
        """How many files were decoded since it was opened."""

    def hold(self, key: Hashable, value: object, *, size: int) -> None:
        """Holds on to a photo that was decoded, where there is room."""
        with self._lock:
            self.decoded += 1
        super().hold(key, value, size=size)


_open: list[SharedPhotos] = []


@contextmanager
def photos_shared(budget: int) -> Iterator[SharedPhotos]:
    """Shares decoded photos, so many bytes of them, between all that this process does meanwhile."""
    shared = SharedPhotos(budget)
    _open.append(shared)
    try:
        yield shared
    finally:
        _open.remove(shared)


def decoded_once(path: Path, how: Hashable, decode: Callable[[], _T], *, size: Callable[[_T], int]) -> _T:
    """Returns what `decode` makes of a file, or has made of it before in the same way, while photos are shared.

    `how` says all that decides what it makes, `size` how many bytes that takes. Raises what `decode` does.
    """
    if not _open:
        return decode()
    try:
        facts = path.stat()
    except OSError:
        return decode()  # which says what is amiss
    key = (path.absolute(), facts.st_size, facts.st_mtime_ns, how)
    found = _open[-1].held(key)
    if found is None:
        made = decode()
        _open[-1].hold(key, made, size=size(made))
        return made
    return cast("_T", found)
