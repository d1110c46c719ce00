"""What tiles buy: the share of small spots found on photos of several sizes, squeezed whole or seen in tiles.

    python benchmarks/tiles_and_sizes.py WORK_FOLDER [--photos 1024 2048 4096] [--tiles 256 512] [--sizes 6 8 12 20]

Parts are those of small_defects.py: a weak photographed texture at its own resolution, mirrored to the photo's size. A
model that sees photos whole is trained for each size; one that sees tiles on photos of the first size alone, for its
tiles are the same pieces of texture whatever the photo's size, and it takes its threshold from photos of each size.
Found is a score above the highest of `--calibrating` good photos that no training has seen, which promises 1 / (n + 1)
false alarms; whether a photo is unusual is not asked. Spots on a good photo that is an alarm by itself do not count.

A photo of 4096x4096 has hundreds of tiles, and a spot lies in few of them. So each good photo is judged whole once, and
of a photo with a spot only the tiles that differ are judged anew: the map that is joined is the very one that a
Predictor gives, which is checked once a row where there are few tiles. Times are of the processor.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from small_defects import make_parts

import blemish
from blemish.calibration.promise import promised_threshold
from blemish.data.framing import frame_at, stacked
from blemish.data.images import Pixels, read_image
from blemish.data.seen import shrunk_times
from blemish.inference import open_predictor
from blemish.inference.predictor import Predictor
from blemish.model.artifact import MODEL_FILE
from blemish.synthesis.sized_defects import paint_sized_defect

_AT_ONCE = 8  # tiles
_FEW = 150  # tiles of a photo that is judged once more, to check what was put together


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is measured, as the command line says it."""

    work: Path
    sizes: Sequence[int]
    image_size: int
    steps: int
    batch_size: int
    good: int
    calibrating: int
    testing: int
    each: int
    overlap: int
    contrast: float
    strength: float


class TiledPhoto:
    """A good photo whose tiles were judged, and photos that differ from it in a few of them."""

    def __init__(self, predictor: Predictor, photo: Pixels) -> None:
        self._predictor, self._framing = predictor, predictor.framing
        self.photo = photo
        self.size = (photo.shape[0], photo.shape[1])
        self._windows = self._framing.geometry(self.size).windows
        self._canvas = self._framing.lay_out(photo)
        started = time.process_time()
        self._maps = self._judged(self._canvas, range(len(self._windows)))
        self.score = self._joined_score(self._maps)
        self.seconds = time.process_time() - started

    def score_of(self, changed: Pixels) -> float:
        """Returns the score of a photo that differs somewhere."""
        canvas, side = self._framing.lay_out(changed), self._framing.frame_size
        differing = [
            number
            for number, window in enumerate(self._windows)
            if (frame_at(canvas, window, side) != frame_at(self._canvas, window, side)).any()
        ]
        return self._joined_score(self._maps | self._judged(canvas, differing))

    def _judged(self, canvas: Pixels, numbers: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        maps: dict[int, NDArray[np.float32]] = {}
        for start in range(0, len(numbers), _AT_ONCE):
            some = numbers[start : start + _AT_ONCE]
            frames = [frame_at(canvas, self._windows[number], self._framing.frame_size) for number in some]
            found = self._predictor.runtime.run(self._framing.images(stacked(frames)))
            maps |= dict(zip(some, found, strict=True))
        return maps

    def _joined_score(self, maps: dict[int, NDArray[np.float32]]) -> float:
        joined = self._framing.joining(self.size)
        for number, found in maps.items():
            joined.add(number, found)
        height, width = self._framing.image_size
        return self._predictor.score.of(joined.values, frame_pixels=height * width)


def trained(asked: Asked, side: int, tile: int | None) -> tuple[Predictor, float | None]:
    """Returns a model for photos of this size, or for tiles, and the seconds that training took; None where it was
    trained before."""
    run, seconds = asked.work / (f"whole-{side}" if tile is None else f"tiles-{tile}"), None
    if not (run / MODEL_FILE).exists():
        photos = asked.work / f"good-{side}"
        make_parts(photos, count=asked.good, size=side, seed=0, test=False, strength=asked.strength)
        started = time.process_time()
        blemish.train(
            photos,
            run,
            image_size=asked.image_size,
            steps=asked.steps,
            batch_size=asked.batch_size,
            tiles="off" if tile is None else tile,
            overlap=asked.overlap,
            overwrite=True,
        )
        seconds = time.process_time() - started
    return open_predictor(run, runtime="torch"), seconds


def row(asked: Asked, side: int, tile: int | None, first_side: int) -> str:
    predictor, seconds = trained(asked, side if tile is None else first_side, tile)
    photos = asked.work / f"unseen-{side}"
    count = asked.calibrating + asked.testing
    if len(list(photos.glob("*.png"))) < count:  # none, or those of a run with fewer or that was stopped
        make_parts(photos, count=count, size=side, seed=1, test=True, strength=asked.strength)
    files = sorted(photos.iterdir())[:count]
    calibrating = [TiledPhoto(predictor, read_image(file)) for file in files[: asked.calibrating]]
    scores = [photo.score for photo in calibrating]
    limit = promised_threshold(scores, 1 / (len(scores) + 1)).value
    costs = [photo.seconds for photo in calibrating]
    del calibrating  # 0.3 MB a tile
    frames = len(predictor.framing.geometry((side, side)).windows)
    found, alarms = dict.fromkeys(asked.sizes, 0), 0
    for place, file in enumerate(files[asked.calibrating :]):
        good = TiledPhoto(predictor, read_image(file))
        if good.score > limit:  # what is found on it would say nothing of the spots
            alarms += 1
            continue
        for size in asked.sizes:
            for number in range(asked.each):
                painted, _ = paint_sized_defect(
                    good.photo,
                    "spot",
                    size,
                    contrast=asked.contrast,
                    white=255,
                    generator=np.random.default_rng([place, size, number]),
                )
                score = good.score_of(painted)
                if (size, number) == (asked.sizes[0], 0) and frames <= _FEW:
                    whole = predictor.predict(painted).anomaly_score
                    assert abs(score - whole) <= 1e-3 * whole, (score, whole)
                found[size] += score > limit
    tried = (asked.testing - alarms) * asked.each
    shares = " | ".join(f"{count} of {tried}" for count in found.values())
    took = "as above" if seconds is None else f"{seconds:.0f}"
    seen = "whole" if tile is None else f"tiles of {tile}"
    return (
        f"| {side}x{side} | {seen} | {frames} | {shrunk_times(predictor.framing, (side, side)):.3g} | {shares} "
        f"| {alarms} of {asked.testing} | {np.median(costs):.2f} | {took} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--photos", type=int, nargs="+", default=[1024, 2048, 4096], help="sides in pixels")
    parser.add_argument("--tiles", type=int, nargs="*", default=[512, 256], help="pixels of the photo")
    parser.add_argument("--sizes", type=int, nargs="+", default=[6, 8, 12, 20], help="of spots, in pixels")
    parser.add_argument("--image-size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--good", type=int, default=12, help="photos to train on")
    parser.add_argument("--calibrating", type=int, default=4)
    parser.add_argument("--testing", type=int, default=2, help="good photos that spots are painted on")
    parser.add_argument("--each", type=int, default=4, help="spots of each size on each of them")
    parser.add_argument("--overlap", type=int, default=64)
    parser.add_argument("--contrast", type=float, default=0.25, help="of a spot, as a share of white")
    parser.add_argument("--strength", type=float, default=0.3, help="of the texture; 1: as photographed")
    parser.add_argument("--only-tiles", action="store_true", help="leave out what sees photos whole")
    options = vars(parser.parse_args())
    photos, tiles = options.pop("photos"), options.pop("tiles")
    ways = tiles if options.pop("only_tiles") else [None, *tiles]
    asked = Asked(**options)
    columns = ["photo", "seen", "frames", "shrunk", *(f"{size} px" for size in asked.sizes)]
    columns += ["false alarms", "a photo (CPU s)", "training (CPU s)"]
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|", flush=True)
    for side in photos:
        for tile in ways:
            print(row(asked, side, tile, photos[0]), flush=True)


if __name__ == "__main__":
    main()
