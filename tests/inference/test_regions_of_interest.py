"""What lies outside regions of interest counts nowhere: neither in the score nor in marks."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from blemish.calibration.promise import calibration_of
from blemish.data.drawn_regions import AskedInterest, read_drawn
from blemish.data.framing import Framing
from blemish.data.interest import Interest
from blemish.errors import DataError
from blemish.inference.prediction import Prediction
from blemish.inference.predictor import Predictor
from blemish.metrics.pixels import PixelCollector
from blemish.model.rules import Rule
from blemish.model.score import Score

SIZE = (24, 36)
SCORES = [Score(kind="maximum"), Score(kind="top_mean", share=0.05)]


class Brightness:
    """A network that sees one pixel at a time, so that nothing crosses a region's border."""

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        maps: NDArray[np.float32] = images.mean(axis=1)
        return maps


def regions(**asked: tuple[str, ...] | int) -> Interest:
    drawn = read_drawn(AskedInterest(**asked))  # type: ignore[arg-type]
    assert drawn is not None
    return drawn.on(SIZE)


def judge(interest: Interest | None, score: Score = SCORES[0], *, threshold: float = 0.5) -> Predictor:
    calibration = calibration_of([threshold] * 99, [threshold] * 99, false_alarm_rate=0.01)
    return Predictor(Brightness(), Framing(image_size=SIZE), score=score, calibration=calibration, interest=interest)


def photo(seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


def said(prediction: Prediction) -> tuple[object, ...]:
    values = prediction.to_json()
    del values["judged_at"]
    return values, prediction.predicted_mask.tobytes(), prediction.anomaly_map.tobytes()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 9), st.integers(10, 19), st.sampled_from(SCORES), st.booleans())
def test_what_lies_outside_changes_no_score_no_mask_no_region(seed: int, other: int, score: Score, own: bool) -> None:
    interest = regions(roi=("left=2,3,10,12", "right=20,3,9,17"), ignore=("22,5,3,3",))
    if own:
        first, second = interest.regions
        interest = replace(interest, regions=(replace(first, scale=0.5), second))
    predictor, inside = judge(interest, score), interest.inside(SIZE)
    one = photo(seed)
    altered = np.where(inside[..., None], one, photo(other))
    assert said(predictor.predict(one)) == said(predictor.predict(altered))
    assert said(predictor.predict(one)) != said(judge(None, score).predict(one))
    assert not (predictor.predict(one).predicted_mask & ~inside).any()


def test_a_score_takes_as_many_pixels_as_of_a_frame_of_those_that_count() -> None:
    interest = regions(roi=("hole=10,10,4,5",))
    one = np.zeros((*SIZE, 3), np.uint8)
    one[10, 10], one[10, 11] = 255, 51
    for share, expected in ((2 / (24 * 36), 0.6), (0.5, 1.2 / 20)):  # there are 20
        prediction = judge(interest, Score(kind="top_mean", share=share)).predict(one)
        assert prediction.anomaly_score == pytest.approx(expected)
        assert prediction.region_scores == {"hole": pytest.approx(expected)}


def test_a_mark_says_in_which_region_it_lies() -> None:
    one = np.zeros((*SIZE, 3), np.uint8)
    one[5, 5], one[5, 25] = 255, 200
    found = judge(regions(roi=("left=2,3,10,12", "right=20,3,9,17"))).predict(one)
    assert [region.region_of_interest for region in found.regions] == ["left", "right"]
    assert [region.region_of_interest for region in judge(None).predict(one).regions] == [None, None]


@pytest.mark.parametrize("roi", [("lid=2,3,30,18", "hole=10,10,4,5"), ("hole=10,10,4,5", "lid=2,3,30,18")])
def test_a_mark_where_regions_overlap_lies_in_both_and_rules_of_either_ask_it(roi: tuple[str, ...]) -> None:
    """Whichever was named first had it alone, and rules of the other let the defect pass."""
    one = np.zeros((*SIZE, 3), np.uint8)
    one[11, 11] = 255
    (found,) = judge(regions(roi=roi)).predict(one).regions
    assert found.region_of_interest == roi[0].partition("=")[0]
    assert set(found.within) == {"lid", "hole"}
    assert Rule(said="hole: count > 0", region="hole").stops([found], pixel=1.0)
    assert Rule(said="lid: count > 0", region="lid").stops([found], pixel=1.0)


def test_a_map_below_zero_is_highest_where_it_counts() -> None:
    class Below(Brightness):
        def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
            return super().run(images) - 2

    interest = regions(roi=("hole=10,10,4,5",))
    predictor = judge(interest)
    predictor.runtime = Below()
    found = predictor.predict(photo(1))
    assert found.anomaly_map.max() == found.anomaly_map[interest.inside(SIZE)].max() < -1


def test_a_photo_of_another_shape_is_refused_and_harms_no_other() -> None:
    predictor = judge(regions(roi=("hole=10,10,4,5",)))
    one = np.full((*SIZE, 3), 100, np.uint8)
    one[:, 20:] = 250  # far outside
    twice = np.repeat(np.repeat(one, 2, axis=0), 2, axis=1)
    good, wrong, large = predictor.predict_many([one, one[:20], twice])
    assert isinstance(wrong, DataError)
    assert "36x20" in str(wrong)
    assert isinstance(good, Prediction)
    assert isinstance(large, Prediction)
    assert good.anomaly_score == pytest.approx(100 / 255) == large.anomaly_score


def test_metrics_of_pixels_know_nothing_of_what_lies_outside() -> None:
    inside = regions(roi=("left=2,3,10,12",)).inside(SIZE)
    truth = np.zeros(SIZE, np.bool_)
    truth[4:8, 5:30] = True
    found = []
    for seed in (1, 2):
        anomaly_map = np.random.default_rng(seed).random(SIZE, np.float32)
        anomaly_map[inside] = np.random.default_rng(0).random(inside.sum(), np.float32)
        collector = PixelCollector()
        collector.add(anomaly_map, truth, inside=inside)
        pixels = collector.pixels()
        found.append((pixels.ranking.auroc(), pixels.regions.pro(), pixels.ranking.average_precision()))
    assert found[0] == found[1]
