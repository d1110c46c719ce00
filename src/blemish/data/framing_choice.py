"""How photos of given sizes are framed: what settings that leave it to the photos come to."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from blemish.data.framing import LONGEST_ASPECT, OVERLAP, WHITES, Framing
from blemish.data.geometry import ALIGNMENT
from blemish.data.images import Size, read_header
from blemish.data.interest import Interest
from blemish.data.reading import FIRST_PAGE, Reading
from blemish.data.shapes import fitting_size
from blemish.errors import DataError

Aspect = Literal["keep", "squeeze"]
ENOUGH_SHRUNK = 2.0
"""How many times `auto` lets photos be shrunk, in length: of a colour camera, whose pixels see one colour each, half of
them either way is what it resolves."""
SEEN_AT_ONCE = 8 * 256 * 256
"""Pixels that a network sees at once: of tiles several, of a window one."""
_MOST_ASKED = 100  # photos whose headers are read


def typical_sizes(photos: Sequence[Path], *, reading: Reading = FIRST_PAGE) -> dict[Size, int]:
    """Returns how many photos there are of each size, among a hundred at most from all over the list; what cannot be
    read is passed over."""
    places = np.unique(np.linspace(0, len(photos) - 1, min(_MOST_ASKED, len(photos))).round().astype(int))
    sizes: Counter[Size] = Counter()
    for place in places:
        try:
            sizes[read_header(photos[place], reading=reading).size] += 1
        except DataError:
            continue  # training or check, which read it in full, name it
    return dict(sizes.most_common())


def choose_framing(
    sizes: Mapping[Size, int],
    image_size: Size,
    *,
    any_shape: bool,
    aspect: Aspect = "keep",
    tiles: int | str = "off",
    overlap: int = OVERLAP,
    max_pixels: int | None = None,
    reading: Reading = FIRST_PAGE,
    white_level: int | None = None,
) -> Framing:
    """Returns the framing for photos of such sizes, by what was asked for.

    Where `any_shape`, only the area of `image_size` was asked for, and the shape is that of the photo in the middle of
    all shapes; a square stays as it is. Tiles are never squeezed, and have the shape of `image_size`. Where
    `white_level` is None, photos tell it when they are read. Raises ValueError for tiles that cannot be.
    """
    usual = _usual_size(sizes)
    tile = _tile(usual, image_size, tiles)
    ratio = usual[1] / usual[0] if usual is not None else 0.0
    keeps = aspect == "keep" and tile is None and 1 / LONGEST_ASPECT <= ratio <= LONGEST_ASPECT
    if keeps and any_shape and usual is not None:
        fitting = fitting_size(usual, image_size)
        image_size = image_size if fitting[0] == fitting[1] else fitting
    return Framing(
        image_size=(image_size[0], image_size[1]),
        aspect=ratio if keeps else None,
        tile=tile,
        overlap=overlap if tile is not None else OVERLAP,
        max_pixels=max_pixels,
        reading=reading,
        white_level=WHITES[-1] if white_level is None else white_level,
    )


def with_larger_windows(framing: Framing, sizes: Mapping[Size, int], interest: Interest | None = None) -> Framing:
    """Returns the framing in which photos in tiles are judged: in windows of up to SEEN_AT_ONCE pixels, those by which
    the fewest are computed of photos as most are, or of what counts of them.

    The same framing where tiles see less of their neighbours than OVERLAP: what was learned there is of the tiles'
    borders, too, and a window has fewer of them.
    """
    if framing.tile is None or framing.overlap < OVERLAP or min(framing.image_size) < 2 * OVERLAP or not sizes:
        return framing
    usual = max(sizes, key=lambda size: (sizes[size], size))
    height, width = framing.image_size
    larger = [
        replace(framing, window=(h, w))
        for h in range(height, SEEN_AT_ONCE // width + 1, ALIGNMENT)
        for w in range(width, SEEN_AT_ONCE // h + 1, ALIGNMENT)
    ]
    return min((framing, *larger), key=lambda each: computed_pixels(each, usual, interest))


def computed_pixels(framing: Framing, photo_size: Size, interest: Interest | None = None) -> int:
    """Returns how many pixels the network sees of a photo, or to judge what counts of it; those twice that it sees
    twice."""
    geometry = framing.geometry(photo_size)
    windows = geometry.windows if interest is None else interest.joined_windows(geometry)
    return len(windows) * math.prod(framing.frame_size)


def frames_each(framing: Framing, sizes: Mapping[Size, int]) -> float:
    """Returns how many frames a photo has, on average."""
    photos = sum(sizes.values())
    return sum(n * len(framing.geometry(size).windows) for size, n in sizes.items()) / photos if photos else 1.0


def canvas_each(framing: Framing, sizes: Mapping[Size, int]) -> float:
    """Returns how many frames' pixels a photo's canvas has, on average: tiles that overlap share some."""
    photos, frame = sum(sizes.values()), math.prod(framing.image_size)
    if not photos:
        return 1.0
    return sum(n * math.prod(framing.geometry(size).canvas_size) for size, n in sizes.items()) / photos / frame


def _usual_size(sizes: Mapping[Size, int]) -> Size | None:
    """Returns the size of the photo in the middle of all shapes."""
    rising = sorted(sizes, key=lambda size: (size[1] / size[0], size))
    places = np.cumsum([sizes[size] for size in rising])
    return rising[int(np.searchsorted(places, places[-1] / 2))] if rising else None


def _tile(usual: Size | None, image_size: Size, tiles: int | str) -> int | None:
    if isinstance(tiles, int):
        return tiles
    if tiles == "off" or usual is None:
        return None
    shrunk = math.sqrt(math.prod(usual) / math.prod(image_size))
    return round(ENOUGH_SHRUNK * max(image_size)) if shrunk > ENOUGH_SHRUNK else None
