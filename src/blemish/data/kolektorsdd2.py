"""KolektorSDD2 (Bozic et al., Computers in Industry 2021): {train,test}/NUMBER.png and NUMBER_GT.png.

The mask of a good photo is all black; nothing else tells good photos from defective ones.
Good photos of train are learned from, all of test is tested with.
"""

from functools import partial
from pathlib import Path

from blemish.data.categories import recognised_below, recognised_folder
from blemish.data.dataset import Dataset, Layout, PhotoCounts
from blemish.data.gathering import NOTHING, Gathered, as_dataset
from blemish.data.labelled import labelled_photos
from blemish.data.listing import has_folder, list_folder
from blemish.errors import DataError

_ENDING = "_GT"


def _find(root: Path, category: str | None) -> Dataset:
    base = recognised_folder(root, category, recognises=_recognises, wanted=KOLEKTORSDD2.holds)
    train, test = (
        labelled_photos(base / split, ending=_ENDING) if has_folder(base / split) else NOTHING
        for split in ("train", "test")
    )
    good = Gathered(
        samples=tuple(sample for sample in train.samples if not sample.anomalous),
        left_out=train.left_out,
        skipped=train.skipped,
    )
    bad = tuple(sample.image for sample in train.samples if sample.anomalous)
    return as_dataset(
        KOLEKTORSDD2.name, root, category, train=good, test=test, set_aside={"defective photos of train": bad}
    )


def _recognises(folder: Path) -> bool:
    return any(_has_truth(folder / split) for split in ("train", "test"))


def _has_truth(folder: Path) -> bool:
    try:
        return any(photo.stem.endswith(_ENDING) for photo in list_folder(folder)[0])
    except DataError:
        return False


KOLEKTORSDD2 = Layout(
    name="kolektorsdd2",
    find=_find,
    categories=partial(recognised_below, recognises=_recognises),
    recognises=_recognises,
    holds="train/NUMBER.png, train/NUMBER_GT.png, test/NUMBER.png, test/NUMBER_GT.png",
    official={"": PhotoCounts(train=2085, validation=0, good=894, bad=110)},
)
