"""Makes region.png: what `blemish roi` draws for approval, of made-up lids that lie on a tray, each somewhere else.

python docs/pictures/region.py
"""

import tempfile
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

import blemish
from blemish.data.images import read_image, save_png
from blemish.data.made_up import make_up

HEIGHT, WIDTH, LID, SEED = 200, 260, 128, 3


def on_a_tray(texture: NDArray[np.uint8], generator: Generator) -> NDArray[np.uint8]:
    """Returns a lid with two holes, cut out of a texture (LID, LID, 3), on a dark tray with crumbs."""
    photo = np.full((HEIGHT, WIDTH, 3), 75) + generator.normal(0, 5, (HEIGHT, WIDTH, 1))
    rows, columns = np.mgrid[:LID, :LID] - (LID - 1) / 2
    lid = np.hypot(rows, columns) <= LID / 2 - 2
    lid &= (np.hypot(rows, columns - 30) > 9) & (np.hypot(rows, columns + 30) > 9)
    top, left = HEIGHT // 2 - LID // 2 + generator.integers(-8, 9), WIDTH // 2 - LID // 2 + generator.integers(-14, 15)
    photo[top : top + LID, left : left + LID][lid] = texture[lid]
    for x, y in generator.integers((4, 4), (WIDTH - 8, 24), (3, 2)):
        photo[y : y + 3, x : x + 4] = 190
    return np.clip(photo, 0, 255).astype(np.uint8)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        parts = make_up(Path(folder) / "parts", seed=SEED, size=LID, train=24, good=1, defective=1)
        generator = np.random.default_rng(SEED)
        for number, sample in enumerate(parts.train[::3]):
            save_png(Path(folder) / "lids" / f"{number}.png", on_a_tray(read_image(sample.image), generator))
        found = blemish.roi(Path(folder) / "lids", output=Path(folder) / "roi.json", name="lid")
        picture = Image.open(found.sheet).quantize(96)
        picture.save(Path(__file__).with_name("region.png"), optimize=True)


if __name__ == "__main__":
    main()
