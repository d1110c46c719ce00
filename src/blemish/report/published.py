"""What the papers' authors published for MVTec AD, 0 to 1: shown beside our own figures of MVTec AD alone.

The figures are data, in published.json, with the number of photos in each of MVTec AD's folders, by which the data set
is recognised. Figures of other mask rules cannot be compared with ours. So of STPM's own README only the image AUROC is
there: its masks count every touched pixel as defect, and its PRO is stretched to span 0 to 1.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePath
from typing import Any

from blemish.evaluation.record import Evaluation

_TEST_FOLDER = "test"


@dataclass(frozen=True, kw_only=True)
class PublishedFigure:
    """A metric's mean and, where several seeds were published, their standard deviation."""

    mean: float
    deviation: float | None


@dataclass(frozen=True, kw_only=True)
class PublishedTable:
    """One table as a publication has it."""

    method: str
    """A name in DETECTORS."""
    source: str
    """Who, where, and under which conditions."""
    categories: dict[str, dict[str, PublishedFigure]]
    """Per category of MVTec AD, by metric."""


@dataclass(frozen=True, kw_only=True)
class CategoryPhotos:
    """The number of photos that MVTec AD has of one category."""

    train: int
    test: dict[str, int]
    """Per folder of the test set."""


@cache
def published_tables() -> tuple[PublishedTable, ...]:
    """Returns every table, the later ones counting where two give the same metric of a method."""
    return tuple(
        PublishedTable(
            method=table["method"],
            source=table["source"],
            categories={
                category: {
                    metric: PublishedFigure(mean=mean, deviation=deviation)
                    for metric, (mean, deviation) in zip(table["metrics"], values, strict=True)
                }
                for category, values in table["categories"].items()
            },
        )
        for table in _data()["tables"]
    )


@cache
def categories_of_mvtec_ad() -> dict[str, CategoryPhotos]:
    """Returns the 15 categories (Bergmann et al., 2019) by name."""
    return {
        name: CategoryPhotos(train=counts["train"], test=counts["test"])
        for name, counts in _data()["categories"].items()
    }


def mvtec_ad_category(evaluation: Evaluation) -> str | None:
    """Returns the category of MVTec AD that was tested; None for any other photos, whatever their folder is called.

    A part of MVTec AD has its name, as category or as the folder's, exactly its number of photos of each type of
    defect, and of the photos to train on, where these lie beside them.
    """
    name = evaluation.category or _folder_name(evaluation.root)
    official = categories_of_mvtec_ad().get(name)
    if official is None or evaluation.train_photos not in (0, official.train):
        return None
    counts = {kind: defect.photos for kind, defect in evaluation.defect_types.items()}
    return name if counts == official.test else None


def published_for(method: str, category: str | None) -> dict[str, tuple[PublishedFigure, PublishedTable]]:
    """Returns by metric what was published for this method and category; empty where nothing was."""
    return {
        metric: (figure, table)
        for table in published_tables()
        if table.method == method and category is not None
        for metric, figure in table.categories.get(category, {}).items()
    }


def _folder_name(root: str) -> str:
    folder = PurePath(root)
    return folder.parent.name if folder.name == _TEST_FOLDER else folder.name


def _data() -> Any:
    return json.loads(files("blemish.report").joinpath("published.json").read_text(encoding="utf-8"))
