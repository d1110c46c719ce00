"""What to do about the conditions that a model does not hold under."""

from collections.abc import Mapping
from typing import Any

from blemish.evaluation.next_steps import NextStep
from blemish.evaluation.stress_record import StrengthCounts, StressedCondition, StressTest
from blemish.evaluation.stress_verdict import breaks_first
from blemish.model.artifact import Artifact
from blemish.synthesis.conditions import CONDITIONS
from blemish.wording import as_argument

_MOSTLY = 0.5  # of the false alarms
_STRONGER: Mapping[Any, str] = {"off": "mild", "mild": "strong"}  # of settings of training that vary good photos


def steps_against_changes(artifact: Artifact, test: StressTest) -> list[NextStep]:
    """Returns what to do about the condition that breaks first; nothing where none does."""
    first = breaks_first(test)
    if first is None:
        return []
    condition, counts = first
    evidence = f"{condition.name.capitalize()} breaks it first, at {counts.said}."
    if counts.good.unusual > _MOSTLY * counts.good.wrong:
        return [_usual_again(artifact, counts, evidence)]
    return [_varied_in_training(artifact, condition, evidence)]


def _usual_again(artifact: Artifact, counts: StrengthCounts, evidence: str) -> NextStep:
    """Returns a step where photos are stopped for their looks, which training by varied photos does not widen."""
    return NextStep(
        evidence=f"{evidence} Of {counts.good.wrong} false alarms there, {counts.good.unusual} are photos called "
        "unusual: unlike all that it learned from, whatever their score.",
        action="If photos will look so, train with some that do among the good ones; or give photos that do to "
        "calibrate, until then.",
        command=f"blemish calibrate {as_argument(artifact.folder)} --good PHOTOS_THAT_LOOK_SO",
    )


def _varied_in_training(artifact: Artifact, condition: StressedCondition, evidence: str) -> NextStep:
    setting = CONDITIONS[condition.name].mended_by
    extent = None if setting is None else artifact.training.settings.get(setting)
    action = "Keep it from changing as much; or train with good photos that differ so"
    if extent not in _STRONGER:  # nothing varies photos so, or it was as strong as can be
        return NextStep(evidence=evidence, action=f"{action}, and more of them.")
    stronger = f"--{setting} {_STRONGER[extent]}"
    return NextStep(
        evidence=evidence,
        action=f"{action}, or with {stronger} (here it was {extent}), by which training varies them.",
        command=f"blemish train {artifact.method} PHOTOS NEW_RUN {stronger}",
    )
