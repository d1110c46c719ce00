"""The table of a benchmark: mean and spread over seeds, beside what was published."""

import csv
import io
import statistics
from collections.abc import Sequence

from blemish.metrics import METRICS
from blemish.report.published import PublishedFigure, PublishedTable, published_for
from blemish.studies.cell import CellResult
from blemish.studies.grid import Benchmark
from blemish.wording import counted

_SHOWN = ("image_auroc", "pixel_auroc", "pixel_ap", "pro", "pro_05", "spro_05", "aupimo", "seg_f1")
_NONE = "-"
"""Stands for a figure that not every seed has."""
_COLUMNS = ("category", "method", "metric", "mean", "deviation", "seeds", "published", "published_deviation", "source")


def markdown_table(benchmark: Benchmark) -> str:
    """Returns a row per category and method, and one per method over all categories where none is missing."""
    plan, sources = benchmark.plan, list[PublishedTable]()
    shown = [name for name in _SHOWN if any(name in result.metrics for result in benchmark.results)]
    root = plan.root.absolute().name
    lines = [f"{root}: mean ± standard deviation over {counted(plan.seeds, 'seed')}", ""]
    if plan.limit is not None:
        lines[:0] = [f"**A rehearsal with {plan.limit} photos and steps: the figures mean nothing.**", ""]
    titles = ["category", "method", "seeds", *(METRICS[name].title for name in shown)]
    lines += [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for category in plan.categories:
        for method in plan.methods:
            of_both = _of(benchmark.results, method, category)
            if of_both:
                cells = [_cell(of_both, name, sources) for name in shown]
                lines.append(f"| {category or root} | {method} | {len(of_both)} | {' | '.join(cells)} |")
    for method in plan.methods if len(plan.categories) > 1 else ():
        own = [_of(benchmark.results, method, category) for category in plan.categories]
        if all(len(results) == plan.seeds for results in own):
            means = [_mean_of_means(own, name) for name in shown]
            lines.append(f"| **all {len(own)}** | {method} | {plan.seeds} | {' | '.join(means)} |")
    lines += [""] + [f"[{number}] {source.source}" for number, source in enumerate(sources, start=1)]
    lines += [f"failed: {line}" for line in benchmark.failed]
    return "\n".join(lines).rstrip() + "\n"


def csv_table(benchmark: Benchmark) -> str:
    """Returns a line per category, method and metric, with every figure in full."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(_COLUMNS)
    for category in benchmark.plan.categories:
        for method in benchmark.plan.methods:
            results = _of(benchmark.results, method, category)
            for metric in dict.fromkeys(name for result in results for name in result.metrics):
                values = _values(results, metric)
                if values:
                    known = _published(results, metric)
                    said = (known[0].mean, known[0].deviation, known[1].source) if known else ("", "", "")
                    spread = statistics.stdev(values) if len(values) > 1 else ""
                    mean = statistics.fmean(values)
                    rows.writerow([category or "", method, metric, mean, spread, len(values), *said])
    return out.getvalue()


def _of(results: Sequence[CellResult], method: str, category: str | None) -> list[CellResult]:
    return [result for result in results if (result.method, result.category) == (method, category)]


def _values(results: Sequence[CellResult], metric: str) -> list[float]:
    return [value for result in results if (value := result.metrics.get(metric)) is not None]


def _published(results: Sequence[CellResult], metric: str) -> tuple[PublishedFigure, PublishedTable] | None:
    return published_for(results[0].method, results[0].mvtec_ad).get(metric)


def _cell(results: Sequence[CellResult], metric: str, sources: list[PublishedTable]) -> str:
    """Returns the mean, its spread, and the published figure with the number of its source."""
    values = _values(results, metric)
    if len(values) < len(results):
        return _NONE
    said = f"{statistics.fmean(values):.3f}"
    if len(values) > 1:
        said += f" ± {statistics.stdev(values):.3f}"
    if known := _published(results, metric):
        figure, source = known
        sources += [source] if source not in sources else []
        said += f" (published {figure.mean:.3f} [{sources.index(source) + 1}])"
    return said


def _mean_of_means(own: Sequence[Sequence[CellResult]], metric: str) -> str:
    values = [_values(results, metric) for results in own]
    if any(len(of_one) < len(results) for of_one, results in zip(values, own, strict=True)):
        return _NONE
    return f"{statistics.fmean(statistics.fmean(of_one) for of_one in values):.3f}"
