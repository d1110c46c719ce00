"""Where photos come from: every dataset by its name."""

from blemish.data import folder, mvtec_ad
from blemish.data.dataset import Finder

DATASETS: dict[str, Finder] = {
    "folder": folder.find,
    "mvtec_ad": mvtec_ad.find,
}
