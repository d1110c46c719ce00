"""What every metric keeps to: bounds, ranks alone, a perfect score, plain refusals, and little memory."""

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from blemish.errors import MetricError
from blemish.evaluation import METRICS, Judgements
from blemish.evaluation.ranking import auroc, average_precision, best_f1
from blemish.evaluation.regions import iap, iap_at_90, pro

every_metric = pytest.mark.parametrize("name", METRICS)
every_metric_of_maps = pytest.mark.parametrize("name", [name for name in METRICS if not name.startswith("image_")])
few = settings(max_examples=30, deadline=None)  # of each metric: each has tests of its own besides

Values = NDArray[Any]

RISING: dict[str, Callable[[Values], Values]] = {
    "shifted below zero": lambda x: x - 1000,
    "in millions": lambda x: x * 1_000_000,
    "cubed": lambda x: x**3,
    "exponential": np.exp,
    "squeezed into -1 to 1": lambda x: np.tanh(x / 8),
}


@st.composite
def judgements(draw: st.DrawFn) -> Judgements:
    """A few small photos of both classes, with whole-numbered scores so that ties abound and transforms stay exact."""
    shape = draw(array_shapes(min_dims=3, max_dims=3, min_side=2, max_side=5))
    masks = draw(arrays(np.bool_, shape))
    masks[0] = False
    assume(masks.any())
    whole = st.integers(-8, 8).map(float)
    return Judgements(
        anomalous=np.asarray(masks.any(axis=(1, 2))),
        scores=draw(arrays(np.float64, shape[:1], elements=whole)),
        masks=masks,
        maps=draw(arrays(np.float32, shape, elements=whole)),
    )


def drawn(*, photos: int = 12, side: int = 32, noise: float = 0.5) -> Judgements:
    """A third of the photos normal, the others with a square defect; maps and scores see it through noise."""
    rng = np.random.default_rng(0)
    masks = np.zeros((photos, side, side), bool)
    for mask in masks[photos // 3 :]:
        y, x = rng.integers(0, side - side // 6, 2)
        mask[y : y + side // 6, x : x + side // 6] = True
    anomalous = np.asarray(masks.any(axis=(1, 2)))
    maps = masks + noise * rng.uniform(-1, 1, masks.shape)
    return Judgements(
        anomalous=anomalous,
        scores=anomalous + noise * rng.uniform(-1, 1, photos),
        masks=masks,
        maps=maps.astype(np.float32),
    )


@every_metric
@few
@given(judged=judgements())
def test_a_metric_lies_between_zero_and_one(name: str, judged: Judgements) -> None:
    value = METRICS[name](judged)
    assert isinstance(value, float)
    assert 0 <= value <= 1


@every_metric
@few
@given(judged=judgements(), transform=st.sampled_from(list(RISING)))
def test_only_the_order_of_scores_counts(name: str, judged: Judgements, transform: str) -> None:
    assert judged.maps is not None
    rise = RISING[transform]
    risen = replace(judged, scores=rise(judged.scores), maps=rise(judged.maps))
    assert METRICS[name](risen) == METRICS[name](judged)


@every_metric
def test_defects_above_all_else_score_one(name: str) -> None:
    assert METRICS[name](drawn(noise=0.4)) == 1


@every_metric
def test_defects_seen_through_noise_score_below_one_and_above_chance(name: str) -> None:
    assert METRICS[name](drawn(noise=0)) > METRICS[name](drawn(noise=1.5)) > METRICS[name](drawn(noise=1000))


@every_metric
@few
@given(judged=judgements(), data=st.data())
def test_the_order_of_photos_changes_nothing(name: str, judged: Judgements, data: st.DataObject) -> None:
    assert judged.masks is not None
    assert judged.maps is not None
    order = data.draw(st.permutations(range(len(judged.scores))))
    shuffled = Judgements(
        anomalous=judged.anomalous[order],
        scores=judged.scores[order],
        masks=judged.masks[order],
        maps=judged.maps[order],
    )
    assert METRICS[name](shuffled) == pytest.approx(METRICS[name](judged), abs=1e-12)


@every_metric
@pytest.mark.parametrize("defects", [True, False])
def test_one_class_alone_has_no_metric(name: str, defects: bool) -> None:
    judged = drawn(photos=3)
    alone = replace(judged, anomalous=np.full(3, defects), masks=np.full((3, 32, 32), defects))
    with pytest.raises(MetricError, match=r"^\d+ anomalous and \d+ normal (photos|pixels): [^\n]*$"):
        METRICS[name](alone)


@every_metric
def test_nan_has_no_metric(name: str) -> None:
    judged = drawn(photos=3)
    assert judged.maps is not None
    with pytest.raises(MetricError, match=r"^NaN [^\n]*$"):
        METRICS[name](replace(judged, scores=judged.scores * np.nan, maps=judged.maps * np.float32(np.nan)))


@every_metric_of_maps
@pytest.mark.parametrize("missing", ["masks", "maps"])
def test_without_masks_or_maps_there_is_no_metric_of_pixels(name: str, missing: str) -> None:
    with pytest.raises(MetricError, match=rf"^no (anomaly )?{missing} of these photos[^\n]*$"):
        METRICS[name](replace(drawn(), **{missing: None}))  # type: ignore[arg-type]


def test_metrics_that_share_a_sort_are_those_of_the_arrays_alone() -> None:
    judged = drawn(noise=1.5)
    assert judged.masks is not None
    assert judged.maps is not None
    assert {name: metric(judged) for name, metric in METRICS.items()} == {
        "image_auroc": auroc(judged.anomalous, judged.scores),
        "image_ap": average_precision(judged.anomalous, judged.scores),
        "image_f1_max": best_f1(judged.anomalous, judged.scores)[0],
        "pixel_auroc": auroc(judged.masks, judged.maps),
        "pixel_ap": average_precision(judged.masks, judged.maps),
        "pro": pro(judged.masks, judged.maps),
        "iap": iap(judged.masks, judged.maps),
        "iap_at_90": iap_at_90(judged.masks, judged.maps),
    }


def test_all_metrics_together_take_little_more_memory_than_one_copy_of_the_maps() -> None:
    judged = drawn(photos=24, side=256, noise=1.5)
    assert judged.maps is not None
    tracemalloc.start()
    for metric in METRICS.values():
        metric(judged)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.8 * judged.maps.nbytes
    assert kept < 0.8 * judged.maps.nbytes
