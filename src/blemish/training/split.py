"""How good photos are divided: to train on, to validate with, to calibrate with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from blemish.data.dataset import Sample
from blemish.data.part_names import parts_of
from blemish.errors import DataError
from blemish.training.seeds import seed_of

MOST_CALIBRATING = 2000  # promises one false alarm in 2,001; more would be taken from training for little
MOST_VALIDATION = 128  # judged at every check: enough to tell, and bounded however large the folder is
VALIDATION = 0.25  # share of the photos held out


@dataclass(frozen=True, kw_only=True)
class Split:
    """The indices of the photos, which were shuffled before; every photo is in one part."""

    validation: NDArray[np.int64]
    """Judged while training goes on, to keep the best weights; empty where too few photos are held out, or parts."""
    train: NDArray[np.int64]
    calibrating: NDArray[np.int64]
    """Seen by nothing but the finished network, so that what they promise is a promise."""


PhotoT = TypeVar("PhotoT", Path, Sample)


def shuffled(photos: Sequence[PhotoT], *, seed: int, part: str | None) -> list[PhotoT]:
    """Returns them in an order that the seed draws, but photos of a part, as the pattern `part` finds it, together."""
    drawn = [photos[i] for i in np.random.default_rng(seed_of("split", seed)).permutation(len(photos))]
    parts = parts_of(drawn, part)
    places = {name: place for place, name in reversed(list(enumerate(parts)))}
    return [photo for _, photo in sorted(zip(parts, drawn, strict=True), key=lambda pair: places[pair[0]])]


def split(parts: Sequence[str], *, held_out: float, validates: bool = True) -> Split:
    """Divides at least two photos, given which part each shows; photos of a part stand together and stay together.

    `held_out` is the share that is not trained on, 0 to 1: so many photos, and the rest of their parts', or fewer where
    a part is so large that less than half of the rest would be trained on. Where the method keeps its last
    weights (`validates` is False), all of those held out calibrate. Raises DataError for photos of a single part.
    """
    photos = len(parts)
    assert photos >= 2
    edges = [0, *(i for i in range(1, photos) if parts[i] != parts[i - 1]), photos]
    if len(edges) == 2:
        raise DataError(f"all {photos} photos show one part, {parts[0]}: at least 2 parts are needed")
    held = min(max(1, round(held_out * photos)), photos - 1)
    validation = min(max(1, round(VALIDATION * held)), MOST_VALIDATION) if validates and held > 1 else 0
    calibrating = min(held - validation, MOST_CALIBRATING)
    end = max(edge for edge in edges if edge <= max(photos - calibrating, edges[1]))
    if end < (photos - held) / 2:  # a part with very many photos stands there
        end = min((edge for edge in edges if end < edge < photos), default=end)
    start = min((edge for edge in edges if validation <= edge < end), default=0)
    if end - start < (photos - held) / 2:
        start = 0
    first, train, last = np.split(np.arange(photos), [start, end])
    return Split(validation=first, train=train, calibrating=last)
