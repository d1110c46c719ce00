"""What the report tells ML engineers: metrics, curves, the course of training."""

from dataclasses import dataclass

from blemish.evaluation.record import Evaluation
from blemish.metrics import METRICS
from blemish.model.artifact import Artifact
from blemish.model.training_record import StageHistory
from blemish.report.figures import Line, precision_recall_figure, roc_figure, training_curve
from blemish.report.published import PublishedTable, mvtec_ad_category, published_for
from blemish.report.sections import hardest_first
from blemish.report.svg import PHOTOS, PIXELS


@dataclass(frozen=True, kw_only=True)
class MetricRow:
    """A metric, its interval and what was published, as text."""

    name: str
    meaning: str
    value: str
    interval: str
    published: str = ""
    source: int | None = None
    """Number of the source in `MetricTable.sources`, from 1."""


@dataclass(frozen=True, kw_only=True)
class MetricTable:
    """The table that shows the metrics."""

    rows: list[MetricRow]
    category: str | None
    """The category of MVTec AD, where figures published for it are shown."""
    sources: list[PublishedTable]


@dataclass(frozen=True, kw_only=True)
class TypeTable:
    """The metrics that each type of defect has, the hardest first."""

    titles: list[str]
    rows: list[tuple[str, list[str]]]
    """The type's name, and a figure for each title."""


@dataclass(frozen=True, kw_only=True)
class StageCurve:
    """The course that one stage of training took."""

    stage: str
    chosen_step: int | None
    drawing: str


def training_facts(artifact: Artifact, evaluation: Evaluation | None) -> dict[str, str]:
    """Returns what was trained how, on which versions, and what computed the evaluation."""
    training = artifact.training
    teachers = ", ".join(f"{teacher.name} ({teacher.origin})" for teacher in artifact.teachers)
    said = {
        "Teacher": teachers or "none",
        "Training": "; ".join(_stage(stage) for stage in training.stages),
        "Precision": training.precision,
        "Seed": str(training.seed),
        "Versions": ", ".join(f"{package} {version}" for package, version in training.versions.items()),
    }
    if evaluation is not None and evaluation.provenance is not None:
        said["Computed by"] = f"{evaluation.provenance.runtime}, {evaluation.provenance.precision}"
    return said


def metric_table(artifact: Artifact, e: Evaluation) -> MetricTable:
    """Returns each metric with its interval, beside what was published where the photos are MVTec AD's."""
    category = mvtec_ad_category(e)
    known = published_for(artifact.method, category)
    sources: list[PublishedTable] = []
    rows, said = [], set[str]()
    for metric, value in e.metrics.items():
        meaning = METRICS[metric].meaning if metric in METRICS else ""
        interval = e.intervals.get(metric)
        if value is None:
            why = e.undefined.get(metric, "no reason is recorded")
            meaning = "not defined here, for the same reason" if why in said else f"not defined here: {why}"
            said.add(why)
        published, number = "", None
        if metric in known:
            figure, source = known[metric]
            published = _figure(figure.mean) + ("" if figure.deviation is None else f" ± {figure.deviation:.3f}")
            sources += [source] if source not in sources else []
            number = sources.index(source) + 1
        rows.append(
            MetricRow(
                name=_title(metric),
                meaning=meaning,
                value=_figure(value),
                interval=f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else "",
                published=published,
                source=number,
            )
        )
    return MetricTable(rows=rows, category=category if sources else None, sources=sources)


def metrics_by_type(e: Evaluation) -> TypeTable | None:
    """Returns the metrics that are measured per type of defect; None where there are none."""
    kinds = hardest_first(e)
    names = list(dict.fromkeys(name for kind in kinds for name in e.defect_types[kind].metrics))
    if not names:
        return None
    rows = [(kind, [_figure(e.defect_types[kind].metrics.get(name)) for name in names]) for kind in kinds]
    return TypeTable(titles=[_title(name) for name in names], rows=rows)


def _title(metric: str) -> str:
    """Returns what a metric is called, also one of an evaluation that another version made."""
    return METRICS[metric].title if metric in METRICS else metric.replace("_", " ")


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def curves(e: Evaluation) -> dict[str, str]:
    """Returns ROC and precision-recall curves of photos and pixels, as far as they are defined."""
    found = e.defective_photos - e.misses
    points: dict[str, tuple[float, float] | None] = {"roc": None, "pr": None}
    if e.good_photos and e.defective_photos:
        recall = found / e.defective_photos
        points["roc"] = e.false_alarms / e.good_photos, recall
        points["pr"] = (recall, found / (found + e.false_alarms)) if found + e.false_alarms else None
    drawn = {}
    for kind, draw, title in (
        ("roc", roc_figure, "ROC curve"),
        ("pr", precision_recall_figure, "Precision-recall curve"),
    ):
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
    """Returns curves of the training and validation loss of each stage over its steps."""
    return [
        StageCurve(
            stage=stage.name,
            chosen_step=stage.best_step,
            drawing=training_curve(
                stage.history,
                chosen_step=stage.best_step,
                alt=f"Training and validation loss of stage {stage.name}",
            ),
        )
        for stage in artifact.training.stages
        if stage.history
    ]


def _stage(stage: StageHistory) -> str:
    chosen = f", the weights of step {stage.best_step} chosen" if stage.best_step else ""
    return f"{stage.name}: {stage.steps} steps{chosen}"
