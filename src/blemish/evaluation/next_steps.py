"""What to do about missed defects: the steps that the evidence of training, calibration and test speaks for."""

import math
import os
import statistics
from dataclasses import dataclass
from pathlib import Path

from blemish.data.dataset import GOOD
from blemish.data.framing import SMALLEST_TILE
from blemish.data.images import Size
from blemish.data.shapes import fitting_size
from blemish.evaluation.record import Evaluation
from blemish.model.artifact import LARGEST_SIDE, Artifact
from blemish.model.thresholds import is_alarm, percent
from blemish.model.training_record import StageHistory
from blemish.wording import as_argument, counted

LOUD_SHARE = 0.1
"""Where more than this share of the defects is missed, that is said before all else, with the next steps."""
_STILL_GAINING = 0.1  # by as much the check on photos apart fell over the last quarter of training
_SMALL_SIDE = 8  # pixels of the network's input: the coarsest features that methods compare have a stride as large
_MUCH_SHRUNK = 4.0  # photo over network's input, in length
_WELL_RANKED = 0.9  # image AUROC from which on another threshold is worth more than another model
_FAR_OFF = 2.0  # highest calibration score over the next


@dataclass(frozen=True, kw_only=True)
class NextStep:
    """One thing to do, and why."""

    evidence: str
    """A sentence on what was found."""
    action: str
    """A sentence on what to do."""
    command: str | None = None
    """The command line for it; words in capital letters are for the reader to fill in."""


def missed_loudly(evaluation: Evaluation) -> bool:
    """Returns whether so many defects are missed that it must be said before all else."""
    return evaluation.misses > LOUD_SHARE * evaluation.defective_photos


def next_steps(artifact: Artifact, evaluation: Evaluation) -> list[NextStep]:
    """Returns what to do about the misses, the likeliest first; nothing where there are none."""
    if not evaluation.misses:
        return []
    if (rules := _other_rules(artifact, evaluation)) is not None:
        return [rules]  # what else there is to say is of these photos, too, and mends nothing
    found = [
        _aligned(artifact),
        _more_steps(artifact),
        _larger_photos(artifact, evaluation),
        *_other_threshold(artifact, evaluation),
    ]
    return [step for step in found if step is not None] or [_another_method(artifact, evaluation)]


def _aligned(artifact: Artifact) -> NextStep | None:
    """Returns a step where good parts lie anyhow, and training saw that they could be laid on one another."""
    gain = artifact.training.could_align
    if gain is None:
        return None
    return NextStep(
        evidence="Good parts lie anyhow, and can be laid on one another: two photos of them correlate by "
        f"{gain[0]:.2f} as they lie, by {gain[1]:.2f} aligned.",
        action="Train with parts laid on one another before the model sees them.",
        command=f"blemish train {artifact.method} PHOTOS NEW_RUN --align",
    )


def _other_rules(artifact: Artifact, e: Evaluation) -> NextStep | None:
    """Returns a step where it is rules on marks that let most of the missed photos pass."""
    passed = sum(photo.defect_type != GOOD for photo in e.passed_by_rules)
    if 2 * passed <= e.misses:
        return None
    return NextStep(
        evidence=f"Of {counted(e.misses, 'missed photo')} {passed} score above the threshold, and pass because no rule "
        f"stops them ({' or '.join(e.rules)}).",
        action="Set rules that stop smaller or fewer marks; or none, so that any mark does. That takes no training.",
        command=f"blemish calibrate {as_argument(artifact.folder)} --rule none",
    )


def _more_steps(artifact: Artifact) -> NextStep | None:
    """Returns a step where a part of training ended while its error was still falling: that on photos apart, or that of
    training itself where no photos are kept apart for it."""
    stages = artifact.training.stages
    gains = [(_gain_at_the_end(stage), stage) for stage in stages]
    gain, stage = max(gains, key=lambda pair: pair[0], default=(0.0, None))
    fell = f"by {percent(round(gain, 2))} over the last quarter of them"
    if stage is None or gain < _STILL_GAINING:
        stage = next((stage for stage in stages if not _is_validated(stage) and stage.was_falling), None)
        fell = "by more than a tenth over the last fifth of them"
    if stage is None:
        return None
    steps = artifact.settings.get(stage.setting)
    more = 2 * steps if isinstance(steps, int) else "MORE"
    return NextStep(
        evidence=f"The model was still getting better when training ended after {stage.steps} steps: its error fell "
        f"{fell}.",
        action="Train for more steps.",
        command=f"blemish train {artifact.method} PHOTOS NEW_RUN --{stage.setting.replace('_', '-')} {more}",
    )


def _is_validated(stage: StageHistory) -> bool:
    return any(point.validation_loss is not None for point in stage.history)


def _gain_at_the_end(stage: StageHistory) -> float:
    """Returns the share by which the validation loss fell over the last quarter of the steps; 0 where another step was
    the best, or none was measured."""
    measured = [(point.step, point.validation_loss) for point in stage.history if point.validation_loss is not None]
    before = [loss for step, loss in measured if step <= 0.75 * stage.steps]
    if not before or measured[-1][1] > min(loss for _, loss in measured) or before[-1] <= 0:
        return 0.0
    return 1 - measured[-1][1] / before[-1]


def _larger_photos(artifact: Artifact, e: Evaluation) -> NextStep | None:
    """Returns a step where missed defects, or photos where it is not known how large defects are, are too small for
    the network."""
    missed = [photo for photo in e.photos if photo.defect_type != GOOD and not is_alarm(photo.verdict)]
    height, width = artifact.image_size
    sides = [math.sqrt(photo.defect_pixels) for photo in missed if photo.defect_pixels is not None]
    sizes = [photo.photo_size for photo in missed if photo.photo_size is not None]
    seen = [math.sqrt(math.prod(size) / math.prod(artifact.framing.map_size(size))) for size in sizes]
    shrunk = statistics.median(seen) if seen else 1.0
    if sides:
        if (side := statistics.median(sides)) >= _SMALL_SIDE:
            return None
        evidence = (
            f"Missed defects are small in the {width}x{height} pixels that the model sees: half of them cover "
            f"{_at_most(round(side * side))}."
        )
    elif shrunk >= _MUCH_SHRUNK:
        evidence = f"Photos are shrunk {shrunk:.2g} times, to the {width}x{height} pixels that the model sees."
    else:
        return None
    closer = NextStep(evidence=evidence, action="Photograph from closer, or with more pixels.")
    if shrunk <= 1 or not sizes:
        return closer
    if artifact.framing.tile is not None:
        tile = max(SMALLEST_TILE, round(artifact.framing.tile / min(2.0, shrunk)))
        return NextStep(
            evidence=evidence,
            action="Train with smaller tiles.",
            command=f"blemish train {artifact.method} PHOTOS NEW_RUN --tiles {tile}",
        )
    larger = _larger(artifact, sizes[0], shrunk)
    if math.prod(larger) <= height * width:  # photos have hardly more pixels, and sizes go in steps
        return closer
    size = f"{larger[0]}" if larger[0] == larger[1] else f"{larger[0]}x{larger[1]}"
    return NextStep(
        evidence=evidence,
        action="Train with a larger image size.",
        command=f"blemish train {artifact.method} PHOTOS NEW_RUN --image-size {size}",
    )


def _at_most(pixels: int) -> str:
    return f"no more than {counted(pixels, 'pixel')}" if pixels else "less than one pixel"


def _larger(artifact: Artifact, photo_size: Size, shrunk: float) -> Size:
    """Returns twice the image size, or that of the photo where it is smaller, in the photo's shape."""
    height, width = (min(LARGEST_SIDE, round(side * min(2.0, shrunk))) for side in artifact.image_size)
    return fitting_size(photo_size, (height, width))


def _other_threshold(artifact: Artifact, e: Evaluation) -> list[NextStep | None]:
    """Returns steps where scores part good from defective well, and the threshold does not."""
    auroc = e.metrics.get("image_auroc")
    if auroc is None or auroc < _WELL_RANKED:
        return []
    ranked = f"Some threshold does better: a defective photo scores above a good one in {percent(auroc)} of all pairs"
    scores, run = artifact.calibration.scores, as_argument(artifact.folder)
    if len(scores) > 1 and 0 < _FAR_OFF * scores[-2] < scores[-1] <= e.threshold:
        calibrating = artifact.training.files[artifact.training.calibrated_from :]
        place = as_argument(_folder_of(calibrating)) if calibrating else "GOOD_PHOTOS"
        return [
            NextStep(
                evidence=f"{ranked}, and this one is set by a single calibration photo: it scores {scores[-1]:.4g}, "
                f"{scores[-1] / scores[-2]:.2g} times as much as the next.",
                action="Find that photo, the highest of these, and look at it: does it show a good part of this kind? "
                "If not, take it away and calibrate anew.",
                command=f"blemish predict {run} {place}",
            ),
        ]
    return [_few_photos(artifact, e, ranked) or _more_alarms(artifact, e, ranked)]


def _few_photos(artifact: Artifact, e: Evaluation, ranked: str) -> NextStep | None:
    """Returns a step where calibration photos are too few for the rate asked for, so that the highest decides."""
    if e.promised_rate is None or e.promised_rate <= e.asked_rate:
        return None
    rate = max(e.asked_rate, 0.05)
    return NextStep(
        evidence=f"{ranked}, and this one is the highest score of only {e.calibration_n} good {e.unit}.",
        action=f"Calibrate with more good photos, {math.ceil(2 / rate) - 1} or more, so that no single one decides.",
        command=f"blemish calibrate {as_argument(artifact.folder)} --false-alarms {rate:g} --good MORE_GOOD_PHOTOS",
    )


def _more_alarms(artifact: Artifact, e: Evaluation, ranked: str) -> NextStep:
    rate = min(0.5, max(0.05, 2 * e.asked_rate))
    return NextStep(
        evidence=f"{ranked}.",
        action="Allow more false alarms, and see what is missed then: this takes no training.",
        command=f"blemish calibrate {as_argument(artifact.folder)} --false-alarms {rate:g}",
    )


def _another_method(artifact: Artifact, e: Evaluation) -> NextStep:
    auroc = e.metrics.get("image_auroc")
    scores = "" if auroc is None else f": a defective photo scores above a good one in {percent(auroc)} of all pairs"
    return NextStep(
        evidence=f"Neither training's length, nor the image size, nor the threshold explains it{scores}.",
        action=f"Try another method than {artifact.title}; `blemish train --help` lists them.",
        command="blemish train METHOD PHOTOS NEW_RUN",
    )


def _folder_of(files: list[str]) -> str:
    """Returns the folder that all these files lie in; a word for the reader to fill in where there is none."""
    try:
        return os.path.commonpath([Path(file).parent for file in files])
    except ValueError:  # on several drives
        return "GOOD_PHOTOS"
