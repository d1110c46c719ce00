"""Published figures: as printed in the papers, and shown where the category is known."""

from collections.abc import Callable
from pathlib import Path
from statistics import mean

import pytest

from blemish.data.dataset import Dataset
from blemish.metrics import METRICS
from blemish.report import write_report
from blemish.report.published import (
    CATEGORIES,
    DESTSEG_PAPER,
    PUBLISHED,
    STPM_RE_EVALUATED,
    STPM_README,
    Published,
    known_category,
    published_for,
)
from report.models import evaluate_on
from report.reading import Page


@pytest.mark.parametrize(
    ("table", "averages"),
    [
        (STPM_README, (0.9555,)),
        (STPM_RE_EVALUATED, (0.966, 0.543, 0.569, 0.375)),
        (DESTSEG_PAPER, (0.979, 0.758, 0.764, 0.578)),
    ],
)
def test_averages_are_those_the_authors_print(table: Published, averages: tuple[float, ...]) -> None:
    columns = zip(*table.categories.values(), strict=True)
    found = [mean(value for value, _ in column) for column in columns]
    assert found == pytest.approx(averages, abs=0.0006)


def test_tables_cover_all_categories_in_the_metrics_we_measure() -> None:
    assert len(CATEGORIES) == 15
    for tables in PUBLISHED.values():
        for table in tables:
            assert set(table.categories) == CATEGORIES
            assert set(table.metrics) <= set(METRICS)
            values = [value for row in table.categories.values() for value, _ in row]
            assert all(0 < value <= 1 for value in values)


def test_the_category_is_the_named_one_or_else_the_roots_folder() -> None:
    assert known_category("screw", "/data/mvtec") == "screw"
    assert known_category(None, "/data/screw") == "screw"
    assert known_category(None, "/data/screw/test") == "screw"
    assert known_category("my_part", "/data/screw") is None
    assert known_category(None, "/data/parts") is None


def test_nothing_is_published_of_other_methods_and_parts() -> None:
    assert published_for("stpm", None) == published_for("stpm", "my_part") == published_for("rstpm", "screw") == {}
    assert published_for("stpm", "screw")["image_auroc"][0] == (0.8947, None)
    assert published_for("destseg", "screw")["iap_at_90"][0] == (0.086, 0.023)


def test_a_known_category_has_published_figures_beside_ours_with_their_source(
    run: Path, few: Callable[..., Dataset]
) -> None:
    evaluate_on(run, few("screw", good="good", crack="crack"))
    page = Page(write_report(run))
    assert "published for MVTec AD\N{RIGHT SINGLE QUOTATION MARK}s “screw”" in page.text
    assert "0.895 1" in page.text and "0.269 2" in page.text
    assert "1 README of the authors' repository" in page.text
    assert "2 STPM's released checkpoints, re-evaluated" in page.text
    evaluate_on(run, few("nail", good="good", crack="crack"))
    assert "Published" not in Page(write_report(run)).text
