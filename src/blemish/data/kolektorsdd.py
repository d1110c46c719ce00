"""KolektorSDD (Tabernik et al., J. Intell. Manuf. 2020): kosNN/PartN.jpg and kosNN/PartN_label.bmp, all black if good.

It has no official division for learning from good parts only. Here the first two thirds of its items, in order of their
numbers, are learned from and the others tested with, so that no item is in both.
"""

import re
from functools import partial
from itertools import groupby
from pathlib import Path

from blemish.data.categories import recognised_below, recognised_folder
from blemish.data.dataset import Dataset, Layout, PhotoCounts, Sample
from blemish.data.gathering import Gathered, as_dataset, two_thirds
from blemish.data.labelled import labelled_photos
from blemish.data.listing import sub_folders


def _find(root: Path, category: str | None) -> Dataset:
    base = recognised_folder(root, category, recognises=_recognises, wanted=KOLEKTORSDD.holds)
    found = labelled_photos(base, ending="_label", part_of=lambda photo: photo.parent.name)
    items = [list(samples) for _, samples in groupby(found.samples, key=lambda sample: sample.part)]
    learned, tested = ([sample for item in some for sample in item] for some in two_thirds(items))
    return as_dataset(
        KOLEKTORSDD.name,
        root,
        category,
        train=Gathered(samples=_kept(learned, anomalous=False), left_out=found.left_out, skipped=found.skipped),
        test=Gathered(samples=_kept(tested, anomalous=True) + _kept(tested, anomalous=False)),
        set_aside={
            "defective photos of the items learned from": tuple(s.image for s in _kept(learned, anomalous=True))
        },
    )


def _kept(samples: list[Sample], *, anomalous: bool) -> tuple[Sample, ...]:
    return tuple(sample for sample in samples if sample.anomalous == anomalous)


def _recognises(folder: Path) -> bool:
    return any(re.fullmatch(r"kos\d+", path.name) for path in sub_folders(folder))


KOLEKTORSDD = Layout(
    name="kolektorsdd",
    find=_find,
    categories=partial(recognised_below, recognises=_recognises),
    recognises=_recognises,
    holds="kos01/Part0.jpg, kos01/Part0_label.bmp",
    official={"": PhotoCounts()},
)
