"""How long and how wide a mark is, in pixels."""

import numpy as np
from numpy.typing import NDArray

_ANGLES_EXACT = 1e-9


def extent_of(mask: NDArray[np.bool_]) -> tuple[float, float]:
    """Returns length and width of one region (h, w): a row of n pixels is n long and 1 wide.

    The length is the largest distance between the centres of two of its pixels (its largest Feret diameter), the width
    the smallest distance of two parallel lines that all centres lie between, each and one pixel more.
    """
    from scipy.spatial import ConvexHull  # slow to import, and most photos need it not

    rows = np.flatnonzero(mask.any(axis=1))
    first = mask[rows].argmax(axis=1)
    last = mask.shape[1] - 1 - mask[rows, ::-1].argmax(axis=1)
    ends = np.unique(np.concatenate([np.stack([first, rows], 1), np.stack([last, rows], 1)]), axis=0).astype(np.float64)
    from_first = ends - ends[0]
    farthest = from_first[np.argmax(np.hypot(*from_first.T))]
    aside = from_first @ np.array([-farthest[1], farthest[0]])
    if np.abs(aside).max() <= _ANGLES_EXACT:  # all in one line, of which no hull can be made
        return float(np.hypot(*np.ptp(ends, axis=0))) + 1, 1.0
    hull = ends[ConvexHull(ends).vertices]
    length = np.hypot(*(hull[:, None] - hull[None]).transpose(2, 0, 1)).max()
    edges = np.roll(hull, -1, axis=0) - hull
    normals = np.stack([-edges[:, 1], edges[:, 0]], axis=1) / np.hypot(*edges.T)[:, None]
    width = np.ptp(hull @ normals.T, axis=0).min()  # between lines of which one lies along an edge
    return float(length) + 1, float(width) + 1
