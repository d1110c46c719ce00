"""A folder of photos judged and written, against what decoding, the network and writing take alone, in one run.

Three floors are printed. The first is the slower of decoding and the network, each alone on all cores: what the whole
would reach if everything else were free. The second adds up the core time of every step and divides it by the cores:
what the whole would reach if no core ever waited and nothing else ran on the machine. The third adds up the time of
every step, each alone on all cores: what is left of the second on a machine that others use too. Where the network
alone keeps all cores busy, the first is out of reach for whoever writes as well.

Other programs stretch seconds and hardly core time, which is why both are printed; `uptime` says how many there are.

    python benchmarks/folder_throughput.py             # made-up photos of 256 to 900 pixels, one in 20 with a defect
    python benchmarks/folder_throughput.py --model RUN --runtime onnx --photos 1000 --sides 1024 1024
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from blemish.data.images import read_image
from blemish.inference import open_predictor
from blemish.inference.prediction import Prediction
from blemish.inference.predictor import Predictor
from blemish.process import available_cores
from blemish.results.folder import PredictionFolder
from blemish.results.judging import sinks_in
from blemish.results.sinks import judge_into

SIDE = 1024
DISTINCT = 40  # made-up photos; a folder of more holds copies
DEFECTIVE = 20  # one in so many
ASKED = ("none", "overlays", "maps", "all-overlays,maps")
BATCH = 8


@dataclass
class Step:
    """What one step took of a folder, each time it was measured."""

    photos: int
    seconds: list[float] = field(default_factory=list)
    core_seconds: list[float] = field(default_factory=list)

    @contextmanager
    def measured(self) -> Iterator[None]:
        wall, cores = time.perf_counter(), time.process_time()
        yield
        self.seconds.append(time.perf_counter() - wall)
        self.core_seconds.append(time.process_time() - cores)

    @property
    def rate(self) -> float:
        """Photos per second."""
        return self.photos / statistics.median(self.seconds)

    @property
    def core_ms(self) -> float:
        """Per photo."""
        return 1e3 * statistics.median(self.core_seconds) / self.photos

    def __str__(self) -> str:
        return f"{self.core_ms:8.1f} core-ms per photo {self.rate:8.1f} photos/s"


def texture(generator: np.random.Generator) -> NDArray[np.uint8]:
    """(SIDE, SIDE, 3): soft spots under fine grain and a camera's noise."""
    spots = Image.fromarray(generator.normal(128, 40, (48, 48)).astype(np.float32)).resize((SIDE, SIDE))
    grain = Image.fromarray(generator.normal(0, 22, (SIDE // 2, SIDE // 2)).astype(np.float32)).resize((SIDE, SIDE))
    noise = generator.normal(0, 2, (SIDE, SIDE, 3))
    pixels = (np.array(spots) + np.array(grain))[..., None] + noise
    found: NDArray[np.uint8] = np.clip(pixels, 0, 255).astype(np.uint8)
    return found


def make_photos(folder: Path, count: int, suffix: str, sides: tuple[int, int], *, seed: int = 0) -> list[Path]:
    """Square photos with sides from the first to the second; one in DEFECTIVE has a red spot."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(seed)
    textures = [Image.fromarray(texture(generator)) for _ in range(4)]
    paths = [folder / f"{i:04}{suffix}" for i in range(count)]
    for i, path in enumerate(paths[:DISTINCT]):
        side = int(generator.integers(sides[0], sides[1] + 1))
        photo = textures[i % len(textures)].transpose(Image.Transpose(i % 7)).resize((side, side))
        if i % DEFECTIVE == DEFECTIVE // 2:
            left, top = generator.uniform(0.1, 0.7, 2) * side
            ImageDraw.Draw(photo).ellipse((left, top, left + side / 8, top + side / 8), fill=(230, 40, 30))
        photo.save(path, quality=92)
    for i, path in enumerate(paths[DISTINCT:]):
        shutil.copy(paths[i % DISTINCT], path)
    return paths


def small_model(folder: Path, sides: tuple[int, int]) -> Path:
    """An STPM of few steps with the teacher that comes along, which tells the red spots, as ONNX and OpenVINO."""
    from blemish import export, train

    photos = make_photos(folder / "good", 40, ".jpg", sides, seed=1)
    good = [path for i, path in enumerate(photos) if i % DEFECTIVE != DEFECTIVE // 2]
    made = folder / "model"
    teacher = "efficientnet_lite0"
    train("stpm", good, made, teacher=teacher, image_size=256, steps=20, batch_size=4, check_every=20, held_out=0.5)
    for runtime in ("onnx", "openvino"):
        export(made, runtime)
    return made


class Workshop:
    """A folder of photos and a model; each step can be done alone."""

    def __init__(self, predictor: Predictor, photos: Sequence[Path]) -> None:
        self.predictor = predictor
        self.photos = photos
        judged = predictor.predict_many(photos[:DISTINCT], keep_photos=True)
        self.predictions = [result for result in judged if isinstance(result, Prediction)]
        self.pictures = [p.photo for p in self.predictions if p.photo is not None]
        assert len(self.pictures) == min(DISTINCT, len(photos))
        framing = predictor.framing
        self.images = np.concatenate([framing.images(framing.cut(photo)) for photo in self.pictures[:BATCH]])

    @property
    def stopped(self) -> float:
        """The share of photos that are not normal."""
        return float(np.mean([result.verdict != "normal" for result in self.predictions]))

    def decode(self) -> None:
        self._on_all_cores(lambda i: read_image(self.photos[i]))

    def resize(self) -> None:
        self._on_all_cores(lambda i: self.predictor.framing.cut(self.pictures[i % DISTINCT]))

    def compute(self) -> None:
        for _ in range(0, len(self.photos), BATCH):
            self.predictor.runtime.run(self.images)

    def write(self, save: str) -> None:
        with tempfile.TemporaryDirectory() as out:
            folder = PredictionFolder(Path(out), self.photos, save=save)
            for i, photo in enumerate(self.photos):
                folder.add(photo, replace(self.predictions[i % DISTINCT], image=photo))
            folder.close()

    def judge_and_write(self, save: str) -> None:
        with tempfile.TemporaryDirectory() as out:
            sinks = sinks_in(Path(out), self.photos, self.predictor, save=save)
            for _ in judge_into(self.predictor, self.photos, sinks):
                pass

    def judge(self) -> None:
        for _ in judge_into(self.predictor, self.photos, []):
            pass

    def _on_all_cores(self, work: Callable[[int], object]) -> None:
        threads = available_cores()

        def share(of: int) -> None:
            for i in range(of, len(self.photos), threads):
                work(i)

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(share, range(threads)))


def compare(kind: str, workshop: Workshop, rounds: int) -> None:
    judging = {"decode": workshop.decode, "resize": workshop.resize, "network": workshop.compute}
    writing = {f"write {save}": partial(workshop.write, save) for save in ASKED}
    wholes = {"judge": workshop.judge} | {
        f"judge, write {save}": partial(workshop.judge_and_write, save) for save in ASKED
    }
    steps = {name: Step(len(workshop.photos)) for name in (*judging, *writing, *wholes)}
    for _ in range(rounds):
        for name, work in (judging | writing | wholes).items():
            with steps[name].measured():
                work()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(
        f"\n{kind}: {len(workshop.photos)} photos, {workshop.stopped:.0%} not normal, median of {rounds} rounds{load}"
    )
    for name, step in steps.items():
        print(f"  {name:<30}{step}")
    slower = min(steps["decode"].rate, steps["network"].rate)
    for name in wholes:
        needs = (*judging, name.removeprefix("judge, ")) if name != "judge" else tuple(judging)
        core_ms = sum(steps[part].core_ms for part in needs)
        floor = 1e3 * available_cores() / core_ms
        rate = steps[name].rate
        print(f"  {name}: {rate:.1f} photos/s, {rate / slower:.0%} of the slower of decoding and network alone,")
        print(f"    {rate / floor:.0%} of the floor of cores ({core_ms:.1f} core-ms on {available_cores()} cores),")
        print(f"    {rate * sum(1 / steps[part].rate for part in needs):.0%} of the steps one after the other;")
        print(f"    it costs {steps[name].core_ms / core_ms:.2f} times the core time of its steps, which two cores")
        print(f"    that do nothing else would do at {2e3 / steps[name].core_ms:.1f} photos/s")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="RUN folder; default: a small STPM at 256x256")
    parser.add_argument("--photos", type=int, default=96)
    parser.add_argument("--sides", type=int, nargs=2, default=(256, 900), help="shortest and longest of photos")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runtime", default="auto")
    parser.add_argument("--precision", default="fp32")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory() as temporary:
        sides = (options.sides[0], options.sides[1])
        model = options.model or small_model(Path(temporary), sides)
        predictor = open_predictor(model, runtime=options.runtime, precision=options.precision)
        print(f"{available_cores()} cores; runtime {type(predictor.runtime).__name__}, {options.precision}")
        for suffix in (".jpg", ".png"):
            photos = make_photos(Path(temporary) / suffix[1:], options.photos, suffix, sides)
            compare(suffix[1:].upper(), Workshop(predictor, photos), options.rounds)


if __name__ == "__main__":
    main()
