"""`blemish speed`: how fast a model is on this machine."""

import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from blemish import api
from blemish.cli.progress import ProgressBars
from blemish.studies.machine import Machine
from blemish.studies.speed import Speed

_DONE, _SOME_FAILED = 0, 2
_GROUPS = (
    *("network,", "ms", "photo in", "memory, ms", "photo in", "a file, ms"),
    *("folder,", "photos/s", "peak", "cold", "start, s"),
)
_COLUMNS = (*("p50", "p95") * 3, "judged", "written", "MB", "best", "median")
_WIDTH = 11
_BUSY = 0.3  # a load that makes figures worse


def speed(
    run: Path,
    /,
    *photos: Path,
    runtime: tuple[str, ...] = (),
    precision: tuple[str, ...] = (),
    seconds: float = 3.0,
    cold_starts: int = 5,
    output: Path | None = None,
) -> int:
    """Measure how fast a model is on this machine: latency, photos per second of a folder, memory, cold start.

    Parameters
    ----------
    run
        Folder of a trained model.
    photos
        Photos, and folders of photos, to measure with; made-up ones of 1024x1024 where none are given.
    runtime
        torch, onnx or openvino; may be given several times. By default torch where it is installed, and all exports.
    precision
        How exactly is computed: in full (fp32), to fewer digits (bf16) or to whole numbers (int8); may be given several
        times.
    seconds
        How long each figure is measured.
    cold_starts
        How often the whole command `blemish predict` is run for one photo.
    output
        File for all figures, as JSON.
    """
    with ProgressBars() as bars:
        measured = api.speed(
            run,
            photos,
            runtime=runtime,
            precision=precision,
            seconds=seconds,
            cold_starts=cold_starts,
            output=output,
            on_progress=bars.show,
        )
    for error in measured.failed:
        sys.stderr.write(f"blemish: {error}\n")
    if measured.speeds:
        _say(measured.speeds, measured.machine, measured.photos)
        if output is not None:
            print(f"all figures in {output}")
    return _SOME_FAILED if measured.failed else _DONE


def _say(speeds: Sequence[Speed], here: Machine, photos: str) -> None:
    threads = f" (OMP_NUM_THREADS={here.omp_num_threads})" if here.omp_num_threads else ""
    print(f"{here.processor}, {here.cores} cores{threads}, {here.system}, Python {here.python}", end="")
    print(f", numpy {here.numpy}, Pillow {here.pillow}, blemish {here.blemish}")
    if here.instructions is not None:
        print(f"instructions that matter: {', '.join(here.instructions) or 'none'}")
    print(photos)
    load = here.load_before
    if isinstance(load, float) and load > _BUSY:
        print(f"the machine was busy before (load {load:.1f} in the last minute): when it is quiet, figures are better")
    for heading in (_GROUPS, _COLUMNS):
        print(f"{'':<24}" + "".join(f"{text:>{_WIDTH}}" for text in heading))
    for speed in speeds:
        print(_row(speed))


def _row(speed: Speed) -> str:
    name = f"{speed.runtime} {speed.package_version.partition('+')[0]}"
    latencies = [value for lat in (speed.network, speed.in_memory, speed.from_file) for value in (lat.p50, lat.p95)]
    memory = "-" if speed.peak_memory_mb is None else f"{speed.peak_memory_mb:.0f}"
    cells = [f"{value:.1f}" for value in (*latencies, speed.judged_per_second, speed.written_per_second)]
    cells += [memory, f"{min(speed.cold_starts):.2f}", f"{median(speed.cold_starts):.2f}"]
    return f"{name[:18]:<18}{speed.precision:<6}" + "".join(f"{cell:>{_WIDTH}}" for cell in cells)
