"""Whether photos given as those of one part are of two: two products in one folder, or two cameras.

Photos are joined by a minimum spanning tree, in which each is linked to the photos most like it. Two kinds of photos
leave one link in it that is much longer than the others and has many photos on both of its sides; photos of one kind,
however they are turned or lit, go over into one another. By either of two teachers, the longest such link was 1.3 times
the others at most in seven sets of real photos, and 1.6 times in 100 random choices of 10 to 30 photos from each; where
two of these sets lay together, 30 photos and 30 or 5 of another product, it was 2.1 times and more. Products that look
alike (grades of paper) gave 1.0 to 1.9, and are not told, or not surely.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from blemish.calibration.outliers import FEWEST_TO_COMPARE

APART_TIMES = 1.8
_FEWEST, _LEAST_SHARE = 3, 0.05  # photos of a group, and their share: fewer are unusual photos, which are told singly
_NEARLY_ALL = 0.95  # of the other links
_CLOSEST = 1e-6  # of copies, which scipy would take for not linked at all


@dataclass(frozen=True, kw_only=True)
class TwoGroups:
    """Two groups are what photos fall into."""

    larger: tuple[int, ...]
    smaller: tuple[int, ...]
    times: float
    """How many times as long the link between the groups is as nearly all links within them."""


def two_groups(photos: NDArray[np.floating]) -> TwoGroups | None:
    """Returns the groups that photos, described by vectors (photos, numbers), fall into; None where they are of one
    kind, or fewer than eight."""
    if len(photos) < FEWEST_TO_COMPARE:
        return None
    tree = minimum_spanning_tree(_distances(np.asarray(photos, np.float64))).tocoo()
    few = max(_FEWEST, int(np.ceil(_LEAST_SHARE * len(photos))))
    for link in np.sort(tree.data)[::-1]:
        shorter = tree.data < link
        if not shorter.any():
            return None
        times = float(link / np.quantile(tree.data[shorter], _NEARLY_ALL))
        if times < APART_TIMES:
            return None
        left = coo_array((tree.data[shorter], (tree.row[shorter], tree.col[shorter])), shape=tree.shape)
        _, group = connected_components(left, directed=False)
        counts = np.bincount(group)
        first, second = np.argsort(-counts, kind="stable")[:2]
        if counts[second] >= few:
            larger, smaller = (tuple(np.flatnonzero(group == which).tolist()) for which in (first, second))
            return TwoGroups(larger=larger, smaller=smaller, times=times)
    return None


def _distances(photos: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns (photos, photos), Euclidean."""
    centred = photos - photos.mean(0)
    squares = (centred**2).sum(1)
    between = np.maximum(squares[:, None] + squares[None] - 2 * centred @ centred.T, 0)
    distances: NDArray[np.float64] = np.maximum(np.sqrt(between), _CLOSEST)
    return distances
