"""Many small photos judged on a local Ray cluster that is killed on the way: lost or doubled records, time, memory.

A model of few steps is trained on made-up parts and exported to OpenVINO; copies of the parts, each with a number drawn
into it, are the photos; with --distinct N, there are N files, and all further names are hard links to them. The command
is begun; when a part of the records stands, all its processes are killed at once, the driver too; the same command goes
on; then a single worker is killed, later another is stopped for good, as on a machine that hangs, and at last the same
command once more, which finds nothing to do. Printed are records against photos after each step, core time, and the
most memory that the driver and a worker took.

    python benchmarks/many_photos.py --photos 100000 --side 32 --distinct 2000
    python benchmarks/many_photos.py --photos 5000 --s3       # from an S3 server on loopback, which itself takes most
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.dataset
from PIL import Image

import blemish
from blemish.data.listed_blocks import PHOTOS_PER_BLOCK
from blemish.data.made_up import make_up

A_FOLDER = 1000  # photos
_STARTS = 10
_REFUSED = 2  # the exit code


def small_model(folder: Path, side: int) -> Path:
    make_up(folder / "parts", seed=0, size=side)
    blemish.train(
        "stpm",
        folder / "parts" / "train" / "good",
        folder / "run",
        teacher="efficientnet_lite0",
        image_size=side,
        steps=20,
        held_out=0.5,
    )
    blemish.export(folder / "run", to="openvino")
    return folder / "run"


def make_photos(folder: Path, count: int, parts: Path, distinct: int) -> None:
    """Photos in folders of A_FOLDER, so many distinct files and hard links to them; one file in 1,000 is damaged."""
    patterns = [np.array(Image.open(path).convert("RGB")) for path in sorted(parts.rglob("test/*/*.png"))]
    files: list[Path] = []
    for number in range(count):
        file = folder / f"{number // A_FOLDER:04}" / f"{number:06}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        if number >= distinct:
            os.link(files[number % distinct], file)
            continue
        files.append(file)
        if number % 1000 == 500:
            file.write_bytes(b"damaged")
            continue
        pixels = patterns[number % len(patterns)].copy()
        pixels[0, :7, 0] = [number >> (3 * digit) & 7 for digit in range(7)]
        Image.fromarray(pixels).save(file, compress_level=1)


def records(output: Path) -> Counter[str]:
    """How often each photo has a record."""
    if not any(output.glob("*.parquet")):
        return Counter()
    return Counter(pyarrow.dataset.dataset(output).to_table(columns=["image"])["image"].to_pylist())


def at_least(output: Path) -> int:
    """About how many records there are, without a look into the parts."""
    return len(list(output.glob("*.parquet"))) * PHOTOS_PER_BLOCK


def below(process: int) -> list[int]:
    """The processes that a process began, and those that these began."""
    parents: dict[int, int] = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(place.name)] = int((place / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [process]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def is_worker(process: int) -> bool:
    try:
        return b"ray::Worker" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def peak_memory(process: int) -> float:
    """Megabytes."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


class Command:
    """The command, its processes, and what they took."""

    def __init__(self, run: Path, photos: str, output: Path, cpus: float) -> None:
        self._words = [sys.executable, "-m", "blemish", "predict-on-ray", str(run), photos, "--output", str(output)]
        self._words += ["--worker-cpus", str(cpus)]
        self.driver = self.worker = 0.0
        self.cores: dict[int, tuple[str, float]] = {}

    def run(self, meanwhile: Callable[[int], bool] = lambda _process: False) -> tuple[int, float]:
        """Runs to the end, or until `meanwhile` has seen enough, when all is killed; returns exit code and seconds.

        Where Ray cannot start, as on a machine that is busy, it is tried again.
        """
        for _ in range(_STARTS):
            code, seconds = self._run_once(meanwhile)
            if code != _REFUSED:
                return code, seconds
        raise SystemExit(f"refused {_STARTS} times")

    def _run_once(self, meanwhile: Callable[[int], bool]) -> tuple[int, float]:
        began = time.monotonic()
        with subprocess.Popen(self._words, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None:
                time.sleep(0.5)
                self.driver = max(self.driver, peak_memory(process.pid))
                workers = [peak_memory(worker) for worker in below(process.pid) if is_worker(worker)]
                self.worker = max([self.worker, *workers])
                for one in [process.pid, *below(process.pid)]:
                    self._note(one, "driver" if one == process.pid else "workers and Ray itself")
                if meanwhile(process.pid):
                    for one in [process.pid, *below(process.pid)]:
                        os.kill(one, signal.SIGKILL)
        return process.returncode, time.monotonic() - began

    def _note(self, process: int, what: str) -> None:
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return
        self.cores[process] = (what, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))

    def cores_of(self) -> dict[str, float]:
        """Core time in seconds, to within that of the last look, by what had it."""
        found: dict[str, float] = {}
        for what, seconds in self.cores.values():
            found[what] = found.get(what, 0.0) + seconds
        return found


def measure(options: argparse.Namespace, folder: Path, photos: str, run: Path) -> None:
    output = folder / "out"
    command = Command(run, photos, output, options.worker_cpus)
    code, seconds = command.run(lambda _: at_least(output) > options.photos * 0.3)
    killed = records(output)
    print(f"all processes killed after {seconds:.0f} s, exit code {code}: {told(killed, options.photos)}", flush=True)
    shot: list[int] = []

    def harm_workers(process: int) -> bool:
        """Kills one worker when most records stand, and stops another later."""
        for share, harm in ((0.6, signal.SIGKILL), (0.8, signal.SIGSTOP))[len(shot) :]:
            workers = [worker for worker in below(process) if is_worker(worker) and worker not in shot]
            if at_least(output) < options.photos * share or not workers:
                break
            os.kill(workers[0], harm)
            shot.append(workers[0])
        return False

    command.cores.clear()
    code, seconds = command.run(harm_workers)
    done = records(output)
    harmed = ("no worker", "a worker killed", "a worker killed and one stopped")[len(shot)]
    print(f"went on for {seconds:.0f} s, {harmed}, exit code {code}: {told(done, options.photos)}")
    photos_now = sum(done.values()) - sum(killed.values())
    for what, cores in command.cores_of().items():
        print(
            f"  {what}: {cores:.1f} s of core time, {1e3 * cores / max(1, photos_now):.1f} ms per photo of {photos_now}"
        )
    code, seconds = command.run()
    print(f"once more, {seconds:.0f} s, exit code {code}: {told(records(output), options.photos)}")
    print(f"most memory: driver {command.driver:.0f} MB, a worker {command.worker:.0f} MB")
    size = sum(part.stat().st_size for part in output.glob("*.parquet"))
    print(f"{len(list(output.glob('*.parquet')))} parts, {size / max(1, sum(done.values())):.0f} bytes a record")


def told(found: Counter[str], photos: int) -> str:
    doubled = sum(count - 1 for count in found.values())
    return f"{len(found)} of {photos} photos have a record, {doubled} doubled"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--side", type=int, default=64, help="pixels")
    parser.add_argument("--distinct", type=int, help="so many files; further photos are hard links to them")
    parser.add_argument("--worker-cpus", type=float, default=1.0)
    parser.add_argument("--s3", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        run = small_model(folder, options.side)
        distinct = min(options.distinct or options.photos, options.photos)
        make_photos(folder / "photos", options.photos, folder / "parts", distinct)
        print(f"{options.photos} photos of {options.side}x{options.side}, {distinct} distinct files", flush=True)
        if not options.s3:
            measure(options, folder, str(folder / "photos"), run)
            return
        sys.path.append(str(Path(__file__).parents[1] / "tests"))
        from stores import put, s3_server

        with s3_server() as bucket:
            for photo in sorted((folder / "photos").rglob("*.png")):
                put(f"{bucket}/{photo.relative_to(folder / 'photos')}", photo)
            measure(options, folder, f"{bucket}", run)


if __name__ == "__main__":
    main()
