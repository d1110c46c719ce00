"""Photos to learn from, wherever a user says they are."""

import logging

from blemish.data import AUTO, find_dataset
from blemish.data.dataset import Dataset
from blemish.data.folder import good_photos_at
from blemish.data.paths import Named, paths_of

_log = logging.getLogger("blemish")


def find_photos(photos: Named, *, dataset: str = AUTO, category: str | None = None) -> Dataset:
    """Returns the photos of a dataset, or of several paths, which are of good parts all.

    Logs a warning for each thing that is left out. Raises what `find_dataset` does.
    """
    paths = paths_of(photos)
    found = find_dataset(dataset, paths[0], category) if len(paths) == 1 else good_photos_at(paths)
    for error in found.left_out:
        _log.warning("left out: %s", error)
    for line in found.skipped.lines():
        _log.warning("%s", line)
    return found
