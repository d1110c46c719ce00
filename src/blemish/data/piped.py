"""PIPED (Bianconi et al., Computers in Industry 2014): CLASS/NoDefects and CLASS/Defects with GroundThruth, so spelt.

Masks are black where the defect is. It has no official division: here the first two thirds of the sheets of paper
without defects, in order of their numbers, are learned from, and all others are tested with.
"""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

from blemish.data.categories import recognised_below, recognised_folder
from blemish.data.dataset import Dataset, Layout, PhotoCounts, Sample
from blemish.data.gathering import NOTHING, Gathered, as_dataset, good_photos_in, two_thirds
from blemish.data.listing import has_folder, list_folder, list_photos
from blemish.errors import DataError
from blemish.wording import some_of

_GOOD = ("NoDefects", "NoDefect")
_TRUTH = ("GroundThruth", "GroundTruth")


def _find(root: Path, category: str | None) -> Dataset:
    base = recognised_folder(root, category, recognises=_recognises, reads=_has_good, wanted=PIPED.holds)
    good = sum((good_photos_in(base / name) for name in _GOOD if has_folder(base / name)), NOTHING)
    samples = [replace(sample, part=_sheet(sample.image)) for sample in good.samples]
    sheets = sorted({sample.part or "" for sample in samples}, key=_number)
    tested = set(two_thirds(sheets)[1]) if has_folder(base / "Defects") else set()
    train = tuple(sample for sample in samples if sample.part not in tested)
    test = tuple(sample for sample in samples if sample.part in tested)
    return as_dataset(
        PIPED.name,
        root,
        category,
        train=Gathered(samples=train, left_out=good.left_out, skipped=good.skipped),
        test=_defects(base / "Defects") + Gathered(samples=test),
    )


def _defects(folder: Path) -> Gathered:
    """Returns the photos directly in the folder; CLASS_S_D_01_2 has the mask CLASS_S_GT_01_2."""
    if not has_folder(folder):
        return NOTHING
    masks = {m.stem.replace("_GT_", "_D_"): m for name in _TRUTH for m in _photos_in(folder / name)}
    samples = []
    for photo in list_folder(folder)[0]:
        mask = masks.pop(photo.stem, None)
        samples.append(
            Sample(
                image=photo,
                defect_type="defect",
                masks=() if mask is None else (mask,),
                mask_values="black",
                part=_sheet(photo),
            )
        )
    alone = list(masks.values())
    line = f"{folder}: has masks of no photo ({some_of(alone, shown=2)}); add their photos or remove them"
    return Gathered(samples=tuple(samples), left_out=(DataError(line),) if alone else ())


def _photos_in(folder: Path) -> tuple[Path, ...]:
    return list_photos(folder) if has_folder(folder) else ()


def _sheet(photo: Path) -> str:
    """Returns the sheet of paper: the name without the number of the cut-out."""
    return photo.stem.rpartition("_")[0]


def _number(sheet: str) -> tuple[int, str]:
    last = re.search(r"\d+$", sheet)
    return (int(last[0]) if last else 0, sheet)


def _has_good(folder: Path) -> bool:
    return any(has_folder(folder / name) for name in _GOOD)


def _recognises(folder: Path) -> bool:
    return _has_good(folder) and any(has_folder(folder / "Defects" / name) for name in _TRUTH)


_NAMES = (
    "PA_BDP01_TL",
    "PA_BFT01_TL",
    "PA_BRG01_RL",
    "PA_BRG02_RL",
    "PA_BTN01_RL",
    "PA_FLR01_TL",
    "PA_GLA01_TL",
)
"""Those of its twelve complete classes whose names are certain."""

PIPED = Layout(
    name="piped",
    find=_find,
    categories=partial(recognised_below, recognises=_recognises),
    recognises=_recognises,
    holds="NoDefects, Defects, Defects/GroundThruth",
    official={
        **dict.fromkeys(_NAMES, PhotoCounts(train=32, validation=0, good=16, bad=48)),
        "PA_PNG01_TL": PhotoCounts(train=40, validation=0, good=0, bad=0),
    },
)
