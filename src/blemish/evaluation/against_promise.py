"""Measured false alarms beside what the threshold promises, in the promise's own unit."""

from dataclasses import dataclass

from blemish.evaluation.record import Evaluation
from blemish.metrics.intervals import Interval
from blemish.model.artifact import Artifact
from blemish.model.thresholds import Unit, percent
from blemish.wording import as_argument

_ALIKE = 1.5  # ratio of photos per part


@dataclass(frozen=True, kw_only=True)
class FalseAlarms:
    """The number of good photos, or good parts, that had an alarm, and of how many."""

    count: int
    of: int
    unit: Unit
    interval: Interval | None


def false_alarms_in_unit(evaluation: Evaluation) -> FalseAlarms | None:
    """Returns the count that may be held against the promise; None where the test has none in the promise's unit.

    A promise of parts is compared with parts alone. A promise of photos takes each to be a witness of its own, so where
    several good photos show one part it is compared with nothing.
    """
    e, parts = evaluation, evaluation.good_parts
    if e.unit == "parts":
        if parts is None:
            return None
        return FalseAlarms(count=parts.alarmed, of=parts.parts, unit="parts", interval=parts.alarm_interval)
    if not e.good_photos or (parts is not None and parts.parts < e.good_photos):
        return None
    return FalseAlarms(count=e.false_alarms, of=e.good_photos, unit="photos", interval=e.false_alarm_interval)


def more_than_promised(artifact: Artifact, evaluation: Evaluation) -> str | None:
    """Returns, in sentences, that surely more good photos or parts alarmed than was promised, and what that means; None
    where the measurement does not contradict the promise, or cannot."""
    e, found = evaluation, false_alarms_in_unit(evaluation)
    rate, who = e.promised_rate, "promise"
    if rate is None:  # unusual photos, which are alarms as well, come on top of an estimate
        rate, who = e.asked_rate + artifact.calibration.unusual_rate, "estimate"
    spread = artifact.calibration.image.rate_95 if e.threshold == artifact.calibration.image.value else None
    if found is None or found.interval is None or found.interval[0] <= rate:
        return None
    if spread is not None and found.interval[0] <= spread:
        return (
            f"More was measured, though no more than the {who}'s own spread allows (below {percent(spread)} in 95 "
            f"of 100 such calibrations). More calibration {e.unit} narrow it."
        )
    return (
        f"Clearly more was measured. These good {e.unit} are not like the calibration {e.unit} (light, camera, "
        "batch?); calibrate anew with photos like them: "
        f"`blemish calibrate {as_argument(artifact.folder)} --good FOLDER --replace`."
    )


def unlike_parts(evaluation: Evaluation) -> str | None:
    """Returns, as a sentence without its stop, that the parts of the test have more or fewer photos each than those
    calibrated with; None where they have about as many, or the promise is not of parts.

    A part's highest score is the higher, the more photos it has.
    """
    before, parts = evaluation.calibration_photos_per_part, evaluation.good_parts
    if before is None or parts is None or evaluation.unit != "parts":
        return None
    now = evaluation.good_photos / parts.parts
    if max(now, before) <= _ALIKE * min(now, before):
        return None
    more, higher = ("more", "higher") if now > before else ("fewer", "lower")
    return (
        f"these good parts have {now:.3g} photos each, those calibrated with {before:.3g}: the highest score of {more} "
        f"photos is {higher}, so that {more} parts alarm than promised of"
    )


def why_not_compared(evaluation: Evaluation) -> str:
    """Returns, as half a sentence, what keeps the good photos of the test from testing the promise."""
    if evaluation.unit == "parts":
        return "it is of parts, and which of these photos show the same part is not known"
    return "it is of single photos, and several of these photos show the same part"


def other_photos_of_known_parts(evaluation: Evaluation) -> list[str]:
    """Returns the good test photos of parts that the model knows, without copies of photos that it knows."""
    copies = set(evaluation.duplicates)
    return [photo for photo in evaluation.of_known_parts if photo not in copies]


def expectation(rate: float, unit: Unit, *, promised: bool) -> str:
    """Returns, as a clause, what a threshold lets expect of good parts: an average over calibrations."""
    amount, verb = (f"at most {percent(rate)}", "expected") if promised else (percent(rate), "thought")
    above = "to score above the threshold" if unit == "photos" else "to have a photo above the threshold"
    if promised:  # an estimate is of scores alone
        above += ", or to be unusual" if unit == "photos" else ", or an unusual one"
    return f"{amount} of good {unit} are {verb} {above}"
