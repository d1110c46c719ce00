"""The verdict in plain words: a promise is held against what was measured, an estimate is called one."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from blemish.cli.evaluate import lines_of_evaluation
from blemish.data.dataset import Dataset
from blemish.evaluation.against_promise import more_than_promised
from blemish.evaluation.record import Evaluation, PartCounts, read_evaluation
from blemish.metrics.intervals import binomial
from blemish.model.artifact import Artifact, read_artifact
from blemish.report import write_report
from blemish.report.sections import histogram, rates
from blemish.report.verdict import assess, share_and_interval
from report.models import evaluate_on, recalibrate_to
from report.reading import Page


@pytest.fixture(scope="module")
def artifact(evaluated: Path) -> Artifact:
    return read_artifact(evaluated)


@pytest.fixture(scope="module")
def evaluation(evaluated: Path) -> Evaluation:
    return read_evaluation(evaluated / "evaluation" / "evaluation.json")


def said(artifact: Artifact, evaluation: Evaluation) -> str:
    verdict = assess(artifact, evaluation)
    return " ".join(" ".join([verdict.headline, *verdict.sentences, *verdict.warnings]).split())


def counted(evaluation: Evaluation, false_alarms: int, good_photos: int = 1000) -> Evaluation:
    interval = binomial(false_alarms, good_photos)
    return replace(evaluation, false_alarms=false_alarms, good_photos=good_photos, false_alarm_interval=interval)


def test_false_alarms_are_held_against_the_promise_and_its_spread(artifact: Artifact, evaluation: Evaluation) -> None:
    image = artifact.calibration.image
    assert image.promised_rate == pytest.approx(1 / 15) and image.rate_95 is not None and 0.15 < image.rate_95 < 0.2
    assert "does not contradict it" in said(artifact, counted(evaluation, 60))
    assert "though no more than the promise's own spread allows (below 19.3 %" in said(
        artifact, counted(evaluation, 120)
    )
    assert "Clearly more was measured" in said(artifact, counted(evaluation, 300))


def test_an_estimate_which_is_of_scores_alone_is_not_contradicted_by_as_many_unusual_photos_as_are_expected(
    artifact: Artifact, evaluation: Evaluation
) -> None:
    estimate = replace(artifact.calibration.image, promised_rate=None, rate_95=None)
    model = replace(artifact, calibration=replace(artifact.calibration, image=estimate))
    assert model.calibration.unusual_rate == pytest.approx(1 / 15)
    estimated = replace(evaluation, promised_rate=None, threshold_estimated=True, asked_rate=0.001)
    unusual = replace(counted(estimated, 60), unusual_good=60)
    assert "does not contradict it" in said(model, unusual) and more_than_promised(model, unusual) is None
    assert "Clearly more was measured" in said(model, counted(estimated, 300))
    nobody_asks = replace(model, calibration=replace(model.calibration, unusual=None))
    assert "Clearly more was measured" in said(nobody_asks, counted(estimated, 60))


def test_a_terminal_says_where_more_alarm_than_promised_and_with_which_command_that_is_mended(
    artifact: Artifact, evaluation: Evaluation
) -> None:
    def told(false_alarms: int) -> str:
        e = counted(evaluation, false_alarms)
        return " ".join(" ".join(lines_of_evaluation(e, more=more_than_promised(artifact, e))).split())

    command = f"calibrate anew with photos like them: `blemish calibrate {artifact.folder} --good FOLDER --replace`."
    assert "was measured" not in told(60) and "More was measured, though no more than" in told(120)
    assert (
        "Clearly more was measured" in told(300)
        and command in told(300)
        and command in said(artifact, counted(evaluation, 300))
    )


PROMISED_OF_PARTS = "at most 6.67 % of good parts are expected to have a photo above the threshold, or an unusual one"


def of_parts(evaluation: Evaluation, alarmed: int, parts: int = 100) -> Evaluation:
    """A promise of parts, each of which ten good photos show; one photo of each alarmed part is above the threshold."""
    counts = PartCounts(parts=parts, alarmed=alarmed, alarm_interval=binomial(alarmed, parts), marked=alarmed)
    return replace(counted(evaluation, alarmed, 10 * parts), unit="parts", good_parts=counts)


def test_a_promise_of_parts_is_quoted_of_parts_and_held_against_parts(
    artifact: Artifact, evaluation: Evaluation
) -> None:
    kept, broken = said(artifact, of_parts(evaluation, 5)), said(artifact, of_parts(evaluation, 40))
    assert f"Promised: {PROMISED_OF_PARTS}. The measurement does not contradict it." in kept
    assert "of good parts, any photo of which counts: 5 % (95 % interval" in kept
    # 40 of 1,000 photos would not contradict 6.67 %, but 40 of 100 parts do.
    assert f"Promised: {PROMISED_OF_PARTS}. Clearly more was measured." in broken


def test_a_promise_is_not_held_against_a_count_of_another_unit(artifact: Artifact, evaluation: Evaluation) -> None:
    unknown = replace(counted(evaluation, 5), unit="parts", good_parts=None)
    dependent = replace(of_parts(evaluation, 5), unit="photos")
    for case in (unknown, dependent):
        text = said(artifact, case)
        assert "These photos do not test that" in text
        assert "contradict" not in text and "more was measured" not in text.lower()


def test_a_promise_is_an_expectation_in_its_unit_before_any_evaluation(artifact: Artifact) -> None:
    told = " ".join(" ".join(assess(artifact, None).sentences).split())
    assert told.endswith("at most 6.67 % of good photos are expected to score above the threshold, or to be unusual.")
    parts = replace(artifact, calibration=replace(artifact.calibration, unit="parts"))
    assert PROMISED_OF_PARTS in " ".join(" ".join(assess(parts, None).sentences).split())


def test_the_table_has_a_row_of_parts_with_its_promise(artifact: Artifact, evaluation: Evaluation) -> None:
    of_photos = {row.name: row for row in rates(artifact, evaluation)}
    assert list(of_photos) == ["Misses", "False alarms", "Good photos with a mark"]
    promise = of_photos["False alarms"].promise.replace("\N{NO-BREAK SPACE}", " ")
    assert promise == "at most 6.67 % of good photos expected"
    rows = {row.name: row for row in rates(artifact, of_parts(evaluation, 5))}
    assert rows["Good parts with any alarm"].count == "5 of 100"
    assert (
        "6.67" in rows["Good parts with any alarm"].promise and "good parts" in rows["Good parts with any mark"].promise
    )
    assert rows["False alarms"].promise == rows["Good photos with a mark"].promise == ""


def test_what_a_later_calibration_promises_of_marks_is_not_held_against_those_of_before(
    artifact: Artifact, evaluation: Evaluation
) -> None:
    image = replace(artifact.calibration.image, value=2 * evaluation.threshold)
    later = replace(artifact, calibration=replace(artifact.calibration, image=image))
    rows = {row.name: row.promise for row in rates(later, evaluation)}
    assert rows["Good photos with a mark"] == "" and "6.67" in rows["False alarms"]


def test_the_headline_counts_what_is_found_and_what_alarms_for_nothing(
    artifact: Artifact, evaluation: Evaluation
) -> None:
    perfect = replace(counted(evaluation, 0, 24), misses=0, miss_interval=binomial(0, 42))
    assert "finds all 42 defective photos and raises a false alarm on none of 24 good photos." in said(
        artifact, perfect
    )
    assert "Misses: 0 % (95 % interval: 0 to 8.4 %)" in said(artifact, perfect)


def test_rules_are_named_with_the_photos_that_pass_by_them(artifact: Artifact, evaluation: Evaluation) -> None:
    assert "Rules" not in said(artifact, evaluation)
    passing = [replace(photo, rule_reason="small", verdict="normal") for photo in evaluation.photos]
    photos = [replace(passing[0], verdict="unusual"), *passing[1:]]
    ruled = replace(evaluation, rules=["length > 2 mm"], photos=photos)
    good = sum(photo.defect_type == "good" for photo in photos[1:])
    told = f"of photos above the threshold {good} good and {len(photos) - 1 - good} defective ones are stopped by none"
    assert f"Rules (length > 2 mm): {told}, and pass." in said(artifact, ruled)
    on_a_terminal = " ".join(lines_of_evaluation(ruled))
    assert f"length > 2 mm: {told}, and pass" in on_a_terminal, "the unusual one does not pass"


def test_the_histogram_counts_what_is_above_the_threshold_whatever_rules_say(
    artifact: Artifact, evaluation: Evaluation
) -> None:
    above = [replace(photo, anomaly_score=2 * evaluation.threshold) for photo in evaluation.photos]
    ruled = replace(evaluation, false_alarms=0, unusual_good=0, photos=above)
    assert f"{ruled.good_photos} photos, {ruled.good_photos} above the threshold" in histogram(artifact, ruled)


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
    assert (
        "The estimate, which is no promise: 0.1 % of good photos are thought to score above the threshold." in page.text
    )
    assert page.text.count("nothing; estimate: 0.1 % of good photos") == 2  # of scores and of pixels
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
