"""The smallest spots found on large photos, seen whole and seen in tiles, and what tiles cost.

    python benchmarks/small_defects.py WORK_FOLDER [--photo 1536] [--image-size 256] [--steps 300]
    python benchmarks/small_defects.py WORK_FOLDER --seams RUN

Good parts are made up: pieces of a photographed texture (from scikit-image's wheel) at their own resolution, mirrored
to the size of the photo, under changing light, and weaker than photographed (`--strength`), for where texture is as
coarse and as strong as a defect, no resolution finds it. A model is trained on them with photos as a whole, another in
tiles (`--tiles auto`), both with the same seed; both judge the same synthetic spots of known sizes, painted into good
parts that neither has seen. The second line says how much a spot's score changes with where the tiles lie, by their
overlap.

Times are of the processor (`time.process_time`), so that what else the machine does does not count.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from skimage import data as textures

import blemish
from blemish.data.framing import Framing
from blemish.data.images import read_image, save_png
from blemish.data.seen import shrunk_times
from blemish.inference import open_predictor
from blemish.inference.predictor import Predictor

_TRAIN_WIDTH = 5 / 8  # of a texture's photo: pieces for training are left of it, those for tests right


def make_parts(folder: Path, *, count: int, size: int, seed: int, test: bool, strength: float = 1.0) -> None:
    """Writes `count` good parts of size x size pixels, whose texture is as strong as in its photo times `strength`."""
    generator = np.random.default_rng((seed, test))
    whole: np.ndarray = textures.gravel()
    edge = round(_TRAIN_WIDTH * whole.shape[1])
    photo = whole[:, edge:] if test else whole[:, :edge]
    for number in range(count):
        side = int(generator.integers(160, photo.shape[1] + 1))
        y, x = (int(generator.integers(0, most - side + 1)) for most in photo.shape)
        piece = photo[y : y + side, x : x + side].astype(np.float64)
        piece = piece.mean() + strength * (piece - piece.mean())
        part = np.pad(piece, [(0, size - side)] * 2, mode="symmetric")
        slope = np.linspace(-1, 1, size) * generator.uniform(-0.05, 0.05)
        lit = part * (generator.uniform(0.95, 1.05) + slope) + generator.normal(0, 2, part.shape)
        save_png(folder / f"{number:03}.png", np.repeat(np.clip(lit, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2))


def trained(work: Path, name: str, options: argparse.Namespace, **settings: Any) -> tuple[Predictor, float]:
    started = time.process_time()
    blemish.train(
        work / "good",
        work / name,
        image_size=options.image_size,
        steps=options.steps,
        teacher=options.teacher,
        teacher_weights=options.teacher_weights or (),
        false_alarms=0.1,
        overwrite=True,
        **settings,
    )
    return open_predictor(work / name, runtime="torch"), time.process_time() - started


def row(name: str, predictor: Predictor, work: Path, size: int, seconds: float) -> str:
    photo = next(iter(sorted((work / "test" / "test" / "good").iterdir())))
    predictor.predict(photo)
    started = time.process_time()
    predictor.predict(photo)
    judging = time.process_time() - started
    evaluation = blemish.evaluate(work / name, work / "test", runtime="torch")
    assert evaluation.size_sweep is not None
    spots = evaluation.size_sweep.kinds["spot"]
    found = ", ".join(f"{s.size} px {s.found}/{s.photos}" for s in spots.sizes)
    frames = len(predictor.framing.geometry((size, size)).windows)
    return (
        f"| {name} | {frames} | {shrunk_times(predictor.framing, (size, size)):.3g} | {spots.smallest} | {found} "
        f"| {evaluation.false_alarms} of {evaluation.good_photos} | {seconds:.0f} | {judging:.2f} |"
    )


def seam_row(predictor: Predictor, photo: np.ndarray, side: int, overlap: int) -> str:
    """How much the highest value near a spot changes as the photo is moved under the tiles, by a step in all."""
    framing = Framing(image_size=(side, side), tile=side, overlap=overlap)
    (first, second, *_) = sorted({left for _, left in framing.geometry((side, 4 * side)).windows})
    judge = Predictor(predictor.runtime, framing, score=predictor.score, calibration=predictor.calibration)
    peaks = []
    for shift in range(0, second - first, 32):
        piece = photo[:side, shift : shift + 3 * side].copy()  # the spot stays on the texture, the tiles move
        middle = 3 * side // 2 + second - first - shift
        piece[side // 2 : side // 2 + 8, middle : middle + 8] //= 3
        found = judge.predict(np.ascontiguousarray(piece)).anomaly_map
        peaks.append(float(found[side // 2 - 16 : side // 2 + 24, middle - 16 : middle + 24].max()))
    return f"| {side} | {overlap} | {second - first} | {100 * (max(peaks) / min(peaks) - 1):.2g} % |"


def show_seams(run: Path, work: Path, sides: list[int]) -> None:
    """Prints how much a spot's peak depends on where tiles lie, for a trained model, by their size and overlap."""
    predictor = open_predictor(run, runtime="torch")
    make_parts(work, count=1, size=4 * max(sides), seed=1, test=True)
    photo = read_image(work / "000.png")
    print("| tile (px) | overlap (px) | step (px) | a spot's peak changes by, over a step |\n|---|---|---|---|")
    for side in sides:
        for overlap in (32, 64, 96, 128):
            if overlap <= side // 2:
                print(seam_row(predictor, photo, side, overlap), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--photo", type=int, default=1536, help="side of the photos in pixels")
    parser.add_argument("--image-size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--strength", type=float, default=0.3, help="of the texture; 1: as photographed")
    parser.add_argument("--good", type=int, default=30, help="photos to train on and calibrate with")
    parser.add_argument("--each", type=int, default=10, help="spots of each size")
    parser.add_argument("--sizes", type=int, nargs="+", default=[4, 6, 8, 12, 16, 24, 32, 48])
    parser.add_argument("--teacher", default="efficientnet_lite0")
    parser.add_argument("--teacher-weights", type=Path)
    parser.add_argument("--seams", type=Path, metavar="RUN", help="show how much tiles' places matter to this model")
    options = parser.parse_args()
    work = options.work
    if options.seams is not None:
        show_seams(options.seams, work / "seams", [128, 256])
        return
    make_parts(work / "good", count=options.good, size=options.photo, seed=0, test=False, strength=options.strength)
    make_parts(work / "unseen", count=options.each, size=options.photo, seed=0, test=True, strength=options.strength)
    blemish.synthesize(
        work / "unseen", work / "test", sizes=options.sizes, kinds=("spot",), each=options.each, overwrite=True
    )
    whole, whole_seconds = trained(work, "whole", options)
    tiled, tiled_seconds = trained(work, "tiles", options, tiles="auto")
    print(
        "| seen | frames | shrunk | smallest spot found (px) | found | false alarms | training (CPU s) "
        "| a photo (CPU s) |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, predictor, seconds in (("whole", whole, whole_seconds), ("tiles", tiled, tiled_seconds)):
        print(row(name, predictor, work, options.photo, seconds), flush=True)


if __name__ == "__main__":
    main()
