"""The strip under an overlay: what was said of the photo, for whoever has the picture alone."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from blemish.inference.prediction import Prediction

_PAPER, _INK, _ALARM, _UNUSUAL = (20, 20, 20), (255, 255, 255), (255, 165, 60), (255, 130, 255)
_SMALLEST_TEXT = 11  # pixels
_WIDTH_PER_TEXT = 28  # pixels of the photo's width that text grows by one pixel with


def captioned(overlay: NDArray[np.uint8], prediction: Prediction) -> NDArray[np.uint8]:
    """Returns the overlay (H, W, 3) with verdict, score, threshold, and what is unusual, in a strip below it.

    The photo stays where it is, from the upper left corner on; a photo narrower than a word is widened.
    """
    height, width = overlay.shape[:2]
    size = max(_SMALLEST_TEXT, round(width / _WIDTH_PER_TEXT))
    font, gap = ImageFont.load_default(size), size // 2 + 1  # Pillow's own

    def length(word: str) -> int:
        pixels: int = int(font.getlength(word)) + 2 * gap
        return pixels

    words = [
        prediction.verdict.upper() + ("" if prediction.rule_reason is None else " (NO RULE STOPS IT)"),
        f"score {prediction.anomaly_score:.4g}",
        f"threshold {prediction.threshold:.4g}" + (" (estimate)" if prediction.thresholds.estimated else ""),
    ]
    colours = [_ALARM if prediction.anomalous else _UNUSUAL if prediction.alarm else _INK, _INK, _INK]
    width = max(width, *map(length, words))
    if prediction.unusual_reason is not None:  # which the overlay's frame does not say
        reason = _lines(f"unusual: {prediction.unusual_reason}", width, length)
        words, colours = [*words, *reason], [*colours, *[_UNUSUAL] * len(reason)]
    lengths = [*map(length, words)]
    width = max(width, *lengths)
    places = _places(lengths, width, line=size + gap)
    strip = Image.new("RGB", (width, places[-1][1] + size + 2 * gap), _PAPER)
    draw = ImageDraw.Draw(strip)
    for word, colour, (x, y) in zip(words, colours, places, strict=True):
        draw.text((x + gap, y + gap // 2), word, fill=colour, font=font)
    sheet = np.empty((height + strip.height, width, 3), np.uint8)
    sheet[:height, : overlay.shape[1]] = overlay
    sheet[:height, overlay.shape[1] :] = _PAPER
    sheet[height:] = np.array(strip)
    return sheet


def _lines(text: str, width: int, length: Callable[[str], int]) -> list[str]:
    """Returns text in lines that are no longer than the width, but where a single word is."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and length(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _places(lengths: list[int], width: int, *, line: int) -> list[tuple[int, int]]:
    """Returns where each word begins, (x, y) in the strip: beside the one before it, or below."""
    places, x, y = [], 0, 0
    for length in lengths:
        if x and x + length > width:
            x, y = 0, y + line
        places.append((x, y))
        x += length
    return places
