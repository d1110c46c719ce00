"""Photos that are unlike the rest are told from photos of which one is always the most unusual."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from blemish.calibration.far_photos import far_photos
from blemish.calibration.outliers import by_unusualness, far_above_the_rest
from blemish.calibration.promise import GoodPhotos, calibration_of


def good_distances(photos: int, *, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).lognormal(-1, 0.1, (photos, 2))


@pytest.mark.parametrize("respect", [0, 1])
def test_a_photo_far_in_one_respect_comes_first_and_is_called_far(respect: int) -> None:
    distances = good_distances(30)
    distances[17, respect] *= 3
    first, second, *_ = by_unusualness(distances)
    assert (first.index, first.far, second.far) == (17, True, False)
    assert first.times == pytest.approx(3, rel=0.3)


def test_a_photo_unusual_in_two_respects_comes_before_one_that_is_more_so_in_one_of_them() -> None:
    distances = good_distances(30)
    spread = 0.1  # of the logarithms
    distances[3], distances[4] = np.exp([-1 + 3.5 * spread, -1.0]), np.exp([-1 + 3 * spread, -1 + 3 * spread])
    assert [photo.index for photo in by_unusualness(distances)[:2]] == [4, 3]
    distances[3, 1] = np.exp(-1 - 9 * spread)  # what is nearer than usual takes nothing away
    assert [photo.index for photo in by_unusualness(distances)[:2]] == [4, 3]
    distances[4, 1] = np.exp(-1.0)
    assert by_unusualness(distances)[0].index == 3


def test_three_wrong_photos_do_not_hide_one_another() -> None:
    distances = good_distances(33)
    distances[30:] *= 3
    assert [(photo.index >= 30, photo.far) for photo in by_unusualness(distances)[:4]] == [(True, True)] * 3 + [
        (False, False)
    ]


def test_good_photos_alone_are_not_called_far() -> None:
    assert not any(photo.far for seed in range(50) for photo in by_unusualness(good_distances(30, seed=seed)))


def test_photos_that_are_all_alike_are_not_called_far_for_a_hair() -> None:
    distances = np.ones((20, 2))
    distances[3] = 1.01
    first, *_ = by_unusualness(distances)
    assert (first.index, first.far) == (3, False)


def test_too_few_photos_are_not_ranked() -> None:
    assert by_unusualness(good_distances(7)) == []
    assert len(by_unusualness(good_distances(8))) == 8


@pytest.mark.parametrize(
    ("scores", "far"),
    [
        ([0.0081, 1.018, 0.0057, 0.0093], [1]),
        ([0.0081, 0.0057, 0.0093, 0.012], []),
        ([1.0, 5.0], []),  # of two, neither is the rest
        ([0.0, 0.0, 0.5, 0.0], [2]),
        ([*[1.0] * 10, 50.0, 40.0], [10, 11]),
        ([*[1.0] * 6, *[50.0] * 6], []),  # half of them are no exception
    ],
)
def test_scores_above_a_gap_are_far_above_the_rest(scores: list[float], far: list[int]) -> None:
    assert far_above_the_rest(scores) == far


def test_a_far_photo_is_named_with_the_threshold_there_would_be_without_it() -> None:
    scores = [0.0081, 1.018, 0.0057, 0.0093]
    photos = [Path(f"{number}.png") for number in range(5)]
    judged = GoodPhotos(judged=[0, 1, 3, 4], scores=scores, peaks=scores, unreadable=[])
    calibration = calibration_of(scores, scores, false_alarm_rate=0.01)
    found = far_photos(photos, judged, [str(photo) for photo in photos], calibration)
    assert found is not None
    assert (found.photos, found.places, found.next_score) == ((Path("1.png"),), (1,), 0.0093)
    assert found.without == calibration_of([0.0057, 0.0081, 0.0093], [0.0057, 0.0081, 0.0093], false_alarm_rate=0.01)
    (line,) = found.lines(overlays=[Path("overlay.png")], mend="leave it out")
    assert "1.png: scores 1.018, where the next calibration photo scores 0.0093" in line
    assert "the threshold is 1.018, without it 0.009301" in line
    assert "overlay.png" in line


def test_photos_known_before_are_the_rest_and_are_not_named() -> None:
    before = calibration_of([1.0, 1.1, 1.2, 9.0], [1.0, 1.1, 1.2, 9.0], false_alarm_rate=0.01)
    judged = GoodPhotos(judged=[0, 1], scores=[1.3, 50.0], peaks=[1.3, 50.0], unreadable=[])
    new = calibration_of([*before.scores, 1.3, 50.0], [*before.peaks, 1.3, 50.0], false_alarm_rate=0.01)
    found = far_photos([Path("a"), Path("b")], judged, ["a", "b"], new, others=before)
    assert found is not None
    assert found.photos == (Path("b"),)
    assert found.without is not None
    assert found.without.n == 5
    judged = GoodPhotos(judged=[0], scores=[1.3], peaks=[1.3], unreadable=[])
    assert far_photos([Path("a")], judged, ["a"], new, others=before) is None


def test_a_far_photo_known_before_is_none_of_the_rest_either() -> None:
    before = calibration_of([*[1.0] * 9, 100.0], [1.0] * 10, false_alarm_rate=0.1)
    judged = GoodPhotos(judged=[0, 1, 2], scores=[1.1, 50.0, 1.2], peaks=[1.1, 50.0, 1.2], unreadable=[])
    new = calibration_of([*before.scores, *judged.scores], [1.0] * 13, false_alarm_rate=0.1)
    found = far_photos([Path("a"), Path("b"), Path("c")], judged, ["a", "b", "c"], new, others=before)
    assert found is not None
    assert (found.photos, found.next_score) == ((Path("b"),), 1.2)
