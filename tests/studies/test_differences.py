"""Methods are told apart by more than chance of photos and of seeds, and not otherwise."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy import stats

from blemish.evaluation.record import Evaluation
from blemish.studies.differences import Differences, MethodDifference, method_differences
from evaluation.example import EVALUATION

DRAWS = 1000
BASE = replace(EVALUATION, good_photos=5, defective_photos=5)


def evaluation_of(auroc: float, drawn: Sequence[float] | np.ndarray) -> Evaluation:
    values: list[float | None] = [float(value) for value in drawn]
    return replace(BASE, metrics={"image_auroc": auroc}, draws={"image_auroc": values})


def only(found: Differences) -> MethodDifference:
    (one,) = found.found
    return one


def test_of_one_seed_the_interval_is_that_of_the_photos_alone_and_paired() -> None:
    rng = np.random.default_rng(0)
    hard = rng.normal(0.8, 0.1, DRAWS)  # what makes a draw hard is so for both
    first, second = hard + rng.normal(0.02, 0.005, DRAWS), hard
    found = only(
        method_differences(
            [None], ["a", "b"], {(None, "a"): [evaluation_of(0.82, first)], (None, "b"): [evaluation_of(0.8, second)]}
        )
    )
    assert found.difference == pytest.approx(0.02)
    assert found.interval == pytest.approx(tuple(np.quantile(first - second, [0.025, 0.975])), abs=1e-12)
    assert found.better == "a"


def test_seeds_spread_as_the_standard_error_of_their_means_says() -> None:
    rng = np.random.default_rng(1)
    values = {"a": rng.normal(0.8, 0.02, 6), "b": rng.normal(0.8, 0.01, 6)}
    seeds_of: dict[tuple[str | None, str], list[Evaluation]] = {
        (None, m): [evaluation_of(v, np.full(DRAWS, v)) for v in own] for m, own in values.items()
    }
    found = only(method_differences([None], ["a", "b"], seeds_of))
    error = np.sqrt(sum(own.var(ddof=1) / own.size for own in values.values()))
    assert found.interval is not None
    assert np.diff(found.interval)[0] == pytest.approx(2 * stats.t.ppf(0.975, 10) * error, rel=0.1)
    assert found.difference == pytest.approx(values["a"].mean() - values["b"].mean())


def test_chance_of_photos_and_of_seeds_adds_up() -> None:
    rng = np.random.default_rng(2)
    photos = rng.normal(0, 0.02, DRAWS)
    own = 0.8 + rng.normal(0, 0.03, 5)
    seeds_of: dict[tuple[str | None, str], list[Evaluation]] = {
        (None, "a"): [evaluation_of(value, value + photos) for value in own],
        (None, "b"): [evaluation_of(0.8, np.full(DRAWS, 0.8))] * 5,
    }
    found = only(method_differences([None], ["a", "b"], seeds_of))
    wider = stats.t.ppf(0.975, 8) / 1.96
    error = np.sqrt(0.02**2 + (wider * own.std(ddof=1)) ** 2 / own.size)
    assert found.interval is not None
    assert np.diff(found.interval)[0] == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_of_three_seeds_one_difference_in_twenty_is_beyond_chance_by_chance() -> None:
    """Without Student's t it would be three in twenty."""
    rng = np.random.default_rng(4)
    beyond = 0
    for _ in range(300):
        values = rng.normal(0.8, 0.01, (2, 3))
        seeds_of: dict[tuple[str | None, str], list[Evaluation]] = {
            (None, m): [evaluation_of(v, np.full(60, v)) for v in own] for m, own in zip("ab", values, strict=True)
        }
        beyond += only(method_differences([None], ["a", "b"], seeds_of)).better is not None
    assert beyond < 0.1 * 300


def test_over_categories_the_mean_is_compared_and_draws_of_categories_are_independent() -> None:
    rng = np.random.default_rng(3)
    photos = rng.normal(0, 0.05, DRAWS)
    seeds_of = dict[tuple[str | None, str], list[Evaluation]]()
    for category, shift in (("x", 0.05), ("y", 0.01)):
        seeds_of[category, "a"] = [evaluation_of(0.8 + shift, 0.8 + shift + photos)]
        seeds_of[category, "b"] = [evaluation_of(0.8, np.full(DRAWS, 0.8))]
    found = method_differences(["x", "y"], ["a", "b"], seeds_of)
    (over,) = [d for d in found.found if d.over_all]
    assert over.difference == pytest.approx(0.03)
    assert over.interval is not None
    assert np.diff(over.interval)[0] == pytest.approx(2 * 1.96 * 0.05 / np.sqrt(2), rel=0.15)
    assert not any(d.over_all for d in method_differences(["x", "y", "z"], ["a", "b"], seeds_of).found)


def test_the_best_is_better_than_each_other_one_beyond_chance() -> None:
    def difference(first: str, second: str, low: float, high: float) -> MethodDifference:
        return MethodDifference(
            category="x",
            over_all=False,
            metric="pro",
            first=first,
            second=second,
            difference=(low + high) / 2,
            interval=(low, high),
        )

    clear = (difference("a", "b", 0.1, 0.2), difference("a", "c", -0.2, -0.1), difference("b", "c", -0.4, -0.2))
    assert Differences(found=clear).best("pro", ["a", "b", "c"], category="x") == "c"
    assert Differences(found=clear[:2]).best("pro", ["a", "b", "c"], category="x") is None
    assert Differences(found=clear).best("pro", ["a", "b", "c"], category="y") is None
    unclear = (clear[0], difference("a", "c", -0.2, 0.01), clear[2])
    assert Differences(found=unclear).best("pro", ["a", "b", "c"], category="x") is None
    assert Differences().best("pro", ["a"], category="x") is None, "of one method nothing is said"


def test_what_cannot_be_compared_is_told() -> None:
    flat = [evaluation_of(0.8, np.full(DRAWS, 0.8))]
    changes: tuple[tuple[dict[str, Any], str], ...] = (
        ({"photos": BASE.photos[:1]}, "alone judged 1 photo"),
        ({"photos": BASE.photos[::-1]}, "another order"),
        ({"draws": {}}, "before what that takes was kept"),
        ({"bootstrap": "100 draws"}, "drawn in different ways"),
    )
    for (change, why), turned in product(changes, (False, True)):
        other = [replace(flat[0], **change)]
        first, second = (other, flat) if turned else (flat, other)
        found = method_differences([None], ["a", "b"], {(None, "a"): first, (None, "b"): second})
        assert found.found == () and why in found.notes[0]
