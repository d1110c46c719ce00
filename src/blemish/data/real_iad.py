"""Real-IAD (Wang et al., CVPR 2024): photos in realiad_1024/CATEGORY, divided by realiad_jsons/CATEGORY.json.

The list's word counts, not the folder's: folders of defects hold views in which nothing is to be seen. `real_iad` has
all five cameras, `real_iad_sv` the list of the first camera alone. Every SNNNN of a folder is one part.
"""

import json
from pathlib import Path
from typing import Any, Literal

from blemish.data.categories import check_category
from blemish.data.dataset import GOOD, Dataset, Layout, PhotoCounts, Sample
from blemish.data.listed import Entry, listed_dataset, read_list
from blemish.data.listing import has_file, list_folder, sub_folders
from blemish.errors import DataError
from blemish.wording import brief

_ALL, _ONE = "realiad_jsons", "realiad_jsons_sv"
_OK = "OK"
_HOLDS = "realiad_1024/CATEGORY, realiad_jsons/CATEGORY.json"
_SPLITS: tuple[Literal["train", "test"], ...] = ("train", "test")


def _layout(name: str, lists: str, *, train: int) -> Layout:
    """Returns the layout that is divided by the lists in one folder; `train` is how many photos they have to learn
    from."""

    def find(root: Path, category: str | None) -> Dataset:
        list_folder(root)
        if category is not None:
            photos = _photos(root)
            check_category(root, category, categories(root))
            base, chosen = photos / category, category
        else:
            photos, base, chosen = root, root, root.absolute().name
        file = _file(base, lists, chosen)
        if file is None:
            if there := categories(root):
                raise DataError(f"{root}: holds the categories {', '.join(there)}; name one of them with --category")
            raise DataError(f"{root}: is not laid out so: {_HOLDS}; check the path")
        return listed_dataset(name, photos, category, entries=_entries(file, base), source=file)

    def categories(root: Path) -> tuple[str, ...]:
        try:
            photos = _photos(root)
        except DataError:
            return ()
        return tuple(f.name for f in sub_folders(photos) if _file(f, lists, f.name) is not None)

    def recognises(folder: Path) -> bool:
        return lists == _ALL and _file(folder, lists, folder.absolute().name) is not None

    return Layout(
        name=name,
        find=find,
        categories=categories,
        recognises=recognises,
        holds=_HOLDS,
        official=dict.fromkeys(_CATEGORIES, PhotoCounts()),
        official_total=PhotoCounts(train=train),
    )


def _photos(root: Path) -> Path:
    """Returns the folder with the categories' photos: root itself, or the one folder of a resolution in it.

    Raises DataError where there are several resolutions: which of them was meant decides every figure.
    """
    sizes = [f for f in sub_folders(root) if f.name.startswith("realiad_") and not f.name.startswith(_ALL)]
    if len(sizes) > 1:
        names = ", ".join(folder.name for folder in sizes)
        raise DataError(f"{root}: holds {names}; name one of these folders")
    return sizes[0] if sizes else root


def _file(base: Path, lists: str, category: str) -> Path | None:
    """Returns the list of a category, which lies beside the folder that holds its folder, in one folder or in two."""
    beside = base.absolute().parent.parent
    places = (beside / lists / f"{category}.json", beside / _ALL / lists / f"{category}.json")
    return next((place for place in places if has_file(place)), None)


def _entries(file: Path, base: Path) -> list[Entry]:
    try:
        lists = json.loads(read_list(file))
        return [_entry(item, split, base) for split in _SPLITS for item in lists[split]]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DataError(f"{file}: is damaged or edited ({brief(error)}); copy it again") from error


def _entry(item: dict[str, Any], split: Literal["train", "test"], base: Path) -> Entry:
    """Returns a photo of the list; its kind counts, whatever its folder is called."""
    image, kind = Path(item["image_path"]), str(item["anomaly_class"])
    good = kind == _OK
    masks = () if good or not item.get("mask_path") else (base / item["mask_path"],)
    sample = Sample(
        image=base / image,
        defect_type=GOOD if good else kind,
        masks=masks,
        mask_values="any",
        part=image.parent.as_posix(),
    )
    return Entry(sample=sample, split=split)


_CATEGORIES = (
    *("audiojack", "bottle_cap", "button_battery", "end_cap", "eraser", "fire_hood", "mint", "mounts", "pcb"),
    *("phone_battery", "plastic_nut", "plastic_plug", "porcelain_doll", "regulator", "rolled_strip_base"),
    *("sim_card_set", "switch", "tape", "terminalblock", "toothbrush", "toy", "toy_brick", "transistor1", "u_block"),
    *("usb", "usb_adaptor", "vcpill", "wooden_beads", "woodstick", "zipper"),
)

REAL_IAD = _layout("real_iad", _ALL, train=36465)
REAL_IAD_SV = _layout("real_iad_sv", _ONE, train=10408)
