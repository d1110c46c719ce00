"""Parity: what counts as agreement."""

from datetime import UTC, datetime

import numpy as np
import pytest

from blemish.calibration.promise import calibration_of
from blemish.data.drawn_regions import AskedInterest, read_drawn
from blemish.data.framing import Framing
from blemish.errors import ExportError
from blemish.exporting.parity import TOLERANCES, Answer, Parity, compare_answers, shapes_of
from blemish.exporting.proof import of_few_tiles
from blemish.inference.prediction import Prediction


def answer(score: float, verdict: str = "normal", value: float | None = None, margin: float = 1.0) -> Answer:
    return Answer(
        score=score,
        anomaly_map=np.full((2, 2), score if value is None else value, np.float32),
        verdict=verdict,
        margin=margin,
    )


def test_the_figures_are_those_of_hand() -> None:
    first = [answer(1.0), answer(2.0, "anomalous"), answer(4.0), answer(0.5)]
    second = [answer(1.1), answer(2.0, "normal"), answer(3.0, value=4.4), answer(0.5)]
    parity = compare_answers(zip(first, second, strict=True))
    assert parity.photos == 4
    assert parity.score_difference == pytest.approx(0.25)
    assert parity.map_difference == pytest.approx(0.1, rel=1e-6)
    assert (parity.flips, parity.clear_flips) == (1, 1)
    assert parity.rank_correlation == pytest.approx(1.0)


def test_a_verdict_that_turns_near_the_threshold_is_no_clear_one() -> None:
    pairs = [(answer(1.0, margin=margin), answer(1.0, "anomalous")) for margin in (0.01, 0.049, 0.051)]
    parity = compare_answers(pairs)
    assert (parity.flips, parity.clear_flips) == (3, 1)


def test_the_margin_is_that_to_the_nearest_threshold() -> None:
    calibration = calibration_of(range(1, 100), range(1, 100), false_alarm_rate=0.01, check_rate=0.5)
    assert calibration.check is not None
    for score, nearest in ((98.0, calibration.image.value), (55.0, calibration.check.value)):
        prediction = Prediction(
            image=None,
            anomaly_score=score,
            percentile=50.0,
            thresholds=calibration.thresholds,
            provenance=None,
            judged_at=datetime(2026, 1, 2, tzinfo=UTC),
            anomaly_map=np.zeros((2, 2), np.float32),
            photo_size=(2, 2),
        )
        assert Answer.of(prediction).margin == pytest.approx(abs(score - nearest) / nearest)


def test_ranks_are_spearmans() -> None:
    scores, others = [1.0, 2.0, 3.0, 4.0, 5.0], [2.0, 1.0, 3.0, 5.0, 4.0]
    parity = compare_answers((answer(a), answer(b)) for a, b in zip(scores, others, strict=True))
    # 1 - 6 sum d^2 / (n (n^2 - 1)), with four places that are off by one
    assert parity.rank_correlation == pytest.approx(1 - 6 * 4 / (5 * 24))


def test_a_map_that_is_no_number_agrees_with_nothing() -> None:
    parity = compare_answers([(answer(1.0), answer(1.0)), (answer(2.0), answer(2.0, value=float("nan")))])
    assert parity.map_difference == float("inf")
    with pytest.raises(ExportError):
        parity.check(TOLERANCES["fp32"], of="onnx fp32")


def test_few_or_equal_scores_have_no_ranks() -> None:
    assert compare_answers([(answer(1.0), answer(1.0))]).rank_correlation is None
    assert compare_answers([(answer(1.0), answer(1.0))] * 5).rank_correlation is None


def test_a_score_of_nothing_is_compared_as_it_is() -> None:
    assert compare_answers([(answer(0.0), answer(0.5))]).score_difference == 0.5


def parity(**values: float | None) -> Parity:
    same = {
        "photos": 100,
        "score_difference": 0.0,
        "map_difference": 0.0,
        "flips": 0,
        "clear_flips": 0,
        "rank_correlation": 1.0,
    }
    return Parity(**{**same, **values})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("precision", "figures"),
    [
        ("fp32", {"score_difference": 9e-5, "map_difference": 9e-5}),
        ("fp32", {"rank_correlation": None}),
        ("int8", {"score_difference": 0.9, "map_difference": 0.9, "rank_correlation": 0.91}),
        ("int8", {"flips": 9, "clear_flips": 2}),
        ("bf16", {"score_difference": 0.04, "rank_correlation": 0.5}),
    ],
)
def test_within_the_tolerance_it_is_kept(precision: str, figures: dict[str, float | None]) -> None:
    parity(**figures).check(TOLERANCES[precision], of="it")


@pytest.mark.parametrize(
    ("precision", "figures", "allowed"),
    [
        ("fp32", {"score_difference": 1.1e-4}, "difference of 0.0001"),
        ("fp32", {"map_difference": 1.1e-4}, "difference of 0.0001"),
        ("fp32", {"flips": 1}, "no verdict"),
        ("int8", {"flips": 3, "clear_flips": 3}, "2% of the verdicts over 5% from the threshold"),
        ("int8", {"score_difference": 0.06, "rank_correlation": 0.89}, "ranks of 0.9 "),
    ],
)
def test_beyond_the_tolerance_it_is_refused_with_the_figures(
    precision: str, figures: dict[str, float | None], allowed: str
) -> None:
    with pytest.raises(ExportError, match=f"it disagrees .* 100 photos: .* allowed: .*{allowed}"):
        parity(**figures).check(TOLERANCES[precision], of="it")


def test_photos_are_tried_in_five_sizes_and_in_grey() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    shapes = [shape.shape for shape in shapes_of(photo, Framing(image_size=(64, 64)))]
    assert shapes == [(40, 50, 3), (256, 256, 3), (480, 640, 3), (1200, 1600, 3), (1200, 400, 3), (40, 50)]


def test_photos_of_a_proof_keep_regions_of_interest_in_every_size_and_few_tiles() -> None:
    drawn = read_drawn(AskedInterest(roi=("700,500,40,30",)))
    assert drawn is not None
    interest, photo = drawn.on((1000, 1500)), np.zeros((1000, 1500, 3), np.uint8)
    seen = {}
    for tile in (None, 500, 250):
        framing = Framing(image_size=(64, 64), tile=tile, overlap=32)
        kept = of_few_tiles(photo, framing=framing, interest=interest)
        seen[tile] = [shape.shape[:2] for shape in shapes_of(kept, framing, interest)]
        for size in seen[tile]:
            interest.check_photo(size, name="photo")
            assert interest.inside(framing.map_size(size)).any()
    assert seen[None] == [(1000, 1500), (171, 256), (427, 640), (1000, 1500)]
    assert seen[500] == [(612, 919), (426, 640), (612, 919)], "of 256 pixels nothing of the region would be seen"
    assert seen[250] == [(306, 459), (171, 256), (306, 459), (306, 459)]
