"""What the report says of a test of synthetic defects: the sizes that are found, a table and a figure."""

from dataclasses import dataclass

from blemish.evaluation.record import SizeSweep
from blemish.evaluation.size_sweep import smallest_says
from blemish.report.figures import detection_figure
from blemish.wording import ends_in_percent

_NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, kw_only=True)
class SizeRow:
    """A row of the table: of one size, per kind, how many were found and the interval of their share."""

    size: int
    found: list[tuple[str, str]]
    """Empty texts where the kind was not tried at this size."""


@dataclass(frozen=True, kw_only=True)
class SizeSection:
    """The section on sizes, which says what is found and draws it."""

    smallest: str
    kinds: list[str]
    rows: list[SizeRow]
    figure: str


def size_section(sweep: SizeSweep | None) -> SizeSection | None:
    """Returns the section of an evaluation on synthetic defects; None where it is of others, or none of them counts."""
    if sweep is None or not sweep.kinds:
        return None
    sizes = sorted({count.size for kind in sweep.kinds.values() for count in kind.sizes})
    return SizeSection(
        smallest=smallest_says(sweep).replace(" px", f"{_NO_BREAK}px").replace(" %", f"{_NO_BREAK}%"),
        kinds=list(sweep.kinds),
        rows=[SizeRow(size=size, found=_found(sweep, size)) for size in sizes],
        figure=detection_figure(sweep, alt=f"Share of synthetic defects found against size. {smallest_says(sweep)}"),
    )


def _found(sweep: SizeSweep, size: int) -> list[tuple[str, str]]:
    cells = []
    for kind in sweep.kinds.values():
        count = kind.of_size(size)
        if count is None:
            cells.append(("", ""))
        else:
            low, high = ends_in_percent(count.interval)
            cells.append((f"{count.found} of {count.photos}", f"{low} to {high}{_NO_BREAK}%"))
    return cells
