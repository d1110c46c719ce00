"""The verdict in plain words: a promise is held against what was measured, an estimate is called one."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from blemish.data.dataset import Dataset
from blemish.evaluation.record import Evaluation, read_evaluation
from blemish.metrics.intervals import binomial
from blemish.model.artifact import Artifact, read_artifact
from blemish.report import write_report
from blemish.report.verdict import share_and_interval, verdict_on
from report.models import evaluate_on, recalibrate_to
from report.reading import Page


@pytest.fixture(scope="module")
def artifact(evaluated: Path) -> Artifact:
    return read_artifact(evaluated)


@pytest.fixture(scope="module")
def evaluation(evaluated: Path) -> Evaluation:
    return read_evaluation(evaluated / "evaluation" / "evaluation.json")


def said(artifact: Artifact, evaluation: Evaluation) -> str:
    verdict = verdict_on(artifact, evaluation)
    return " ".join(" ".join([verdict.headline, *verdict.sentences, *verdict.warnings]).split())


def counted(evaluation: Evaluation, false_alarms: int, good_photos: int = 1000) -> Evaluation:
    interval = binomial(false_alarms, good_photos)
    return replace(evaluation, false_alarms=false_alarms, good_photos=good_photos, false_alarm_interval=interval)


def test_false_alarms_are_held_against_the_promise_and_its_spread(artifact: Artifact, evaluation: Evaluation) -> None:
    image = artifact.calibration.image
    assert image.promised_rate == pytest.approx(1 / 15) and image.rate_95 is not None and 0.15 < image.rate_95 < 0.2
    assert "does not contradict it" in said(artifact, counted(evaluation, 60))
    assert "no more than the promise's own spread allows (below 19.3 %" in said(artifact, counted(evaluation, 120))
    assert "clearly more was measured" in said(artifact, counted(evaluation, 300))


def test_the_headline_counts_what_is_found_and_what_alarms_for_nothing(
    artifact: Artifact, evaluation: Evaluation
) -> None:
    perfect = replace(counted(evaluation, 0, 24), misses=0, miss_interval=binomial(0, 42))
    assert "finds all 42 defective photos and raises a false alarm on none of 24 good photos." in said(
        artifact, perfect
    )
    assert "Misses: 0 % (95 % interval: 0 to 8.4 %)" in said(artifact, perfect)


def test_scores_no_better_than_guessing_are_called_so(artifact: Artifact, evaluation: Evaluation) -> None:
    metrics, told = evaluation.metrics, "no better than guessing"
    good = replace(evaluation, metrics=metrics | {"image_auroc": 0.8}, intervals={"image_auroc": (0.7, 0.9)})
    assert told not in said(artifact, good)
    assert "scores higher in 80 % of all pairs" in said(artifact, good)
    assert told in said(artifact, replace(good, intervals={"image_auroc": (0.45, 0.9)}))


def test_photos_left_to_a_person_are_told_apart_from_those_passed(run: Path, parts: Dataset) -> None:
    recalibrate_to(run, 0.07, check=0.9)
    evaluation = evaluate_on(run, parts)
    in_doubt = sum(p.verdict == "check" and p.defect_type != "good" for p in evaluation.photos)
    assert in_doubt > 0
    page = Page(write_report(run))
    assert f"Not passed but given to a person to check: {in_doubt} of the {evaluation.misses} missed." in page.text
    assert "to check" in page.text
    assert "between the dashed line and the threshold a person should check" in page.text


def test_an_estimate_is_called_one_wherever_it_appears(run: Path, few: Callable[..., Dataset]) -> None:
    recalibrate_to(run, 0.001, check=0.01, estimate=True)
    evaluate_on(run, few("few", good="good", crack="crack"))
    page = Page(write_report(run))
    assert "The estimate was 0.1 %, which is no promise" in page.text
    assert page.text.count("nothing; estimate: 0.1 %") == 2  # of scores and of pixels
    assert re.search(r"at the threshold of [\d.]+, an estimate", page.text)
    assert re.search(r"threshold [\d.]+ \(estimate\)", page.text) and re.search(r"check [\d.]+ \(estimate\)", page.text)
    assert "The threshold of" in page.text and "an estimate, not a promise" in page.text
    assert "pixel threshold, an estimate too" in page.text
    assert not re.search(r"promise[ds]* (was |that )?at most", page.text, re.IGNORECASE)


def test_an_estimate_is_called_one_before_any_evaluation(run: Path, tmp_path: Path) -> None:
    recalibrate_to(run, 0.001, estimate=True)
    (run / "evaluation").rename(tmp_path / "away")
    assert "The threshold is an estimate, which promises nothing: 0.1 % of good photos" in Page(write_report(run)).text


def test_rates_are_rounded_to_what_a_count_of_photos_can_tell() -> None:
    assert " ".join(share_and_interval(1, 300, binomial(1, 300)).split()) == "0.33 % (95 % interval: 0.0084 to 1.8 %)"
    assert " ".join(share_and_interval(299, 300, None).split()) == "99.7 %"
    assert " ".join(share_and_interval(60, 60, binomial(60, 60)).split()) == "100 % (95 % interval: 94 to 100 %)"
