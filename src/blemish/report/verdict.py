"""The verdict on a model, in plain words: what it missed, when it stopped the line for nothing, what was promised."""

from dataclasses import dataclass, field, replace

from blemish.data.dataset import GOOD
from blemish.evaluation.against_promise import (
    expectation,
    false_alarms_in_unit,
    more_than_promised,
    other_photos_of_known_parts,
    unlike_parts,
    why_not_compared,
)
from blemish.evaluation.next_steps import NextStep, missed_loudly, next_steps
from blemish.evaluation.record import Evaluation
from blemish.evaluation.size_sweep import warnings_of, what_it_is
from blemish.metrics.intervals import Interval
from blemish.model.artifact import Artifact
from blemish.model.thresholds import Threshold, Unit, percent
from blemish.wording import counted

_NO_BREAK = "\N{NO-BREAK SPACE}"
_GUESSING = 0.5  # image AUROC of scores that say nothing


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """How much is missed, where that is much, and what to do."""

    title: str
    steps: list[NextStep]


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """A headline, what stands behind it, and what the reader must be warned of; each has one sentence or two."""

    headline: str
    alarm: Alarm | None = None
    """What is so wrong that it is said before all else."""
    sentences: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def assess(artifact: Artifact, evaluation: Evaluation | None) -> Assessment:
    """Returns what a quality engineer is told first."""
    if evaluation is None:
        return Assessment(
            headline="Not evaluated yet: how many defects this model misses is not known.",
            sentences=[_threshold_says(artifact.calibration.image, artifact.calibration.unit)],
        )
    return Assessment(
        headline=_headline(evaluation),
        alarm=_alarm(artifact, evaluation),
        sentences=[
            *_misses(evaluation),
            *_false_alarms(artifact, evaluation),
            *_rules(evaluation),
            *_ranking(evaluation),
        ],
        warnings=_warnings(artifact, evaluation),
    )


def _threshold_says(threshold: Threshold, unit: Unit) -> str:
    """Returns what may be expected of good parts, and whether anybody promises it."""
    if threshold.promised_rate is None:
        said = unbroken(expectation(threshold.asked_rate, unit, promised=False))
        return f"The threshold is an estimate, which promises nothing: {said}."
    return f"The threshold promises an average: {unbroken(expectation(threshold.promised_rate, unit, promised=True))}."


def share_text(rate: float) -> str:
    """Returns a rate in percent that no line break tears apart."""
    return unbroken(percent(rate))


def unbroken(text: str) -> str:
    """Returns the text, each of its percentages held together."""
    return text.replace(" %", f"{_NO_BREAK}%")


def share_and_interval(count: int, of: int, interval: Interval | None) -> str:
    """Returns the rate that was counted, and what it may be as well."""
    counted = f"{_rounded(count / of)}{_NO_BREAK}%"
    if interval is None:
        return counted
    low, high = (_rounded(rate) for rate in interval)
    return f"{counted} (95{_NO_BREAK}% interval: {low} to {high}{_NO_BREAK}%)"


def _rounded(rate: float) -> str:
    """Returns percent, as far as a count of photos can tell."""
    return f"{100 * rate:.1f}".removesuffix(".0") if rate >= 0.01 else f"{100 * rate:.2g}"


def _alarm(artifact: Artifact, e: Evaluation) -> Alarm | None:
    if not missed_loudly(e):
        return None
    share = _rounded(e.misses / e.defective_photos)
    title = f"Missed: {e.misses} of {counted(e.defective_photos, 'defective photo')} ({share}{_NO_BREAK}%)"
    return Alarm(title=title, steps=[replace(s, evidence=unbroken(s.evidence)) for s in next_steps(artifact, e)])


def _headline(e: Evaluation) -> str:
    words = (
        ("photo with a synthetic defect", "photos with a synthetic defect")
        if _all_synthetic(e)
        else ("defective photo",)
    )
    defective = counted(e.defective_photos, *words)
    finds = f"misses {e.misses} of {defective}" if e.misses else f"finds all {defective}"
    stops = f"raises a false alarm on {_none_or(e.false_alarms, e.good_photos)} good photos"
    if not e.defective_photos:
        return f"The model {stops}. What it misses is not known: the test holds no defects."
    if not e.good_photos:
        return f"The model {finds}. Its false alarms were not counted: the test holds no good photos."
    return f"The model {finds} and {stops}."


def _all_synthetic(e: Evaluation) -> bool:
    return e.size_sweep is not None and e.size_sweep.photos == e.defective_photos


def _none_or(count: int, of: int) -> str:
    return f"none of {of}" if not count else f"{count} of {of}"


def _false_alarms(artifact: Artifact, e: Evaluation) -> list[str]:
    """Returns what was measured, and beside it the promise, compared where both are of the same unit."""
    if not e.good_photos:
        return []
    measured = (
        f"False alarms: {share_and_interval(e.false_alarms, e.good_photos, e.false_alarm_interval)} of good photos"
    )
    parts = e.good_parts
    if parts is not None and parts.parts < e.good_photos:
        share = share_and_interval(parts.alarmed, parts.parts, parts.alarm_interval)
        measured += f"; of good parts, any photo of which counts: {share}"
    if e.promised_rate is None:
        said = f"The estimate, which is no promise: {expectation(e.asked_rate, e.unit, promised=False)}"
    else:
        said = f"Promised: {expectation(e.promised_rate, e.unit, promised=True)}"
    sentences = [f"{measured}. {unbroken(said)}. {_comparison(artifact, e)}"]
    if e.unusual_good:
        sentences.append(f"False alarms for photos unlike those learned from, not for their score: {e.unusual_good}.")
    return sentences


def _comparison(artifact: Artifact, e: Evaluation) -> str:
    if false_alarms_in_unit(e) is None:
        return f"These photos do not test that: {why_not_compared(e)}."
    return unbroken(more_than_promised(artifact, e) or "The measurement does not contradict it.")


def _misses(e: Evaluation) -> list[str]:
    if not e.defective_photos:
        return []
    missed = share_and_interval(e.misses, e.defective_photos, e.miss_interval)
    sentences = [f"Misses: {missed}. Of misses no threshold can promise anything: it knows good parts only."]
    if e.unusual_defective:
        sentences.append(
            "Defective photos stopped for being unlike those learned from, not for their score: "
            f"{e.unusual_defective}. These count as found."
        )
    in_doubt = sum(p.verdict == "check" and p.defect_type != GOOD for p in e.photos)
    if in_doubt:
        sentences.append(f"Not passed but given to a person to check: {in_doubt} of the {e.misses} missed.")
    kinds = {name: (k.photos - k.judged_anomalous, k.photos) for name, k in e.defect_types.items() if name != GOOD}
    if e.misses and len(kinds) > 1:
        name, (missing, photos) = max(kinds.items(), key=lambda kind: kind[1][0] / kind[1][1])
        sentences.append(f"Hardest is “{name}”: {missing} of {photos} missed.")
    return sentences


def _rules(e: Evaluation) -> list[str]:
    """Returns how many photos above the threshold rules on marks let pass."""
    if not e.rules:
        return []
    passed = [photo.defect_type == GOOD for photo in e.passed_by_rules]
    return [
        f"Rules ({' or '.join(e.rules)}): of photos above the threshold {passed.count(True)} good and "
        f"{passed.count(False)} defective ones are stopped by none, and pass."
    ]


def _ranking(e: Evaluation) -> list[str]:
    """Returns what another threshold could change."""
    auroc, interval = e.metrics.get("image_auroc"), e.intervals.get("image_auroc")
    if auroc is None:
        return []
    said = f"Whatever the threshold: the defective one of two photos scores higher in {share_text(auroc)} of all pairs"
    if interval is not None and interval[0] <= _GUESSING:
        said += f". As far as this test can tell, that is no better than guessing, which gives {share_text(_GUESSING)}"
    return [f"{said}."]


def _warnings(artifact: Artifact, e: Evaluation) -> list[str]:
    found = [] if e.size_sweep is None else [unbroken(what_it_is(e.size_sweep)), *warnings_of(e.size_sweep)]
    if e.threshold != artifact.calibration.image.value:
        found.append(
            f"The model was calibrated or trained anew after this evaluation: its threshold was {e.threshold:.6g}, now "
            f"it is {artifact.calibration.image.value:.6g}. What follows holds for the former; evaluate again."
        )
    if e.duplicates:
        found.append(
            "Test photos that the model knows from training or calibration, byte for byte: "
            f"{len(e.duplicates)}. With them the figures flatter it. The list is at the end."
        )
    if others := other_photos_of_known_parts(e):
        found.append(
            "Good test photos that, by data set or name, show parts that the model knows from training or calibration: "
            f"{len(others)}. With them the figures flatter it; test with photos of other parts."
        )
    if unlike := unlike_parts(e):
        found.append(f"{unlike[0].upper()}{unlike[1:]}.")
    if e.unreadable:
        found.append(f"Test photos or masks that could not be used: {len(e.unreadable)}. The list is at the end.")
    if e.without_mask:
        found.append(f"Defective photos without a ground truth mask: {e.without_mask}. So pixels are not measured.")
    if e.lost_masks:
        size = "" if e.map_size is None else f" of {e.map_size[1]} x {e.map_size[0]} pixels"
        found.append(
            f"Defects that leave no trace in masks{size}, the size at which the model marks: {e.lost_masks}. "
            "A larger image size would show them."
        )
    if e.outside_masks:
        found.append(
            f"Defects wholly outside the regions of interest: {e.outside_masks}. Nobody looks there, and their photos "
            "count as any others; put them aside, or train with regions that hold them."
        )
    return found
