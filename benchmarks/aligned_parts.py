"""Whether aligning finds more on parts that lie here and there: drawn plates, moved by known amounts.

    python benchmarks/aligned_parts.py WORK_FOLDER [--reach mild far] [--size 96] [--steps 60]

A plate has an outline with one cut corner, four holes and a printed bar, all at fixed places, under changing light. It
is moved and turned evenly within a reach: `mild` is what `--pose mild` varies, `far` 5 % of the sides and 5 degrees.
Defects: a hole that is missing, a hole that is a tenth of the plate off, a bar that is short, a scratch. Each way of
training (as they lie, `--pose` mild or strong, `--align`) learns from the same photos with the default method. One
seed, short trainings. Seconds are the processor's.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

import blemish
from blemish.data.images import read_image, save_png
from blemish.inference import open_predictor

REACHES = {"mild": (1 / 64, 2.0), "far": (0.05, 5.0)}  # of a side, degrees; either way
WAYS: dict[str, dict[str, Any]] = {
    "as they lie": {"align": False},
    "pose mild": {"align": False, "pose": "mild"},
    "pose strong": {"align": False, "pose": "strong"},
    "align": {"align": True},
}
DEFECTS = ("hole_missing", "hole_off", "bar_short", "scratch")
_FINE = 4  # times as large drawn, then reduced
_HOLES = ((0.3, 0.3), (0.7, 0.3), (0.3, 0.7), (0.7, 0.7))  # (x, y) of the photo, and their radius
_RADIUS = 0.05


def plate(generator: Generator, size: int, reach: tuple[float, float], defect: str | None) -> tuple[Image.Image, ...]:
    """Returns a photo of a plate, and the mask of its defect."""
    side = _FINE * size
    part, mask = Image.new("L", (side, side), 40), Image.new("L", (side, side), 0)
    draw, truth = ImageDraw.Draw(part), ImageDraw.Draw(mask)
    outline = [(0.18, 0.15), (0.7, 0.15), (0.85, 0.3), (0.85, 0.85), (0.18, 0.85)]
    draw.polygon([(x * side, y * side) for x, y in outline], fill=165)
    bad = int(generator.integers(len(_HOLES)))
    for place, (across, y) in enumerate(_HOLES):
        x = across + (0.07 if across < 0.5 else -0.07) * (place == bad and defect == "hole_off")
        box = [(v + s * _RADIUS) * side for s in (-1, 1) for v in (x, y)]
        if place == bad and defect == "hole_missing":
            truth.ellipse(box, fill=255)
            continue
        draw.ellipse(box, fill=45)
        if place == bad and defect == "hole_off":
            truth.ellipse(box, fill=255)
    end = generator.uniform(0.45, 0.55) if defect == "bar_short" else 0.68
    draw.rectangle([0.32 * side, 0.47 * side, end * side, 0.53 * side], fill=95)
    if defect == "bar_short":
        truth.rectangle([end * side, 0.47 * side, 0.68 * side, 0.53 * side], fill=255)
    if defect == "scratch":
        x, y, angle = *generator.uniform(0.35, 0.65, 2), generator.uniform(0, 2 * np.pi)
        line = [(x * side, y * side), ((x + 0.12 * np.cos(angle)) * side, (y + 0.12 * np.sin(angle)) * side)]
        for canvas, grey in ((draw, 215), (truth, 255)):
            canvas.line(line, fill=grey, width=max(1, side // 90))
    shift, turn = generator.uniform(-1, 1, 2) * reach[0] * side, float(generator.uniform(-1, 1)) * reach[1]
    moved = [
        each.rotate(turn, Image.Resampling.BICUBIC, translate=(round(shift[0]), round(shift[1])), fillcolor=empty)
        for each, empty in ((part, 40), (mask, 0))
    ]
    return tuple(each.resize((size, size), Image.Resampling.BOX) for each in moved)


def save_plate(folder: Path, name: str, generator: Generator, size: int, reach: str, defect: str | None) -> None:
    photo, mask = plate(generator, size, REACHES[reach], defect)
    lit = np.asarray(photo, np.float32) * generator.uniform(0.95, 1.05) + generator.normal(0, 3, (size, size))
    grey = np.clip(np.rint(lit), 0, 255).astype(np.uint8)
    kind = defect or "good"
    save_png(
        folder / "test" / kind / f"{name}.png" if name[0] == "t" else folder / "train" / kind / f"{name}.png", grey
    )
    if defect is not None:
        save_png(folder / "ground_truth" / kind / f"{name}_mask.png", np.asarray(mask) >= 128)


def make_plates(folder: Path, size: int, reach: str, *, train: int, good: int, each: int) -> None:
    generator = np.random.default_rng(0)
    for number in range(train):
        save_plate(folder, f"l{number:03}", generator, size, reach, None)
    for number in range(good):
        save_plate(folder, f"t{number:03}", generator, size, reach, None)
    for defect in DEFECTS:
        for number in range(each):
            save_plate(folder, f"t{number:03}", generator, size, reach, defect)


def row(folder: Path, reach: str, way: str, options: argparse.Namespace) -> str:
    run = options.work / f"{reach}-{way.replace(' ', '-')}"
    started = time.process_time()
    settings: dict[str, Any] = {
        "image_size": options.size,
        "steps": options.steps,
        "batch_size": 8,
        "false_alarms": 0.1,
    }
    blemish.train(folder, run, overwrite=True, **settings, **WAYS[way])
    training = time.process_time() - started
    evaluation = blemish.evaluate(run, folder, runtime="torch")
    predictor, photos = open_predictor(run, runtime="torch"), sorted((folder / "test" / "good").iterdir())
    pixels = [read_image(photo) for photo in photos]
    started = time.process_time()
    for photo in pixels:
        predictor.predict(photo)
    judging = 1000 * (time.process_time() - started) / len(pixels)
    aurocs = " | ".join(f"{evaluation.defect_types[defect].metrics['image_auroc']:.3f}" for defect in DEFECTS)
    overall = " / ".join(f"{evaluation.metrics[name]:.3f}" for name in ("image_auroc", "pixel_ap"))
    return (
        f"| {reach} | {way} | {overall} | {aurocs} | {evaluation.false_alarms} of {evaluation.good_photos} "
        f"| {evaluation.misses} of {evaluation.defective_photos} | {judging:.0f} | {training:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--reach", nargs="+", default=list(REACHES), choices=list(REACHES))
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--train", type=int, default=40, help="good photos, a fifth of which calibrates")
    parser.add_argument("--good", type=int, default=20)
    parser.add_argument("--each", type=int, default=10, help="photos of each defect")
    options = parser.parse_args()
    head = ["reach", "trained", "image AUROC / pixel AP", *DEFECTS, "false alarms", "misses", "ms a photo", "CPU s"]
    print(f"| {' | '.join(head)} |\n{'|---' * len(head)}|", flush=True)
    for reach in options.reach:
        folder = options.work / f"plates-{reach}"
        if not folder.exists():
            make_plates(folder, options.size, reach, train=options.train, good=options.good, each=options.each)
        for way in options.ways:
            print(row(folder, reach, way, options), flush=True)


if __name__ == "__main__":
    main()
