"""Published figures: as printed in the papers, and shown beside MVTec AD's photos alone."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import mean

import pytest

from blemish.data.dataset import Dataset
from blemish.detectors import DETECTORS
from blemish.evaluation.record import DefectType, Evaluation
from blemish.metrics import METRICS
from blemish.report import write_report
from blemish.report.published import (
    PublishedFigure,
    categories_of_mvtec_ad,
    mvtec_ad_category,
    published_for,
    published_tables,
)
from evaluation.example import EVALUATION
from report.models import evaluate_on
from report.reading import Page

AVERAGES = [
    {"image_auroc": 0.9555},
    {"pixel_auroc": 0.966, "pixel_ap": 0.543, "iap": 0.569, "iap_at_90": 0.375},
    {"pixel_auroc": 0.979, "pixel_ap": 0.758, "iap": 0.764, "iap_at_90": 0.578},
]
"""Of each table, as the authors print them."""


def test_averages_are_those_the_authors_print() -> None:
    for table, averages in zip(published_tables(), AVERAGES, strict=True):
        for metric, average in averages.items():
            values = [figures[metric].mean for figures in table.categories.values()]
            assert mean(values) == pytest.approx(average, abs=0.0006)


def test_tables_cover_all_categories_in_the_metrics_we_measure_of_methods_we_have() -> None:
    for table in published_tables():
        assert table.method in DETECTORS
        assert set(table.categories) == set(categories_of_mvtec_ad())
        for figures in table.categories.values():
            assert set(figures) <= set(METRICS)
            assert all(0 < figure.mean <= 1 for figure in figures.values())


def test_photos_per_category_are_those_that_mvtec_ad_is_known_to_have() -> None:
    categories = categories_of_mvtec_ad()
    assert len(categories) == 15
    assert sum(photos.train for photos in categories.values()) == 3629
    assert sum(photos.test["good"] for photos in categories.values()) == 467
    assert sum(sum(photos.test.values()) for photos in categories.values()) == 1725
    assert sum(len(photos.test) - 1 for photos in categories.values()) == 73  # types of defect


def test_the_photos_per_folder_are_those_of_the_real_photos(shared: Path) -> None:
    for category in (shared / "data" / "mvtec_ad").iterdir():
        official = categories_of_mvtec_ad()[category.name]
        found = {kind.name: len(list(kind.iterdir())) for kind in (category / "test").iterdir()}
        assert (len(list((category / "train" / "good").iterdir())), found) == (official.train, official.test)


def an_evaluation(*, category: str | None, root: str, train: int, counts: dict[str, int]) -> Evaluation:
    kinds = {kind: DefectType(photos=photos, judged_anomalous=0, metrics={}) for kind, photos in counts.items()}
    return replace(EVALUATION, category=category, root=root, train_photos=train, defect_types=kinds)


SCREW = {
    "good": 41,
    "manipulated_front": 24,
    "scratch_head": 24,
    "scratch_neck": 25,
    "thread_side": 23,
    "thread_top": 23,
}


@pytest.mark.parametrize(
    ("category", "root", "train"),
    [("screw", "/data/mvtec", 320), (None, "/data/screw", 320), (None, "/data/screw/test", 0)],
)
def test_mvtec_ads_own_photos_are_recognised_by_name_and_counts(category: str | None, root: str, train: int) -> None:
    assert mvtec_ad_category(an_evaluation(category=category, root=root, train=train, counts=SCREW)) == "screw"


@pytest.mark.parametrize(
    ("category", "root", "train", "counts"),
    [
        (None, "/plant7/line3/screw", 320, {"good": 41, "bent": 119}),  # a customer's own
        ("screw", "/plant7", 320, {"good": 41}),
        ("screw", "/data/mvtec", 320, SCREW | {"good": 40}),
        ("screw", "/data/mvtec", 320, SCREW | {"rust": 1}),
        ("screw", "/data/mvtec", 200, SCREW),
        ("my_screws", "/data/mvtec", 320, SCREW),
        ("wood", "/data/mvtec", 320, SCREW),
        (None, "/data/parts", 320, SCREW),
    ],
)
def test_other_photos_are_never_taken_for_mvtec_ad_whatever_their_folder_is_called(
    category: str | None, root: str, train: int, counts: dict[str, int]
) -> None:
    assert mvtec_ad_category(an_evaluation(category=category, root=root, train=train, counts=counts)) is None


def test_nothing_is_published_of_other_methods_and_parts() -> None:
    assert published_for("stpm", None) == published_for("stpm", "my_part") == published_for("rstpm", "screw") == {}
    assert published_for("stpm", "screw")["image_auroc"][0] == PublishedFigure(mean=0.8947, deviation=None)
    assert published_for("destseg", "screw")["iap_at_90"][0] == PublishedFigure(mean=0.086, deviation=0.023)


def test_only_mvtec_ad_has_published_figures_beside_ours_with_their_source(
    run: Path, few: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate_on(run, few("screw", good="good", crack="crack"))
    assert "Published" not in Page(write_report(run)).text
    official = categories_of_mvtec_ad()["screw"]
    monkeypatch.setitem(categories_of_mvtec_ad(), "screw", replace(official, test={"good": 3, "crack": 3}))
    page = Page(write_report(run))
    assert "published for MVTec AD\N{RIGHT SINGLE QUOTATION MARK}s “screw”" in page.text
    assert "0.895 1" in page.text and "0.269 2" in page.text
    assert "1 README of the authors' repository" in page.text
    assert "2 STPM's released checkpoints, re-evaluated" in page.text
