"""VisA (Zou et al., ECCV 2022): OBJECT/Data/Images/{Normal,Anomaly}, divided by split_csv/1cls.csv beside the objects.

Its authors' script lays the same photos out as OBJECT/{train,test}/{good,bad}, which is MVTec AD's layout: that is read
too where this dataset is named. Masks hold small numbers of defect classes.
"""

import csv
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from blemish.data.categories import recognised_below, recognised_folder
from blemish.data.dataset import GOOD, Dataset, Layout, PhotoCounts, Sample
from blemish.data.listed import Entry, listed_dataset, read_list
from blemish.data.listing import has_file, has_folder
from blemish.data.mvtec_ad import MVTEC_AD
from blemish.errors import DataError

_LIST = ("split_csv", "1cls.csv")
_COLUMNS = ("object", "split", "label", "image", "mask")
_SPLITS: dict[str, Literal["train", "test"]] = {"train": "train", "test": "test"}
_LABELS = {"normal": GOOD, "anomaly": "bad"}


def _find(root: Path, category: str | None) -> Dataset:
    """Returns one object in either layout; of the second, the level 1cls may be named or left out."""
    root = root / "1cls" if has_folder(root / "1cls") else root
    base = root if category is None else root / category
    if MVTEC_AD.recognises(base) or (category is None and MVTEC_AD.categories(root)):
        found = MVTEC_AD.find(root, category)
        test = tuple(replace(sample, mask_values="any") for sample in found.test)
        return replace(found, name=VISA.name, test=test)
    base = recognised_folder(root, category, recognises=_recognises, wanted=VISA.holds)
    return listed_dataset(
        VISA.name, root, category, entries=_entries(base), source=base.absolute().parent.joinpath(*_LIST)
    )


def _entries(base: Path) -> list[Entry]:
    """Returns the lines of the official list that are of this object."""
    beside = base.absolute().parent
    file = beside.joinpath(*_LIST)
    if not has_file(file):
        raise DataError(f"{file}: is not there, and says which photos are to learn from: copy VisA's split_csv")
    rows = csv.DictReader(read_list(file).splitlines())
    if not set(_COLUMNS) <= set(rows.fieldnames or ()):
        raise DataError(f"{file}: lacks one of the columns {', '.join(_COLUMNS)}; copy VisA's own list")
    entries = []
    for row in (row for row in rows if row["object"] == base.absolute().name):
        if row["split"] not in _SPLITS or row["label"] not in _LABELS:
            kind = f"split {row['split']!r}, label {row['label']!r}"
            raise DataError(f"{file}: line {rows.line_num} is of {kind}, which VisA has not; copy its own list")
        masks = (beside / row["mask"],) if row["mask"] else ()
        sample = Sample(image=beside / row["image"], defect_type=_LABELS[row["label"]], masks=masks, mask_values="any")
        entries.append(Entry(sample=sample, split=_SPLITS[row["split"]]))
    return entries


def _recognises(folder: Path) -> bool:
    return has_folder(folder / "Data" / "Images" / "Normal")


def _counts(train: int, good: int) -> PhotoCounts:
    return PhotoCounts(train=train, validation=0, good=good, bad=100)


VISA = Layout(
    name="visa",
    find=_find,
    categories=partial(recognised_below, recognises=_recognises),
    recognises=_recognises,
    holds="Data/Images/Normal, Data/Images/Anomaly, Data/Masks/Anomaly",
    official={
        "candle": _counts(900, 100),
        "capsules": _counts(542, 60),
        "cashew": _counts(450, 50),
        "chewinggum": _counts(453, 50),
        "fryum": _counts(450, 50),
        "macaroni1": _counts(900, 100),
        "macaroni2": _counts(900, 100),
        "pcb1": _counts(904, 100),
        "pcb2": _counts(901, 100),
        "pcb3": _counts(905, 101),
        "pcb4": _counts(904, 101),
        "pipe_fryum": _counts(450, 50),
    },
)
