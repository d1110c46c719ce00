"""What each section of the report says, as rows and figures that the page's template lays out."""

from collections.abc import Sequence
from dataclasses import dataclass

from blemish.data.dataset import GOOD
from blemish.errors import on_one_line
from blemish.evaluation.record import Evaluation
from blemish.metrics.intervals import binomial
from blemish.model.artifact import Artifact
from blemish.model.thresholds import Threshold
from blemish.model.training_record import StageHistory
from blemish.report.figures import Limit, Line, Row, precision_recall, roc, score_histogram, training_curve
from blemish.report.published import Published, known_category, published_for
from blemish.report.svg import CALIBRATION, DEFECT, GOOD_PARTS, PHOTOS, PIXELS
from blemish.report.verdict import share, share_and_interval

METHODS = {"stpm": "STPM", "rstpm": "RSTPM", "destseg": "DeSTSeg"}
METRIC_NAMES = {
    "image_auroc": ("Image AUROC", "chance that a defective photo scores above a good one"),
    "image_ap": ("Image AP", "share of alarms that are right, averaged over how many defective photos are found"),
    "image_f1_max": ("Best image F1", "at the best of all thresholds, which only the defects tell"),
    "pixel_auroc": ("Pixel AUROC", "chance that a pixel of a defect is above a normal one"),
    "pixel_ap": (
        "Pixel AP",
        "share of marked pixels that are right, averaged over how many defect pixels are found",
    ),
    "pro": ("PRO", "share of each defect that is marked, averaged up to 30 % of normal pixels marked"),
    "iap": ("IAP", "share of marked pixels that are right, averaged over how many whole defects are found"),
    "iap_at_90": ("IAP@90", "share of marked pixels that are right where 90 % of whole defects are found"),
}
MOST_ROWS = 10  # defect types in the histogram; the others share one row
LONGEST_NAME = 28


@dataclass(frozen=True, kw_only=True)
class MetricRow:
    """A metric, its interval and what was published, as text."""

    name: str
    meaning: str
    value: str
    interval: str
    published: str = ""
    source: int | None = None
    """Number of the source in `Metrics.sources`, from 1."""


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """The table of metrics."""

    rows: list[MetricRow]
    category: str | None
    sources: list[Published]


@dataclass(frozen=True, kw_only=True)
class RateRow:
    """A count at the threshold, and what was promised of it."""

    name: str
    count: str
    rate: str
    promise: str


@dataclass(frozen=True, kw_only=True)
class StageCurve:
    """How one stage of training went."""

    stage: str
    kept_step: int | None
    drawing: str


def facts(artifact: Artifact, evaluation: Evaluation | None) -> dict[str, str]:
    """What was trained on what, how, and for how long."""
    training = artifact.training
    height, width = artifact.image_size
    teachers = ", ".join(f"{teacher.name} ({teacher.origin})" for teacher in artifact.teachers)
    said = {
        "Method": METHODS.get(artifact.method, artifact.method),
        "Teacher": teachers or "none",
        "Photos": f"{training.trained_on} good ones to train on, {training.validation} to choose the weights, "
        f"{artifact.calibration.n} {artifact.calibration.unit} to calibrate",
        "Unreadable": f"{len(training.unreadable)} photos left out" if training.unreadable else "none",
        "Image size": f"{width} x {height} pixels (width x height)",
        "Training": "; ".join(_stage(stage) for stage in training.stages),
        "Duration": f"{_duration(training.seconds)}, {training.precision}",
        "Seed": str(training.seed),
        "Versions": ", ".join(f"{package} {version}" for package, version in training.versions.items()),
    }
    if evaluation is not None:
        said["Tested on"] = f"{evaluation.good_photos} good and {evaluation.defective_photos} defective photos of "
        said["Tested on"] += evaluation.root + (f", {evaluation.category}" if evaluation.category else "")
        if evaluation.model is not None:
            said["Computed by"] = f"{evaluation.model.runtime}, {evaluation.model.precision}"
    return said


def histogram(artifact: Artifact, evaluation: Evaluation | None) -> str:
    calibration = artifact.calibration
    rows = [
        Row(
            label=f"calibration: {calibration.n} good {calibration.unit}", scores=calibration.scores, colour=CALIBRATION
        )
    ]
    threshold = calibration.image.value if evaluation is None else evaluation.threshold
    estimated = calibration.image.estimated if evaluation is None else evaluation.threshold_estimated
    limits = [Limit(label=f"threshold {threshold:.4g}" + (" (estimate)" if estimated else ""), value=threshold)]
    if calibration.check is not None and threshold == calibration.image.value:
        check = calibration.check
        label = f"check {check.value:.4g}" + (" (estimate)" if check.estimated else "")
        limits.append(Limit(label=label, value=check.value, dashed=True))
    if evaluation is not None:
        rows += _test_rows(evaluation)
    alt = "Histogram of anomaly scores: " + "; ".join(row.label for row in rows) + f"; {limits[0].label}"
    return score_histogram(rows, limits, alt=alt)


def _test_rows(e: Evaluation) -> list[Row]:
    rows = []
    if e.good_photos:
        scores = [p.anomaly_score for p in e.photos if p.defect_type == GOOD]
        label = f"test, good: {e.good_photos} photos, {e.false_alarms} above the threshold"
        rows.append(Row(label=label, scores=scores, colour=GOOD_PARTS))
    kinds = hardest_first(e)
    for name in kinds[:MOST_ROWS]:
        kind = e.defect_types[name]
        short = on_one_line(name if len(name) <= LONGEST_NAME else name[:LONGEST_NAME] + "…")
        label = f"{short}: {kind.photos} photos, {kind.photos - kind.judged_anomalous} missed"
        rows.append(Row(label=label, scores=_scores_of(e, [name]), colour=DEFECT))
    if others := kinds[MOST_ROWS:]:
        label = f"{len(others)} other types: {sum(e.defect_types[name].photos for name in others)} photos"
        rows.append(Row(label=label, scores=_scores_of(e, others), colour=DEFECT))
    return rows


def hardest_first(e: Evaluation) -> list[str]:
    """Defect types, those of which most is missed first."""
    share = {name: k.judged_anomalous / k.photos for name, k in e.defect_types.items() if name != GOOD}
    return sorted(share, key=lambda name: (share[name], name))


def _scores_of(e: Evaluation, kinds: Sequence[str]) -> list[float]:
    return [p.anomaly_score for p in e.photos if p.defect_type in kinds]


def rates(artifact: Artifact, e: Evaluation) -> list[RateRow]:
    """False alarms, misses and marked good photos, beside what the thresholds promise."""
    pixel: Threshold = artifact.calibration.pixel
    alarms, marked = _promise(e.promised_rate, e.asked_rate), _promise(pixel.promised_rate, pixel.asked_rate)
    marked_interval = binomial(e.marked_good_photos, e.good_photos)
    counted = [
        ("False alarms", e.false_alarms, e.good_photos, e.false_alarm_interval, alarms),
        ("Misses", e.misses, e.defective_photos, e.miss_interval, "no promise is possible"),
        ("Good photos with a mark", e.marked_good_photos, e.good_photos, marked_interval, marked),
    ]
    return [
        RateRow(name=name, count=f"{count} of {of}", rate=share_and_interval(count, of, interval), promise=promise)
        for name, count, of, interval, promise in counted
        if of
    ]


def _promise(promised: float | None, asked: float) -> str:
    return f"nothing; estimate: {share(asked)}" if promised is None else f"at most {share(promised)}"


def metrics(artifact: Artifact, e: Evaluation) -> Metrics:
    """Each metric with its interval, beside what was published where the category is known."""
    category = known_category(e.category, e.root)
    known = published_for(artifact.method, category)
    sources: list[Published] = []
    rows = []
    for metric, value in e.metrics.items():
        name, meaning = METRIC_NAMES.get(metric, (metric.replace("_", " "), ""))
        interval = e.intervals.get(metric)
        if value is None:
            meaning = f"not defined here: {e.undefined.get(metric, 'no reason is recorded')}"
        published, number = "", None
        if metric in known:
            (mean, deviation), source = known[metric]
            published = f"{mean:.3f}" + ("" if deviation is None else f" ± {deviation:.3f}")
            sources += [source] if source not in sources else []
            number = sources.index(source) + 1
        rows.append(
            MetricRow(
                name=name,
                meaning=meaning,
                value="" if value is None else f"{value:.3f}",
                interval=f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else "",
                published=published,
                source=number,
            )
        )
    return Metrics(rows=rows, category=category if sources else None, sources=sources)


def curves(e: Evaluation) -> dict[str, str]:
    """ROC and precision-recall curves of photos and pixels, as far as they are defined."""
    found = e.defective_photos - e.misses
    points: dict[str, tuple[float, float] | None] = {"roc": None, "pr": None}
    if e.good_photos and e.defective_photos:
        recall = found / e.defective_photos
        points["roc"] = e.false_alarms / e.good_photos, recall
        points["pr"] = (recall, found / (found + e.false_alarms)) if found + e.false_alarms else None
    drawn = {}
    for kind, draw, title in (("roc", roc, "ROC curve"), ("pr", precision_recall, "Precision-recall curve")):
        lines = [
            Line(
                x=curve.x,
                y=curve.y,
                colour=colour,
                dashed=what == "pixel",
                at_threshold=points[kind] if what == "image" else None,
            )
            for what, colour in (("image", PHOTOS), ("pixel", PIXELS))
            if (curve := e.curves.get(f"{what}_{kind}")) is not None
        ]
        if lines:
            drawn[kind] = draw(lines, alt=title)
    return drawn


def training_curves(artifact: Artifact) -> list[StageCurve]:
    """Loss and held-out error of each stage over its steps."""
    return [
        StageCurve(
            stage=stage.name,
            kept_step=stage.best_step,
            drawing=training_curve(
                stage.history, kept_step=stage.best_step, alt=f"Loss and held-out error of stage {stage.name}"
            ),
        )
        for stage in artifact.training.stages
        if stage.history
    ]


def _stage(stage: StageHistory) -> str:
    kept = f", the weights of step {stage.best_step} kept" if stage.best_step else ""
    return f"{stage.name}: {stage.steps} steps{kept}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    shown = [f"{count} {unit}" for count, unit in parts if count] or ["0 s"]
    return " ".join(shown[:2])
