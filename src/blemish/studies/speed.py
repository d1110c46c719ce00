"""How fast a model judges on this machine: latency, throughput, memory, cold start."""

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

from blemish.data.images import read_header, read_image
from blemish.errors import BlemishError, DataError
from blemish.inference import RUNTIMES, open_predictor
from blemish.inference.predictor import Predictor
from blemish.results.folder import PredictionFolder

_IN_MEMORY = 8  # photos that are decoded before they are judged, in turn
FEWEST_TIMES = 5  # times that a latency is taken, however long that takes
_BATCH = 8  # photos between two looks at the clock

_Item = TypeVar("_Item")


@dataclass(frozen=True, kw_only=True)
class Latency:
    """The milliseconds that were measured, `times` of them."""

    p50: float
    p95: float
    times: int


@dataclass(frozen=True, kw_only=True)
class Speed:
    """The speed that one runtime has in one precision, in a process of its own."""

    runtime: str
    precision: str
    package_version: str
    """The version of the runtime's package."""
    network: Latency
    """The latency of the network alone, for one photo that is resized already."""
    in_memory: Latency
    """The latency of one decoded photo: resizing, network, verdict."""
    from_file: Latency
    """The latency of one file: decoding too."""
    judged_per_second: float
    """Photos of a folder."""
    written_per_second: float
    """Photos of a folder, with their lines, and overlays of those that are not normal."""
    peak_memory_mb: float | None
    """The highest memory of the process that measured all this; None where the system cannot tell."""
    cold_starts: tuple[float, ...]
    """Seconds that `blemish predict` took for one photo, the whole process each time."""


def measure(
    run: Path, photos: Sequence[Path], *, runtime: str, precision: str, seconds: float, cold_starts: int
) -> Speed:
    """Spends about `seconds` on each figure; raises BlemishError where the model or a photo is of no use."""
    for photo in photos[:_IN_MEMORY]:
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
    """Returns the speed; an error comes back as its text: not every error survives the way between processes."""
    try:
        predictor = open_predictor(run, runtime=runtime, precision=precision)
        framing = predictor.framing
        pictures = [read_image(photo, reading=framing.reading) for photo in photos[:_IN_MEMORY]]
        images = [framing.images(framing.cut(picture, most=1)) for picture in pictures]
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


def latency(work: Callable[[_Item], object], items: Sequence[_Item], *, seconds: float) -> Latency:
    """Measures `work` on the items in turn, one at a time, after two that do not count."""
    for item in items[:2]:
        work(item)
    times: list[float] = []
    turns, spent = cycle(items), 0.0
    while spent < seconds or len(times) < FEWEST_TIMES:
        item = next(turns)
        start = time.perf_counter()
        work(item)
        times.append(time.perf_counter() - start)
        spent += times[-1]
    p95 = quantiles(times, n=20, method="inclusive")[-1]
    return Latency(p50=1e3 * median(times), p95=1e3 * p95, times=len(times))


def _throughput(predictor: Predictor, photos: Sequence[Path], *, seconds: float, write: bool) -> float:
    """Returns photos per second of an endless folder, once it runs: threads have started and photos are read ahead."""
    names = cycle(photos)
    results = predictor.predict_many(cycle(photos), batch_size=_BATCH, keep_photos=write)
    with tempfile.TemporaryDirectory() as out:
        folder = PredictionFolder(Path(out), photos)
        began, done = 0.0, -_BATCH
        while done <= 0 or time.perf_counter() - began < seconds:
            for photo, result in zip(islice(names, _BATCH), islice(results, _BATCH), strict=True):
                if isinstance(result, DataError):
                    raise result
                if write:
                    folder.add(photo, result)
            done += _BATCH
            if done == 0:
                began = time.perf_counter()
        rate = done / (time.perf_counter() - began)
        folder.close()
    return rate


def _cold_start(run: Path, photo: Path, runtime: str, precision: str) -> float:
    """Returns the seconds that a whole process takes to judge one photo."""
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
