"""The methods."""

from importlib.util import find_spec

from blemish.errors import MissingExtraError

try:
    from blemish.detectors.destseg import DeSTSeg
    from blemish.detectors.detector import AnomalyMap, Batch, Detector, Images, Stage
    from blemish.detectors.mend import Mend
    from blemish.detectors.rstpm import RSTPM
    from blemish.detectors.settings import DetectorSettings, ImageSize, LearnedPhotos
    from blemish.detectors.stpm import STPM
except ModuleNotFoundError as error:
    if find_spec("torch") is not None:
        raise
    raise MissingExtraError(package="torch", extra="train", purpose="training") from error

DETECTORS: dict[str, type[Detector]] = {
    "mend": Mend,
    "stpm": STPM,
    "rstpm": RSTPM,
    "destseg": DeSTSeg,
}

DEFAULT_METHOD = "mend"
"""What is trained where no method is named."""

__all__ = [
    "DEFAULT_METHOD",
    "DETECTORS",
    "AnomalyMap",
    "Batch",
    "Detector",
    "DetectorSettings",
    "ImageSize",
    "Images",
    "LearnedPhotos",
    "Stage",
]
