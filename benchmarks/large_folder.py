"""A folder of large photos judged in tiles and written, per runtime: photos per second, core time, peak memory.

    python benchmarks/large_folder.py WORK_FOLDER [--size 4096 3000] [--photos 2] [--tiles 512] [--image-size 256]

Photos are pieces of a photographed texture, mirrored to their size, saved as JPEG. The model is the default method's
after a few steps on such photos: what it costs does not depend on what it has learned. Each runtime judges the folder
in a process of its own, as `blemish predict --output` does, and leaves lines, and overlays of what is not normal.
Memory is told of the opened model with one decoded photo, and of the whole. Core time is the process's own, threads
included: on a machine that others use, seconds are longer than it.
"""

import argparse
import multiprocessing
import shutil
import time
from pathlib import Path

import numpy as np
from PIL import Image
from small_defects import make_parts

import blemish
from blemish.data.images import read_image
from blemish.errors import DataError
from blemish.inference import RUNTIMES, open_predictor
from blemish.model.artifact import MODEL_FILE, read_artifact
from blemish.model.exports import has_export


def make_photos(folder: Path, *, count: int, width: int, height: int) -> None:
    """Writes photos of a size as JPEG."""
    raw = folder.with_name("raw")
    for number in range(count):
        make_parts(raw, count=1, size=max(width, height), seed=number, test=True, strength=0.3)
        pixels = read_image(raw / "000.png")[:height, :width]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.ascontiguousarray(pixels)).save(folder / f"{number:03}.jpg", quality=92)
    shutil.rmtree(raw)


def train(work: Path, *, width: int, height: int, tile: int, image_size: int) -> Path:
    """Returns a model that sees tiles of photos of this size, with all exports."""
    run = work / "model"
    if not (run / MODEL_FILE).exists():
        if not (work / "good").exists():
            make_photos(work / "good", count=5, width=width, height=height)
        blemish.train(
            work / "good", run, image_size=image_size, tiles=tile, steps=2, batch_size=2, held_out=0.4, overwrite=True
        )
    for runtime in ("onnx", "openvino"):
        if not has_export(read_artifact(run), runtime, "fp32"):
            blemish.export(run, runtime)
    return run


def judged(run: Path, runtime: str, photos: Path, output: Path) -> str:
    """Returns a row on one runtime, in a process that has done nothing else."""
    predictor = open_predictor(run, runtime=runtime)
    files = sorted(photos.iterdir())
    height, width = read_image(files[0]).shape[:2]
    frames = len(predictor.framing.geometry((height, width)).windows)
    before = _peak()
    wall, cores = time.perf_counter(), time.process_time()
    results = list(blemish.predict(run, photos, output=output, runtime=runtime))
    wall, cores = time.perf_counter() - wall, time.process_time() - cores
    failed = [result for result in results if isinstance(result, DataError)]
    assert not failed, failed
    kinds = ", ".join(sorted({result.verdict for result in results if not isinstance(result, DataError)}))
    return (
        f"| {runtime} | {frames} | {cores / len(files):.1f} | {len(files) / wall:.3f} | {before:.0f} | {_peak():.0f} "
        f"| {kinds} |"
    )


def _peak() -> float:
    """Returns the highest memory of this process so far, in MB; ru_maxrss may be its parent's, who trained."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--size", type=int, nargs=2, default=(4096, 3000), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--photos", type=int, default=2)
    parser.add_argument("--tiles", type=int, default=512, help="pixels of the photo")
    parser.add_argument("--image-size", type=int, default=256)
    parser.add_argument("--runtimes", nargs="+", default=list(RUNTIMES), choices=list(RUNTIMES))
    options = parser.parse_args()
    width, height = options.size
    run = train(options.work, width=width, height=height, tile=options.tiles, image_size=options.image_size)
    photos = options.work / f"{width}x{height}"
    if not photos.exists():
        make_photos(photos, count=options.photos, width=width, height=height)
    print(
        "| runtime | tiles | core s a photo | photos/s | MB opened | MB at the peak | verdicts |\n" + "|---" * 7 + "|"
    )
    for runtime in options.runtimes:
        with multiprocessing.get_context("spawn").Pool(1) as alone:
            print(alone.apply(judged, (run, runtime, photos, options.work / runtime)), flush=True)


if __name__ == "__main__":
    main()
