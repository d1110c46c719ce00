"""The page of two models on the same photos."""

from dataclasses import dataclass
from pathlib import Path

from blemish.evaluation.paired import FigureDifference, PairedComparison
from blemish.metrics import METRICS
from blemish.report.photo_list import MOST_LISTED, address_of, name_below
from blemish.report.rendering import write_page
from blemish.version import __version__

COMPARISON_PAGE = "comparison.html"


@dataclass(frozen=True, kw_only=True)
class OneSided:
    """The list holds the photos that one of the two models alone judged wrongly."""

    title: str
    links: list[tuple[str, str]]
    """Of each photo the name and the address of its file."""
    left_out: int
    """How many there are beyond MOST_LISTED."""


def write_comparison_page(compared: PairedComparison, folder: Path) -> None:
    """Writes comparison.html into a folder; raises MissingExtraError, OutputError."""
    kinds = [
        ("misses", "defective photos", compared.defective),
        ("false alarms", "good photos", compared.good),
    ]
    context = {
        "compared": compared,
        "kinds": kinds,
        "figures": [(METRICS[name].title, METRICS[name].meaning, f) for name, f in compared.figures.items()],
        "interval": _interval,
        "one_sided": one_sided_photos(compared),
        "version": __version__,
    }
    write_page(folder / COMPARISON_PAGE, "comparison.html", context)


def one_sided_photos(compared: PairedComparison) -> list[OneSided]:
    """Returns the lists of photos on which the models disagree, by whose mistake they are; an empty one is left out."""
    lists = (
        ("Missed by A alone", compared.defective.only_first_wrong),
        ("Missed by B alone", compared.defective.only_second_wrong),
        ("False alarms of A alone", compared.good.only_first_wrong),
        ("False alarms of B alone", compared.good.only_second_wrong),
    )
    root = Path(compared.root)
    return [
        OneSided(
            title=f"{title}: {len(photos)}",
            links=[(name_below(Path(photo), root), address_of(Path(photo))) for photo in photos[:MOST_LISTED]],
            left_out=max(0, len(photos) - MOST_LISTED),
        )
        for title, photos in lists
        if photos
    ]


def _interval(figure: FigureDifference) -> str:
    return "" if figure.interval is None else f"{figure.interval[0]:+.3f} to {figure.interval[1]:+.3f}"
