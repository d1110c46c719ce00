"""A picture of some photos with a region of interest drawn on them, for a person to approve."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blemish.data.framing import shown
from blemish.data.images import Pixels, resize_image, resize_mask, save_png
from blemish.results.overlays import LineColours, outline

PROPOSED_LINE: LineColours = (255, 235, 0), (0, 0, 0)
_SIDE, _GAP, _COLUMNS = 320, 10, 4
_OUTSIDE = 0.45  # how bright what does not count is left


def write_region_sheet(photos: Sequence[Pixels], mask: NDArray[np.bool_], sheet: Path, *, white_level: int) -> None:
    """Writes photos (H, W, 3) of one size, darkened outside the mask (H, W), which is outlined; raises OutputError."""
    zoom = _SIDE / max(mask.shape)
    height, width = (max(1, round(side * zoom)) for side in mask.shape)
    small = resize_mask(mask, (height, width))
    columns = min(_COLUMNS, len(photos))
    rows = math.ceil(len(photos) / columns)
    page = np.full((rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 3), 255, np.uint8)
    for place, photo in enumerate(photos):
        row, column = divmod(place, columns)
        pixels = resize_image(shown(photo, white_level=white_level), (height, width)).copy()
        pixels[~small] = (pixels[~small] * _OUTSIDE).astype(np.uint8)
        outline(pixels, small, PROPOSED_LINE, thin=True)
        top, left = _GAP + row * (height + _GAP), _GAP + column * (width + _GAP)
        page[top : top + height, left : left + width] = pixels
    save_png(sheet, page)
