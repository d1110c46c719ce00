"""Amazon Lookout for Vision: *.manifest, a line of JSON a photo, of files that were copied from a bucket to a folder.

Of a list with `test` in its name everything is tested with; of others, good photos are learned from and anomalous ones
tested with. Masks are white where nothing is wrong, each kind of defect has a colour.
"""

from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from blemish.data.categories import category_folder
from blemish.data.dataset import GOOD, Dataset, Layout, Sample
from blemish.data.images import MaskValues
from blemish.data.listed import Entry, json_lines, listed_dataset
from blemish.data.listing import has_file, in_natural_order, sub_folders
from blemish.errors import DataError

_SUFFIX = ".manifest"
_PHOTO, _LABEL, _MASK = "source-ref", "anomaly-label", "anomaly-mask-ref"
_FOLDERS = ("", "manifests", "manifest")
_BACKGROUND: dict[str, MaskValues] = {"#ffffff": "not_white", "#000000": "any"}


def _find(root: Path, category: str | None) -> Dataset:
    """Returns the photos that all lists of a folder name, found below it by the end of their addresses."""
    base = category_folder(root, category, known=_categories(root))
    lists = _lists(base)
    if not lists:
        if there := _categories(base):
            raise DataError(f"{base}: holds the categories {', '.join(there)}; name one of them with --category")
        raise DataError(f"{base}: has no file *{_SUFFIX}, directly or in manifests; check the path")
    lines = [(file, number, line) for file in lists for number, line in json_lines(file)]
    for file, number, line in lines:
        if not isinstance(line.get(_PHOTO), str) or line.get(_LABEL) not in (0, 1):
            raise DataError(f"{file}: line {number} has no {_PHOTO}, or no {_LABEL} of 0 or 1; correct it")
    dropped = _dropped([line[_PHOTO] for _, _, line in lines], base)
    entries = [_entry(line, base=base, dropped=dropped, file=file, number=number) for file, number, line in lines]
    return listed_dataset(LOOKOUT.name, root, category, entries=entries, source=lists[0])


def _entry(line: dict[str, Any], *, base: Path, dropped: int, file: Path, number: int) -> Entry:
    good = line[_LABEL] == 0
    masked = not good and isinstance(line.get(_MASK), str)
    sample = Sample(
        image=_place(line[_PHOTO], base, dropped),
        defect_type=GOOD if good else _type(line),
        masks=(_place(line[_MASK], base, dropped),) if masked else (),
        mask_values=_mask_values(line, f"{file}: line {number}") if masked else "bright",
    )
    return Entry(sample=sample, split="train" if good and "test" not in file.name.casefold() else "test")


def _type(line: dict[str, Any]) -> str:
    """Returns the kind of defect, where the mask has one alone, else `anomaly`."""
    kinds = [str(kind.get("class-name", "")) for kind in _colours(line) if not _is_background(kind)]
    return kinds[0] if len(kinds) == 1 and kinds[0] not in ("", GOOD) else "anomaly"


def _mask_values(line: dict[str, Any], where: str) -> MaskValues:
    """Returns which values of a mask stand for defect: all but those of the background's colour."""
    colours = [str(kind.get("hex-color", "#ffffff")).casefold() for kind in _colours(line) if _is_background(kind)]
    colour = colours[0] if colours else "#ffffff"
    if colour not in _BACKGROUND:
        raise DataError(f"{where} has masks whose background is {colour}; only white and black ones can be read")
    return _BACKGROUND[colour]


def _colours(line: dict[str, Any]) -> list[dict[str, Any]]:
    about = line.get(f"{_MASK}-metadata")
    colours = about.get("internal-color-map") if isinstance(about, dict) else None
    return [kind for kind in colours.values() if isinstance(kind, dict)] if isinstance(colours, dict) else []


def _is_background(kind: dict[str, Any]) -> bool:
    return str(kind.get("class-name", "")).casefold() == "background"


def _parts(address: str) -> tuple[str, ...]:
    """Returns the folders and the name of s3://BUCKET/a/b.jpg, or of a path, without what leads out of a folder."""
    path = PurePosixPath(urlsplit(address).path if "://" in address else address)
    return tuple(part for part in path.parts if part not in ("/", "..", "."))


def _dropped(addresses: list[str], base: Path) -> int:
    """Returns how many leading folders of the addresses are not there in the copy: as few as any photo is found with.

    The same holds for every photo, lest one that is missing be taken for another of its name.
    """
    for dropped in range(max((len(_parts(address)) for address in addresses), default=0)):
        if any(has_file(_place(address, base, dropped)) for address in addresses):
            return dropped
    return 0


def _place(address: str, base: Path, dropped: int) -> Path:
    parts = _parts(address)
    return base.joinpath(*parts[min(dropped, len(parts) - 1) :])


def _lists(folder: Path) -> list[Path]:
    try:
        return [
            file
            for place in _FOLDERS
            for file in in_natural_order((folder / place).glob(f"*{_SUFFIX}"))
            if not file.name.startswith(".")
        ]
    except OSError:
        return []


def _recognises(folder: Path) -> bool:
    """Returns whether a folder has such a list, by how it begins, for other programs leave manifests of other kinds."""
    return any(_PHOTO.encode() in _beginning(file) for file in _lists(folder))


def _beginning(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(1 << 16)
    except OSError:
        return b""


def _categories(root: Path) -> tuple[str, ...]:
    return tuple(folder.name for folder in sub_folders(root) if folder.name not in _FOLDERS and _recognises(folder))


LOOKOUT = Layout(
    name="lookout",
    find=_find,
    categories=_categories,
    recognises=_recognises,
    holds="*.manifest of Amazon Lookout for Vision",
)
