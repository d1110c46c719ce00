"""Where a network's windows lie on a photo, and how the maps of all of them become one: places alone, and no photos.

There are three planes. The photo (H, W). The joined map (h, w), which covers the photo exactly: its pixel (y, x) is of
the photo's rows y * H / h to (y + 1) * H / h, and of columns likewise; masks, regions and whatever else is said of a
photo goes from one to the other by that alone. The canvas, the photo at the map's size with mirrored borders around,
from which windows are cut.

A convolution pads what it sees with zeros, so that what a network says near the border of a window is of the border,
too. Of tiles a margin is therefore dropped on all sides, and behind it neighbours fade into one another: the weights of
all windows sum to 1 at every pixel of the map. Windows stand a multiple of ALIGNMENT apart, so that every place is seen
on the same grid of features by all windows that see it.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from blemish.data.images import Size

ALIGNMENT = 32
"""Pixels of the network: the strides of every teacher's features divide it."""
MOST_FADING = 32  # pixels of the network over which neighbours fade into one another


@dataclass(frozen=True, kw_only=True)
class PhotoGeometry:
    """The planes that belong to one photo, and the windows that lie on its canvas."""

    photo_size: Size
    map_size: Size
    canvas_size: Size
    origin: tuple[int, int]
    """(top, left) of the map on the canvas."""
    window_size: Size
    windows: tuple[tuple[int, int], ...]
    """(top, left) of each window on the canvas, row by row."""
    margin: tuple[int, int] = (0, 0)
    """Pixels, (down, across), that are dropped on either side of a window's map, where it has a neighbour."""
    fading: tuple[int, int] = (0, 0)
    """Pixels, (down, across), behind the margin over which a window fades into its neighbour."""

    def at(self, window_size: Size) -> "PhotoGeometry":
        """Returns the same geometry for maps of windows that are coarser by whole numbers, as those of levels are."""
        if window_size == self.window_size:
            return self
        down, across = (own / side for own, side in zip(window_size, self.window_size, strict=True))

        def scaled(place: tuple[int, int], least: int = 0) -> tuple[int, int]:
            return max(least, round(place[0] * down)), max(least, round(place[1] * across))

        windows = tuple(scaled(window) for window in self.windows)
        margin = scaled(self.margin)
        steps = (_step_of({window[axis] for window in windows}) for axis in (0, 1))
        fading = tuple(s and own - s - 2 * m for own, s, m in zip(window_size, steps, margin, strict=True))
        return PhotoGeometry(
            photo_size=self.photo_size,
            map_size=scaled(self.map_size, 1),
            canvas_size=scaled(self.canvas_size, 1),
            origin=scaled(self.origin),
            window_size=window_size,
            windows=windows,
            margin=margin,
            fading=(fading[0], fading[1]),
        )

    def weights(self, number: int, axis: int) -> NDArray[np.float32]:
        """Returns how much each row (axis 0) or column (1) of a window counts, 0 to 1; all windows' sum to 1."""
        starts = sorted({window[axis] for window in self.windows})
        first, last = (self.windows[number][axis] == starts[place] for place in (0, -1))
        return _weights(self.window_size[axis], self.margin[axis], self.fading[axis], first=first, last=last)

    def counting(self, number: int, axis: int) -> tuple[slice, slice]:
        """Returns which rows (axis 0) or columns (1) of a window count, and where these lie on the map."""
        begins = self.windows[number][axis] - self.origin[axis]
        counting = np.flatnonzero(self.weights(number, axis))
        first = max(int(counting[0]), -begins)
        after = max(first, min(int(counting[-1]) + 1, self.map_size[axis] - begins))
        return slice(first, after), slice(begins + first, begins + after)


def whole_photo(photo_size: Size, image_size: Size, *, aspect: float | None) -> PhotoGeometry:
    """Returns the geometry of a photo that is seen as a whole, in one window of `image_size`.

    Photos of the `aspect` (width over height), and any where it is None, fill the window; others get borders.
    """
    height, width = image_size
    if aspect is not None:
        ratio = photo_size[1] / photo_size[0] / aspect
        if ratio > SAME_ASPECT:
            height = max(1, round(height / ratio))
        elif ratio < 1 / SAME_ASPECT:
            width = max(1, round(width * ratio))
    return PhotoGeometry(
        photo_size=photo_size,
        map_size=(height, width),
        canvas_size=image_size,
        origin=((image_size[0] - height) // 2, (image_size[1] - width) // 2),
        window_size=image_size,
        windows=((0, 0),),
    )


SAME_ASPECT = 1.02
"""Ratio of two aspects up to which photos are of one: nobody sees that one of them is squeezed into the other's."""


@lru_cache(maxsize=64)
def tiled_photo(photo_size: Size, window_size: Size, *, shrunk: float, overlap: int) -> PhotoGeometry:
    """Returns the geometry of a photo that is shrunk so many times, in length, and seen in windows.

    `overlap` is how many of its `window_size` pixels a neighbour sees too: half at most, or up to ALIGNMENT more.
    """
    height, width = (max(1, round(side / shrunk)) for side in photo_size)
    down, across = (_steps(side, overlap) for side in window_size)
    rows, columns = (_places(side, *step) for side, step in ((height, down), (width, across)))
    return PhotoGeometry(
        photo_size=photo_size,
        map_size=(height, width),
        canvas_size=(rows[-1] + window_size[0], columns[-1] + window_size[1]),
        origin=(down[2], across[2]),
        window_size=window_size,
        windows=tuple((top, left) for top in rows for left in columns),
        margin=(down[2], across[2]),
        fading=(down[3], across[3]),
    )


def _steps(side: int, overlap: int) -> tuple[int, int, int, int]:
    """Returns the side of a window, the step to the next, the margin that is dropped, and how far neighbours fade."""
    step = (side - min(overlap, side // 2)) // ALIGNMENT * ALIGNMENT
    seen_twice = side - step
    fading = min(MOST_FADING, seen_twice // 3 // 2 * 2)
    return side, step, (seen_twice - fading) // 2, fading


def _places(length: int, side: int, step: int, margin: int, _fading: int) -> list[int]:
    """Returns where windows begin on a canvas that holds so many pixels of map between two margins."""
    count = max(0, math.ceil((length + 2 * margin - side) / step)) + 1
    return [number * step for number in range(count)]


def _step_of(starts: set[int]) -> int:
    """Returns how far apart windows begin; 0 where there is one."""
    first, *others = sorted(starts)
    return others[0] - first if others else 0


@lru_cache(maxsize=64)
def _weights(side: int, margin: int, fading: int, *, first: bool, last: bool) -> NDArray[np.float32]:
    weights = np.ones(side)
    share = (np.arange(fading) + 0.5) / max(1, fading)
    rising = share * share * (3 - 2 * share)
    if not first:
        weights[:margin] = 0
        weights[margin : margin + fading] = rising
    if not last:
        weights[side - margin :] = 0
        weights[side - margin - fading : side - margin] = rising[::-1]
    return weights.astype(np.float32)


class JoinedMap:
    """The one map that covers the whole photo, from the maps of its windows as they come; 0 where none came."""

    def __init__(self, geometry: PhotoGeometry) -> None:
        self._geometry = geometry
        self.values = np.zeros(geometry.map_size, np.float32)
        """(h, w), whole when every window's map was added."""

    def add(self, number: int, found: NDArray[np.float32]) -> None:
        """Adds the map (h, w) of one window, of the geometry's `window_size`; where it counts it may hold NaN, which
        stays."""
        geometry = self._geometry
        assert found.shape == geometry.window_size, (found.shape, geometry.window_size)
        (own_y, y), (own_x, x) = (geometry.counting(number, axis) for axis in (0, 1))
        rows, columns = geometry.weights(number, 0)[own_y], geometry.weights(number, 1)[own_x]
        self.values[y, x] += rows[:, None] * columns * found[own_y, own_x]
