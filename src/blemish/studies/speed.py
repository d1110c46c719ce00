"""How fast a model judges on this machine: latency, throughput, memory, cold start."""

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib.metadata import version
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles
from typing import TypeVar

import numpy as np
from PIL import Image

from blemish.data.images import read_header, read_image
from blemish.errors import BlemishError, DataError
from blemish.inference import RUNTIMES, open_predictor
from blemish.inference.predictor import Predictor
from blemish.process import available_cores
from blemish.results.folder import PredictionFolder
from blemish.version import __version__

MADE_UP_SIDE = 1024  # pixels
MADE_UP = 8
IN_MEMORY = 8  # photos that are decoded before they are judged, in turn
FEWEST = 5  # times that a latency is taken, however long that takes
BATCH = 8  # photos between two looks at the clock

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Milliseconds, of `times` measurements."""

    p50: float
    p95: float
    times: int


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Of one runtime and precision, in a process of its own."""

    runtime: str
    precision: str
    package_version: str
    """Of the runtime's package."""
    network: Latency
    """Of one photo that is resized already."""
    in_memory: Latency
    """Of one decoded photo: resizing, network, verdict."""
    from_file: Latency
    """Of one file: decoding too."""
    judged_per_second: float
    """Photos of a folder."""
    written_per_second: float
    """Photos of a folder, with their lines, maps and overlays."""
    peak_memory_mb: float | None
    """Of the process that measured all this; None where the system cannot tell."""
    cold_starts: tuple[float, ...]
    """Seconds that `blemish predict` took for one photo, the whole process each time."""


def measure(
    run: Path, photos: Sequence[Path], *, runtime: str, precision: str, seconds: float, cold_starts: int
) -> Speed:
    """Spends about `seconds` on each figure; raises BlemishError where the model or a photo is of no use."""
    for photo in photos[:IN_MEMORY]:
        read_header(photo)
    cold = tuple(_cold_start(run, photos[0], runtime, precision) for _ in range(cold_starts))
    spawned = ProcessPoolExecutor(1, mp_context=get_context("spawn"))  # it inherits nothing, no memory either
    with spawned as process:
        try:
            speed = process.submit(_in_this_process, run, photos, runtime, precision, seconds, cold).result()
        except BrokenProcessPool as error:
            raise BlemishError(f"{runtime} {precision} ended without a word: is there too little memory?") from error
    if isinstance(speed, str):
        raise BlemishError(speed)
    return speed


def _in_this_process(
    run: Path, photos: Sequence[Path], runtime: str, precision: str, seconds: float, cold_starts: tuple[float, ...]
) -> Speed | str:
    """An error comes back as its text: not every error survives the way between processes."""
    try:
        predictor = open_predictor(run, runtime=runtime, precision=precision)
        pictures = [read_image(photo) for photo in photos[:IN_MEMORY]]
        framing = predictor.framing
        images = [framing.images(framing.cut(picture)) for picture in pictures]
        return Speed(
            runtime=runtime,
            precision=precision,
            package_version=version(RUNTIMES[runtime].package),
            network=latency(predictor.runtime.run, images, seconds=seconds),
            in_memory=latency(predictor.predict, pictures, seconds=seconds),
            from_file=latency(predictor.predict, photos, seconds=seconds),
            judged_per_second=_throughput(predictor, photos, seconds=seconds, write=False),
            written_per_second=_throughput(predictor, photos, seconds=seconds, write=True),
            peak_memory_mb=_peak_memory_mb(),
            cold_starts=cold_starts,
        )
    except BlemishError as error:
        return str(error)


def latency(work: Callable[[Item], object], items: Sequence[Item], *, seconds: float) -> Latency:
    """Of `work` on the items in turn, one at a time, after two that do not count."""
    for item in items[:2]:
        work(item)
    times: list[float] = []
    turns = cycle(items)
    while sum(times) < seconds or len(times) < FEWEST:
        item = next(turns)
        start = time.perf_counter()
        work(item)
        times.append(time.perf_counter() - start)
    p95 = quantiles(times, n=20, method="inclusive")[-1]
    return Latency(p50=1e3 * median(times), p95=1e3 * p95, times=len(times))


def _throughput(predictor: Predictor, photos: Sequence[Path], *, seconds: float, write: bool) -> float:
    """Photos per second of an endless folder, once it runs: threads have started and photos are read ahead."""
    names = cycle(photos)
    results = predictor.predict_many(cycle(photos), batch_size=BATCH, keep_photos=write)
    with tempfile.TemporaryDirectory() as out:
        folder = PredictionFolder(Path(out), photos)
        began, done = 0.0, -BATCH
        while done <= 0 or time.perf_counter() - began < seconds:
            for photo, result in zip(islice(names, BATCH), islice(results, BATCH), strict=True):
                if isinstance(result, DataError):
                    raise result
                if write:
                    folder.add(photo, result)
            done += BATCH
            if done == 0:
                began = time.perf_counter()
        rate = done / (time.perf_counter() - began)
        folder.close()
    return rate


def _cold_start(run: Path, photo: Path, runtime: str, precision: str) -> float:
    """Seconds of a whole process that judges one photo."""
    command = [sys.executable, "-m", "blemish", "predict", str(run), str(photo)]
    command += ["--runtime", runtime, "--precision", precision]
    start = time.perf_counter()
    done = subprocess.run(command, check=False, capture_output=True, text=True, errors="backslashreplace")
    seconds = time.perf_counter() - start
    if done.returncode not in (0, 1):
        raise BlemishError(done.stderr.strip().removeprefix("blemish: ") or f"`{' '.join(command)}` failed")
    return seconds


def _peak_memory_mb() -> float | None:
    try:
        import resource
    except ImportError:  # on Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def make_up_photos(folder: Path) -> list[Path]:
    """JPEG files of soft spots under grain: about as hard to decode as photographs of a rough surface."""
    generator, side = np.random.default_rng(0), MADE_UP_SIDE
    paths = [folder / f"{i}.jpg" for i in range(MADE_UP)]
    for path in paths:
        spots, grain = (
            Image.fromarray(generator.normal(0, 30, (n, n)).astype(np.float32)).resize((side, side))
            for n in (side // 20, side // 2)
        )
        pixels = 128 + np.array(spots) + np.array(grain) * 0.7 + generator.normal(0, 2, (3, side, side))
        Image.fromarray(np.clip(pixels.transpose(1, 2, 0), 0, 255).astype(np.uint8)).save(path, quality=92)
    return paths


def machine() -> dict[str, str | int | float | None]:
    """What figures of speed depend on, beside the model."""
    return {
        "processor": _processor(),
        "cores": available_cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS"),
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "blemish": __version__,
        "numpy": np.__version__,
        "pillow": version("pillow"),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
