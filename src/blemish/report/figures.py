"""What the report draws: scores, curves, the course of training."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blemish.evaluation.record import SizeSweep
from blemish.model.training_record import HistoryPoint
from blemish.report.svg import (
    CALIBRATION_PHOTOS,
    DEFECT,
    FAINT,
    FOREGROUND,
    GOOD_PARTS,
    GRID,
    LIMIT,
    draw,
    plain_numbers,
)

if TYPE_CHECKING:
    from blemish.report.svg import Axes, Figure

_LOGARITHMIC_FROM = 30.0  # highest over lowest value
_BINS = 40
_BARS = 0.58  # of a row's height; its caption stands above them
_DASHES: Any = (0, (4, 3))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One group of photos in the histogram, which has a row of its own."""

    label: str
    scores: Sequence[float]
    colour: str


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A threshold as the histogram shows it."""

    label: str
    value: float
    dashed: bool = False


@dataclass(frozen=True, kw_only=True)
class Line:
    """One curve, and the point on it where the threshold stands."""

    x: Sequence[float]
    y: Sequence[float]
    colour: str
    dashed: bool = False
    at_threshold: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class RatePoint:
    """A share that was measured, and the ends of its interval."""

    rate: float
    low: float
    high: float


def score_histogram(rows: Sequence[Row], limits: Sequence[Limit], *, alt: str) -> str:
    """Draws the scores of each group of photos in a row of its own, each as high as its fullest bin; limits
    across all."""
    values = [score for row in rows for score in row.scores] + [limit.value for limit in limits]
    logarithmic = _spans(values)
    edges = _edges(min(values), max(values), logarithmic=logarithmic)

    def paint(figure: "Figure") -> None:
        axes = figure.add_subplot()
        for place, row in enumerate(reversed(rows)):
            counts, _ = np.histogram(np.clip(row.scores, edges[0], edges[-1]), edges)
            axes.stairs(
                place + (_BARS - 0.03) * counts / counts.max(), edges, baseline=place, fill=True, color=row.colour
            )
            axes.axhline(place, color=GRID, linewidth=1)
            axes.annotate(row.label, (0, place + 0.74), xycoords=("axes fraction", "data"), va="center", fontsize=12)
        axes.set(xlim=(edges[0], edges[-1]), ylim=(-0.02, len(rows)), yticks=[], xlabel="anomaly score")
        axes.set_xscale("log" if logarithmic else "linear")
        axes.spines["left"].set_visible(False)
        plain_numbers(axes.xaxis, logarithmic=logarithmic)
        _mark(axes, limits, rows=len(rows))

    return draw(paint, height=70 + 18 * len(limits) + 48 * len(rows), alt=alt)


def _mark(axes: "Axes", limits: Sequence[Limit], *, rows: int) -> None:
    """Draws a line each through the bars of every row, and through no caption, and its label above the rows: beyond a
    full line, before a dashed one, if there is room."""
    for place, limit in enumerate(limits):
        style: dict[str, Any] = {"color": LIMIT, "linewidth": 1.6, "linestyle": _DASHES if limit.dashed else "-"}
        axes.vlines([limit.value] * rows, range(rows), [row + _BARS for row in range(rows)], **style)
        top, height = (limit.value, 1), 4 + 18 * (len(limits) - 1 - place)
        at: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
        axes.annotate("", top, xytext=(0, height + 12), arrowprops={"arrowstyle": "-", "shrinkB": 0} | style, **at)
        share = axes.transAxes.inverted().transform(axes.transData.transform((limit.value, 0)))[0]
        left = share > (0.3 if limit.dashed else 0.7)
        aside = (-5, height) if left else (5, height)
        axes.annotate(
            limit.label, top, xytext=aside, ha="right" if left else "left", color=LIMIT, fontsize=12, zorder=10, **at
        )


def roc_figure(lines: Sequence[Line], *, alt: str) -> str:
    """Draws the share found against the share of false alarms; it is dotted where chance would lead."""
    return _curves(lines, x="false alarm rate", y="share of defects found", diagonal=True, alt=alt)


def pro_figure(lines: Sequence[Line], *, limit: float, alt: str) -> str:
    """Draws the mean share of each defect that is marked against the share of normal pixels marked, up to a limit."""
    x, y = "share of normal pixels marked", "share of each defect marked"
    return _curves(lines, x=x, y=y, diagonal=False, alt=alt, up_to=limit)


def precision_recall_figure(lines: Sequence[Line], *, alt: str) -> str:
    """Draws the share of alarms that are right against the share found."""
    return _curves(lines, x="share of defects found", y="share of alarms that are right", diagonal=False, alt=alt)


def _curves(lines: Sequence[Line], *, x: str, y: str, diagonal: bool, alt: str, up_to: float = 1) -> str:
    def paint(figure: "Figure") -> None:
        axes = figure.add_subplot()
        axes.grid(linewidth=1)
        if diagonal:
            axes.plot((0, 1), (0, 1), color=FAINT, linewidth=1, linestyle=":")
        for line in lines:
            style = _DASHES if line.dashed else "-"
            axes.plot(line.x, line.y, color=line.colour, linewidth=2, linestyle=style, clip_on=up_to < 1)
        for line in lines:
            if line.at_threshold is not None:
                axes.plot(*line.at_threshold, "o", color=LIMIT, markersize=9, clip_on=False, zorder=5)
        axes.set(xlim=(0, up_to), ylim=(0, 1), xlabel=x, ylabel=y)
        plain_numbers(axes.xaxis)
        plain_numbers(axes.yaxis)

    return draw(paint, height=380, alt=alt)


def detection_figure(sweep: SizeSweep, *, alt: str) -> str:
    """Draws, in a panel for each kind, the share of synthetic defects found against their size, with intervals."""
    ticks = sorted({count.size for kind in sweep.kinds.values() for count in kind.sizes})

    def paint(figure: "Figure") -> None:
        panels = figure.subplots(len(sweep.kinds), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (name, kind) in zip(panels, sweep.kinds.items(), strict=True):
            sizes, found = [c.size for c in kind.sizes], [c.found / c.photos for c in kind.sizes]
            lows, highs = zip(*(count.interval for count in kind.sizes), strict=True)
            axes.vlines(sizes, lows, highs, color=FAINT, linewidth=2)
            axes.plot(sizes, found, "o-", color=DEFECT, linewidth=2, markersize=6, clip_on=False)
            axes.axhline(sweep.found_share, color=LIMIT, linewidth=1.6, linestyle=_DASHES)
            axes.set(xscale="log", ylim=(0, 1), ylabel="share found")
            axes.set_title(name, loc="left", fontsize=13)
            axes.grid(linewidth=1, axis="y")
            plain_numbers(axes.yaxis)
        panels[-1].set_xticks(ticks, [f"{size}" for size in ticks])
        panels[-1].minorticks_off()
        panels[-1].set_xlabel("longest extent, pixels of the photo")

    return draw(paint, height=70 + 150 * len(sweep.kinds), alt=alt)


def stress_figure(
    labels: Sequence[str], good: Sequence[RatePoint], defective: Sequence[RatePoint], *, allowed: float, alt: str
) -> str:
    """Draws the shares of false alarms and, dashed, of misses at each strength, in the order given, with intervals;
    `allowed` is the share of false alarms up to which a strength holds."""

    def paint(figure: "Figure") -> None:
        axes = figure.add_subplot()
        axes.axhline(allowed, color=LIMIT, linewidth=1.6, linestyle=_DASHES)
        for points, colour, aside, style in ((good, GOOD_PARTS, -0.06, "-"), (defective, DEFECT, 0.06, _DASHES)):
            places = [place + aside for place in range(len(points))]
            lows, highs = [point.low for point in points], [point.high for point in points]
            axes.vlines(places, lows, highs, color=colour, linewidth=2, alpha=0.5)
            axes.plot(places, [p.rate for p in points], "o", color=colour, linestyle=style, linewidth=2, clip_on=False)
        axes.set(ylim=(0, 1), xlim=(-0.4, len(labels) - 0.6), ylabel="share of photos")
        axes.set_xticks(range(len(labels)), labels)
        axes.grid(linewidth=1, axis="y")
        plain_numbers(axes.yaxis)

    return draw(paint, height=260, alt=alt)


def training_curve(history: Sequence[HistoryPoint], *, chosen_step: int | None, alt: str) -> str:
    """Draws the training loss and, where it was measured, the validation loss over the steps of one stage."""
    losses = [(point.step, point.loss) for point in history]
    validation = [(point.step, point.validation_loss) for point in history if point.validation_loss is not None]
    kinds = [("training loss", losses, FOREGROUND), ("validation loss", validation, CALIBRATION_PHOTOS)]
    shown = [kind for kind in kinds if kind[1]]

    def paint(figure: "Figure") -> None:
        panels = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (label, points, colour) in zip(panels, shown, strict=True):
            steps, values = zip(*points, strict=True)
            axes.plot(steps, values, "o-", color=colour, linewidth=2, markersize=4, clip_on=False)
            axes.set(ylabel=label, yscale="log" if _spans(values) else "linear")
            axes.set_xlim(0, max(history[-1].step, 1))
            axes.grid(linewidth=1)
            plain_numbers(axes.xaxis, whole=True)
            plain_numbers(axes.yaxis, logarithmic=_spans(values))
            if chosen_step:
                axes.axvline(chosen_step, color=LIMIT, linewidth=1.6, linestyle=_DASHES)
        panels[-1].set_xlabel("step")

    return draw(paint, height=80 + 130 * len(shown), alt=alt)


def _spans(values: Sequence[float]) -> bool:
    """Returns whether values are so far apart that only a logarithmic scale shows them all."""
    return min(values) > 0 and max(values) > _LOGARITHMIC_FROM * min(values)


def _edges(low: float, high: float, *, logarithmic: bool) -> NDArray[np.float64]:
    """Returns bins over all scores, with a little room at both ends."""
    if logarithmic:
        return np.asarray(np.exp(_edges(math.log(low), math.log(high), logarithmic=False)))
    room = 0.02 * (high - low) or abs(high) or 1.0
    return np.linspace(low - room, high + room, _BINS + 1)
