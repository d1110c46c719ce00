"""A picture of some photos with a region of interest drawn on them, for a person to approve."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blemish.data.framing import shown
from blemish.data.images import Pixels, resize_image, resize_mask, save_png
from blemish.results.overlays import LineColours, outline
from blemish.results.sheet_grid import SheetGrid

PROPOSED_LINE: LineColours = (255, 235, 0), (0, 0, 0)
_SIDE, _GAP, _COLUMNS = 320, 10, 4
_OUTSIDE = 0.45  # how bright what does not count is left


def write_region_sheet(photos: Sequence[Pixels], mask: NDArray[np.bool_], sheet: Path, *, white_level: int) -> None:
    """Writes photos (H, W, 3) of one size, darkened outside the mask (H, W), which is outlined; raises OutputError."""
    zoom = _SIDE / max(mask.shape)
    height, width = (max(1, round(side * zoom)) for side in mask.shape)
    small = resize_mask(mask, (height, width))
    grid = SheetGrid(cell=(height, width), count=len(photos), columns=_COLUMNS, gap=_GAP)
    page = np.full((*grid.page, 3), 255, np.uint8)
    for place, photo in enumerate(photos):
        pixels = resize_image(shown(photo, white_level=white_level), (height, width)).copy()
        pixels[~small] = (pixels[~small] * _OUTSIDE).astype(np.uint8)
        outline(pixels, small, PROPOSED_LINE, thin=True)
        top, left = grid.corner(place)
        page[top : top + height, left : left + width] = pixels
    save_png(sheet, page)
