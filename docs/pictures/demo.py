"""Makes demo.png from what `blemish demo` left: photo, synthetic defect and overlay of one part per defect type.

python docs/pictures/demo.py DEMO_FOLDER
"""

import json
import sys
from pathlib import Path

import numpy as np

import blemish
from blemish.data.images import read_image, read_mask, save_png
from blemish.inference.predictor import Predictor
from blemish.results.overlays import picture

GAP = 8


def columns(demo: Path) -> list[np.ndarray]:  # type: ignore[type-arg]
    """Two defective parts and a good one of each kind: photo, synthetic defect and overlay on top of each other."""
    found = []
    for kind in ("brick", "gravel", "grass"):
        predictor = blemish.open(demo / kind / "model")
        lines = (demo / kind / "predictions" / "predictions.jsonl").read_text().splitlines()
        judged = sorted((json.loads(line) for line in lines), key=lambda line: float(line["anomaly_score"]))
        good = [line for line in judged if Path(line["image"]).parent.name == "good"]
        bad = [line for line in judged if Path(line["image"]).parent.name != "good"]
        # Neither the best nor the worst finds: a third and two thirds of the way up.
        found += [
            _column(demo / kind, line, predictor)
            for line in (bad[len(bad) * 2 // 3], bad[len(bad) // 3], good[len(good) // 2])
        ]
    return found


def _column(folder: Path, line: dict[str, str], predictor: Predictor) -> np.ndarray:  # type: ignore[type-arg]
    photo = Path(line["image"])
    image = read_image(photo)
    mask = folder / "parts" / "ground_truth" / photo.parent.name / f"{photo.stem}_mask.png"
    truth = read_mask(mask) if mask.exists() else np.zeros(image.shape[:2], bool)
    drawn = np.repeat(truth[..., None] * np.uint8(255), 3, axis=2)
    overlay = picture(predictor.predict(photo), image)
    return np.concatenate([_framed(part) for part in (image, drawn, overlay)])


def _framed(image: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    return np.pad(image, ((0, GAP), (0, GAP), (0, 0)), constant_values=255)


def main() -> None:
    sheet = np.concatenate(columns(Path(sys.argv[1])), axis=1)[:-GAP, :-GAP]
    save_png(Path(__file__).with_name("demo.png"), sheet)


if __name__ == "__main__":
    main()
