"""Processor time of a benchmark's cells with and without what they share: decoded photos and a teacher's features.

    python benchmarks/shared_work.py                     # stpm and mend, two seeds each, made-up parts of 512x512
    python benchmarks/shared_work.py --photos CATEGORY --methods stpm rstpm --seeds 3 --steps 50

CATEGORY is a folder in MVTec AD's layout. Both ways are measured in turn, in one process, after a cell that does not
count; what is measured of the models is compared, bit for bit. Teachers' weights come with the installation.
"""

import argparse
import contextlib
import tempfile
import time
from pathlib import Path
from typing import Any

from blemish import api
from blemish.data import find_dataset
from blemish.data.dataset import Dataset
from blemish.data.made_up import make_up
from blemish.model.artifact import read_artifact
from blemish.studies.cell import Cell, limited, measure_cell
from blemish.studies.shared_work import work_shared


def cells(found: Dataset, asked: argparse.Namespace) -> list[Cell]:
    settings: dict[str, Any] = {"image_size": asked.image_size, "steps": asked.steps, "teacher": "efficientnet_lite0"}
    of_method = {"rstpm": {"second_teacher": "efficientnet_lite0"}, "mend": {"decoder_steps": asked.steps}}
    return [
        Cell(method=method, category=None, seed=seed, found=found, settings=settings | of_method.get(method, {}))
        for method in asked.methods
        for seed in range(asked.seeds)
    ]


def measured(found: Dataset, asked: argparse.Namespace, output: Path) -> tuple[list[float], list[Any]]:
    """The processor seconds of each cell, and what it measured."""
    seconds, said = [], []
    for cell in cells(found, asked):
        began = time.process_time()
        result = measure_cell(cell, output, train=api.train, evaluate=api.evaluate)
        seconds.append(time.process_time() - began)
        said.append((result.metrics, read_artifact(output / "runs" / result.name).weights_sha256))
    return seconds, said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--methods", nargs="+", default=["stpm", "mend"])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--image-size", type=int, default=128)
    parser.add_argument("--photo-size", type=int, default=512)
    parser.add_argument("--limit", type=int, default=48)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if asked.photos is None:
            make_up(Path(folder) / "parts", seed=0, size=asked.photo_size)
        found = find_dataset("mvtec_ad", asked.photos or Path(folder) / "parts", None)
        found = limited(found, asked.limit)
        measure_cell(cells(limited(found, 4), asked)[0], Path(folder, "first"), train=api.train, evaluate=api.evaluate)
        said = {}
        for name in ("alone", "shared"):
            with work_shared() if name == "shared" else contextlib.nullcontext() as work:
                seconds, said[name] = measured(found, asked, Path(folder, name))
            each = ", ".join(f"{one:.1f}" for one in seconds)
            done = (
                "" if work is None else f"; {work.photos.decoded} files decoded, {work.features.computed} frames asked"
            )
            print(f"{name:<7} {sum(seconds):6.1f} s of processor time ({each}){done}", flush=True)
        print("the same, bit for bit" if said["alone"] == said["shared"] else "NOT THE SAME")


if __name__ == "__main__":
    main()
