"""A metric is one entry: nothing else need be told of it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import blemish
from blemish.cli.evaluate import lines_of_evaluation
from blemish.data.dataset import Dataset
from blemish.evaluation.record import EVALUATION_FILE, Evaluation, read_evaluation, write_evaluation
from blemish.evaluation.summary import spreads_of
from blemish.metrics import METRICS, Judgements, Metric
from blemish.metrics.ranking import Floats
from blemish.metrics.resamples import Resamples
from blemish.report import write_report
from copies import copied


def share_of_defects_above_half_of_the_good_ones(judged: Judgements) -> float:
    good = judged.scores[~judged.anomalous]
    return float(np.mean(judged.scores[judged.anomalous] > np.median(good)))


def of_resamples(photos: Resamples) -> Floats:
    good = photos.false_alarms
    above = np.cumsum(good, axis=1) <= good.sum(axis=1, keepdims=True) / 2
    return np.asarray((photos.hits * above).sum(axis=1) / photos.hits.sum(axis=1))


@pytest.fixture(scope="module")
def metric() -> Iterator[Metric]:
    added = Metric(
        name="image_clear",
        title="Clear defects",
        meaning="share of defective photos above half of the good ones",
        of="photos",
        value=share_of_defects_above_half_of_the_good_ones,
        drawn=of_resamples,
        per_type=True,
    )
    METRICS[added.name] = added
    yield added
    del METRICS[added.name]


@pytest.fixture(scope="module")
def run(stpm_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(stpm_run, tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def evaluation(run: Path, parts: Dataset, metric: Metric) -> Evaluation:
    assert metric.name in METRICS
    found = blemish.evaluate(run, parts)
    write_evaluation(found, run / "evaluation" / EVALUATION_FILE)
    return found


def test_the_evaluation_has_its_value_and_interval_and_that_of_each_type(evaluation: Evaluation) -> None:
    good = [p.anomaly_score for p in evaluation.photos if p.defect_type == "good"]
    bad = [p.anomaly_score for p in evaluation.photos if p.defect_type != "good"]
    value, interval = evaluation.metrics["image_clear"], evaluation.intervals["image_clear"]
    assert value is not None and interval is not None
    assert value == np.mean(np.array(bad) > np.median(good))
    assert 0 < value < 1 and interval[0] <= value <= interval[1]
    for name, kind in evaluation.defect_types.items():
        assert (kind.metrics["image_clear"] is None) == (name == "good")


def test_it_is_read_back_printed_and_summarized(run: Path, evaluation: Evaluation) -> None:
    again = read_evaluation(run / "evaluation" / EVALUATION_FILE)
    assert again == evaluation
    lines = lines_of_evaluation(again)
    assert any(line.startswith(f"image_clear    {evaluation.metrics['image_clear']:.4f}  ") for line in lines)
    assert any("Clear defects" in line for line in lines), "the column of the types"
    assert spreads_of({"a": again, "b": again})["image_clear"] is not None


def test_the_report_calls_it_by_its_title_and_says_what_it_means(run: Path, evaluation: Evaluation) -> None:
    page = write_report(run).read_text(encoding="utf-8")
    assert page.count("Clear defects") == 2  # of all photos, and the column of the types
    assert "share of defective photos above half of the good ones" in page
    assert f"{evaluation.metrics['image_clear']:.3f}" in page
