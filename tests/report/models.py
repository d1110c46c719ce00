"""What a trained model is evaluated on, and other thresholds for it."""

from dataclasses import replace
from pathlib import Path

import blemish
from blemish.calibration.promise import calibration_of
from blemish.data.dataset import Dataset
from blemish.evaluation.evaluate import evaluate_predictor
from blemish.evaluation.record import EVALUATION_FILE, Evaluation, write_evaluation
from blemish.model.artifact import read_artifact, write_artifact


def evaluate_on(run: Path, photos: Dataset) -> Evaluation:
    """Evaluates, and leaves evaluation.json where the report looks for it."""
    evaluation = evaluate_predictor(blemish.open(run), photos)
    write_evaluation(evaluation, run / "evaluation" / EVALUATION_FILE)
    return evaluation


def recalibrate_to(run: Path, rate: float, *, check: float | None = None, estimate: bool = False) -> None:
    artifact = read_artifact(run)
    known = artifact.calibration
    calibration = calibration_of(
        known.scores,
        known.peaks,
        false_alarm_rate=rate,
        check_rate=check,
        estimate=estimate,
        unusualness=known.unusualness,
        watched=known.watched,
    )
    write_artifact(replace(artifact, calibration=calibration))
