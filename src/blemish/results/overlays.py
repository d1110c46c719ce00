"""Anomaly maps as pictures: a colour scale, a photo seen through it, and the overlay of a prediction."""

import numpy as np
from numpy.typing import NDArray

from blemish.data.framing import shown
from blemish.data.images import Pixels, read_image
from blemish.errors import DataError
from blemish.inference.prediction import Prediction

# Nine evenly spaced colours of matplotlib's `inferno` (public domain): perceived brightness rises evenly.
_INFERNO = np.array(
    [
        (0, 0, 4),
        (33, 12, 74),
        (87, 16, 110),
        (138, 34, 106),
        (188, 55, 84),
        (228, 90, 49),
        (249, 142, 9),
        (249, 203, 53),
        (252, 255, 164),
    ]
)
_CONTOUR = (0, 255, 255)  # cyan is on no part of the scale above
_FRAME = (255, 0, 255)  # magenta: neither the contour nor on the scale
_STEPS = 1024  # of the map, in overlays: so many that no pixel is more than one grey level off
SMALLEST = float(np.finfo(np.float32).tiny)
_ROWS = 32  # drawn at a time, so that what is computed on the way stays in the processor's cache


def heatmap(anomaly_map: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Returns the coloured picture (H, W, 3) of a map (H, W) of 0 to 1: black over violet and orange to pale yellow."""
    place = np.clip(anomaly_map, 0, 1) * (len(_INFERNO) - 1)
    below = np.minimum(place.astype(np.intp), len(_INFERNO) - 2)
    part = (place - below)[..., None]
    colours: NDArray[np.float64] = _INFERNO[below] * (1 - part) + _INFERNO[below + 1] * part
    return np.rint(colours).astype(np.uint8)


def overlay(
    image: NDArray[np.uint8],
    anomaly_map: NDArray[np.floating],
    *,
    mask: NDArray[np.bool_] | None = None,
    top: float = 1.0,
) -> NDArray[np.uint8]:
    """Returns the photo under its heatmap, transparent where the map (0 to `top`) is low, with the predicted mask's
    outline.

    All are (H, W), the photo (H, W, 3); returns (H, W, 3).
    """
    if anomaly_map.shape != image.shape[:2] or (mask is not None and mask.shape != image.shape[:2]):
        raise DataError(f"overlay: photo {image.shape[:2]}, map {anomaly_map.shape} and mask differ; resize them first")
    drawn = np.empty_like(image)
    for start in range(0, len(image), _ROWS):
        rows = slice(start, start + _ROWS)
        step = np.rint(np.clip(anomaly_map[rows] / top, 0, 1) * (_STEPS - 1)).astype(np.intp)
        blended = _PHOTO_SHARE.take(step, axis=0)  # (rows, W, 3)
        blended *= image[rows]
        blended += _ADDED.take(step, axis=0)
        drawn[rows] = blended
    if mask is not None and mask.any():
        drawn[_outline(mask, thickness=max(1, round(min(mask.shape) / 200)))] = _CONTOUR
    return drawn


def picture(prediction: Prediction, photo: Pixels | None = None) -> NDArray[np.uint8]:
    """Returns the photo under its anomaly map, with the outline of the predicted mask; an unusual photo is framed.

    `photo` is its pixels, where the prediction does not hold them; else its file is read again. Half the colour scale
    is the threshold of pixels, for every photo of one model alike.
    """
    photo = prediction.photo if photo is None else photo
    if photo is None:
        assert prediction.image is not None
        photo = read_image(prediction.image)
    top = max(2 * prediction.thresholds.pixel, SMALLEST)
    pixels = shown(photo, white_level=prediction.white_level)
    drawn = overlay(pixels, prediction.photo_map, mask=prediction.predicted_mask, top=top)
    if prediction.unusual_reason is not None:
        edge = max(2, round(min(drawn.shape[:2]) / 50))
        inside = np.zeros(drawn.shape[:2], np.bool_)
        inside[edge:-edge, edge:-edge] = True
        drawn[~inside] = _FRAME
    return drawn


def _blending() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns per step of the map the share of the photo that stays, and what is added to it, each (_STEPS, 3)."""
    level = np.linspace(0, 1, _STEPS)
    opacity = (0.6 * level * level * (3 - 2 * level))[:, None]  # smooth from none to 0.6
    photo_share = np.repeat(1 - opacity, 3, axis=1)
    return photo_share.astype(np.float32), (heatmap(level[None])[0] * opacity + 0.5).astype(np.float32)  # 0.5: to round


_PHOTO_SHARE, _ADDED = _blending()


def _outline(mask: NDArray[np.bool_], *, thickness: int) -> NDArray[np.bool_]:
    """Returns a line around the mask, just outside it, so that the defect stays visible."""
    grown = mask
    for _ in range(thickness):
        padded = np.pad(grown, 1)
        grown = grown | padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
    return grown & ~mask
