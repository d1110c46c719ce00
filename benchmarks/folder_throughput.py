"""A folder of photos judged and written, against what decoding, the network and writing take alone, in one run.

Three floors are printed. The first is the slower of decoding and the network, each alone on all cores: what the whole
would reach if everything else were free. The second adds up the core time of every step and divides it by the cores:
what the whole would reach if no core ever waited and nothing else ran on the machine. The third adds up the time of
every step, each alone on all cores: what is left of the second on a machine that others use too. Where the network
alone keeps all cores busy, the first is out of reach for whoever writes as well.

    python benchmarks/folder_throughput.py                          # made-up photos, drawn weights
    python benchmarks/folder_throughput.py --model RUN --runtime onnx --photos 1000
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from blemish.data.images import read_image
from blemish.inference import open_predictor
from blemish.inference.prediction import Prediction
from blemish.inference.predictor import Predictor
from blemish.process import available_cores
from blemish.results.folder import PredictionFolder
from blemish.results.judging import sinks_in
from blemish.results.sinks import judge_into

SIDE = 1024
DISTINCT = 16  # made-up photos; a folder of more holds copies
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


def make_photos(folder: Path, count: int, suffix: str) -> list[Path]:
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    paths = [folder / f"{i:04}{suffix}" for i in range(count)]
    for path in paths[:DISTINCT]:
        Image.fromarray(texture(generator)).save(path, quality=92)
    for i, path in enumerate(paths[DISTINCT:]):
        shutil.copy(paths[i % DISTINCT], path)
    return paths


def drawn_model(folder: Path) -> Path:
    """An artifact of STPM whose teacher was drawn and not trained: speed does not depend on weights."""
    from safetensors.torch import save_file

    from blemish import train
    from blemish.networks import build_backbone

    save_file(build_backbone("resnet18", levels=3).state_dict(), folder / "resnet18.safetensors")
    make_photos(folder / "good", 8, ".jpg")
    weights = folder / "resnet18.safetensors"
    made = folder / "model"
    train("stpm", folder / "good", made, teacher_weights=weights, image_size=256, steps=2, batch_size=2, check_every=2)
    return made


class Workshop:
    """A folder of photos and a model; each step can be done alone."""

    def __init__(self, predictor: Predictor, photos: Sequence[Path]) -> None:
        self.predictor = predictor
        self.photos = photos
        judged = predictor.predict_many(photos[:BATCH], keep_photos=True)
        self.predictions = [result for result in judged if isinstance(result, Prediction)]
        kept = [p.photo for p in self.predictions if p.photo is not None]
        assert len(kept) == BATCH
        self.pictures = kept
        framing = predictor.framing
        self.images = np.concatenate([framing.images(framing.cut(photo)) for photo in kept])

    def decode(self) -> None:
        self._on_all_cores(lambda i: read_image(self.photos[i]))

    def resize(self) -> None:
        self._on_all_cores(lambda i: self.predictor.framing.cut(self.pictures[i % BATCH]))

    def compute(self) -> None:
        for _ in range(0, len(self.photos), BATCH):
            self.predictor.runtime.run(self.images)

    def write(self) -> None:
        with tempfile.TemporaryDirectory() as out:
            folder = PredictionFolder(Path(out), self.photos)
            for i, photo in enumerate(self.photos):
                folder.add(photo, replace(self.predictions[i % BATCH], image=photo))
            folder.close()

    def judge_and_write(self) -> None:
        with tempfile.TemporaryDirectory() as out:
            for _ in judge_into(self.predictor, self.photos, sinks_in(Path(out), self.photos, self.predictor)):
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
    parts = {"decode": workshop.decode, "resize": workshop.resize}
    parts |= {"network": workshop.compute, "write": workshop.write}
    wholes = {"judge": workshop.judge, "judge and write": workshop.judge_and_write}
    steps = {name: Step(len(workshop.photos)) for name in (*parts, *wholes)}
    for _ in range(rounds):
        for name, work in (parts | wholes).items():
            with steps[name].measured():
                work()
    print(f"\n{kind}: {len(workshop.photos)} photos of {SIDE}x{SIDE}, median of {rounds} rounds")
    for name, step in steps.items():
        print(f"  {name:<16}{step}")
    slower = min(steps["decode"].rate, steps["network"].rate)
    for name, needs in (("judge", ("decode", "resize", "network")), ("judge and write", tuple(parts))):
        core_ms = sum(steps[part].core_ms for part in needs)
        floor = 1e3 * available_cores() / core_ms
        rate = steps[name].rate
        print(f"  {name}: {rate:.1f} photos/s, {rate / slower:.0%} of the slower of decoding and network alone,")
        print(f"    {rate / floor:.0%} of the floor of cores ({core_ms:.0f} core-ms on {available_cores()} cores),")
        print(f"    {rate * sum(1 / steps[part].rate for part in needs):.0%} of the steps one after the other;")
        print(f"    it costs {steps[name].core_ms / core_ms:.2f} times the core time of its steps")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="RUN folder; default: STPM at 256x256, drawn weights")
    parser.add_argument("--photos", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runtime", default="auto")
    parser.add_argument("--precision", default="fp32")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory() as temporary:
        model = options.model or drawn_model(Path(temporary))
        predictor = open_predictor(model, runtime=options.runtime, precision=options.precision)
        print(f"{available_cores()} cores; runtime {type(predictor.runtime).__name__}, {options.precision}")
        for suffix in (".jpg", ".png"):
            photos = make_photos(Path(temporary) / suffix[1:], options.photos, suffix)
            compare(suffix[1:].upper(), Workshop(predictor, photos), options.rounds)


if __name__ == "__main__":
    main()
