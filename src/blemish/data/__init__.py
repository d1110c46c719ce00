"""Where photos come from: every layout of a dataset by its name."""

from pathlib import Path

from blemish.data.bmad import BMAD
from blemish.data.btad import BTAD
from blemish.data.dataset import Dataset, Layout
from blemish.data.folder import PLAIN_FOLDER
from blemish.data.good_and_bad import GOOD_AND_BAD
from blemish.data.kolektorsdd import KOLEKTORSDD
from blemish.data.kolektorsdd2 import KOLEKTORSDD2
from blemish.data.listing import has_file, list_folder
from blemish.data.lookout import LOOKOUT
from blemish.data.manifest import MANIFEST_LIST
from blemish.data.mpdd import MPDD
from blemish.data.mvtec_3d import MVTEC_3D
from blemish.data.mvtec_ad import MVTEC_AD
from blemish.data.mvtec_ad_2 import MVTEC_AD_2
from blemish.data.mvtec_loco import MVTEC_LOCO
from blemish.data.piped import PIPED
from blemish.data.real_iad import REAL_IAD, REAL_IAD_SV
from blemish.data.visa import VISA
from blemish.errors import DataError, SettingsError

AUTO = "auto"
"""The word in place of a name: the layout that recognises the folder, else `folder`."""

DATASETS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        *(MANIFEST_LIST, LOOKOUT, VISA, MVTEC_3D, MVTEC_LOCO, MVTEC_AD_2, BTAD, KOLEKTORSDD, KOLEKTORSDD2),
        *(REAL_IAD, REAL_IAD_SV, PIPED, BMAD, MPDD, GOOD_AND_BAD, MVTEC_AD, PLAIN_FOLDER),
    )
}
"""The first that recognises a folder reads it: a stricter layout stands before a looser one."""


def find_dataset(name: str, root: Path, category: str | None = None) -> Dataset:
    """Returns photos of the dataset called `name`, or of the layout that the folder itself shows where that is
    `auto`.

    A folder that another layout recognises is not read as a plain `folder`, for its test photos would be learned as
    good. Raises SettingsError where no dataset has that name, DataError where nothing usable is found.
    """
    if name != AUTO and name not in DATASETS:
        raise SettingsError(f"dataset {name!r} is unknown: give {AUTO} or one of {', '.join(DATASETS)}")
    if name not in (AUTO, "folder"):
        return DATASETS[name].find(root, category)
    shown = layout_of(root, category)
    if name == "folder" and shown.name != name:
        raise DataError(
            f"{root}: holds {shown.holds}: read as a plain folder, bad parts would be learned as good; give "
            f"--dataset {shown.name}, or name the folder of good photos alone"
        )
    return shown.find(root, category)


def layout_of(root: Path, category: str | None = None) -> Layout:
    """Returns the first layout that knows the category below `root`, or recognises `root`; else that of a plain folder.

    Raises DataError where `root` cannot be listed, or holds several categories and none is named.
    """
    if category is None and has_file(root) and MANIFEST_LIST.recognises(root):
        return MANIFEST_LIST
    list_folder(root)
    layouts = [layout for layout in DATASETS.values() if layout.name != "folder"]
    for layout in layouts:
        if layout.recognises(root) if category is None else category in layout.categories(root):
            return layout
    for layout in layouts if category is None else ():
        if there := layout.categories(root):
            raise DataError(f"{root}: holds the categories {', '.join(there)}; name one of them with --category")
    return DATASETS["folder"]
