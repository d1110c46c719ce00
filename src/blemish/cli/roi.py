"""`blemish roi`: a proposal for where the part lies in the photos."""

import sys
from pathlib import Path

from blemish import api
from blemish.cli.progress import ProgressBars
from blemish.wording import as_argument, as_left_out, counted

_DONE, _SOME_UNREADABLE = 0, 2


def roi(
    photos: Path,
    /,
    *,
    output: Path = Path("roi.json"),
    name: str = "part",
    margin: float = 0.02,
    overwrite: bool = False,
) -> int:
    """Propose a region of interest: where the part lies in photos of good parts. Look at the picture beside OUTPUT
    before you train with it. Exit code 2 where some photos could not be used.

    Parameters
    ----------
    photos
        Folder of photos of good parts, on a background of one colour.
    output
        JSON file to write, as `blemish train --roi` takes it; mask and picture are left beside it.
    name
        What the region is called.
    margin
        How far around the part the region reaches, as a share of the photo's longer side.
    overwrite
        Replace an earlier proposal.
    """
    with ProgressBars() as bars:
        found = api.roi(photos, output=output, name=name, margin=margin, overwrite=overwrite, on_progress=bars.show)
    for error in found.unreadable:
        sys.stderr.write(f"blemish: {as_left_out(error)}\n")
    print(f"region {name}: {found.share:.1%} of the photo, from {counted(found.photos, 'photo')}")
    print(f"look at {found.sheet}: is every part wholly inside? What is dark there counts nowhere")
    print(f"to change it, paint on {found.mask} (white counts); another --margin makes it wider or narrower")
    print(f"train with it: blemish train {as_argument(photos)} RUN --roi {as_argument(found.file)}")
    return _SOME_UNREADABLE if found.unreadable else _DONE
