"""Where small pictures lie on a page for a person to look through: in rows, with gaps between and around them."""

import math
from dataclasses import dataclass

from blemish.data.images import Size


@dataclass(frozen=True, kw_only=True)
class SheetGrid:
    """So many cells of one (height, width), in rows of as many as `columns` says at most; all in pixels."""

    cell: Size
    count: int
    columns: int
    gap: int

    @property
    def page(self) -> Size:
        """Returns the (height, width) of the whole page."""
        rows, columns = math.ceil(self.count / self.columns), min(self.count, self.columns)
        return rows * (self.cell[0] + self.gap) + self.gap, columns * (self.cell[1] + self.gap) + self.gap

    def corner(self, place: int) -> tuple[int, int]:
        """Returns the top and the left of a cell, counted from 0 along the rows."""
        row, column = divmod(place, self.columns)
        return self.gap + row * (self.cell[0] + self.gap), self.gap + column * (self.cell[1] + self.gap)
