"""A contact sheet: small pictures of photos on one page, numbered and named, for a person to look through."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from blemish.data.framing import shown
from blemish.data.images import read_image, save_png
from blemish.data.reading import FIRST_PAGE, Reading
from blemish.errors import DataError
from blemish.results.sheet_grid import SheetGrid
from blemish.wording import on_one_line

_SIDE, _GAP, _CAPTION, _COLUMNS = 240, 12, 22, 5
_PAPER, _INK, _ALARM = (255, 255, 255), (30, 30, 30), (190, 20, 20)


def write_contact_sheet(
    photos: Sequence[Path],
    sheet: Path,
    *,
    marked: Sequence[bool],
    white_level: int = 65535,
    reading: Reading = FIRST_PAGE,
) -> None:
    """Writes the photos in their order, five a row; those `marked` are framed and named in red.

    A photo that cannot be read any more leaves its place empty. Raises OutputError.
    """
    grid = SheetGrid(cell=(_SIDE + _CAPTION, _SIDE), count=len(photos), columns=_COLUMNS, gap=_GAP)
    page = Image.new("RGB", grid.page[::-1], _PAPER)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default()
    for place, (photo, alarm) in enumerate(zip(photos, marked, strict=True)):
        top, left = grid.corner(place)
        small = _small(photo, white_level, reading)
        if small is not None:
            page.paste(small, (left + (_SIDE - small.width) // 2, top + (_SIDE - small.height) // 2))
        ink = _ALARM if alarm else _INK
        if alarm:
            draw.rectangle((left - 3, top - 3, left + _SIDE + 2, top + _SIDE + 2), outline=_ALARM, width=3)
        name = on_one_line(photo.name).encode("latin-1", "replace").decode("latin-1")  # what the font has
        caption = f"{place + 1}  {name}"
        while draw.textlength(caption, font=font) > _SIDE:
            caption = f"{caption[: len(caption) // 2 - 2]}...{caption[len(caption) // 2 + 2 :]}"
        draw.text((left, top + _SIDE + 5), caption, fill=ink, font=font)
    save_png(sheet, np.asarray(page))


def _small(photo: Path, white_level: int, reading: Reading) -> Image.Image | None:
    try:
        pixels = shown(read_image(photo, reading=reading), white_level=white_level)
    except DataError:
        return None
    return ImageOps.contain(Image.fromarray(pixels), (_SIDE, _SIDE))
