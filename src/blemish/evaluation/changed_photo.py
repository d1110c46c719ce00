"""A photo under one of the conditions that a model is tried under, as the model's own framing asks for it."""

from collections.abc import Sequence

import numpy as np

from blemish.data.framing import Framing
from blemish.data.images import Pixels
from blemish.synthesis.conditions import CONDITIONS
from blemish.synthesis.photo_changes import Capture


def changed_photo(
    photo: Pixels, condition: str, strength: float, *, framing: Framing, seed: Sequence[int]
) -> Pixels | str:
    """Returns a photo under a condition of CONDITIONS, or why it cannot change so; `seed` is of the photo alone."""
    kind = CONDITIONS[condition]
    if kind.resizes and framing.alignment is not None:
        return "photos are aligned at their own size, before they are resized"
    capture = Capture(
        white=framing.white_of(photo),
        seen=framing.map_size((photo.shape[0], photo.shape[1])),
        generator=np.random.default_rng([*seed, list(CONDITIONS).index(condition)]),
    )
    unfit = kind.unfit(photo, capture)
    return kind.change(photo, strength, capture) if unfit is None else unfit


def photo_seed(seed: int, place: int, *, good: bool) -> tuple[int, int, int]:
    """Returns the seed of a photo by its place among those of its kind, so that each one is changed its own way."""
    return seed, int(good), place
