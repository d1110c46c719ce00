"""`blemish benchmark`: how fast a model is on this machine."""

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from blemish.cli.progress import ProgressBars
from blemish.data.paths import photos_under
from blemish.errors import BlemishError, SettingsError
from blemish.files import write_text
from blemish.inference import RUNTIMES
from blemish.model.artifact import Artifact, read_artifact
from blemish.model.exports import kinds_of_exports
from blemish.progress import Progress
from blemish.studies.machine import Machine, this_machine
from blemish.studies.made_up_photos import MADE_UP_SIDE, make_up_photos
from blemish.studies.speed import Speed, measure

_FORMAT_VERSION = 1
"""Of the JSON file."""
_DONE, _SOME_FAILED = 0, 2
_GROUPS = (
    *("network,", "ms", "photo in", "memory, ms", "photo in", "a file, ms"),
    *("folder,", "photos/s", "peak", "cold", "start, s"),
)
_COLUMNS = (*("p50", "p95") * 3, "judged", "written", "MB", "best", "median")
_WIDTH = 11
_BUSY = 0.3  # a load that makes figures worse


def benchmark(
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
        fp32, bf16 or int8; may be given several times.
    seconds
        How long each figure is measured.
    cold_starts
        How often the whole command `blemish predict` is run for one photo.
    output
        File for all figures, as JSON.
    """
    if not 0 < seconds <= 3600 or cold_starts < 1:
        raise SettingsError("give more than 0 and at most 3600 seconds, and at least 1 cold start")
    artifact = read_artifact(run)
    kinds = _kinds(artifact, runtime, precision)
    here = this_machine()
    with tempfile.TemporaryDirectory() as made_up:
        found = photos_under(photos) if photos else make_up_photos(Path(made_up))
        files = [photo.absolute() for photo in found]
        speeds = _measured(run.absolute(), files, kinds, seconds=seconds, cold_starts=cold_starts)
    if speeds:
        of_what = f"{len(files)} photos in turn"
        if not photos:
            of_what = (
                f"{len(files)} made-up photos in turn, JPEG of {MADE_UP_SIDE}x{MADE_UP_SIDE}: better give your own"
            )
        _say(speeds, here, of_what)
        if output is not None:
            values = {
                "format_version": _FORMAT_VERSION,
                "machine": asdict(here),
                "photos": of_what,
                "method": artifact.method,
            }
            values |= {"image_size": artifact.image_size, "speeds": [asdict(speed) for speed in speeds]}
            write_text(output, json.dumps(values, indent=2, allow_nan=False) + "\n")
            print(f"all figures in {output}")
    return _DONE if len(speeds) == len(kinds) else _SOME_FAILED


def _measured(
    run: Path, photos: Sequence[Path], kinds: Sequence[tuple[str, str]], *, seconds: float, cold_starts: int
) -> list[Speed]:
    """One after the other; of what fails a line is said."""
    speeds = []
    with ProgressBars() as bars:
        for done, (runtime, precision) in enumerate(kinds):
            bars.show(Progress(activity=f"{runtime} {precision}", done=done, total=len(kinds)))
            try:
                speeds.append(
                    measure(run, photos, runtime=runtime, precision=precision, seconds=seconds, cold_starts=cold_starts)
                )
            except BlemishError as error:
                sys.stderr.write(f"blemish: {error}\n")
    return speeds


def _kinds(artifact: Artifact, runtimes: Sequence[str], precisions: Sequence[str]) -> list[tuple[str, str]]:
    """Runtimes and precisions to measure; raises SettingsError where nothing of what was asked for is there."""
    there = [("torch", "fp32")] if find_spec(RUNTIMES["torch"].package) is not None else []
    there += kinds_of_exports(artifact)
    wanted = [
        (name, kind)
        for name, kind in there
        if (not runtimes or name in runtimes) and (not precisions or kind in precisions)
    ]
    missing = {*runtimes} - {name for name, _ in wanted} | {*precisions} - {kind for _, kind in wanted}
    if missing or not wanted:
        has = ", ".join(" ".join(pair) for pair in there) or "nothing that is installed"
        raise SettingsError(f"{artifact.folder} cannot be measured so: there is {has}; `blemish export` adds others")
    return wanted


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
