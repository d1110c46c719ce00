"""MVTec LOCO AD (Bergmann et al., IJCV 2022): MVTec AD's folders, but with a folder of masks for each test photo.

Each mask is one defect, whose value says of what kind it is; defects_config.json says how much of it must be found.
"""

import json
from collections import defaultdict
from dataclasses import replace
from functools import partial
from pathlib import Path

from blemish.data.categories import recognised_below, recognised_folder
from blemish.data.dataset import GOOD, Dataset, Layout, PhotoCounts, Sample, Saturation
from blemish.data.gathering import NOTHING, Gathered, as_dataset, defects_in, good_photos_if_any, good_photos_in
from blemish.data.listed import read_list
from blemish.data.listing import has_file, has_folder, look_through, sub_folders
from blemish.errors import DataError
from blemish.wording import brief, some_of

_CONFIG = "defects_config.json"
_OWN_TYPES = ("logical_anomalies", "structural_anomalies")


def _find(root: Path, category: str | None) -> Dataset:
    base = recognised_folder(root, category, recognises=_recognises, wanted=MVTEC_LOCO.holds)
    saturations, test = _saturations(base / _CONFIG), NOTHING
    for folder in sub_folders(base / "test"):
        if folder.name == GOOD:
            test += good_photos_in(folder)
        else:
            test += _defects(folder, base / "ground_truth" / folder.name, saturations)
    train, validation = good_photos_if_any(base / "train" / GOOD), good_photos_if_any(base / "validation" / GOOD)
    return as_dataset(MVTEC_LOCO.name, root, category, train=train, validation=validation, test=test)


def _defects(folder: Path, truth: Path, saturations: tuple[Saturation, ...]) -> Gathered:
    """Returns photos with all masks in the folder of their name, or with the one mask of their name."""
    found = defects_in(folder, defect_type=folder.name)
    masks: dict[str, list[Path]] = defaultdict(list)
    if has_folder(truth):
        listing = look_through(truth)
        found += Gathered(left_out=listing.troubles, skipped=(listing.skipped,))
        for mask in listing.photos:
            first, *deeper = mask.relative_to(truth).parts
            masks[first if deeper else mask.stem].append(mask)
    samples = [_with(sample, masks.pop(sample.image.stem, []), saturations) for sample in found.samples]
    alone = [mask for several in masks.values() for mask in several]
    if alone:
        line = f"{truth}: has masks of no photo ({some_of(alone, shown=2)}); add their photos or remove them"
        found += Gathered(left_out=(DataError(line),))
    return replace(found, samples=tuple(samples))


def _with(sample: Sample, masks: list[Path], saturations: tuple[Saturation, ...]) -> Sample:
    return replace(sample, masks=tuple(masks), mask_values="any", saturations=saturations if masks else ())


def _saturations(config: Path) -> tuple[Saturation, ...]:
    """Returns what the file says of each kind of defect; nothing where there is no such file."""
    if not has_file(config):
        return ()
    try:
        return tuple(
            Saturation(
                value=int(kind["pixel_value"]),
                threshold=float(kind["saturation_threshold"]),
                relative=bool(kind["relative_saturation"]),
            )
            for kind in json.loads(read_list(config))
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DataError(f"{config}: is damaged or edited ({brief(error)}); copy it again") from error


def _recognises(folder: Path) -> bool:
    return any(has_folder(folder / "test" / kind) for kind in _OWN_TYPES)


_NAMES = ("breakfast_box", "juice_bottle", "pushpins", "screw_bag", "splicing_connectors")

MVTEC_LOCO = Layout(
    name="mvtec_loco",
    find=_find,
    categories=partial(recognised_below, recognises=_recognises),
    recognises=_recognises,
    holds="train/good, validation/good, test/logical_anomalies, ground_truth/logical_anomalies/PHOTO/MASK",
    official=dict.fromkeys(_NAMES, PhotoCounts()),
    official_total=PhotoCounts(train=1778, validation=305, good=575, bad=993),
)
