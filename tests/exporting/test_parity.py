"""Parity: what counts as agreement."""

import numpy as np
import pytest

from blemish.errors import ExportError
from blemish.exporting.parity import TOLERANCES, Answer, Parity, compare, shapes_of


def answer(score: float, verdict: str = "normal", value: float | None = None) -> Answer:
    return Answer(
        score=score, anomaly_map=np.full((2, 2), score if value is None else value, np.float32), verdict=verdict
    )


def test_the_figures_are_those_of_hand() -> None:
    first = [answer(1.0), answer(2.0, "anomalous"), answer(4.0), answer(0.5)]
    second = [answer(1.1), answer(2.0, "normal"), answer(3.0, value=4.4), answer(0.5)]
    parity = compare(zip(first, second, strict=True))
    assert parity.photos == 4
    assert parity.score_difference == pytest.approx(0.25)
    assert parity.map_difference == pytest.approx(0.1, rel=1e-6)
    assert parity.flips == 1
    assert parity.rank_correlation == pytest.approx(1.0)


def test_ranks_are_spearmans() -> None:
    scores, others = [1.0, 2.0, 3.0, 4.0, 5.0], [2.0, 1.0, 3.0, 5.0, 4.0]
    parity = compare((answer(a), answer(b)) for a, b in zip(scores, others, strict=True))
    # 1 - 6 sum d^2 / (n (n^2 - 1)), with four places that are off by one
    assert parity.rank_correlation == pytest.approx(1 - 6 * 4 / (5 * 24))


def test_few_or_equal_scores_have_no_ranks() -> None:
    assert compare([(answer(1.0), answer(1.0))]).rank_correlation is None
    assert compare([(answer(1.0), answer(1.0))] * 5).rank_correlation is None


def test_a_score_of_nothing_is_compared_as_it_is() -> None:
    assert compare([(answer(0.0), answer(0.5))]).score_difference == 0.5


def parity(**values: float | None) -> Parity:
    same = {"photos": 100, "score_difference": 0.0, "map_difference": 0.0, "flips": 0, "rank_correlation": 1.0}
    return Parity(**{**same, **values})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("precision", "figures"),
    [
        ("fp32", {"score_difference": 9e-5, "map_difference": 9e-5}),
        ("fp32", {"rank_correlation": None}),
        ("int8", {"score_difference": 0.9, "map_difference": 0.9, "rank_correlation": 0.91}),
        ("int8", {"flips": 2}),
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
        ("int8", {"flips": 3}, "2% of the verdicts"),
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
    shapes = [shape.shape for shape in shapes_of(photo)]
    assert shapes == [(40, 50, 3), (256, 256, 3), (480, 640, 3), (1200, 1600, 3), (1200, 400, 3), (40, 50)]
