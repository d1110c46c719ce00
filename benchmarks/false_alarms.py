"""Promised against measured: false alarms and misses of trained models at thresholds that good photos alone gave.

    python benchmarks/false_alarms.py RUN=TEST_FOLDER [RUN=TEST_FOLDER ...] --rates 0.01 0.05 0.1

Each model is judged on its test set, whose photos no threshold has seen. Because one test set has few good photos, the
last column draws many calibrations from all good photos that training never saw, calibrated with or tested, and
counts how often the others pass: over such draws a promise must hold on average.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blemish.calibration.promise import estimated_threshold, judge_good_photos, promised_threshold
from blemish.data.finding import find_photos
from blemish.errors import DataError
from blemish.inference import open_predictor
from blemish.model.thresholds import Threshold

DRAWS = 2000


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Of one model: raw anomaly scores of photos that it was not trained on."""

    name: str
    calibrating: list[float]
    good: list[float]
    defective: list[float]


def judged(run: Path, test: Path) -> Scores:
    predictor = open_predictor(run)
    samples = find_photos(test, dataset="mvtec_ad").test
    good, defective = (
        judge_good_photos(predictor, [s.image for s in samples if s.anomalous == anomalous]).scores
        for anomalous in (False, True)
    )
    return Scores(name=run.name, calibrating=list(predictor.calibration.scores), good=good, defective=defective)


def row(scores: Scores, threshold: Threshold, *, drawn: float) -> str:
    alarms, misses = sum(s > threshold.value for s in scores.good), sum(s <= threshold.value for s in scores.defective)
    promised = "estimate" if threshold.promised_rate is None else f"{100 * threshold.promised_rate:.3g} %"
    return (
        f"| {scores.name} | {len(scores.calibrating)} | {100 * threshold.asked_rate:.3g} % | {promised} "
        f"| {alarms} of {len(scores.good)} ({100 * alarms / len(scores.good):.3g} %) "
        f"| {misses} of {len(scores.defective)} ({100 * misses / len(scores.defective):.3g} %) | {100 * drawn:.3g} % |"
    )


def drawn_rate(scores: Scores, rate: float, *, estimate: bool) -> float:
    """Mean share of good photos above thresholds from as many photos as calibrated, drawn from all unseen ones."""
    rng, known = np.random.default_rng(0), np.array(scores.calibrating + scores.good)
    threshold, n = estimated_threshold if estimate else promised_threshold, len(scores.calibrating)
    shares = []
    for _ in range(DRAWS):
        order = rng.permutation(known)
        shares.append(np.mean(order[n:] > threshold(order[:n], rate).value))
    return float(np.mean(shares))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pairs", nargs="+", metavar="RUN=TEST_FOLDER")
    parser.add_argument("--rates", type=float, nargs="+", default=[0.01, 0.05, 0.1])
    options = parser.parse_args()
    print("| model | calibration photos | asked | promised | false alarms | misses | false alarms over draws |")
    print("|---|---|---|---|---|---|---|")
    for pair in options.pairs:
        run, test = pair.split("=", 1)
        scores = judged(Path(run), Path(test))
        for rate in options.rates:
            print(
                row(
                    scores, promised_threshold(scores.calibrating, rate), drawn=drawn_rate(scores, rate, estimate=False)
                )
            )
            try:
                estimate = estimated_threshold(scores.calibrating, rate)
            except DataError:
                continue
            print(row(scores, estimate, drawn=drawn_rate(scores, rate, estimate=True)), flush=True)


if __name__ == "__main__":
    main()
