"""Photos for measuring speed where nobody gave any."""

from pathlib import Path

import numpy as np
from PIL import Image

MADE_UP_SIDE = 1024  # pixels
_MADE_UP = 8


def make_up_photos(folder: Path) -> list[Path]:
    """Writes JPEG files of soft spots under grain: about as hard to decode as photographs of a rough surface."""
    generator, side = np.random.default_rng(0), MADE_UP_SIDE
    paths = [folder / f"{i}.jpg" for i in range(_MADE_UP)]
    for path in paths:
        spots, grain = (
            Image.fromarray(generator.normal(0, 30, (n, n)).astype(np.float32)).resize((side, side))
            for n in (side // 20, side // 2)
        )
        pixels = 128 + np.array(spots) + np.array(grain) * 0.7 + generator.normal(0, 2, (3, side, side))
        Image.fromarray(np.clip(pixels.transpose(1, 2, 0), 0, 255).astype(np.uint8)).save(path, quality=92)
    return paths
