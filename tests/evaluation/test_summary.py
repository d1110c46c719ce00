"""Figures over several seeds, and evaluations that may not be compared."""

from dataclasses import astuple, replace
from typing import Any

import pytest

from blemish.errors import DataError
from blemish.evaluation.record import Evaluation, PhotoJudgement
from blemish.evaluation.summary import Spread, spreads_of
from evaluation.example import EVALUATION


def seed(auroc: float, *, misses: int = 1) -> Evaluation:
    return replace(EVALUATION, metrics={"image_auroc": auroc, "pro": None}, misses=misses)


def test_mean_deviation_lowest_and_highest_over_three_seeds() -> None:
    found = spreads_of({"a": seed(0.7), "b": seed(0.8, misses=0), "c": seed(0.9)})
    auroc, missed = found["image_auroc"], found["miss_rate"]
    assert auroc is not None
    assert missed is not None
    assert astuple(auroc) == pytest.approx((0.8, 0.1, 0.7, 0.9))
    assert astuple(missed) == pytest.approx((2 / 3, 3**-0.5, 0, 1))
    assert found["false_alarm_rate"] == Spread(mean=0, deviation=0, lowest=0, highest=0)
    assert found["pro"] is None


def test_a_figure_that_one_evaluation_lacks_has_no_spread() -> None:
    other = replace(seed(0.8), metrics={"image_auroc": None})
    assert spreads_of({"a": seed(0.7), "b": other})["image_auroc"] is None


def test_a_test_set_that_moved_as_a_whole_is_the_same() -> None:
    def moved(photo: PhotoJudgement) -> PhotoJudgement:
        return replace(photo, image=photo.image.replace("/parts", "/elsewhere"))

    other = replace(EVALUATION, root="/elsewhere", photos=[moved(photo) for photo in EVALUATION.photos])
    assert spreads_of({"a": EVALUATION, "b": other})["image_auroc"] is not None


@pytest.mark.parametrize(
    "change",
    [
        {"photos": EVALUATION.photos[:1]},
        {"photos": [EVALUATION.photos[0], replace(EVALUATION.photos[1], defect_type="dent")]},
        {"photos": [EVALUATION.photos[0], replace(EVALUATION.photos[1], masks=[])]},
        {"map_size": (64, 64)},
        {"map_size": None},
        {"mask_rule": "another"},
    ],
)
def test_other_photos_or_masks_are_refused_with_both_names(change: dict[str, Any]) -> None:
    other = replace(EVALUATION, **change)
    with pytest.raises(DataError, match=r"^first and second cannot be compared: [^\n]*$"):
        spreads_of({"first": EVALUATION, "second": other})


def test_one_evaluation_has_no_spread() -> None:
    with pytest.raises(DataError, match="two or more"):
        spreads_of({"a": EVALUATION})
