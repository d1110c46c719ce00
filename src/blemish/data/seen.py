"""How large a defect must be, in the photo's own pixels, to be seen as photos are framed, and what tiles change."""

import math
from collections.abc import Mapping
from dataclasses import replace

from blemish.data.framing import Framing
from blemish.data.framing_choice import ENOUGH_SHRUNK
from blemish.data.geometry import ALIGNMENT
from blemish.data.images import Size
from blemish.wording import counted

SEEN = 8
"""Pixels of the network: so long were the smallest spots that were found reliably on a strong texture, and 2 on a weak
one, see benchmarks/small_defects.py."""
MUCH_SHRUNK = 4
"""Times: beyond it, what vanishes is larger than specks that are in every photo."""


def seen_line(photo_sizes: Mapping[Size, int], framing: Framing, *, beyond: float = 1.0) -> str | None:
    """Returns a line where photos are shrunk more than `beyond` times before the network sees them: what then vanishes,
    and what tiles would show, at how many times the work.

    A pixel of the network is the mean of what it covers: a spot smaller than that only makes it a little lighter or
    darker. So much is sure; how much larger a spot must be, a test with defects tells.
    """
    framing = replace(framing, window=None)  # what photos are judged in costs less than tiles, and shows the same
    shrunk = {size: count for size, count in photo_sizes.items() if shrunk_times(framing, size) > beyond}
    if not shrunk:
        return None
    size = max(shrunk, key=lambda size: (shrunk[size], shrunk_times(framing, size)))
    most, (height, width) = shrunk_times(framing, size), framing.map_size(size)
    photos = f"{sum(shrunk.values())} of {sum(photo_sizes.values())}, such as {size[1]}x{size[0]}"
    return (
        f"shrunk: {photos}, to {width}x{height} (width x height){_in_tiles(framing, size)}: a defect smaller than "
        f"about {math.ceil(most)} pixels of the photo is less than one pixel there, and not seen; count on those from "
        f"about {math.ceil(SEEN * most)}{_tiles(framing, size)}"
    )


def shrunk_times(framing: Framing, photo_size: Size) -> float:
    """Returns how many of the photo's pixels, in length, one pixel that the network sees is of."""
    return max(own / seen for own, seen in zip(photo_size, framing.map_size(photo_size), strict=True))


def tiles_line(photo_sizes: Mapping[Size, int], framing: Framing) -> str | None:
    """Returns a line where photos are seen in tiles, with what they cost; else None."""
    if framing.tile is None or not photo_sizes:
        return None
    size = max(photo_sizes, key=lambda size: (photo_sizes[size], size))
    tiles, (height, width) = len(framing.geometry(size).windows), framing.image_size
    longer = max(height, width)
    down, across = (round(framing.tile * side / longer) for side in (height, width))
    return (
        f"tiles: a photo of {size[1]}x{size[0]} is seen in {counted(tiles, 'tile')} of {across}x{down} pixels, each as "
        f"{width}x{height} (width x height), and takes about {tiles} times as long as seen whole"
    )


def _in_tiles(framing: Framing, size: Size) -> str:
    return "" if framing.tile is None else f" in {counted(len(framing.geometry(size).windows), 'tile')}"


def _tiles(framing: Framing, size: Size) -> str:
    """Returns what smaller tiles, or any, would change, for the end of a line; nothing where they would not."""
    if shrunk_times(framing, size) <= ENOUGH_SHRUNK:
        return ""
    side = max(2, round(math.sqrt(math.prod(framing.image_size)) / ALIGNMENT)) * ALIGNMENT
    asked = framing.image_size if framing.tile is not None else (side, side)
    tile = round(ENOUGH_SHRUNK * max(asked))
    if framing.tile == tile:  # sides of few pixels are rounded to fewer
        return ""
    tiled = replace(framing, image_size=asked, aspect=None, tile=tile)
    before, after = (len(each.geometry(size).windows) for each in (framing, tiled))
    return (
        f"; --tiles {'auto' if framing.tile is None else tile} in training shows those from about "
        f"{math.ceil(SEEN * shrunk_times(tiled, size))}, in {counted(after, 'tile')}, and takes about "
        f"{max(1, round(after / before))} times as long"
    )
