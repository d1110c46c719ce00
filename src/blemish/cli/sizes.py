"""What `blemish evaluate` prints of a test of synthetic defects: which sizes are found."""

from blemish.evaluation.record import KindSweep, SizeSweep
from blemish.evaluation.size_sweep import smallest_says, warnings_of
from blemish.wording import ends_in_percent, on_one_line

_WIDTH = 28


def lines_of_sizes(sweep: SizeSweep) -> list[str]:
    """Returns lines for a terminal: how many of each size were found, and the smallest sizes."""
    if not sweep.kinds:
        return ["", smallest_says(sweep), *warnings_of(sweep)]
    sizes = sorted({count.size for kind in sweep.kinds.values() for count in kind.sizes})
    header = f"  {'longest extent':<16}" + "".join(f"{on_one_line(kind):>{_WIDTH}}" for kind in sweep.kinds)
    rows = [
        f"  {f'{size} px':<16}" + "".join(f"{_share(kind, size):>{_WIDTH}}" for kind in sweep.kinds.values())
        for size in sizes
    ]
    return [
        "",
        "SYNTHETIC defects found, by size in the photo's own pixels, with 95 % intervals",
        header,
        *rows,
        on_one_line(smallest_says(sweep)),
        *warnings_of(sweep),
    ]


def _share(kind: KindSweep, size: int) -> str:
    count = kind.of_size(size)
    if count is None:
        return "-"
    low, high = ends_in_percent(count.interval)
    return f"{count.found} of {count.photos} ({low} to {high} %)"
