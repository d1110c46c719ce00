"""Anomaly maps as pictures: a colour scale, a photo seen through it, and the overlay of a prediction."""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from blemish.data.framing import shown
from blemish.data.images import Pixels, read_image, save_png
from blemish.errors import DataError
from blemish.files import write_atomically
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
# People who cannot tell red from green can tell blue from orange; and few parts are blue.
LineColours = tuple[tuple[int, int, int], tuple[int, int, int]]
"""The colour of a line, and that of its edge, which is seen where the photo has the line's own colour."""
MARK_LINE: LineColours = (0, 105, 255), (255, 255, 255)
"""What the model marks is outlined and tinted in it."""
TRUTH_LINE: LineColours = (255, 150, 0), (0, 0, 0)
"""The true defect is outlined in it, where it is known."""
REGION_LINE: LineColours = (255, 255, 255), (90, 90, 90)
"""What counts of a photo is outlined in it, where not all does: a thin line."""
_TINT = 0.4  # opacity of the highest values: the defect stays visible under it
_FRAME = (255, 0, 255)  # magenta: no line's colour
_STEPS = 1024  # of the map, in overlays: so many that no pixel is more than one grey level off
_SMALLEST = float(np.finfo(np.float32).tiny)
_ROWS = 32  # drawn at a time, so that what is computed on the way stays in the processor's cache
_QUALITY = 92  # of JPEG, at the full resolution of colours, for lines of one pixel
_LONGEST_JPEG = 65_500  # pixels of a side, by libjpeg
_SIDE_PER_LINE = 250  # pixels of the side, of a square of as many, that a line grows by one pixel with


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
    middle: float = 1.0,
) -> NDArray[np.uint8]:
    """Returns the photo under its map, tinted the more the higher that is, and the predicted mask's outline.

    All are (H, W), the photo (H, W, 3); returns (H, W, 3). A value of the map v is shown as v / (v + `middle`): half
    the scale is `middle`, and no value is off the scale.
    """
    if anomaly_map.shape != image.shape[:2] or (mask is not None and mask.shape != image.shape[:2]):
        raise DataError(f"overlay: photo {image.shape[:2]}, map {anomaly_map.shape} and mask differ; resize them first")
    drawn = np.empty_like(image)
    for start in range(0, len(image), _ROWS):
        rows = slice(start, start + _ROWS)
        values = np.maximum(anomaly_map[rows], 0)
        drawn[rows] = tinted(image[rows], values / (values + middle))
    if mask is not None:
        outline(drawn, mask, MARK_LINE)
    return drawn


def tinted(image: NDArray[np.uint8], level: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Returns the photo (H, W, 3) in the colour of marks, as strongly as `level` (H, W) says, 0 to 1."""
    step = np.rint(level * (_STEPS - 1)).astype(np.intp)
    blended = _PHOTO_SHARE.take(step, axis=0)  # (H, W, 3)
    blended *= image
    blended += _ADDED.take(step, axis=0)
    drawn: NDArray[np.uint8] = blended.astype(np.uint8)
    return drawn


def picture(prediction: Prediction, photo: Pixels | None = None) -> NDArray[np.uint8]:
    """Returns the photo under its anomaly map, with the outline of the predicted mask and thin ones of
    regions of interest; an unusual photo is framed.

    `photo` is its pixels, where the prediction does not hold them; else its file is read again. Half the colour scale
    is the threshold of pixels, for every photo of one model alike.
    """
    photo = prediction.photo if photo is None else photo
    if photo is None:
        assert prediction.image is not None
        photo = read_image(prediction.image, reading=prediction.reading)
    middle = max(prediction.thresholds.pixel, _SMALLEST)
    pixels = shown(photo, white_level=prediction.white_level)
    drawn = overlay(pixels, prediction.photo_map, mask=prediction.predicted_mask, middle=middle)
    for region in prediction.region_masks((drawn.shape[0], drawn.shape[1])).values():
        outline(drawn, region, REGION_LINE, thin=True)
    if prediction.unusual_reason is not None:
        edge = max(2, round(min(drawn.shape[:2]) / 50))
        inside = np.zeros(drawn.shape[:2], np.bool_)
        inside[edge:-edge, edge:-edge] = True
        drawn[~inside] = _FRAME
    return drawn


def save_overlay(place: Path, drawn: NDArray[np.uint8]) -> Path:
    """Writes a drawn overlay (H, W, 3) as a JPEG file, which takes a tenth of the time of PNG and a third of the room.

    `place` is without the suffix, returned with it: .jpg, or .png of a picture that is too long for JPEG. The file
    appears whole or not at all. Raises OutputError.
    """
    if max(drawn.shape) > _LONGEST_JPEG:
        path = place.with_name(f"{place.name}.png")
        save_png(path, drawn)
    else:
        path = place.with_name(f"{place.name}.jpg")
        picture = Image.fromarray(drawn)
        options = {"quality": _QUALITY, "subsampling": 0}
        write_atomically(path, lambda beside: picture.save(beside, format="JPEG", **options))
    return path


def outline(image: NDArray[np.uint8], mask: NDArray[np.bool_], line: LineColours, *, thin: bool = False) -> None:
    """Draws a line around the mask (H, W) into the image (H, W, 3), just outside it, so that the defect stays visible.

    It is the thicker the larger the image is, and edged.
    """
    if not mask.any():
        return
    thick = max(1, round(math.sqrt(mask.size) / _SIDE_PER_LINE / (3 if thin else 1)))
    edge = max(1, thick // 2)
    place = tuple(_span(np.asarray(mask.any(axis=1 - axis)), thick + edge) for axis in (0, 1))
    inside, part = mask[place], image[place]
    around = _grown(inside, thick)
    colour, edge_colour = line
    part[_grown(around, edge) & ~around] = edge_colour
    part[around & ~inside] = colour


def _span(marked: NDArray[np.bool_], margin: int) -> slice:
    """Returns the part of an axis that holds all that is marked, and so many pixels beside it."""
    found = np.flatnonzero(marked)
    return slice(max(0, int(found[0]) - margin), int(found[-1]) + margin + 1)


def _grown(mask: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    from scipy.ndimage import maximum_filter1d  # slow to import, and most photos need it not

    grown = mask.view(np.uint8)
    for axis in (0, 1):
        grown = maximum_filter1d(grown, 2 * by + 1, axis=axis, mode="constant")
    return grown.astype(np.bool_)


def _blending() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns per step of the map the share of the photo that stays, and what is added to it, each (_STEPS, 3)."""
    level = np.linspace(0, 1, _STEPS)
    opacity = (_TINT * level * level * (3 - 2 * level))[:, None]  # smooth from none to all of it
    photo_share = np.repeat(1 - opacity, 3, axis=1)
    return photo_share.astype(np.float32), (np.array(MARK_LINE[0]) * opacity + 0.5).astype(np.float32)  # 0.5: to round


_PHOTO_SHARE, _ADDED = _blending()
