"""Some of the good photos are looked at before anything else, where a method asks whether they show a surface."""

import logging
from collections.abc import Sequence

import numpy as np

from blemish.data.alignment import Grey, small_grey
from blemish.data.dataset import Sample
from blemish.data.images import read_image
from blemish.data.reading import Reading
from blemish.data.surface import is_surface
from blemish.errors import DataError
from blemish.progress import OnProgress, Progress
from blemish.training.seeds import seed_of

_log = logging.getLogger("blemish")

MOST_LOOKED_AT_FIRST = 32
"""Photos of which it is told: what they say hardly depends on which of a set they are."""


def show_a_surface(photos: Sequence[Sample], reading: Reading, *, seed: int, on_progress: OnProgress) -> bool:
    """Returns whether the photos show a surface, by some that the seed draws; what cannot be read is passed over, and
    named by who reads all of them."""
    drawn = np.sort(np.random.default_rng(seed_of("surface", seed)).permutation(len(photos))[:MOST_LOOKED_AT_FIRST])
    pictures: list[Grey] = []
    for done, place in enumerate(drawn, start=1):
        try:
            photo = read_image(photos[place].image, reading=reading)
        except DataError:
            continue
        pictures.append(small_grey(photo, (photo.shape[0], photo.shape[1])))
        on_progress(Progress(activity="looking at photos", done=done, total=len(drawn)))
    found = is_surface(pictures)
    if found:
        _log.info("the good photos show a surface: any place of it may look like any other")
    return found
