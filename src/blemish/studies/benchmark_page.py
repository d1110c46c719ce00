"""A benchmark as one self-contained page: tables, curves, and the photos that were judged worst."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np

from blemish.data.dataset import GOOD
from blemish.errors import BlemishError
from blemish.evaluation.record import Evaluation, PhotoJudgement
from blemish.inference import open_predictor
from blemish.metrics import METRICS
from blemish.metrics.true_regions import PRO_LIMIT
from blemish.report.figures import Line, pro_figure, roc_figure
from blemish.report.gallery import Group, PhotoFigure, scale, with_pictures
from blemish.report.photo_list import name_below
from blemish.report.rendering import write_page
from blemish.report.svg import CALIBRATION_PHOTOS, FOREGROUND, LIMIT, PHOTOS, PIXELS
from blemish.results.overlays import MARK_LINE, TRUTH_LINE
from blemish.studies.cell import RUNS, CellResult
from blemish.studies.differences import SeedsOf
from blemish.studies.grid import Benchmark
from blemish.studies.table import BenchmarkTable
from blemish.studies.table_texts import BEST, compared_metrics, difference_rows, spent_texts, spent_titles
from blemish.version import __version__
from blemish.wording import brief

BENCHMARK_PAGE = "table.html"
_WORST = 2  # misses, and false alarms, of a method in a category
_SIDE, _LARGEST = 320, 12_000  # pixels and bytes of a picture: 8 of them to each method and category
_POINTS = 200  # of a curve
_COLOURS = {  # by the variables of report.css, which keys are coloured with
    "--photos": PHOTOS,
    "--pixels": PIXELS,
    "--limit": LIMIT,
    "--calibration": CALIBRATION_PHOTOS,
    "--ink": FOREGROUND,
}


@dataclass(frozen=True, kw_only=True)
class WorstPhotos:
    """The group has the photos that one model of a method judged worst in a category."""

    method: str
    seed: int
    group: Group | None
    trouble: str | None
    """Why there are none to show."""


@dataclass(frozen=True, kw_only=True)
class CategoryFigures:
    """The curves of one category, as SVG, and its worst photos; a curve that no method has is None."""

    name: str
    roc: str | None
    pro: str | None
    worst: list[WorstPhotos]


def write_benchmark_page(
    table: BenchmarkTable,
    benchmark: Benchmark,
    evaluations: Mapping[str, Evaluation],
    seeds_of: SeedsOf,
    output: Path,
) -> None:
    """Writes table.html; the worst photos are those of each method's first seed, judged once more by its model.

    Raises MissingExtraError, OutputError.
    """
    plan = benchmark.plan
    colours = dict(zip(plan.methods, cycle(_COLOURS), strict=False))
    figures = [
        CategoryFigures(
            name=category or table.root,
            roc=_curves(category, "image_roc", colours, seeds_of),
            pro=_curves(category, "pro", colours, seeds_of),
            worst=[
                _worst(first, evaluations.get(first.name), output)
                for method in plan.methods
                if (first := _first_seed(benchmark.results, method, category)) is not None
            ],
        )
        for category in plan.categories
    ]
    context = {
        "table": table,
        "titles": [METRICS[name].title for name in table.metrics],
        "spent_titles": spent_titles(table),
        "spent": spent_texts,
        "best": BEST,
        "difference_titles": [METRICS[name].title for name in compared_metrics(table)],
        "differences": difference_rows(table),
        "colours": colours,
        "figures": figures,
        "pro_limit": PRO_LIMIT,
        "scale": scale(),
        "mark_line": MARK_LINE,
        "truth_line": TRUTH_LINE,
        "version": __version__,
    }
    write_page(output / BENCHMARK_PAGE, "benchmark.html", context)


def _first_seed(results: Sequence[CellResult], method: str, category: str | None) -> CellResult | None:
    own = [result for result in results if (result.method, result.category) == (method, category)]
    return min(own, key=lambda result: result.seed, default=None)


def _curves(category: str | None, name: str, colours: Mapping[str, str], seeds_of: SeedsOf) -> str | None:
    """Draws each method's mean curve over its seeds; None where no evaluation has that curve."""
    lines = []
    for method, colour in colours.items():
        curves = [e.curves[name] for e in seeds_of.get((category, method), ()) if name in e.curves]
        if curves:
            x = np.unique(np.concatenate([np.linspace(0, 1, _POINTS), *(curve.x for curve in curves)]))
            y = np.mean([np.interp(x, curve.x, curve.y) for curve in curves], axis=0)
            x, y = np.append(0, x), np.append(0, y)  # what is found before the first false alarm is a step
            lines.append(Line(x=x.tolist(), y=y.tolist(), colour=_COLOURS[colour]))
    if not lines:
        return None
    where = category or "the photos"
    if name == "pro":
        return pro_figure(lines, limit=PRO_LIMIT, alt=f"PRO curves of {where}")
    return roc_figure(lines, alt=f"ROC curves of {where}")


def _worst(result: CellResult, evaluation: Evaluation | None, output: Path) -> WorstPhotos:
    group, trouble = None, None
    run = output / RUNS / result.name
    if evaluation is None or not run.exists():
        trouble = "its model is gone: the photos cannot be shown"
    else:
        try:
            chosen = _chosen(evaluation)
            group = with_pictures([chosen], open_predictor(run), side=_SIDE, largest=_LARGEST)[0]
        except BlemishError as error:
            trouble = brief(error)
    return WorstPhotos(method=result.method, seed=result.seed, group=group, trouble=trouble)


def _chosen(e: Evaluation) -> Group:
    """Returns the misses with the lowest scores, and the false alarms with the highest."""
    rising = sorted(e.photos, key=lambda photo: (photo.anomaly_score, photo.image))
    misses = [photo for photo in rising if photo.defect_type != GOOD and not photo.alarm]
    alarms = [photo for photo in rising[::-1] if photo.defect_type == GOOD and photo.alarm]
    return Group(
        defect_type="",
        missed=e.misses,
        photos=e.defective_photos,
        lowest=_figures(misses[:_WORST], e),
        highest=_figures(alarms[:_WORST], e),
    )


def _figures(photos: Sequence[PhotoJudgement], e: Evaluation) -> tuple[PhotoFigure, ...]:
    return tuple(PhotoFigure(judgement=photo, name=name_below(Path(photo.image), Path(e.root))) for photo in photos)
