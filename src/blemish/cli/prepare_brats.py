"""`blemish prepare-brats`: slices of volumes, made once."""

from pathlib import Path

from blemish import api
from blemish.cli.progress import ProgressBars
from blemish.wording import as_argument, counted


def prepare_brats(source: Path, output: Path, /) -> int:
    """Make slices of the volumes of BraTS, once, as BMAD made its own: they are no photos.

    Parameters
    ----------
    source
        Folder of patients, each a folder with X_flair.nii.gz and X_seg.nii.gz, directly or in HGG and LGG.
    output
        Folder to write the slices to, as PNG files.
    """
    with ProgressBars() as bars:
        written = api.prepare_brats(source, output, on_progress=bars.show)
    where = as_argument(output)
    print(f"{counted(written, 'slice')} in {where}: `blemish train {where} RUN --dataset bmad --category Brain`")
    return 0
