"""A list of one's own: manifest.csv or manifest.jsonl, with a photo a line, in the folder that its paths begin in.

Columns: `image`; and, where wanted, `label` (words for good or bad, 0 or 1, false or true, or the type of defect;
nothing: good), `mask` (one path, or several with `;` between them, or a list in JSON), `mask_values`, `split` (train,
validation or test; nothing: good photos are learned from, others tested with) and `part`.
"""

import csv
import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, get_args

from blemish.data.categories import category_folder, recognised_below
from blemish.data.dataset import GOOD, Dataset, Layout, Sample
from blemish.data.folder_names import is_called_good
from blemish.data.images import MaskValues
from blemish.data.listed import Entry, SplitName, json_lines, listed_dataset, read_list
from blemish.data.listing import has_file, has_folder, is_folder
from blemish.errors import DataError

_FILES = ("manifest.csv", "manifest.jsonl")
_COLUMNS = ("image", "label", "mask", "mask_values", "split", "part")
_NO, _YES = ("", "0", "0.0", "false"), ("1", "1.0", "true")  # is there a defect? As tables write numbers and flags
_SPLITS: dict[str, SplitName] = {"train": "train", "validation": "validation", "test": "test", "val": "validation"}


def _find(root: Path, category: str | None) -> Dataset:
    """Returns the photos that a list names; `root` is its folder, or the file."""
    if not is_folder(root):
        return _listed(root, root, category)
    base = category_folder(root, category, known=recognised_below(root, _recognises))
    files = [base / name for name in _FILES if has_file(base / name)]
    if not files:
        if there := recognised_below(base, _recognises):
            raise DataError(f"{base}: holds the categories {', '.join(there)}; name one of them with --category")
        raise DataError(f"{base}: has neither {' nor '.join(_FILES)}; check the path")
    if len(files) > 1:
        raise DataError(f"{base}: has both {' and '.join(_FILES)}; give one of the two files itself")
    return _listed(files[0], root, category)


def _listed(file: Path, root: Path, category: str | None) -> Dataset:
    lines = json_lines(file) if file.suffix.lower() == ".jsonl" else _rows(file)
    entries = [_entry(line, file=file, number=number) for number, line in lines]
    return listed_dataset(MANIFEST_LIST.name, root, category, entries=entries, source=file)


def _rows(file: Path) -> Iterable[tuple[int, dict[str, Any]]]:
    """Yields the lines of a table, whose columns are parted by commas or by semicolons."""
    lines = read_list(file).splitlines()
    between = ";" if lines and lines[0].count(";") > lines[0].count(",") else ","
    rows = csv.DictReader(lines, delimiter=between)
    if "image" not in (rows.fieldnames or ()):
        raise DataError(f"{file}: has no column image; its first line names columns, of {', '.join(_COLUMNS)}")
    for row in rows:
        yield rows.line_num, row


def _entry(line: dict[str, Any], *, file: Path, number: int) -> Entry:
    where = f"{file}: line {number}"
    values = {key: line.get(key) for key in _COLUMNS}
    image, split = values["image"], str(values["split"] or "").strip().casefold()
    if not isinstance(image, str) or not image.strip():
        raise DataError(f"{where} names no image; give its path")
    if split and split not in _SPLITS:
        raise DataError(f"{where} has the split {split!r}; give train, validation or test")
    if values["mask_values"] and values["mask_values"] not in get_args(MaskValues):
        known = ", ".join(get_args(MaskValues))
        raise DataError(f"{where} has the mask_values {values['mask_values']!r}; give one of {known}")
    defect = _defect_type(values["label"])
    part = values["part"]
    sample = Sample(
        image=file.parent / image.strip(),
        defect_type=defect,
        masks=() if defect == GOOD else tuple(file.parent / mask for mask in _masks(values["mask"], where)),
        mask_values=values["mask_values"] or "bright",
        part=None if part in (None, "") else str(part),
    )
    return Entry(sample=sample, split=_SPLITS.get(split, "train" if defect == GOOD else "test"))


def _defect_type(label: object) -> str:
    """Returns `good` for words for good parts, 0, false and nothing, else what the label says."""
    words = str(label if label is not None else "").strip()
    if words.casefold() in _NO or is_called_good(words):
        return GOOD
    return "defect" if words.casefold() in _YES else words


def _masks(mask: object, where: str) -> list[str]:
    if mask is None or mask == "":
        return []
    if isinstance(mask, str):
        return [path.strip() for path in mask.split(";") if path.strip()]
    if isinstance(mask, list) and all(isinstance(path, str) for path in mask):
        return mask
    raise DataError(f"{where} has the mask {mask!r}; give a path or a list of paths")


def _recognises(folder: Path) -> bool:
    """Returns whether a folder has such a list, or a file is one: by its first line alone, for others call theirs so
    too."""
    files = [folder / name for name in _FILES] if has_folder(folder) else [folder]
    return any(_is_list(file) for file in files if has_file(file))


def _is_list(file: Path) -> bool:
    if file.suffix.lower() not in (".csv", ".jsonl"):
        return False
    try:
        with file.open(encoding="utf-8-sig") as lines:
            first = lines.readline(65536)
        if file.suffix.lower() == ".csv":
            return "image" in first.strip().replace(";", ",").replace('"', "").split(",")
        return "image" in json.loads(first)
    except (OSError, ValueError, TypeError, RecursionError):
        return False


MANIFEST_LIST = Layout(
    name="manifest",
    find=_find,
    categories=partial(recognised_below, recognises=_recognises),
    recognises=_recognises,
    holds="manifest.csv or manifest.jsonl",
)
