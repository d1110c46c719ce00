"""matplotlib's drawings as a part of a page: text stays text, and colours are the page's own, light or dark.

Figures are drawn with stand-in colours; each is replaced by a variable of the page's style sheet.
"""

import io
import re
import warnings
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

from blemish.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes
    from matplotlib.figure import Figure as Figure

# Stand-ins that no figure would choose by chance, and the variables of report.css that take their place.
FOREGROUND, FAINT, GRID = "#010101", "#020202", "#030303"
CALIBRATION_PHOTOS, GOOD_PARTS, DEFECT, LIMIT = "#040404", "#050505", "#060606", "#070707"
PHOTOS, PIXELS = "#080808", "#090909"
_VARIABLES = {
    FOREGROUND: "--ink",
    FAINT: "--muted",
    GRID: "--grid",
    CALIBRATION_PHOTOS: "--calibration",
    GOOD_PARTS: "--good",
    DEFECT: "--defect",
    LIMIT: "--limit",
    PHOTOS: "--photos",
    PIXELS: "--pixels",
}

_WIDTH = 480  # CSS pixels: on a phone, at three quarters of that, text of 13 is still read
_DOTS = 72  # per inch: matplotlib's SVG counts in points

_STYLE = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a folder may be called $x$
    "font.size": 13,
    "xtick.labelsize": 12,
    "ytick.labelsize": 12,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": FOREGROUND,
    "text.color": FOREGROUND,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": FOREGROUND,
    "ytick.labelcolor": FOREGROUND,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "grid.color": GRID,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw(paint: Callable[["Figure"], None], *, height: int, alt: str) -> str:
    """Returns the SVG element that `paint` draws on a figure; `alt` says in words what is to be seen."""
    matplotlib = _matplotlib()
    with matplotlib.rc_context(_STYLE | {"svg.hashsalt": alt}):  # the salt keeps names apart that two figures share
        from matplotlib.figure import Figure

        figure = Figure(figsize=(_WIDTH / _DOTS, height / _DOTS), dpi=_DOTS, layout="constrained")
        paint(figure)
        file = io.StringIO()
        with warnings.catch_warnings():
            # A name in any script: the browser has the glyphs that matplotlib's own font lacks.
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            figure.savefig(file, format="svg", metadata={"Date": None})
    return _inline(file.getvalue(), alt=alt)


def plain_numbers(axis: Any, *, logarithmic: bool = False, whole: bool = False) -> None:
    """Labels ticks as 0.001 rather than as powers of ten; `whole`: at whole numbers alone."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    if logarithmic:
        low, high = axis.get_view_interval()
        wide = high > 1000 * low  # labels of 1, 2 and 5 in every decade would lie on one another
        axis.set_major_locator(LogLocator(subs=(1,), numticks=6) if wide else LogLocator(subs=(1, 2, 5), numticks=8))
        axis.set_minor_formatter(NullFormatter())
    else:
        axis.set_major_locator(MaxNLocator(6, integer=whole))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _inline(svg: str, *, alt: str) -> str:
    """Returns only what is drawn: no header, no addresses, no style for all, no names but those referred to."""
    view = re.search(r'viewBox="([^"]*)"', svg)
    assert view is not None
    inside = svg[svg.index("</metadata>") + len("</metadata>") : svg.rindex("</svg>")]
    inside = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", inside, flags=re.DOTALL)
    inside = re.sub(r'<g id="[^"]*">', "<g>", inside).replace("xlink:href", "href")
    inside = re.sub(r"font-family: [^;]*; ", "", inside)  # the page's
    for colour, variable in _VARIABLES.items():
        inside = re.sub(rf"(fill|stroke): {colour}\b", rf"\1: var({variable})", inside)
    return f'<svg viewBox="{view[1]}" role="img" aria-label="{escape(alt)}">{inside}</svg>'


def _matplotlib() -> Any:
    try:
        import matplotlib
    except ImportError as error:
        raise MissingExtraError(package="matplotlib", extra="report", purpose="a report's figures") from error
    return matplotlib
