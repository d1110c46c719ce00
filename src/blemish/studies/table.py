"""The tables of a benchmark: mean and spread over seeds, beside what was published; what methods differ in; cost."""

import csv
import io
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from blemish.report.published import PublishedFigure, PublishedTable, published_for
from blemish.studies.cell import CellResult
from blemish.studies.differences import Differences
from blemish.studies.grid import Benchmark
from blemish.wording import counted

SHOWN_METRICS = ("image_auroc", "pixel_auroc", "pixel_ap", "pro", "pro_05", "spro_05", "aupimo", "seg_f1")
NO_FIGURE = "-"
"""Stands for a figure that not every seed has."""
_COLUMNS = (
    *("category", "method", "metric", "mean", "deviation", "seeds", "published", "published_deviation", "source"),
    "best_beyond_chance",
)
_SPENT = ("seconds", "training_seconds", "judging_ms", "cpu_seconds", "peak_memory_mb")


@dataclass(frozen=True, kw_only=True)
class SeedsFigure:
    """One metric's mean over seeds, and what goes with it."""

    mean: float
    deviation: float | None
    """Standard deviation, of n - 1; None of one seed, and of a mean over categories."""
    published: PublishedFigure | None = None
    source: int | None = None
    """The number of the publication in `BenchmarkTable.sources`, from 1."""
    best: bool = False
    """Whether the method is better than every other one by more than chance."""


@dataclass(frozen=True, kw_only=True)
class MethodRow:
    """One method has these figures in one category, or over all of them."""

    category: str | None
    over: int | None
    """Over how many categories it is the mean; None of one of them."""
    method: str
    seeds: int
    figures: dict[str, SeedsFigure | None]
    """By the names of `BenchmarkTable.metrics`; None where not every seed has one."""
    spent: dict[str, float | None]
    """Means over seeds of what a cell took; the sum over categories where it is over all of them."""


@dataclass(frozen=True, kw_only=True)
class BenchmarkTable:
    """All that the tables of a benchmark say, in whatever form."""

    root: str
    seeds: int
    limit: int | None
    metrics: tuple[str, ...]
    rows: tuple[MethodRow, ...]
    sources: tuple[PublishedTable, ...]
    differences: Differences
    failed: tuple[str, ...]
    price_per_hour: float | None

    @property
    def title(self) -> str:
        """Returns what the first table shows."""
        return f"{self.root}: mean ± standard deviation over {counted(self.seeds, 'seed')}"

    @property
    def rehearsal(self) -> str | None:
        """Returns a warning where the figures mean nothing."""
        if self.limit is None:
            return None
        return f"A rehearsal with {self.limit} photos and steps: the figures mean nothing."

    def called(self, row: MethodRow) -> str:
        """Returns what a row is of."""
        return f"all {row.over}" if row.over is not None else row.category or self.root

    def cost(self, row: MethodRow) -> float | None:
        """Returns what a row's cells cost, all seeds together, at the price of an hour that was given."""
        seconds = row.spent["seconds"]
        return (
            None if self.price_per_hour is None or seconds is None else seconds * row.seeds / 3600 * self.price_per_hour
        )


def table_of(
    benchmark: Benchmark, differences: Differences | None = None, *, price_per_hour: float | None = None
) -> BenchmarkTable:
    """Returns a row per category and method, and one per method over all categories where none is missing."""
    plan, sources = benchmark.plan, list[PublishedTable]()
    shown = tuple(name for name in SHOWN_METRICS if any(name in result.metrics for result in benchmark.results))
    differences = differences or Differences()
    rows = []
    for category in plan.categories:
        for method in plan.methods:
            if of_both := _of(benchmark.results, method, category):
                best = {name for name in shown if differences.best(name, plan.methods, category=category) == method}
                figures = {name: _figure(of_both, name, sources, best=name in best) for name in shown}
                spent = {name: _mean([getattr(result, name) for result in of_both]) for name in _SPENT}
                rows.append(
                    MethodRow(
                        category=category,
                        over=None,
                        method=method,
                        seeds=len(of_both),
                        figures=figures,
                        spent=spent,
                    )
                )
    rows += _rows_over_all(benchmark, rows, shown, differences)
    return BenchmarkTable(
        root=plan.root.absolute().name,
        seeds=plan.seeds,
        limit=plan.limit,
        metrics=shown,
        rows=tuple(rows),
        sources=tuple(sources),
        differences=differences,
        failed=benchmark.failed,
        price_per_hour=price_per_hour,
    )


def csv_table(benchmark: Benchmark, differences: Differences | None = None) -> str:
    """Returns a line per category, method and metric, with every figure in full."""
    differences = differences or Differences()
    rows: list[Sequence[object]] = [_COLUMNS]
    for category in benchmark.plan.categories:
        for method in benchmark.plan.methods:
            results = _of(benchmark.results, method, category)
            for metric in dict.fromkeys(name for result in results for name in result.metrics):
                values = _values(results, metric)
                if values:
                    known = _published(results, metric)
                    said = (known[0].mean, known[0].deviation, known[1].source) if known else ("", "", "")
                    spread = statistics.stdev(values) if len(values) > 1 else ""
                    best = differences.best(metric, benchmark.plan.methods, category=category) == method
                    found = [category or "", method, metric, statistics.fmean(values), spread, len(values)]
                    rows.append([*found, *said, int(best)])
            spent = {name: _mean([getattr(result, name) for result in results]) for name in _SPENT}
            of_both = [category or "", method]
            rows += [
                [*of_both, name, m, "", len(results), "", "", "", ""] for name, m in spent.items() if m is not None
            ]
    return _as_csv(rows)


def csv_of_differences(differences: Differences) -> str:
    """Returns a line per category (`*` stands for the mean over all), pair of methods and metric, in full."""
    rows: list[Sequence[object]] = [("category", "metric", "first", "second", "difference", "low", "high", "better")]
    for d in differences.found:
        low, high = d.interval or ("", "")
        category = "*" if d.over_all else d.category or ""
        rows.append([category, d.metric, d.first, d.second, d.difference, low, high, d.better or ""])
    return _as_csv(rows)


def _as_csv(rows: Sequence[Sequence[object]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _rows_over_all(
    benchmark: Benchmark, rows: Sequence[MethodRow], shown: Sequence[str], differences: Differences
) -> list[MethodRow]:
    """Returns the means of methods over all categories, of those that have every seed of each."""
    plan = benchmark.plan
    found = []
    for method in plan.methods if len(plan.categories) > 1 else ():
        own = [row for row in rows if row.method == method]
        if len(own) < len(plan.categories) or any(row.seeds < plan.seeds for row in own):
            continue
        figures: dict[str, SeedsFigure | None] = {}
        for name in shown:
            mean = _mean([None if (f := row.figures[name]) is None else f.mean for row in own])
            best = differences.best(name, plan.methods, category=None, over_all=True) == method
            figures[name] = None if mean is None else SeedsFigure(mean=mean, deviation=None, best=best)
        spent = {name: _mean([row.spent[name] for row in own]) for name in _SPENT}
        for name in ("seconds", "training_seconds", "cpu_seconds"):
            spent[name] = None if (mean := spent[name]) is None else mean * len(own)
        row = MethodRow(category=None, over=len(own), method=method, seeds=plan.seeds, figures=figures, spent=spent)
        found.append(row)
    return found


def _figure(
    results: Sequence[CellResult], metric: str, sources: list[PublishedTable], *, best: bool
) -> SeedsFigure | None:
    """Returns the mean, its spread, and the published figure with the number of its source."""
    values = _values(results, metric)
    if len(values) < len(results):
        return None
    figure, number = None, None
    if known := _published(results, metric):
        figure, source = known
        sources += [source] if source not in sources else []
        number = sources.index(source) + 1
    return SeedsFigure(
        mean=statistics.fmean(values),
        deviation=statistics.stdev(values) if len(values) > 1 else None,
        published=figure,
        source=number,
        best=best,
    )


def _of(results: Sequence[CellResult], method: str, category: str | None) -> list[CellResult]:
    return [result for result in results if (result.method, result.category) == (method, category)]


def _values(results: Sequence[CellResult], metric: str) -> list[float]:
    return [value for result in results if (value := result.metrics.get(metric)) is not None]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known and len(known) == len(values) else None


def _published(results: Sequence[CellResult], metric: str) -> tuple[PublishedFigure, PublishedTable] | None:
    return published_for(results[0].method, results[0].mvtec_ad).get(metric)
