"""Rules on marks: what they measure, and that they only take alarms away."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from blemish.calibration.promise import calibration_of
from blemish.data.drawn_regions import AskedInterest, read_drawn
from blemish.data.framing import Framing
from blemish.errors import SettingsError
from blemish.inference.extent import extent_of
from blemish.inference.marked_regions import find_regions
from blemish.inference.predictor import Predictor
from blemish.model.rules import Rules, read_rule, read_rules
from blemish.model.score import Score
from blemish.synthesis.sized_defects import longest_extent

SIZE = (60, 120)


def bar(length: int, width: int, *, degrees: float = 0.0) -> NDArray[np.bool_]:
    side = 2 * length + 11
    y, x = np.mgrid[:side, :side] - side // 2
    turn = np.radians(degrees)
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    mask: NDArray[np.bool_] = (np.abs(along) <= (length - 1) / 2 + 1e-9) & (np.abs(across) <= (width - 1) / 2 + 1e-9)
    return mask


@pytest.mark.parametrize(("length", "width"), [(41, 1), (41, 5), (9, 9), (1, 1)])
def test_a_bar_is_as_wide_as_it_is_and_as_long_as_its_diagonal(length: int, width: int) -> None:
    found = extent_of(bar(length, width))
    assert found == pytest.approx((np.hypot(length - 1, width - 1) + 1, width))
    assert extent_of(bar(length, width).T) == pytest.approx(found)


@pytest.mark.parametrize("degrees", [20, 45, 70])
def test_a_turned_bar_is_as_long_and_wide_to_a_pixel(degrees: float) -> None:
    length, width = extent_of(bar(61, 9, degrees=degrees))
    assert length == pytest.approx(np.hypot(60, 8) + 1, abs=1.5)
    assert width == pytest.approx(9, abs=1.5)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12))
def test_the_length_is_the_longest_extent_and_never_below_the_width(pixels: list[tuple[int, int]]) -> None:
    mask = np.zeros((10, 10), np.bool_)
    mask[tuple(np.array(pixels).T)] = True
    length, width = extent_of(mask)
    assert length == pytest.approx(longest_extent(mask))
    assert 1 <= width <= length + 1e-9


@dataclass(frozen=True)
class Marked:
    length: float = 1.0
    width: float = 1.0
    area: int = 1
    within: tuple[str, ...] = ()


def stopped(words: str, *marks: Marked, photo_size: tuple[int, int] = SIZE, mm: float = 0.1) -> bool:
    rules = read_rules((words,), before=None, mm_per_pixel=mm, regions=("hole",), photo_size=SIZE)
    assert rules is not None
    return bool(rules.stopped_by(marks, photo_size))


def test_rules_are_of_sizes_in_pixels_or_mm_and_of_numbers() -> None:
    assert stopped("length > 20", Marked(length=20.1))
    assert not stopped("length > 20", Marked(length=20))
    assert stopped("length>2mm", Marked(length=20.1))
    assert not stopped("length>2mm", Marked(length=19.9))
    assert stopped("area > 0.5 mm2", Marked(area=51))
    assert not stopped("area > 0.5 mm2", Marked(area=50))
    assert stopped("area > 30 px2 and count > 2", *3 * [Marked(area=31)])
    assert not stopped("area > 30 px2 and count > 2", *2 * [Marked(area=31)], *9 * [Marked(area=30)])
    assert not stopped("length > 5 and width > 3", Marked(length=9, width=1), Marked(length=4, width=4))
    assert stopped("hole: length > 5", Marked(length=6, within=("lid", "hole")))
    assert not stopped("hole: length > 5", Marked(length=6, within=("rim",)))


def test_a_photo_of_another_size_shows_as_many_mm() -> None:
    twice = (2 * SIZE[0], 2 * SIZE[1])
    assert not stopped("length > 2 mm", Marked(length=39), photo_size=twice)
    assert stopped("length > 2 mm", Marked(length=41), photo_size=twice)
    assert stopped("length > 20 px", Marked(length=21), photo_size=twice)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("long", "not understood at 'long'"),
        ("length < 3", "not understood"),
        ("length > 3 and length > 4", "not understood"),
        ("length > 3 mm2", "px or mm"),
        ("area > 3 mm", "px2 or mm2"),
        ("length > 3 mm and width > 2 px", "mixes"),
        ("count > 1.5", "whole number"),
        ("lid: length > 3", "there are hole"),
    ],
)
def test_a_rule_that_means_nothing_is_refused_with_how_to_write_one(words: str, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        read_rule(words, regions=("hole",), mm_per_pixel=1.0)


def test_mm_take_the_size_of_a_pixel() -> None:
    with pytest.raises(SettingsError, match="--mm-per-pixel"):
        read_rule("length > 3 mm")
    nothing: dict[str, Any] = {"regions": (), "photo_size": SIZE}
    with pytest.raises(SettingsError, match="more than 0"):
        read_rules(("length > 3",), before=None, mm_per_pixel=0.0, **nothing)
    with pytest.raises(SettingsError, match="there is none"):
        read_rules((), before=None, mm_per_pixel=0.5, **nothing)
    before = read_rules(("length > 3 mm",), before=None, mm_per_pixel=0.5, **nothing)
    assert read_rules((), before=before, mm_per_pixel=None, **nothing) == before
    finer = read_rules((), before=before, mm_per_pixel=0.25, **nothing)
    assert finer is not None
    assert finer.mm_per_pixel == 0.25
    assert read_rules(("none",), before=before, mm_per_pixel=None, **nothing) is None


class Dark:
    """A network that finds dark pixels."""

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        maps: NDArray[np.float32] = 1 - images.mean(axis=1)
        return maps


def judge(*words: str, min_area: int = 1) -> Predictor:
    drawn = read_drawn(AskedInterest(roi=("hole=0,0,60,60", "rim=60,0,60,60")))
    assert drawn is not None
    rules: Rules | None = read_rules(words, before=None, mm_per_pixel=0.1, regions=("hole", "rim"), photo_size=SIZE)
    return Predictor(
        Dark(),
        Framing(image_size=SIZE),
        score=Score(kind="maximum"),
        calibration=calibration_of([0.5] * 99, [0.5] * 99, false_alarm_rate=0.01),
        min_area=min_area,
        interest=drawn.on(SIZE),
        rules=rules,
    )


def photo() -> NDArray[np.uint8]:
    """A bar of 31x5 pixels in the left half, a spot of 3x3 in the right one."""
    pixels = np.full((*SIZE, 3), 250, np.uint8)
    pixels[20:25, 10:41] = 0
    pixels[40:43, 90:93] = 0
    return pixels


def test_a_drawn_bar_is_measured_and_the_rule_that_stops_it_is_named() -> None:
    found = judge("length > 3 mm", "rim: length > 2 mm").predict(photo())
    assert [(r.area, r.width) for r in found.regions] == [(31 * 5, 5), (9, 3)]
    assert found.regions[0].length == pytest.approx(np.hypot(30, 4) + 1)
    assert (found.verdict, found.stopped_by, found.rule_reason) == ("anomalous", ("length > 3 mm",), None)
    assert found.to_json()["stopped_by"] == ["length > 3 mm"]


@pytest.mark.parametrize("min_area", [1, 100])
def test_a_photo_that_no_rule_stops_is_normal_with_its_reason(min_area: int) -> None:
    found = judge("rim: length > 2 mm", "count > 2", min_area=min_area).predict(photo())
    assert (found.verdict, found.alarm, found.threshold_verdict) == ("normal", False, "anomalous")
    assert found.rule_reason == "no rule stops it: 2 marks, at most 31.3 px long and 155 px2 large (3.13 mm, 1.55 mm2)"
    assert found.to_json()["rule_reason"] == found.rule_reason
    assert found.regions
    assert judge("rim: length > 2 px", min_area=min_area).predict(photo()).stopped_by == ("rim: length > 2 px",)


def test_rules_ask_nothing_of_a_photo_below_the_threshold() -> None:
    found = judge("count > 0").predict(np.full((*SIZE, 3), 250, np.uint8))
    assert (found.verdict, found.stopped_by, found.rule_reason) == ("normal", (), None)


def test_marks_are_sought_as_shown_and_once_more_in_all_however_often_the_verdict_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sought = []

    def counted(*args: Any, **options: Any) -> Any:
        sought.append(options["min_area"])
        return find_regions(*args, **options)

    monkeypatch.setattr("blemish.inference.prediction.find_regions", counted)
    found = judge("count > 2", min_area=100).predict(photo())
    found.to_json()
    assert not found.alarm
    assert sorted(sought) == [1, 100]
