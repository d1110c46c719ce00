"""Photos that a list names, line by line, in place of folders: what layouts with a list put together."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from blemish.data.dataset import GOOD, Dataset, Sample
from blemish.data.gathering import Gathered, as_dataset
from blemish.data.listing import has_file
from blemish.errors import DataError
from blemish.wording import brief, counted, some_of

SplitName = Literal["train", "validation", "test"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One photo that is in a list, and its use."""

    sample: Sample
    split: SplitName


def listed_dataset(
    name: str,
    root: Path,
    category: str | None,
    *,
    entries: Sequence[Entry],
    source: Path,
    set_aside: Mapping[str, tuple[Path, ...]] | None = None,
) -> Dataset:
    """Returns the entries of a list as a dataset; `source` is the list's file, for messages.

    Left out, with an error: photos that are not there, those listed a second time, and defective ones among those to
    learn from. A mask that is not there is left out, and its photo stays. Raises DataError where nothing remains.
    """
    missing: list[Path] = []
    twice: list[Path] = []
    learned: list[Path] = []
    bare: list[Path] = []
    kept: dict[Path, Entry] = {}
    for entry in entries:
        sample = entry.sample
        if not has_file(sample.image):
            missing.append(sample.image)
        elif sample.image in kept:
            twice.append(sample.image)
        elif sample.anomalous and entry.split != "test":
            learned.append(sample.image)
        else:
            there = tuple(mask for mask in sample.masks if has_file(mask))
            bare += [mask for mask in sample.masks if mask not in there]
            kept[sample.image] = replace(entry, sample=replace(sample, masks=there))
    left_out = [
        *_line(source, missing, "photo", "not there: copy them, or take their lines away"),
        *_line(source, twice, "photo", "named a second time: one line a photo"),
        *_line(source, learned, "defective photo", "to be learned from as good: move them to the test split"),
        *_line(source, bare, "mask", "not there: copy them, or take them from their lines"),
    ]
    splits = {split: Gathered(samples=_of(kept.values(), split)) for split in ("train", "validation", "test")}
    splits["test"] += Gathered(left_out=tuple(left_out))
    return as_dataset(name, root, category, set_aside=set_aside, **splits)


def read_list(file: Path) -> str:
    """Returns the text of a list; raises DataError where it cannot be read as UTF-8."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise DataError(f"{file}: cannot be read ({reason}); save the list again as UTF-8") from error


def json_lines(file: Path) -> list[tuple[int, dict[str, Any]]]:
    """Returns the objects of a file of JSON lines with their line numbers; empty lines are passed over.

    Raises DataError for the first line that is no JSON object.
    """
    found = []
    for number, line in enumerate(read_list(file).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{file}: line {number} is no JSON ({brief(error)}); correct it") from error
        if not isinstance(entry, dict):
            raise DataError(f'{file}: line {number} is no JSON object; give one such as {{"image": ...}}')
        found.append((number, entry))
    return found


def _of(entries: Iterable[Entry], split: str) -> tuple[Sample, ...]:
    """Returns the samples of a split; of those to test with, defective ones come first, as in folders."""
    chosen = [entry.sample for entry in entries if entry.split == split]
    return tuple(sorted(chosen, key=lambda sample: sample.defect_type == GOOD))


def _line(source: Path, files: Sequence[Path], what: str, why: str) -> list[DataError]:
    if not files:
        return []
    return [DataError(f"{source}: names {counted(len(files), what)} ({some_of(files)}) {why}")]
