"""What a quality engineer reads in the report, as rows and figures that the page's template lays out."""

from collections.abc import Sequence
from dataclasses import dataclass

from blemish.data.dataset import GOOD
from blemish.evaluation.against_promise import false_alarms_in_unit
from blemish.evaluation.record import Evaluation
from blemish.metrics.intervals import Interval, binomial
from blemish.model.artifact import Artifact
from blemish.model.thresholds import Threshold
from blemish.report.figures import Limit, Row, score_histogram
from blemish.report.svg import CALIBRATION_PHOTOS, DEFECT, GOOD_PARTS
from blemish.report.verdict import share_and_interval, share_text
from blemish.wording import duration, on_one_line

_MOST_ROWS = 10  # defect types in the histogram; the others share one row
_LONGEST_LABEL = 28


@dataclass(frozen=True, kw_only=True)
class RateRow:
    """A count at the threshold, and what was promised of it."""

    name: str
    count: str
    rate: str
    promise: str
    """Empty where it is of another unit than the count."""


def facts(artifact: Artifact, evaluation: Evaluation | None) -> dict[str, str]:
    """Returns what was trained on what and tested on what, and when."""
    training, calibration = artifact.training, artifact.calibration
    height, width = artifact.image_size
    said = {
        "Method": artifact.title,
        "Photos": f"{training.trained_on} good ones to train on, {training.validation} to choose the best state of "
        f"training, {calibration.n} {calibration.unit} to calibrate",
        "Unreadable": f"{len(training.unreadable)} photos left out" if training.unreadable else "none",
        "Image size": f"{width} x {height} pixels (width x height)",
        "Training took": duration(training.seconds),
    }
    if artifact.framing.tile is not None:
        said["Tiles"] = f"of {artifact.framing.tile} pixels of the photo along the longer side, each at that size"
    if training.trained_at:
        said["Trained at"] = _moment(training.trained_at)
    if evaluation is not None:
        said["Tested on"] = f"{evaluation.good_photos} good and {evaluation.defective_photos} defective photos of "
        said["Tested on"] += evaluation.root + (f", {evaluation.category}" if evaluation.category else "")
        said["Tested at"] = _moment(evaluation.judged_at)
    return said


def origin(artifact: Artifact, evaluation: Evaluation | None) -> list[str]:
    """Returns which model this is, and what judged the test photos and when: what an auditor asks."""
    n, unit = artifact.calibration.n, artifact.calibration.unit
    if evaluation is not None:
        n, unit = evaluation.calibration_n, evaluation.unit
    said = [f"Model: {artifact.title}, weights {artifact.weights_sha256}, calibrated on {n} good {unit}."]
    if evaluation is not None:
        how = ""
        if evaluation.provenance is not None:
            p = evaluation.provenance
            how = f" by blemish {p.blemish_version}, runtime {p.runtime}, precision {p.precision}"
        said.append(f"Test photos judged {_moment(evaluation.judged_at)}{how}.")
    return said


def _moment(iso: str) -> str:
    """Returns a moment of UTC as people write it."""
    return iso.replace("T", " ").removesuffix("+00:00") + " UTC"


def histogram(artifact: Artifact, evaluation: Evaluation | None) -> str:
    """Returns the drawing of the scores, by group, beside the thresholds."""
    calibration = artifact.calibration
    rows = [
        Row(
            label=f"calibration: {calibration.n} good {calibration.unit}",
            scores=calibration.scores,
            colour=CALIBRATION_PHOTOS,
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
        above = sum(score > e.threshold for score in scores)
        label = f"test, good: {e.good_photos} photos, {above} above the threshold"
        rows.append(Row(label=label, scores=scores, colour=GOOD_PARTS))
    kinds = hardest_first(e)
    for name in kinds[:_MOST_ROWS]:
        kind = e.defect_types[name]
        short = on_one_line(name if len(name) <= _LONGEST_LABEL else name[:_LONGEST_LABEL] + "…")
        label = f"{short}: {kind.photos} photos, {kind.photos - kind.judged_anomalous} missed"
        rows.append(Row(label=label, scores=_scores_of(e, [name]), colour=DEFECT))
    if others := kinds[_MOST_ROWS:]:
        label = f"{len(others)} other types: {sum(e.defect_types[name].photos for name in others)} photos"
        rows.append(Row(label=label, scores=_scores_of(e, others), colour=DEFECT))
    return rows


def hardest_first(e: Evaluation) -> list[str]:
    """Returns defect types, those of which most is missed first."""
    found = {name: k.judged_anomalous / k.photos for name, k in e.defect_types.items() if name != GOOD}
    return sorted(found, key=lambda name: (found[name], name))


def _scores_of(e: Evaluation, kinds: Sequence[str]) -> list[float]:
    return [p.anomaly_score for p in e.photos if p.defect_type in kinds]


def rates(artifact: Artifact, e: Evaluation) -> list[RateRow]:
    """Returns false alarms, misses and marked good photos, beside what the thresholds promise of the same unit."""
    pixel: Threshold = artifact.calibration.pixel
    alarms = _promise(e, e.promised_rate, e.asked_rate)
    marks = _promise(e, pixel.promised_rate, pixel.asked_rate)
    if e.threshold != artifact.calibration.image.value:  # calibrated since: what was promised of marks then is not kept
        marks = ""
    photos_marked = e.marked_good_photos, e.good_photos, binomial(e.marked_good_photos, e.good_photos)
    counted = [
        ("Misses", (e.misses, e.defective_photos, e.miss_interval), "no promise is possible"),
        ("False alarms", (e.false_alarms, e.good_photos, e.false_alarm_interval), _of_photos(e, alarms)),
        ("Good photos with a mark", photos_marked, _of_photos(e, marks)),
    ]
    if (parts := e.good_parts) is not None and parts.parts < e.good_photos:
        of_parts = alarms if e.unit == "parts" else "", marks if e.unit == "parts" else ""
        marked = parts.marked, parts.parts, binomial(parts.marked, parts.parts)
        counted.insert(
            2, ("Good parts with any alarm", (parts.alarmed, parts.parts, parts.alarm_interval), of_parts[0])
        )
        counted.append(("Good parts with any mark", marked, of_parts[1]))
    return [_rate_row(name, count, promise) for name, count, promise in counted if count[1]]


def _rate_row(name: str, counted: tuple[int, int, Interval | None], promise: str) -> RateRow:
    count, of, interval = counted
    return RateRow(name=name, count=f"{count} of {of}", rate=share_and_interval(count, of, interval), promise=promise)


def _promise(e: Evaluation, promised: float | None, asked: float) -> str:
    """Returns what is expected on average over calibrations, of the unit that was calibrated with."""
    if promised is None:
        return f"nothing; estimate: {share_text(asked)} of good {e.unit}"
    return f"at most {share_text(promised)} of good {e.unit} expected"


def _of_photos(e: Evaluation, promise: str) -> str:
    """Returns a promise beside a count of photos, if it is of photos; of parts, only where no row of parts can
    show it."""
    if e.unit == "photos" or false_alarms_in_unit(e) is None:
        return promise
    assert e.good_parts is not None
    return "" if e.good_parts.parts < e.good_photos else promise
