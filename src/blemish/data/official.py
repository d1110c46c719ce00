"""Whether a copy of a published dataset is complete: its photos against the number that its publishers give."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from blemish.data.dataset import Dataset, Layout, PhotoCounts
from blemish.data.listing import has_folder
from blemish.errors import DataError
from blemish.wording import counted, on_one_line

_WHAT = {
    "train": "to learn from",
    "validation": "to validate with",
    "good": "good ones to test with",
    "bad": "defective ones to test with",
}


@dataclass(frozen=True, kw_only=True)
class CountCheck:
    """Lines that tell how many photos are there, and what is missing or too many."""

    lines: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def checked_counts(found: Dataset, layout: Layout) -> CountCheck:
    """Compares one category with what was published of it; of one that is not the publishers' it says that alone, and
    nothing in a layout in common use."""
    name = "" if "" in layout.official else found.category or found.base.absolute().name
    if name not in layout.official:
        if layout.in_common_use or not layout.official:
            return CountCheck()
        known = ", ".join(layout.official)
        return CountCheck(
            lines=(f"  not counted: {layout.name} has no category {name!r} that is known here, but {known}",)
        )
    compared = _compared(name or layout.name, _counts(found), layout.official[name])
    if not layout.in_common_use:
        return compared
    return CountCheck(
        lines=(*compared.lines, *(f"  {line}, if this is the published set" for line in compared.problems))
    )


def checked_categories(layout: Layout, root: Path) -> CountCheck | None:
    """Compares all categories below a root with those published, without decoding a photo; None where there is none of
    them, or the dataset has no categories."""
    if "" in layout.official:
        return None
    found: dict[str, Dataset | DataError] = {}
    for name in layout.official:
        try:
            found[name] = layout.find(root, name)
        except DataError as error:
            found[name] = error
    there = {name: some for name, some in found.items() if isinstance(some, Dataset)}
    if not there:
        return None
    lines = [f"{layout.name}: {len(there)} of {len(found)} categories are there"]
    absent = [name for name in found if name not in there and not has_folder(root / name)]
    problems = [f"{counted(len(absent), 'category', 'categories')} missing: {', '.join(absent)}"] if absent else []
    for name, some in found.items():
        if isinstance(some, DataError):
            problems += [] if name in absent else [f"{name}: {some}"]
            continue
        compared = _compared(name, _counts(some), layout.official[name])
        lines += [f"  {line}" for line in compared.lines]
        problems += [*compared.problems, *map(str, some.left_out)]
    if layout.official_total is not None and len(there) == len(found):
        total = {split: sum(_counts(some)[split] for some in there.values()) for split in _WHAT}
        compared = _compared("all categories together", total, layout.official_total)
        lines += compared.lines
        problems += compared.problems
    return CountCheck(lines=tuple(lines), problems=tuple(problems))


def set_aside_lines(found: Dataset) -> list[str]:
    """Returns a line for each kind of photo that is neither learned from nor tested with."""
    return [f"set aside: {len(photos)} {what}" for what, photos in found.set_aside.items()]


def _counts(found: Dataset) -> dict[str, int]:
    bad = sum(sample.anomalous for sample in found.test)
    return {
        "train": len(found.train),
        "validation": len(found.validation),
        "good": len(found.test) - bad,
        "bad": bad,
    }


def _compared(name: str, counts: Mapping[str, int], official: PhotoCounts) -> CountCheck:
    published: dict[str, int | None] = {split: getattr(official, split) for split in _WHAT}
    known = {split: count for split, count in published.items() if count is not None}
    wrong = {split: count for split, count in known.items() if counts[split] != count}
    said = ", ".join(f"{counts[split]} {what}" for split, what in _WHAT.items() if counts[split] or known.get(split))
    verdict = "as published" if not wrong else "other than published"
    if not known:
        verdict = "their published number is not known here"
    elif len(known) < len(_WHAT) and not wrong:
        verdict = f"as published, as far as that is known here ({', '.join(_WHAT[split] for split in known)})"
    problems = [f"{name}: {_difference(counts[split], count)} {_WHAT[split]}" for split, count in wrong.items()]
    return CountCheck(lines=(f"{on_one_line(name)}: {said or 'no photos'}; {verdict}",), problems=tuple(problems))


def _difference(count: int, official: int) -> str:
    what = f"{official - count} are missing" if count < official else f"{count - official} are too many"
    return f"{what} of the {official} photos"
