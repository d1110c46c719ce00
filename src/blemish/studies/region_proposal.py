"""A region of interest from photos of good parts: found, written down, drawn for approval."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blemish.data.dataset import Dataset
from blemish.data.folder import keep_apart
from blemish.data.framing import white_level_of
from blemish.data.images import Pixels, Size, read_header, read_image, save_png
from blemish.data.part_outline import PartOutline, outline_part
from blemish.errors import DataError, SettingsError
from blemish.files import write_text
from blemish.progress import OnProgress, Progress
from blemish.results.region_sheet import write_region_sheet

_MOST = 100
_SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class RegionProposal:
    """What was found, and where it was written."""

    file: Path
    """The JSON file, as `blemish train --roi` takes it."""
    mask: Path
    """The mask that it names, which any painting program can change."""
    sheet: Path
    """Photos with the region drawn on them."""
    share: float
    """Of a photo's pixels that the region holds."""
    photos: int
    """How many photos it is from."""
    unreadable: tuple[DataError, ...]
    """An error for each photo that could not be read, or has another size than most."""


def propose_region(
    found: Dataset, output: Path, *, name: str, margin: float, overwrite: bool, on_progress: OnProgress
) -> RegionProposal:
    """Looks for the part in up to a hundred photos; raises DataError where none stands out, SettingsError, OutputError.

    Nothing is overwritten but what an earlier proposal has written, on request.
    """
    if not 0 <= margin <= 0.5:
        raise SettingsError(f"margin is {margin}: it is a share of the photo's longer side, 0 to 0.5")
    if output.suffix.lower() != ".json":
        raise SettingsError(f"{output}: give a .json file to write; mask and picture are left beside it")
    mask_file, sheet = output.with_name(f"{output.stem}_mask.png"), output.with_suffix(".png")
    if there := [str(file) for file in (output, mask_file, sheet) if file.exists() and not overwrite]:
        raise SettingsError(f"{there[0]} is there already: give another file, or --overwrite")
    keep_apart(mask_file, found)
    paths, unreadable = _of_one_size([sample.image for sample in found.good_photos()])
    photos: list[Pixels] = []
    outline = outline_part(_read(paths, photos, unreadable, on_progress), margin=margin)
    height, width = outline.mask.shape
    region = {"name": name, "mask": mask_file.name}
    save_png(mask_file, outline.mask)
    write_region_sheet(photos, outline.mask, sheet, white_level=_white(photos))
    write_text(output, json.dumps({"photo_size": [width, height], "regions": [region]}, indent=2) + "\n")
    return _proposal(outline, output, mask_file, sheet, unreadable)


def _proposal(
    outline: PartOutline, file: Path, mask: Path, sheet: Path, unreadable: Sequence[DataError]
) -> RegionProposal:
    return RegionProposal(
        file=file,
        mask=mask,
        sheet=sheet,
        share=float(outline.mask.mean()),
        photos=outline.photos,
        unreadable=tuple(unreadable),
    )


def _of_one_size(paths: Sequence[Path]) -> tuple[list[Path], list[DataError]]:
    """Returns photos, evenly spread, of the size that most of those looked at have, and errors for the others."""
    chosen = [paths[i] for i in np.unique(np.linspace(0, len(paths) - 1, min(_MOST, len(paths)), dtype=int))]
    sizes: dict[Path, Size] = {}
    unreadable = []
    for path in chosen:
        try:
            sizes[path] = read_header(path).size
        except DataError as error:
            unreadable.append(error)
    if not sizes:
        raise DataError(f"no photo to look for the part in: {unreadable[0]}")
    (usual, _), *_ = Counter(sizes.values()).most_common(1)
    for path, size in sizes.items():
        if size != usual:
            wide = f"{size[1]}x{size[0]}"
            unreadable.append(DataError(f"{path}: is {wide}, where most photos are {usual[1]}x{usual[0]}"))
    return [path for path, size in sizes.items() if size == usual], unreadable


def _read(
    paths: Sequence[Path], shown: list[Pixels], unreadable: list[DataError], on_progress: OnProgress
) -> Iterator[Pixels]:
    """Yields the photos, and keeps a few of them, evenly spread, to be `shown`."""
    every = max(1, len(paths) // _SHOWN)
    for done, path in enumerate(paths):
        try:
            photo = read_image(path)
        except DataError as error:
            unreadable.append(error)
            continue
        if done % every == 0 and len(shown) < _SHOWN:
            shown.append(photo)
        on_progress(Progress(activity="looking", done=done + 1, total=len(paths)))
        yield photo


def _white(photos: Sequence[Pixels]) -> int:
    return white_level_of(max((int(photo.max()) for photo in photos if photo.dtype == np.uint16), default=65535))
