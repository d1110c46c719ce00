"""How long and how wide a mark is, in pixels."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

_Corner = tuple[int, int]
"""(x, y)."""


def extent_of(mask: NDArray[np.bool_]) -> tuple[float, float]:
    """Returns length and width of one region (h, w): a row of n pixels is n long and 1 wide.

    The length is the largest distance between the centres of two of its pixels (its largest Feret diameter), the width
    the smallest distance of two parallel lines that all centres lie between, each and one pixel more.
    """
    hull = np.array(_hull_of(mask), np.float64)
    if len(hull) < 3:  # all in one line
        return float(np.hypot(*np.ptp(hull, axis=0))) + 1, 1.0
    length = np.hypot(*(hull[:, None] - hull[None]).transpose(2, 0, 1)).max()
    edges = np.concatenate([hull[1:], hull[:1]]) - hull
    normals = np.stack([-edges[:, 1], edges[:, 0]], axis=1) / np.hypot(*edges.T)[:, None]
    width = np.ptp(hull @ normals.T, axis=0).min()  # between lines of which one lies along an edge
    return float(length) + 1, float(width) + 1


def _hull_of(mask: NDArray[np.bool_]) -> list[_Corner]:
    """Returns the corners of the convex hull of a region's pixels, one after another around it; two of a line.

    A few corners in whole numbers are found sooner here than scipy's Qhull has begun (Andrew, 1979).
    """
    rows = np.flatnonzero(mask.any(axis=1))
    of_rows = mask[rows]
    first = of_rows.argmax(axis=1).tolist()
    last = (mask.shape[1] - 1 - of_rows[:, ::-1].argmax(axis=1)).tolist()
    down, up = rows.tolist(), rows[::-1].tolist()
    sides = _turning_one_way(zip(first, down, strict=True)), _turning_one_way(zip(last[::-1], up, strict=True))
    return list(dict.fromkeys([*sides[0], *sides[1]]))  # at the top and at the bottom they may meet in one pixel


def _turning_one_way(points: Iterable[_Corner]) -> list[_Corner]:
    """Returns the points between which the way from the first to the last always turns to the same side."""
    kept: list[_Corner] = []
    for x, y in points:
        while len(kept) > 1:
            (x0, y0), (x1, y1) = kept[-2:]
            if (x1 - x0) * (y - y1) < (y1 - y0) * (x - x1):
                break
            kept.pop()
        kept.append((x, y))
    return kept
