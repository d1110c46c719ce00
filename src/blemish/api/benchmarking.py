"""The verb that compares methods over a data set: benchmark."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from blemish.api.judging import evaluate
from blemish.api.training import train
from blemish.data import AUTO
from blemish.data.listing import list_folder
from blemish.errors import SettingsError
from blemish.files import Folder
from blemish.progress import OnProgress, say_nothing

if TYPE_CHECKING:
    from blemish.studies.grid import Benchmark


def benchmark(
    root: Folder,
    output: Folder,
    *,
    dataset: str = AUTO,
    categories: Sequence[str] = (),
    methods: Sequence[str] = (),
    seeds: int = 3,
    image_size: int | None = None,
    steps: int | None = None,
    teacher_weights: Folder | Sequence[Folder] = (),
    limit: int | None = None,
    price_per_hour: float | None = None,
    processes: int = 1,
    ray: str | None = None,
    worker_cpus: float = 1.0,
    worker_gpus: float = 0.0,
    on_progress: OnProgress = say_nothing,
) -> "Benchmark":
    """Trains every method on every category with every seed, measures each, and writes the tables.

    Without `categories` all are taken, without `methods` all. It may be killed at any moment: the same call goes on
    with what `output` holds, and a cell that was measured is not measured again. `limit` takes at most so many photos
    of each use, and steps, for a rehearsal. The tables are table.md, table.csv, table.tex, table.html, which shows the
    worst photos too, and differences.csv; with `price_per_hour` they say what each cell cost. A cell that fails
    is in `failed`, and the others are measured. `processes` are measured at a time on this machine; `ray` is the
    address of a cluster whose machines measure, "local" for one that is started here, each worker with its own
    `worker_cpus` and `worker_gpus`. Raises SettingsError, DataError where nothing is found, and InterruptionError where
    a signal stops it.
    """
    from blemish.cluster import WorkerShare
    from blemish.detectors import DETECTORS
    from blemish.studies.benchmark_files import write_tables
    from blemish.studies.grid import BenchmarkPlan, categories_in, check_plan, run_grid
    from blemish.studies.pools import pool_of

    pool = pool_of(ray=ray, processes=processes, share=WorkerShare(cpus=worker_cpus, gpus=worker_gpus))
    if ray is not None:  # other machines stand in other folders
        root = Path(root).absolute()
    chosen = tuple(dict.fromkeys(methods)) or tuple(DETECTORS)
    list_folder(Path(root))  # or an error, rather than one of each cell
    if price_per_hour is not None and not 0 <= price_per_hour < math.inf:
        raise SettingsError(f"price_per_hour is {price_per_hour}: give 0 or more")
    check_plan(chosen, tuple(DETECTORS), seeds=seeds, limit=limit)
    fewer = [count for count in (steps, limit) if count is not None]
    weights = (teacher_weights,) if isinstance(teacher_weights, str | Path) else tuple(teacher_weights)
    settings = {
        "image_size": image_size,
        "steps": min(fewer) if fewer else None,
        "teacher_weights": tuple(Path(file).absolute() for file in weights) or None,
    }
    plan = BenchmarkPlan(
        root=Path(root),
        dataset=dataset,
        categories=tuple(dict.fromkeys(categories)) or categories_in(dataset, Path(root)),
        methods=chosen,
        seeds=seeds,
        limit=limit,
        settings={name: value for name, value in settings.items() if value is not None},
    )
    found = run_grid(plan, Path(output), train=train, evaluate=evaluate, pool=pool, on_progress=on_progress)
    write_tables(found, Path(output), price_per_hour=price_per_hour)
    return found
