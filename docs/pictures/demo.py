"""Makes demo.png from what `blemish demo` left: photo, drawn defect and overlay of one part per defect type.

python docs/pictures/demo.py DEMO_FOLDER
"""

import json
import sys
from pathlib import Path

import numpy as np

from blemish.data.images import read_image, read_mask, save_png

GAP = 8


def columns(demo: Path) -> list[np.ndarray]:  # type: ignore[type-arg]
    """Per defect type the middle one by score, and a good part: photo, mask and overlay on top of each other."""
    lines = [json.loads(line) for line in (demo / "predictions" / "predictions.jsonl").read_text().splitlines()]
    by_type: dict[str, list[dict[str, str]]] = {}
    for line in sorted(lines, key=lambda line: float(line["anomaly_score"])):
        by_type.setdefault(Path(line["image"]).parent.name, []).append(line)
    found = []
    for kind, judged in by_type.items():
        line = judged[len(judged) * 2 // 3]
        photo = Path(line["image"])
        image = read_image(photo)
        mask = np.zeros(image.shape[:2], bool)
        if kind != "good":
            mask = read_mask(demo / "parts" / "ground_truth" / kind / f"{photo.stem}_mask.png")
        truth = np.repeat(mask[..., None] * np.uint8(255), 3, axis=2)
        overlay = read_image(demo / "predictions" / line["overlay"])
        found.append(np.concatenate([_framed(part) for part in (image, truth, overlay)]))
    return found


def _framed(image: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    return np.pad(image, ((0, GAP), (0, GAP), (0, 0)), constant_values=255)


def main() -> None:
    sheet = np.concatenate(columns(Path(sys.argv[1])), axis=1)[:-GAP, :-GAP]
    save_png(Path(__file__).with_name("demo.png"), sheet)


if __name__ == "__main__":
    main()
