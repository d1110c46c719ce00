"""Photos that slowly become others are told soon, and photos that stay as they were hardly ever."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from blemish.calibration.drift import DriftWatch, rank_sum
from blemish.calibration.promise import GoodPhotos, calibrate_with, calibration_of
from blemish.data.description import describe
from blemish.inference.prediction import Prediction
from blemish.model.thresholds import Calibration

LOOKS = ("brightness", "sharpness", "across", "down")
RATE = 0.05


class Line:
    """A line whose light falls by a share of itself per photo. A tenth less light moves scores by their own spread, as
    was measured on photos of paper sheets."""

    def __init__(self, seed: int, *, calibrating: int = 39, falls: float = 0.0) -> None:
        self.rng, self.falls, self.light = np.random.default_rng(seed), falls, 1.0
        photos = [self.photo() for _ in range(calibrating)]
        self.light = 1.0
        scores, looks = [score for score, _ in photos], [look for _, look in photos]
        watched = {name: [look[name] for look in looks] for name in LOOKS}
        ones = self.rng.random(calibrating).tolist()
        self.calibration: Calibration = calibration_of(
            scores,
            scores,
            false_alarm_rate=RATE,
            unusualness=ones,
            watched={**watched, "score": scores, "unusualness": ones},
        )
        self.watch = DriftWatch(self.calibration)

    def photo(self) -> tuple[float, dict[str, float]]:
        brightness, sharpness, across, down = self.rng.normal(size=4)
        looks = {"brightness": 120 * (1 + 0.01 * brightness) * self.light, "sharpness": sharpness}
        score = float(np.exp(0.3 * (self.rng.normal() + 10 * (1 - self.light))))
        return score, looks | {"across": 0.5 + 0.01 * across, "down": 0.5 + 0.01 * down}

    def run(self, photos: int) -> None:
        for _ in range(photos):
            self.light *= 1 - self.falls
            score, looks = self.photo()
            stopped = score > self.calibration.image.value
            self.watch.add_looks(looks, unusualness=self.rng.random(), score=None if stopped else score)


def test_falling_light_is_told_before_the_alarm_rate_has_doubled() -> None:
    moved = stats.norm.isf(RATE) - stats.norm.isf(2 * RATE)  # spreads of the score that double the rate
    doubled = np.log(1 - moved / 10) / np.log(1 - 0.0002)  # photos until then
    for seed in range(10):
        line = Line(seed, falls=0.0002)
        line.run(500)
        first = line.watch.found[0]
        assert (first.quantity, first.words) == ("brightness", "darker")
        assert first.photos < doubled < 500
        assert first.now < first.before


def test_photos_that_stay_as_they_were_are_passed_over_in_silence() -> None:
    spoke = 0
    for seed in range(100):
        line = Line(seed, calibrating=(12, 39, 99)[seed % 3])
        line.run(500)
        spoke += bool(line.watch.found)
    assert spoke <= 5


def test_a_change_that_hardly_matters_is_passed_over_though_photos_were_all_alike() -> None:
    """As under a lamp so steady, on parts so alike, that a third of a grey level leaves what brightness varies by."""
    rng = np.random.default_rng(0)
    lights = rng.normal(127.7, 0.1, 40).tolist()
    calibration = calibration_of(
        [1.0] * 40, [1.0] * 40, false_alarm_rate=RATE, unusualness=[0.5] * 40, watched={"brightness": sorted(lights)}
    )
    told = []
    for falls in (0.3, 3.0):
        watch = DriftWatch(calibration)
        for light in rng.normal(127.7 - falls, 0.1, 50):
            watch.add_looks({"brightness": light}, unusualness=0.5, score=1.0)
        told.append([drift.words for drift in watch.found])
    assert told == [[], ["darker"]]


def test_a_leap_is_told_after_ten_photos_once_and_with_the_command_that_mends_it() -> None:
    line = Line(0, calibrating=12)
    for _ in range(40):
        _, looks = line.photo()
        line.watch.add_looks(looks | {"across": looks["across"] + 0.1}, unusualness=0.5, score=None)
    (found,) = line.watch.found
    assert (found.quantity, found.photos) == ("across", 10)
    told = line.watch.line("my run")
    assert told is not None and "of parts further right" in told
    assert "`blemish calibrate 'my run' --good NEW_PHOTOS`" in told and "\n" not in told


def test_scores_and_sharpness_of_stopped_photos_tell_nothing_of_the_line() -> None:
    line = Line(1)
    for _ in range(50):
        _, looks = line.photo()
        line.watch.add_looks(looks | {"sharpness": 9.0}, unusualness=0.5, score=None)
    assert line.watch.found == []


def test_a_model_that_keeps_nothing_to_compare_with_is_not_watched() -> None:
    watch = DriftWatch(calibration_of([1.0, 2.0], [1, 1], false_alarm_rate=0.5))
    for _ in range(60):
        watch.add_looks({"brightness": 0.0}, unusualness=9.0, score=1.0)
    assert watch.line("run") is None and watch.photos == 60


def of_parts(*, part: str | None, brighter: float = 0.0, parts: int = 12) -> DriftWatch:
    """A line that takes three photos, alike, of each part; 12 parts have calibrated."""
    rng = np.random.default_rng(0)
    lights = rng.normal(120, 1, 12)
    judged = GoodPhotos(
        judged=list(range(36)),
        scores=[1.0] * 36,
        peaks=[1.0] * 36,
        unreadable=[],
        unusualness=[0.5] * 36,
        looks={name: list(lights.repeat(3)) for name in LOOKS},
    )
    names = [f"lid{i // 3}" for i in range(36)]
    watch = DriftWatch(calibrate_with(judged, names, unit="parts", false_alarm_rate=0.1), part=part)
    for i in range(parts):
        for view in range(3):
            watch.add(photo_of(f"new{i}_{view}.png", brightness=rng.normal(120, 1) + brighter))
    return watch


def photo_of(name: str, *, brightness: float) -> Prediction:
    pixels = np.full((1, 64, 64, 3), 120, np.uint8)
    looks = replace(describe(pixels, (64, 64), white=255), brightness=brightness, sharpness=120, across=120, down=120)
    calibration = calibration_of([1.0], [1.0], false_alarm_rate=0.5)
    return Prediction(
        image=Path(name),
        digest=None,
        photo_size=(64, 64),
        anomaly_score=1.0,
        percentile=0.0,
        percentile_of="parts",
        thresholds=calibration.thresholds,
        provenance=None,
        judged_at=datetime.now(UTC),
        anomaly_map=np.ones((64, 64), np.float32),
        description=looks,
    )


def test_photos_of_one_part_count_once_and_drift_of_parts_is_told() -> None:
    still = of_parts(part="(.+)_")
    assert still.line("run") is None
    assert still.photos == 12
    (found, *_) = of_parts(part="(.+)_", brighter=9).found
    assert (found.quantity, found.words, found.photos) == ("brightness", "brighter", 10)
    told = of_parts(part="(.+)_", brighter=9).line("run")
    assert told is not None and "seen after 10 parts" in told


def test_parts_that_names_do_not_tell_apart_are_not_watched_which_is_said() -> None:
    watch = of_parts(part=None, brighter=9)
    assert watch.found == []
    assert str(watch.line("run")).startswith("whether photos drift is not watched: run was calibrated by parts")
    assert of_parts(part=None, parts=1).line("run") is None, "of three photos nobody could say anything"
    others = of_parts(part="(.+)_darker", brighter=9)  # a pattern of other names, as of copies that calibrated
    assert str(others.line("run")).startswith("whether photos drift is not watched: run was calibrated by parts")


@pytest.mark.parametrize(("before", "now", "method"), [(4, 50, "exact"), (45, 50, "exact"), (200, 50, "asymptotic")])
def test_the_rank_sum_test_is_that_of_scipy(before: int, now: int, method: str) -> None:
    rng = np.random.default_rng(before)
    ours, theirs = np.sort(rng.normal(size=before)).tolist(), rng.normal(0.5, size=now).tolist()
    chance, higher = rank_sum(ours, theirs)
    expected = stats.mannwhitneyu(theirs, ours, method=method, use_continuity=False).pvalue
    assert chance == pytest.approx(expected)
    assert higher


def test_the_chance_falls_as_values_move_apart_and_ties_count_half() -> None:
    chances = [rank_sum([1.0, 2.0, 3.0, 4.0, 5.0], [x, x + 0.5, x + 1])[0] for x in (3, 4, 5)]
    assert all(later < earlier for earlier, later in pairwise(chances))
    assert rank_sum([1.0] * 9, [1.0] * 10)[0] == 1
