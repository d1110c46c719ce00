"""What a benchmark's cells have in common is done once: photos are decoded, teachers asked, for a category at a time.

It is shared between cells that one process measures one after the other; nothing that is measured changes by it, but
processor time. So of cells that share, the first takes more of that than the others.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from blemish.data.dataset import Dataset
from blemish.data.shared_photos import SharedPhotos, photos_shared
from blemish.process import available_memory
from blemish.training.shared_features import SharedFeatures, features_shared

_MOST = 1_000_000_000  # bytes of photos, and as many of features
_SHARE = 1 / 10  # of the memory that is free, where that is less


@dataclass(frozen=True, kw_only=True)
class SharedWork:
    """The photos and features that are shared, and of which data set they are."""

    photos: SharedPhotos
    features: SharedFeatures
    of: list[Dataset]
    """The one that is at work; none before the first."""

    def begin(self, found: Dataset) -> None:
        """Lets go of what is of another data set."""
        if self.of and self.of[0] is not found:
            self.photos.forget()
            self.features.forget()
        self.of[:] = [found]


_open: list[SharedWork] = []


@contextmanager
def work_shared() -> Iterator[SharedWork]:
    """Shares work between all cells that this process measures meanwhile."""
    free = available_memory()
    budget = _MOST if free is None else min(_MOST, int(_SHARE * free))
    with ExitStack() as stack:
        photos, features = stack.enter_context(photos_shared(budget)), stack.enter_context(features_shared(budget))
        shared = SharedWork(photos=photos, features=features, of=[])
        _open.append(shared)
        stack.callback(_open.remove, shared)
        yield shared


def begin_cell(found: Dataset) -> None:
    """Says which photos the cell that begins now is of."""
    if _open:
        _open[-1].begin(found)
