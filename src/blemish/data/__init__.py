"""Where photos come from: every dataset by its name."""

from pathlib import Path

from blemish.data import folder, mvtec_ad
from blemish.data.dataset import Dataset, Finder
from blemish.errors import SettingsError

DATASETS: dict[str, Finder] = {
    "folder": folder.find,
    "mvtec_ad": mvtec_ad.find,
}


def find_dataset(name: str, root: Path, category: str | None = None) -> Dataset:
    """Raises SettingsError where no dataset has that name, DataError where nothing usable is found."""
    if name not in DATASETS:
        raise SettingsError(f"dataset {name!r} is unknown: give one of {', '.join(DATASETS)}")
    return DATASETS[name](root, category)
