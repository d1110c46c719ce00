"""Evaluations of a benchmark's cells stay those of its own test, whatever its models judge afterwards."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from blemish.evaluation.record import EVALUATION_FILE, Evaluation, write_evaluation
from blemish.evaluation.summary import figures_with_rates
from blemish.studies.cell import CellResult
from blemish.studies.kept import EVALUATIONS, keep_evaluations
from evaluation.example import EVALUATION

RESULT = CellResult(
    key="0",
    method="stpm",
    category="lid",
    seed=0,
    metrics=figures_with_rates(EVALUATION),
    mvtec_ad=None,
    seconds=1,
)
ANEW = replace(EVALUATION, judged_at="2027-01-02T03:04:05+00:00")
OF_OTHER_PHOTOS = replace(EVALUATION, root="/others", metrics={"image_auroc": 0.6, "pro": None})


def of_run(output: Path) -> Path:
    return output / "runs" / RESULT.name / "evaluation" / EVALUATION_FILE


def written(evaluation: Evaluation, output: Path, *, at: int) -> Path:
    """Writes what `blemish evaluate` does, so many seconds later than anything before."""
    (file := of_run(output)).parent.mkdir(parents=True, exist_ok=True)
    write_evaluation(evaluation, file)
    os.utime(file, (later := file.stat().st_mtime + at, later))
    return file


@pytest.fixture
def output(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Path:
    """A benchmark whose evaluation is kept."""
    written(EVALUATION, tmp_path, at=0)
    assert keep_evaluations([RESULT], tmp_path) == {RESULT.name: EVALUATION}
    assert caplog.messages == []
    return tmp_path


def test_the_same_test_made_anew_is_taken_and_stays_when_models_are_deleted(output: Path) -> None:
    written(ANEW, output, at=10)
    assert keep_evaluations([RESULT], output) == {RESULT.name: ANEW}
    shutil.rmtree(output / "runs")
    assert keep_evaluations([RESULT], output) == {RESULT.name: ANEW}


def test_a_test_of_other_photos_replaces_nothing_and_is_said(output: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = written(OF_OTHER_PHOTOS, output, at=10)
    assert keep_evaluations([RESULT], output) == {RESULT.name: EVALUATION}
    (line,) = caplog.messages
    assert line.startswith(f"{file}: has other figures than the benchmark's own test") and line.endswith(
        f"delete cells/{RESULT.name}.json; what was kept before is used"
    )


def test_a_damaged_one_replaces_nothing(output: Path, caplog: pytest.LogCaptureFixture) -> None:
    written(EVALUATION, output, at=10).write_text("{")
    os.utime(of_run(output), (2e9, 2e9))
    assert keep_evaluations([RESULT], output) == {RESULT.name: EVALUATION}
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("kept", [False, True])
def test_where_there_is_but_one_of_other_photos_the_cell_is_not_compared(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kept: bool
) -> None:
    file = written(OF_OTHER_PHOTOS, tmp_path, at=0)
    if kept:  # as a version of before this was looked at left it
        place = tmp_path / EVALUATIONS / f"{RESULT.name}.json"
        place.parent.mkdir()
        file.rename(place)
    assert keep_evaluations([RESULT], tmp_path) == {}
    (line,) = caplog.messages
    assert line.startswith(f"{RESULT.name} is not compared, and has no curves: {tmp_path}")
