"""How long and wide marks are, beside what scipy's hull says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

from blemish.inference.extent import extent_of

SIDES = st.integers(1, 30)


@given(size=st.tuples(SIDES, SIDES), filled=st.floats(0.01, 1), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=300, deadline=None)
def test_length_and_width_are_those_of_the_convex_hull(size: tuple[int, int], filled: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    mask = generator.random(size) < filled
    mask[generator.integers(size[0]), generator.integers(size[1])] = True
    length, width = extent_of(mask)
    expected_length, expected_width = by_qhull(mask)
    assert length == expected_length
    assert width == pytest.approx(expected_width, rel=1e-12)


@pytest.mark.parametrize("length", [1, 2, 17])
def test_a_line_is_one_pixel_wide_whichever_way_it_runs(length: int) -> None:
    row, diagonal = np.ones((1, length), np.bool_), np.eye(length, dtype=np.bool_)
    assert extent_of(row) == extent_of(row.T) == (length, 1)
    assert extent_of(diagonal) == extent_of(diagonal[::-1]) == pytest.approx((np.sqrt(2) * (length - 1) + 1, 1))


def by_qhull(mask: NDArray[np.bool_]) -> tuple[float, float]:
    points = np.argwhere(mask).astype(np.float64)
    try:
        hull = points[ConvexHull(points).vertices]
    except (QhullError, ValueError):  # of points in one line, or of fewer than three
        return float(np.hypot(*np.ptp(points, axis=0))) + 1, 1.0
    edges = np.roll(hull, -1, axis=0) - hull
    normals = np.stack([-edges[:, 1], edges[:, 0]], axis=1) / np.hypot(*edges.T)[:, None]
    length = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1)).max()
    return float(length) + 1, float(np.ptp(points @ normals.T, axis=0).min()) + 1
