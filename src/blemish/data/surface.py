"""Whether good photos show a surface, any place of which may look like any other (a texture, in MVTec AD's words), or a
part, which has its edges where it has them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from blemish.data.alignment import Grey

FEWEST_TO_TELL = 8
"""Photos without which nobody knows what may lie where."""
MOST_OF_A_SURFACE = 0.02
"""Of what edges' directions differ by, the share that their place explains; measured in docs/explanation/mend.md."""
_ALONG = 8  # places along either side
_DIRECTIONS = 8


def is_surface(pictures: Sequence[Grey]) -> bool:
    """Returns whether small grey pictures (h, w) of good photos, of any shapes, show a surface; of few: no."""
    return len(pictures) >= FEWEST_TO_TELL and place_share(pictures) < MOST_OF_A_SURFACE


def place_share(pictures: Sequence[Grey]) -> float:
    """Returns how much of the variance of edges' directions, over all places of all pictures, their place explains: 1
    where every photo shows the same, about 0, or a little less, where a place says nothing.

    How strong edges are plays no part: light that falls off to one side is none of the surface.
    """
    seen = np.stack([_directions(picture) for picture in pictures])
    within = seen.var(axis=0, ddof=1).sum(axis=1).mean()
    over_all = np.square(seen - seen.mean(axis=(0, 1))).sum(axis=2).mean()
    return float(1 - within / over_all) if over_all > 0 else 1.0


def _directions(picture: Grey) -> NDArray[np.float64]:
    """Returns (places, directions): the roots of the shares of a place's edges that run in each direction."""
    inside = slice(1, -1)  # differences at the border are of another kind
    down, across = (np.asarray(np.gradient(picture, axis=axis))[inside, inside] for axis in (0, 1))
    strength = np.hypot(across, down)
    turn = np.arctan2(down, across) % np.pi / np.pi * _DIRECTIONS
    below = np.floor(turn)
    rows, columns = (np.arange(side) * _ALONG // side for side in down.shape)
    place = rows[:, None] * _ALONG + columns
    found = np.zeros(_ALONG * _ALONG * _DIRECTIONS)
    for direction, share in ((below, 1 - (turn - below)), (below + 1, turn - below)):
        index = place * _DIRECTIONS + direction.astype(np.int64) % _DIRECTIONS
        found += np.bincount(index.ravel(), (strength * share).ravel(), minlength=len(found))
    edges = found.reshape(-1, _DIRECTIONS)
    return np.asarray(np.sqrt(edges / np.maximum(edges.sum(axis=1, keepdims=True), 1e-9)))
