"""How far what lies outside a region of interest reaches into it: one half of photos is replaced by random pixels.

    python benchmarks/region_border.py GOOD_PHOTOS OTHER_GOOD_PHOTOS

Prints, by the distance from the border in pixels of what the network sees, the largest change of the map over all
photos, as a share of the threshold.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import blemish
from blemish.data.images import read_image
from blemish.data.paths import photos_under

SIDE = 256
DISTANCES = (0, 4, 8, 16, 24, 32, 48, 64, 96, 127)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("good", type=Path)
    parser.add_argument("others", type=Path)
    parser.add_argument("--method", default="stpm")
    parser.add_argument("--teacher", default="efficientnet_lite0")
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--photos", type=int, default=24)
    asked = parser.parse_args()
    good, others = (photos_under([folder]) for folder in (asked.good, asked.others))
    with tempfile.TemporaryDirectory() as folder:
        settings = {"teacher": asked.teacher, "image_size": SIDE, "steps": asked.steps, "batch_size": 4}
        width, height = Image.open(good[0]).size
        half = f"0,0,{width // 2},{height}"
        blemish.train(asked.method, good[: asked.photos], Path(folder) / "run", roi=half, **settings)
        predictor = blemish.open(Path(folder) / "run", runtime="torch")
    generator, largest = np.random.default_rng(0), np.zeros(SIDE // 2)
    for path in others[:6]:
        photo = read_image(path)
        altered = photo.copy()
        altered[:, width // 2 :] = generator.integers(0, 256, altered[:, width // 2 :].shape, np.uint8)
        one, other = predictor.predict(photo), predictor.predict(altered)
        print(f"score {one.anomaly_score:.4g}, with random pixels outside {other.anomaly_score:.4g}")
        change = np.abs(one.anomaly_map - other.anomaly_map)[:, : SIDE // 2].max(axis=0)
        largest = np.maximum(largest, change / predictor.threshold)
    for distance in DISTANCES:
        print(f"{distance:4d} pixels from the border: {largest[::-1][distance]:.3f} of the threshold")


if __name__ == "__main__":
    main()
