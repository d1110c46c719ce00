"""`blemish benchmark`: methods over the categories of a data set, with several seeds."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from blemish import api
from blemish.cli.asked_values import asked_names
from blemish.cli.progress import ProgressBars

_DONE, _SOME_FAILED = 0, 2


def benchmark(
    root: Path,
    output: Path,
    /,
    *,
    dataset: str = "auto",
    categories: Annotated[tuple[str, ...], Parameter(converter=asked_names, n_tokens=1)] = (),
    methods: Annotated[tuple[str, ...], Parameter(converter=asked_names, n_tokens=1)] = (),
    seeds: int = 3,
    image_size: int | None = None,
    steps: int | None = None,
    teacher_weights: tuple[Path, ...] = (),
    limit: int | None = None,
    processes: int = 1,
    ray: str | None = None,
    worker_cpus: float = 1.0,
    worker_gpus: float = 0.0,
    price_per_hour: float | None = None,
) -> int:
    """Measure methods over a data set: each is trained on every category with several seeds, and tested.

    It may be stopped at any moment: the same command goes on, and what was measured is not measured again. Exit code 2
    where something failed; the table of all else is there. How fast a model is, `blemish speed RUN` says.

    Parameters
    ----------
    root
        Folder of the data set.
    output
        Folder for models, evaluations, one small file for each result, and the tables: table.md, table.csv, table.tex
        (LaTeX), table.html (with curves and the worst photos) and differences.csv.
    dataset
        How photos lie in the folder; auto recognises it.
    categories
        Which of its categories, such as screw,pill; all of them without it.
    methods
        Which methods, such as mend,stpm; all of them without it.
    seeds
        How many trainings of each, with the seeds 0, 1, 2, ...
    image_size
        As for training, of every method: by default each method's own.
    steps
        As for training: at most so many.
    teacher_weights
        Weights files of teachers, where they are not found.
    limit
        A rehearsal: at most so many photos of each use, and steps of each stage; its figures mean nothing.
    processes
        How many trainings at a time, on this machine.
    ray
        Train on the machines of a Ray cluster: its HOST:PORT, or auto for the one that this machine belongs to; without
        an address, on one that is started here.
    worker_cpus
        With --ray: how many processors each training has; as many run at a time as there is room for.
    worker_gpus
        With --ray: how many GPUs each training has; 0.5 lets two share one, without it none is used.
    price_per_hour
        What an hour of this machine costs: the tables say what each training and its test cost.
    """
    with ProgressBars() as bars:
        found = api.benchmark(
            root,
            output,
            dataset=dataset,
            categories=categories,
            methods=methods,
            seeds=seeds,
            image_size=image_size,
            steps=steps,
            teacher_weights=teacher_weights,
            limit=limit,
            processes=processes,
            ray=ray,
            worker_cpus=worker_cpus,
            worker_gpus=worker_gpus,
            price_per_hour=price_per_hour,
            on_progress=bars.show,
        )
    print((output / "table.md").read_text(encoding="utf-8"), end="")
    for line in found.failed:
        sys.stderr.write(f"blemish: failed: {line}\n")
    return _SOME_FAILED if found.failed else _DONE
