"""The verdict on a model, in plain words: what it missed, when it stopped the line for nothing, what was promised."""

from dataclasses import dataclass, field

from blemish.data.dataset import GOOD
from blemish.evaluation.record import Evaluation
from blemish.metrics.intervals import Interval
from blemish.model.artifact import Artifact
from blemish.model.thresholds import Threshold, percent

NO_BREAK = "\N{NO-BREAK SPACE}"
GUESSING = 0.5  # image AUROC of scores that say nothing


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A headline, what stands behind it, and what the reader must be warned of; one sentence or two each."""

    headline: str
    sentences: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def verdict_on(artifact: Artifact, evaluation: Evaluation | None) -> Verdict:
    """What a quality engineer is told first."""
    if evaluation is None:
        return Verdict(
            headline="Not evaluated yet: how many defects this model misses is not known.",
            sentences=[threshold_says(artifact.calibration.image)],
        )
    return Verdict(
        headline=_headline(evaluation),
        sentences=[*_false_alarms(artifact, evaluation), *_misses(evaluation), *_ranking(evaluation)],
        warnings=_warnings(artifact, evaluation),
    )


def threshold_says(threshold: Threshold) -> str:
    """What may be expected of good photos, and whether anybody promises it."""
    if threshold.promised_rate is None:
        return (
            f"The threshold is an estimate, which promises nothing: {share(threshold.asked_rate)} of good photos are "
            "thought to score above it."
        )
    return f"The threshold promises that at most {share(threshold.promised_rate)} of good photos score above it."


def share(rate: float) -> str:
    """A rate in percent that no line break tears apart."""
    return percent(rate).replace(" ", NO_BREAK)


def share_and_interval(count: int, of: int, interval: Interval | None) -> str:
    """The rate that was counted, and what it may be as well."""
    counted = f"{_rounded(count / of)}{NO_BREAK}%"
    if interval is None:
        return counted
    low, high = (_rounded(rate) for rate in interval)
    return f"{counted} (95{NO_BREAK}% interval: {low} to {high}{NO_BREAK}%)"


def _rounded(rate: float) -> str:
    """In percent, as far as a count of photos can tell."""
    return f"{100 * rate:.1f}".removesuffix(".0") if rate >= 0.01 else f"{100 * rate:.2g}"


def _headline(e: Evaluation) -> str:
    found = e.defective_photos - e.misses
    finds = f"finds {_all_or(found, e.defective_photos)} defective photos"
    stops = f"raises a false alarm on {_none_or(e.false_alarms, e.good_photos)} good photos"
    if not e.defective_photos:
        return f"The model {stops}. What it misses is not known: the test holds no defects."
    if not e.good_photos:
        return f"The model {finds}. Its false alarms were not counted: the test holds no good photos."
    return f"The model {finds} and {stops}."


def _all_or(count: int, of: int) -> str:
    return f"all {of}" if count == of else f"{count} of {of}"


def _none_or(count: int, of: int) -> str:
    return f"none of {of}" if not count else f"{count} of {of}"


def _false_alarms(artifact: Artifact, e: Evaluation) -> list[str]:
    if not e.good_photos:
        return []
    interval = e.false_alarm_interval
    measured = f"False alarms: {share_and_interval(e.false_alarms, e.good_photos, interval)}."
    if e.promised_rate is None:
        said, rate, who = f"The estimate was {share(e.asked_rate)}, which is no promise", e.asked_rate, "the estimate"
    else:
        said, rate, who = f"Promised was at most {share(e.promised_rate)}", e.promised_rate, "the promise"
    spread = artifact.calibration.image.rate_95 if e.threshold == artifact.calibration.image.value else None
    if interval is None or interval[0] <= rate:
        return [f"{measured} {said}: the measurement does not contradict it."]
    if spread is not None and interval[0] <= spread:
        return [
            f"{measured} {said}: more was measured, though no more than {who}'s own spread allows (below "
            f"{share(spread)} in 95 of 100 such calibrations). More calibration photos narrow it."
        ]
    return [
        f"{measured} {said}: clearly more was measured. These good photos are not like the calibration photos (light, "
        "camera, batch?); calibrate anew with photos like them."
    ]


def _misses(e: Evaluation) -> list[str]:
    if not e.defective_photos:
        return []
    missed = share_and_interval(e.misses, e.defective_photos, e.miss_interval)
    sentences = [f"Misses: {missed}. Of misses no threshold can promise anything: it knows good parts only."]
    in_doubt = sum(p.verdict == "check" and p.defect_type != GOOD for p in e.photos)
    if in_doubt:
        sentences.append(f"Not passed but given to a person to check: {in_doubt} of the {e.misses} missed.")
    kinds = {name: (k.photos - k.judged_anomalous, k.photos) for name, k in e.defect_types.items() if name != GOOD}
    if e.misses and len(kinds) > 1:
        name, (missing, photos) = max(kinds.items(), key=lambda kind: kind[1][0] / kind[1][1])
        sentences.append(f"Hardest is “{name}”: {missing} of {photos} missed.")
    return sentences


def _ranking(e: Evaluation) -> list[str]:
    """What another threshold could change."""
    auroc, interval = e.metrics.get("image_auroc"), e.intervals.get("image_auroc")
    if auroc is None:
        return []
    said = f"Whatever the threshold: the defective one of two photos scores higher in {share(auroc)} of all pairs"
    if interval is not None and interval[0] <= GUESSING:
        said += f". As far as this test can tell, that is no better than guessing, which gives {share(GUESSING)}"
    return [f"{said} (image AUROC)."]


def _warnings(artifact: Artifact, e: Evaluation) -> list[str]:
    found = []
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
    if e.unreadable:
        found.append(f"Test photos or masks that could not be used: {len(e.unreadable)}. The list is at the end.")
    if e.without_mask:
        found.append(f"Defective photos without a ground truth mask: {e.without_mask}. So pixels are not measured.")
    if e.lost_masks:
        found.append(
            f"Defects that leave no trace in masks of {e.image_size[1]} x {e.image_size[0]} pixels, the size the model "
            f"sees: {e.lost_masks}. A larger image size would show them."
        )
    return found
