"""A benchmark: every method on every category with every seed, which may be killed at any moment and goes on."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

from blemish.data import AUTO, DATASETS, find_dataset, layout_of
from blemish.data.dataset import Dataset, Layout
from blemish.detectors import DETECTORS
from blemish.errors import DataError, SettingsError
from blemish.files import make_folder
from blemish.progress import OnProgress, Progress, say_nothing
from blemish.studies.cell import Cell, CellResult, Evaluate, Train, limited, measure_cell, measured_cell
from blemish.studies.pools import Pool, measured_here
from blemish.wording import brief, some_of

_log = logging.getLogger("blemish")


@dataclass(frozen=True, kw_only=True)
class BenchmarkPlan:
    """What a benchmark trains and measures."""

    root: Path
    dataset: str
    categories: tuple[str | None, ...]
    methods: tuple[str, ...]
    seeds: int
    """Seeds are 0 to one less than this."""
    limit: int | None = None
    """At most so many photos of each use, and steps: a rehearsal, whose figures mean nothing."""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """The results that a benchmark has, and what failed."""

    plan: BenchmarkPlan
    results: tuple[CellResult, ...]
    failed: tuple[str, ...]
    """A line for each cell that has no result."""


def categories_in(dataset: str, root: Path) -> tuple[str | None, ...]:
    """Returns all categories of a data set below a root, published ones first; None alone where the root is one itself.

    Raises SettingsError for a data set that there is not, DataError where nothing is found.
    """
    if dataset == AUTO:
        there = next((names for layout in _layouts() if (names := layout.categories(root))), ())
        return (None,) if layout_known(root) or not there else there
    if dataset not in DATASETS:
        raise SettingsError(f"dataset {dataset!r} is unknown: give {AUTO} or one of {', '.join(DATASETS)}")
    layout = DATASETS[dataset]
    if layout.recognises(root):
        return (None,)
    official = [name for name in layout.official if name and _is_there(dataset, root, name)]
    others = [name for name in layout.categories(root) if name not in layout.official]
    names = (*official, *others) or layout.categories(root)
    if not names:
        find_dataset(dataset, root)  # or an error that says what is missing
    if official and (absent := [name for name in layout.official if name and name not in official]):
        _log.warning(
            "%s: %s of %s categories can be used, a mean is of these alone; without photos: %s (`blemish check "
            "--dataset %s` says what is missing)",
            *(root, len(official), len(official) + len(absent), some_of(absent), dataset),
        )
    return names or (None,)


def layout_known(root: Path) -> bool:
    """Returns whether a layout recognises the root itself as one category."""
    try:
        return layout_of(root).name != "folder"
    except DataError:
        return False


def run_grid(
    plan: BenchmarkPlan,
    output: Path,
    *,
    train: Train,
    evaluate: Evaluate,
    pool: Pool = measured_here,
    on_progress: OnProgress = say_nothing,
) -> Benchmark:
    """Measures every cell that has no result in `output` yet, as the pool does it, and returns all of them.

    A cell that fails is listed, and the others are measured; InterruptionError alone ends all. Nothing is counted
    twice: of each cell there is one file, whose name says what decided it.
    """
    make_folder(output)
    wanted = [(name, method, seed) for name in plan.categories for method in plan.methods for seed in range(plan.seeds)]
    data: dict[str | None, Dataset | DataError] = {name: _photos(plan, name) for name in plan.categories}
    came_of: dict[int, CellResult | Exception] = {}
    cells: dict[int, Cell] = {}
    for number, (name, method, seed) in enumerate(wanted):
        found = data[name]
        if isinstance(found, DataError):
            came_of[number] = found
            continue
        cell = Cell(method=method, category=name, seed=seed, found=found, settings=_settings_of(method, plan))
        try:
            known = measured_cell(cell, output)
        except OSError as error:  # a photo has gone since
            came_of[number] = error
            continue
        if known is None:
            cells[number] = cell
        else:
            came_of[number] = known
    on_progress(Progress(activity="benchmark", done=len(came_of), total=len(wanted)))
    numbers, measure = list(cells), partial(measure_cell, train=train, evaluate=evaluate)
    for place, result in pool(list(cells.values()), measure, output) if cells else ():
        came_of[numbers[place]] = result
        on_progress(Progress(activity="benchmark", done=len(came_of), total=len(wanted)))
    in_order = [(wanted[number], came_of[number]) for number in range(len(wanted))]
    return Benchmark(
        plan=plan,
        results=tuple(result for _, result in in_order if isinstance(result, CellResult)),
        failed=tuple(
            f"{method}, {name or plan.root}, seed {seed}: {brief(error)}"
            for (name, method, seed), error in in_order
            if isinstance(error, Exception)
        ),
    )


def _settings_of(method: str, plan: BenchmarkPlan) -> Mapping[str, Any]:
    """Returns the plan's settings; in a rehearsal no stage of the method takes more steps than there are photos."""
    if plan.limit is None:
        return plan.settings
    lengths = [setting.name for setting in fields(DETECTORS[method].Settings) if _is_a_length(setting.name)]
    return {**plan.settings, **{name: min(plan.limit, plan.settings.get(name, plan.limit)) for name in lengths}}


def _is_a_length(setting: str) -> bool:
    return setting == "steps" or setting.endswith("_steps")


def _photos(plan: BenchmarkPlan, category: str | None) -> Dataset | DataError:
    try:
        found = find_dataset(plan.dataset, plan.root, category)
        if lacking := _lacking(found):
            return DataError(f"{found.base}: has no {lacking}")
        return found if plan.limit is None else limited(found, plan.limit)
    except DataError as error:
        return error


def _lacking(found: Dataset) -> str | None:
    """Returns what a data set lacks for a method to be measured, and where to put it; None where all is there."""
    if not found.train or not found.test:
        return f"photos to {'test with' if found.train else 'learn from'}"
    kinds = {sample.anomalous for sample in found.test}
    if False not in kinds:
        return "good photos to test with: move some of those to learn from into a folder such as test/good"
    if True not in kinds:
        return "bad photos to test with: put some into a folder such as test/bad"
    return None


def _layouts() -> list[Layout]:
    return [layout for layout in DATASETS.values() if layout.name != "folder"]


def _is_there(dataset: str, root: Path, name: str) -> bool:
    try:
        return bool(DATASETS[dataset].find(root, name).test)
    except DataError:
        return False


def check_plan(methods: Sequence[str], known: Sequence[str], *, seeds: int, limit: int | None) -> None:
    """Raises SettingsError for a method that there is not, and for numbers that make no benchmark."""
    for method in methods:
        if method not in known:
            raise SettingsError(f"method {method!r} is unknown: give one of {', '.join(known)}")
    if seeds < 1:
        raise SettingsError(f"seeds is {seeds}: give 1 or more")
    if limit is not None and limit < 2:
        raise SettingsError(f"limit is {limit}: give 2 photos and steps or more")
