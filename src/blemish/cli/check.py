"""`blemish check`: what lies in folders of photos, before anything is trained or judged."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from blemish import api
from blemish.cli.asked_values import asked_size
from blemish.cli.progress import ProgressBars
from blemish.errors import DataError
from blemish.training.findings import Findings
from blemish.wording import on_one_line

_ALL_FINE, _SOME_UNUSABLE = 0, 2


def check(
    *folders: Path,
    dataset: str = "auto",
    category: str | None = None,
    method: str | None = None,
    keep: Literal["best", "last"] | None = None,
    held_out: float | None = None,
    part: str | None = None,
    image_size: Annotated[
        tuple[int, int] | None, Parameter(converter=asked_size, n_tokens=1, accepts_keys=False)
    ] = None,
    aspect: Literal["keep", "squeeze"] | None = None,
    tiles: int | str | None = None,
    overlap: int | None = None,
    max_megapixels: int | None = None,
    pages: int | str | None = None,
    channels: int | str | None = None,
    white_level: int | str | None = None,
    teacher: str = "resnet18",
    teacher_weights: Path | None = None,
    contact_sheet: Path | None = None,
    write_unusual: Path | None = None,
) -> int:
    """Look through folders of photos: what training and evaluating would find there. Nothing is changed.

    Every photo is decoded; of a published data set that --dataset names, all categories are counted against the
    publishers' numbers instead, and those of one, named by --category, too. Exit code 2 where something cannot be used:
    a photo, mask or folder that cannot be read, a mask that fits no photo, photos that are missing.

    Parameters
    ----------
    folders
        Folders of photos of good parts, of OK and NG, or in another layout that is known.
    dataset
        How photos lie in the folders; auto recognises it.
    category
        Which part, where the folders hold several.
    method
        As for training.
    keep
        As for training.
    held_out
        As for training: share of the good photos never trained on.
    part
        As for training: regular expression for which part a photo's name says it shows, such as (.+)_[0-9]+.
    image_size
        As for training: what photos are resized to, 256 (as many pixels as 256x256, in the photos' shape) or
        HEIGHTxWIDTH such as 640x256.
    aspect
        As for training: whether photos keep their shape, or are squeezed to the image size.
    tiles
        As for training: off, auto, or how many pixels of the photo a tile has.
    overlap
        As for training: how many of a tile's --image-size pixels its neighbour sees too.
    max_megapixels
        As for training: most millions of pixels of a photo.
    pages
        As for training: which pages of a file are the photo.
    channels
        As for training: which channels of a file are the photo.
    white_level
        As for training: the value that is white in files of 16 bits.
    teacher
        As for training: the network by which good photos are compared with one another.
    teacher_weights
        Its weights file, where it is not found; nothing is downloaded here.
    contact_sheet
        PNG file to write: the most unusual good photos, those far from the rest in red.
    write_unusual
        Text file to write: the good photos far from the rest, as `blemish train --leave-out` takes it.
    """
    if not folders:
        raise DataError("no folder to check: give folders of photos")
    if len(folders) > 1 and (contact_sheet or write_unusual):
        raise DataError("one contact sheet, or file of unusual photos, is of one folder: check folders one by one")
    framing: dict[str, Any] = {"aspect": aspect, "tiles": tiles, "overlap": overlap, "max_megapixels": max_megapixels}
    framing |= {"pages": pages, "channels": channels, "white_level": white_level}
    given = {"keep": keep, "held_out": held_out, "part": part, "image_size": image_size, **framing}
    settings = {name: value for name, value in given.items() if value is not None}
    code = _ALL_FINE
    for folder in folders:
        if len(folders) > 1:
            print(f"{on_one_line(folder)}:")
        try:
            with ProgressBars() as bars:
                found = api.check(
                    folder,
                    dataset=dataset,
                    category=category,
                    method=method,
                    teacher=teacher,
                    teacher_weights=teacher_weights,
                    contact_sheet=contact_sheet,
                    write_unusual=write_unusual,
                    on_progress=bars.show,
                    **settings,
                )
        except DataError as error:
            sys.stderr.write(f"blemish: {error}\n")
            code = _SOME_UNUSABLE
            continue
        _say(found)
        code = _SOME_UNUSABLE if found.problems else code
    return code


def _say(found: Findings) -> None:
    print("\n".join(found.lines))
    for line in (*found.notes, *found.warnings, *found.problems):
        sys.stderr.write(f"blemish: {line}\n")
