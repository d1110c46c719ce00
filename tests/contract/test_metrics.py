"""What every metric keeps to: bounds, ranks alone, a perfect score, plain refusals, and little memory."""

import tracemalloc
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from blemish.errors import MetricError
from blemish.metrics import METRICS, Judgements
from blemish.metrics.intervals import bootstrap
from blemish.metrics.pixels import PixelCollector, iap, iap_at_90, pro
from blemish.metrics.ranking import auroc, average_precision, best_f1
from blemish.metrics.saturation import SaturatedDefect

every_metric = pytest.mark.parametrize("name", METRICS)
every_metric_of_maps = pytest.mark.parametrize(
    "name", [name for name, metric in METRICS.items() if metric.of != "photos"]
)
few = settings(max_examples=25, deadline=None)  # each for all metrics, which have tests of their own besides

Values = NDArray[Any]


class Case(NamedTuple):
    """What is known of some photos and said of them, in memory."""

    anomalous: Values
    scores: Values
    masks: Values
    maps: Values
    threshold: float = 0.5

    def judged(self, *, at_once: int = 1 << 25) -> Judgements:
        """As an evaluation has it, of a data set that says that half of each defect is enough."""
        collector = PixelCollector(dtype=np.result_type(self.maps, np.float32), at_once=at_once)
        for mask, anomaly_map in zip(self.masks, self.maps, strict=True):
            defects = [SaturatedDefect(mask=mask, share=0.5)] if mask.any() else []
            collector.add(anomaly_map, mask, saturated=defects)
        return Judgements(
            anomalous=self.anomalous,
            scores=self.scores,
            maps=collector.pixels(),
            pixel_threshold=self.threshold,
        )

    def values(self, *, at_once: int = 1 << 25) -> dict[str, float]:
        """What every metric is of it."""
        return values_of(self.judged(at_once=at_once))


def values_of(judged: Judgements) -> dict[str, float]:
    return {name: metric.value(judged) for name, metric in METRICS.items()}


RISING: dict[str, Callable[[Values], Values]] = {
    "shifted below zero": lambda x: x - 1000,
    "in millions": lambda x: x * 1_000_000,
    "cubed": lambda x: x**3,
    "exponential": np.exp,
    "squeezed into -1 to 1": lambda x: np.tanh(x / 8),
}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A few small photos of both classes, with whole-numbered scores so that ties abound and transforms stay exact."""
    shape = draw(array_shapes(min_dims=3, max_dims=3, min_side=2, max_side=5))
    masks = draw(arrays(np.bool_, shape))
    masks[0] = False
    assume(masks.any())
    whole = st.integers(-8, 8).map(float)
    return Case(
        anomalous=np.asarray(masks.any(axis=(1, 2))),
        scores=draw(arrays(np.float64, shape[:1], elements=whole)),
        masks=masks,
        maps=draw(arrays(np.float32, shape, elements=whole)),
    )


def drawn(*, photos: int = 12, side: int = 32, noise: float = 0.5) -> Case:
    """A third of the photos normal, the others with a square defect; maps and scores see it through noise."""
    rng = np.random.default_rng(0)
    masks = np.zeros((photos, side, side), bool)
    for mask in masks[photos // 3 :]:
        y, x = rng.integers(0, side - side // 6, 2)
        mask[y : y + side // 6, x : x + side // 6] = True
    anomalous = np.asarray(masks.any(axis=(1, 2)))
    maps = masks + noise * rng.uniform(-1, 1, masks.shape)
    return Case(
        anomalous=anomalous,
        scores=anomalous + noise * rng.uniform(-1, 1, photos),
        masks=masks,
        maps=maps.astype(np.float32),
    )


@few
@given(case=cases())
def test_a_metric_lies_between_zero_and_one(case: Case) -> None:
    values = case.values()
    assert {name: type(value) for name, value in values.items()} == dict.fromkeys(METRICS, float)
    assert {name: value for name, value in values.items() if not 0 <= value <= 1} == {}


@few
@given(case=cases(), transform=st.sampled_from(list(RISING)))
def test_only_the_order_of_scores_counts(case: Case, transform: str) -> None:
    rise = RISING[transform]
    threshold = float(rise(np.array(case.threshold)))
    risen = case._replace(scores=rise(case.scores), maps=rise(case.maps), threshold=threshold)
    assert risen.values() == case.values()


@every_metric
def test_defects_above_all_else_score_one(name: str) -> None:
    assert METRICS[name].value(drawn(noise=0.4).judged()) == 1


@every_metric
def test_defects_seen_through_noise_score_below_one_and_above_chance(name: str) -> None:
    clear, noisy, drowned = (METRICS[name].value(drawn(noise=noise).judged()) for noise in (0, 1.5, 1000))
    assert clear > noisy > drowned


@few
@given(case=cases(), data=st.data())
def test_the_order_of_photos_changes_nothing(case: Case, data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(len(case.scores)))))
    expected = pytest.approx(case.values(), abs=1e-12)
    assert Case(*(values[order] for values in case[:4])).values() == expected
    assert values_of(case.judged().of(order)) == expected


@few
@given(case=cases(), at_once=st.integers(1, 60))
def test_how_many_pixels_are_ranked_together_changes_nothing(case: Case, at_once: int) -> None:
    assert case.values(at_once=at_once) == pytest.approx(case.values(), abs=1e-12)


@few
@given(case=cases(), data=st.data())
def test_some_photos_of_many_are_measured_as_if_they_were_alone(case: Case, data: st.DataObject) -> None:
    defective = np.flatnonzero(case.anomalous).tolist()
    some = np.array([*data.draw(st.lists(st.sampled_from(defective), min_size=1, unique=True)), 0])
    alone = Case(*(values[some] for values in case[:4]))
    assert values_of(case.judged().of(some)) == pytest.approx(alone.values(), abs=1e-12)


@every_metric
@pytest.mark.parametrize("defects", [True, False])
def test_one_class_alone_has_no_metric(name: str, defects: bool) -> None:
    alone = drawn(photos=3)._replace(anomalous=np.full(3, defects), masks=np.full((3, 32, 32), defects))
    with pytest.raises(MetricError, match=r"^\d+ anomalous and \d+ normal (photos|pixels): [^\n]*$"):
        METRICS[name].value(alone.judged())


@every_metric
def test_nan_has_no_metric(name: str) -> None:
    case = drawn(photos=3)
    damaged = case._replace(scores=case.scores * np.nan, maps=case.maps * np.float32(np.nan))
    with pytest.raises(MetricError, match=r"^NaN [^\n]*$"):
        METRICS[name].value(damaged.judged())


@every_metric_of_maps
def test_one_pixel_of_nan_has_no_metric(name: str) -> None:
    case = drawn(photos=3)
    case.maps[2, 5, 5] = np.nan
    with pytest.raises(MetricError, match=r"^NaN [^\n]*$"):
        METRICS[name].value(case.judged())


@every_metric_of_maps
def test_without_maps_there_is_no_metric_of_pixels(name: str) -> None:
    case = drawn()
    with pytest.raises(MetricError, match=r"^no anomaly maps of these photos[^\n]*$"):
        METRICS[name].value(Judgements(anomalous=case.anomalous, scores=case.scores))


@every_metric
def test_a_metric_says_what_it_is_called_and_what_it_is(name: str) -> None:
    metric = METRICS[name]
    assert metric.name == name
    assert metric.title
    assert metric.meaning and metric.meaning[0].islower()


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.drawn is not None])
def test_a_metric_that_can_be_resampled_has_an_interval_around_its_value(name: str) -> None:
    judged = drawn(noise=1.5).judged()
    value = METRICS[name].value(judged)
    interval = bootstrap(judged, {name: value}, draws=200)[name]
    assert interval is not None
    assert 0 <= interval[0] < value < interval[1] <= 1


def test_metrics_that_share_a_sort_are_those_of_the_arrays_alone() -> None:
    case = drawn(noise=1.5)
    judged = case.judged()
    expected = {
        "image_auroc": auroc(case.anomalous, case.scores),
        "image_ap": average_precision(case.anomalous, case.scores),
        "image_f1_max": best_f1(case.anomalous, case.scores)[0],
        "pixel_auroc": auroc(case.masks, case.maps),
        "pixel_ap": average_precision(case.masks, case.maps),
        "pro": pro(case.masks, case.maps),
        "iap": iap(case.masks, case.maps),
        "iap_at_90": iap_at_90(case.masks, case.maps),
    }
    assert {name: METRICS[name].value(judged) for name in expected} == expected


def test_all_metrics_and_intervals_together_take_a_part_of_the_memory_that_the_maps_would() -> None:
    case = drawn(photos=64, side=512, noise=1.5)
    tracemalloc.start()
    judged = case.judged(at_once=1 << 20)
    bootstrap(judged, {name: metric.value(judged) for name, metric in METRICS.items()}, draws=100)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.5 * case.maps.nbytes
