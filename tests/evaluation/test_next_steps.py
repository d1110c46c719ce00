"""Each next step follows from its evidence, and none from another's."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from blemish.evaluation.next_steps import missed_loudly, next_steps
from blemish.evaluation.record import Evaluation, PhotoJudgement
from blemish.model.artifact import Artifact, read_artifact
from blemish.model.training_record import HistoryPoint
from evaluation.example import EVALUATION


@pytest.fixture(scope="module")
def artifact(stpm_run: Path) -> Artifact:
    """100 steps, the last fifty of which gained nothing."""
    found = read_artifact(stpm_run)
    return replace(found, settings=found.settings | {"steps": 100}, training=trained(found, [0.3, 0.1, 0.1, 0.1]))


def trained(artifact: Artifact, losses: list[float]) -> Any:
    points = [
        HistoryPoint(step=25 * n, loss=1.0, losses={}, validation_loss=loss) for n, loss in enumerate(losses, start=1)
    ]
    stage = replace(artifact.training.stages[0], steps=points[-1].step, history=points)
    return replace(artifact.training, stages=[stage])


def missing(*, auroc: float, pixels: int | None = 5000, size: tuple[int, int] | None = (64, 64)) -> Evaluation:
    """Of twenty defective photos five are missed."""
    photos = [
        PhotoJudgement(
            image=f"/parts/{n}.png",
            defect_type="crack",
            part=None,
            masks=[],
            mask_values="bright",
            anomaly_score=0.1,
            verdict="normal",
            photo_size=size,
            defect_pixels=pixels,
        )
        for n in range(5)
    ]
    metrics: dict[str, float | None] = {"image_auroc": auroc}
    found = replace(EVALUATION, asked_rate=0.05, promised_rate=0.05, threshold_estimated=False)
    return replace(found, metrics=metrics, misses=5, defective_photos=20, photos=photos)


def said(artifact: Artifact, e: Evaluation) -> list[str]:
    return [" ".join([step.evidence, step.action, step.command or ""]) for step in next_steps(artifact, e)]


def test_a_training_that_was_still_gaining_goes_on_for_longer(artifact: Artifact) -> None:
    gaining = replace(artifact, training=trained(artifact, [0.3, 0.2, 0.1, 0.08]))
    (step,) = said(gaining, missing(auroc=0.7))
    assert "still getting better when training ended after 100 steps: its error fell by 20 %" in step
    assert "--steps 200" in step
    for ended in ([0.3, 0.1, 0.1, 0.095], [0.3, 0.05, 0.1, 0.08]):  # too little; an earlier step was better
        assert "steps" not in said(replace(artifact, training=trained(artifact, ended)), missing(auroc=0.7))[0]


def test_parts_that_lie_anyhow_are_laid_on_one_another_before_all_else(artifact: Artifact) -> None:
    gaining = trained(artifact, [0.3, 0.2, 0.1, 0.08])
    first, second = said(replace(artifact, training=replace(gaining, could_align=(0.17, 0.93))), missing(auroc=0.7))
    assert "two photos of them correlate by 0.17 as they lie, by 0.93 aligned" in first
    assert "blemish train stpm PHOTOS NEW_RUN --align" in first and "still getting better" in second


def test_a_training_without_photos_apart_goes_on_for_longer_by_the_setting_of_what_still_learned(
    artifact: Artifact,
) -> None:
    """A stage that is not validated is known by its training loss."""
    levelled, falling = (
        replace(trained(artifact, [1.0] * 10).stages[0], setting=setting, history=unvalidated(losses))
        for setting, losses in (("steps", [1, *[0.5] * 9]), ("decoder_steps", [1, *[0.5] * 8, 0.3]))
    )
    of_mend = replace(artifact, method="mend", settings=artifact.settings | {"steps": 300, "decoder_steps": 250})
    longer = replace(of_mend, training=replace(of_mend.training, stages=[falling, levelled]))
    (step,) = said(longer, missing(auroc=0.7))
    assert "ended after 250 steps: its error fell by more than a tenth over the last fifth" in step
    assert "blemish train mend PHOTOS NEW_RUN --decoder-steps 500" in step
    enough = replace(of_mend, training=replace(of_mend.training, stages=[levelled]))
    assert "another method" in said(enough, missing(auroc=0.7))[0]


def unvalidated(losses: Sequence[float]) -> list[HistoryPoint]:
    return [
        HistoryPoint(step=25 * n, loss=loss, losses={}, validation_loss=None) for n, loss in enumerate(losses, start=1)
    ]


def test_small_defects_and_much_shrunk_photos_ask_for_a_larger_image_size(artifact: Artifact) -> None:
    (step,) = said(artifact, missing(auroc=0.7, pixels=20, size=(640, 640)))
    assert "half of them cover no more than 20 pixels" in step and "--image-size 128" in step
    (step,) = said(artifact, missing(auroc=0.7, pixels=None, size=(640, 1280)))
    assert "Photos are shrunk 20 times" in step and "--image-size 96x192" in step
    (step,) = said(artifact, missing(auroc=0.7, pixels=20, size=(64, 64)))
    assert "Photograph from closer" in step and "--image-size" not in step
    (step,) = said(artifact, missing(auroc=0.7, pixels=20, size=(70, 70)))
    assert "Photograph from closer" in step and "--image-size" not in step, "the fitting size is no larger"
    (step,) = said(artifact, missing(auroc=0.7, pixels=0, size=(640, 640)))
    assert "half of them cover less than one pixel." in step
    assert "--image-size" not in said(artifact, missing(auroc=0.7, pixels=5000, size=(6400, 6400)))[0]


def test_scores_that_part_well_ask_for_another_threshold(artifact: Artifact) -> None:
    calibration = replace(artifact.calibration, scores=(0.1, 0.11, 0.12), peaks=(0.1, 0.11, 0.12))
    artifact = replace(artifact, calibration=calibration)
    (step,) = said(artifact, missing(auroc=0.97))
    assert "97 % of all pairs" in step and "--false-alarms 0.1" in step
    (step,) = said(artifact, replace(missing(auroc=0.97), promised_rate=0.2, calibration_n=4, unit="photos"))
    assert "the highest score of only 4 good photos" in step and "39 or more" in step
    extreme = replace(artifact, calibration=replace(calibration, scores=(0.1, 0.12, 1.2)))
    (step,) = said(extreme, missing(auroc=0.97))
    assert "a single calibration photo: it scores 1.2, 10 times as much as the next" in step
    assert f"blemish predict {artifact.folder} {Path(artifact.training.files[-1]).parent}" in step


def test_where_rules_let_most_of_the_missed_photos_pass_rules_are_what_to_change(artifact: Artifact) -> None:
    found = replace(missing(auroc=0.97, pixels=20, size=(640, 640)), rules=["length > 9", "count > 2"])

    def passed(count: int) -> Evaluation:
        reasons = [replace(photo, rule_reason="no rule stops it") for photo in found.photos[:count]]
        return replace(found, photos=[*reasons, *found.photos[count:]])

    (step,) = said(artifact, passed(3))
    assert "Of 5 missed photos 3 score above the threshold" in step and "(length > 9 or count > 2)" in step
    assert f"blemish calibrate {artifact.folder} --rule none" in step
    assert not any("--rule" in step for step in said(artifact, passed(2)))


def test_without_other_evidence_another_method_is_next(artifact: Artifact) -> None:
    (step,) = said(artifact, missing(auroc=0.7))
    assert "another method than STPM" in step and "70 % of all pairs" in step
    assert next_steps(artifact, replace(missing(auroc=0.7), misses=0)) == []


@pytest.mark.parametrize(("misses", "of", "loud"), [(0, 0, False), (0, 9, False), (1, 10, False), (2, 10, True)])
def test_more_than_a_tenth_missed_is_said_before_all_else(misses: int, of: int, loud: bool) -> None:
    assert missed_loudly(replace(EVALUATION, misses=misses, defective_photos=of)) == loud
