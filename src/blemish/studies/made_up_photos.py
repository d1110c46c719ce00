"""Photos for measuring speed where nobody gave any."""

from pathlib import Path

import numpy as np
from PIL import Image

from blemish.data.images import Size

MADE_UP_SIDE = 1024  # pixels
_MADE_UP = 8


def make_up_photos(folder: Path, size: Size = (MADE_UP_SIDE, MADE_UP_SIDE)) -> list[Path]:
    """Writes JPEG files of soft spots under grain: about as hard to decode as photographs of a rough surface."""
    generator = np.random.default_rng(0)
    paths = [folder / f"{i}.jpg" for i in range(_MADE_UP)]
    for path in paths:
        spots, grain = (
            Image.fromarray(generator.normal(0, 30, (-(-size[0] // n), -(-size[1] // n))).astype(np.float32)).resize(
                size[::-1]
            )
            for n in (20, 2)
        )
        pixels = 128 + np.array(spots) + np.array(grain) * 0.7 + generator.normal(0, 2, (3, *size))
        Image.fromarray(np.clip(pixels.transpose(1, 2, 0), 0, 255).astype(np.uint8)).save(path, quality=92)
    return paths
