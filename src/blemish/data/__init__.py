"""Where photos come from: every layout of a dataset by its name."""

from pathlib import Path

from blemish.data.dataset import Dataset, Layout
from blemish.data.folder import PLAIN_FOLDER
from blemish.data.good_and_bad import GOOD_AND_BAD
from blemish.data.listing import list_folder
from blemish.data.mvtec_ad import MVTEC_AD
from blemish.errors import DataError, SettingsError

AUTO = "auto"
"""The word in place of a name: the layout that recognises the folder, else `folder`."""

DATASETS: dict[str, Layout] = {
    "good_and_bad": GOOD_AND_BAD,
    "mvtec_ad": MVTEC_AD,
    "folder": PLAIN_FOLDER,
}


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
    list_folder(root)
    layouts = [layout for layout in DATASETS.values() if layout.name != "folder"]
    for layout in layouts:
        if layout.recognises(root) if category is None else category in layout.categories(root):
            return layout
    for layout in layouts if category is None else ():
        if there := layout.categories(root):
            raise DataError(f"{root}: holds the categories {', '.join(there)}; name one of them with --category")
    return DATASETS["folder"]
