"""The methods."""

from blemish.detectors.detector import Batch, Detector, DetectorSettings, Images, ImageSize, Output, Stage
from blemish.detectors.stpm import STPM

DETECTORS: dict[str, type[Detector]] = {
    "stpm": STPM,
}

__all__ = ["DETECTORS", "Batch", "Detector", "DetectorSettings", "ImageSize", "Images", "Output", "Stage"]
