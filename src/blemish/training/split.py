"""How good photos are divided: to train on, to select the weights by, to calibrate with."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_CALIBRATING = 2000  # promises one false alarm in 2,001; more would be taken from training for little
MOST_SELECTING = 128  # judged at every check: enough to tell, and bounded however large the folder is
SELECTING = 0.25  # of those held out


@dataclass(frozen=True, kw_only=True)
class Split:
    """Indices into the photos, which were shuffled before; every photo is in one part."""

    selecting: NDArray[np.int64]
    """Judged while training goes on, to keep the best weights; empty where too few photos are held out."""
    train: NDArray[np.int64]
    calibrating: NDArray[np.int64]
    """Seen by nothing but the finished network, so that what they promise is a promise."""


def split(photos: int, *, held_out: float, selects: bool = True) -> Split:
    """Divides at least two photos; `held_out` is the share that is not trained on, 0 to 1.

    Where the method keeps its last weights (`selects` is False), all of those held out calibrate.
    """
    assert photos >= 2
    held = min(max(1, round(held_out * photos)), photos - 1)
    selecting = min(max(1, round(SELECTING * held)), MOST_SELECTING) if selects and held > 1 else 0
    calibrating = min(held - selecting, MOST_CALIBRATING)
    first, train, last = np.split(np.arange(photos), [selecting, photos - calibrating])
    return Split(selecting=first, train=train, calibrating=last)
