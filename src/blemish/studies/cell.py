"""One cell of a benchmark: a method trained on a category with a seed, and measured; its result is one small file."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from blemish.data.dataset import Dataset, Sample
from blemish.data.digest import digest_of
from blemish.errors import DataError
from blemish.evaluation.record import Evaluation
from blemish.evaluation.summary import figures_with_rates
from blemish.inference import open_predictor
from blemish.model.artifact import MODEL_FILE, read_artifact
from blemish.records import RecordFormat, read_record, write_record
from blemish.report.published import mvtec_ad_category
from blemish.studies.cell_weights import TeacherWeights, content_of, has_other_weights, weights_of_teachers
from blemish.studies.shared_work import begin_cell
from blemish.studies.speed import latency
from blemish.studies.spent import Meter
from blemish.training.checkpoint import CHECKPOINT_FILE
from blemish.version import __version__

_FORMAT = RecordFormat(
    version=1,
    name="cell",
    what="a benchmark's cell",
    error=DataError,
    mend="delete it: the cell is measured anew",
    remake="delete it: the cell is measured anew",
)
RUNS = "runs"
"""The folder of the models, in that of a benchmark."""
_TIMED_PHOTOS, _TIMED_SECONDS = 8, 0.2

Train = Callable[..., object]
"""(method, photos, run, *, resume, settings) -> leaves a model in `run`; the verb `train`."""
Evaluate = Callable[..., Evaluation]
"""(run, photos, *, output) -> Evaluation; the verb `evaluate`."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What is trained and measured."""

    method: str
    category: str | None
    seed: int
    found: Dataset
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the training, beside the seed; the others are the method's own defaults."""

    @property
    def key(self) -> str:
        """Returns the digest of all that decides the result, down to the photos' names and sizes, what is in files of
        teachers' weights, and the version."""
        return self._digest([teacher.sha256 for teacher in self.weights if teacher.kept])

    @property
    def key_before(self) -> str:
        """Returns what the key was while weights that are found were no part of it, whatever these are."""
        return self._digest([])

    @property
    def weights(self) -> list[TeacherWeights]:
        """Returns the weights of its teachers."""
        return weights_of_teachers(self.method, self.settings)

    def _digest(self, kept: Sequence[str | None]) -> str:
        facts = {
            "version": __version__,
            "method": self.method,
            "seed": self.seed,
            "settings": {name: _said(value) for name, value in sorted(self.settings.items())},
            "dataset": self.found.name,
            "photos": [
                [use, *_facts(sample, self.found.base)]
                for use in ("train", "validation", "test")
                for sample in getattr(self.found, use)
            ],
            **({"weights": kept} if kept else {}),
        }
        return digest_of(json.dumps(facts, sort_keys=True).encode())

    @property
    def name(self) -> str:
        """Returns the name of the result's file and of the folder of the model."""
        return _name_of(self.method, self.category, self.seed, self.key)


@dataclass(frozen=True, kw_only=True)
class CellResult:
    """The figures of one cell, as its file holds them."""

    key: str
    method: str
    category: str | None
    seed: int
    metrics: dict[str, float | None]
    """The figures by the names of METRICS, with `false_alarm_rate` and `miss_rate`."""
    mvtec_ad: str | None
    """The category of MVTec AD that this was, by its number of photos; None for any other."""
    seconds: float
    """How long training and evaluating took; of a cell that was interrupted, from where it went on."""
    cpu_seconds: float | None = None
    """Processor time of the same, of all threads; None in a result of before it was kept, as all below."""
    peak_memory_mb: float | None = None
    """The highest memory of the process meanwhile; None where the system cannot tell."""
    training_seconds: float | None = None
    """How long training took, interruptions not counted."""
    judging_ms: float | None = None
    """The median time of one photo in a file, until its verdict."""

    @property
    def name(self) -> str:
        """Returns the name of its file, and of the folder of the model."""
        return _name_of(self.method, self.category, self.seed, self.key)


def measured_cell(cell: Cell, output: Path) -> CellResult | None:
    """Returns the result of a cell that was measured before; None where there is none, or a damaged one, or one whose
    model says that its teachers had other weights."""
    key, before = cell.key, cell.key_before
    if (found := _result(cell, key, output)) is not None:
        return None if has_other_weights(output / RUNS / found.name, cell.weights) else found
    found = _result(cell, before, output) if before != key else None
    known = found is not None and has_other_weights(output / RUNS / found.name, cell.weights) is False
    return found if known else None


def _result(cell: Cell, key: str, output: Path) -> CellResult | None:
    file = output / "cells" / f"{_name_of(cell.method, cell.category, cell.seed, key)}.json"
    try:
        found = read_record(CellResult, file, form=_FORMAT, missing="not measured")
    except DataError:
        return None
    return found if found.key == key else None


def measure_cell(cell: Cell, output: Path, *, train: Train, evaluate: Evaluate) -> CellResult:
    """Trains and evaluates, and writes the result last and whole: a cell that is interrupted counts as not measured.

    A training that was interrupted goes on from its checkpoint. Raises what `train` and `evaluate` do.
    """
    begin_cell(cell.found)
    meter, run = Meter(), output / RUNS / cell.name
    unfinished = (run / CHECKPOINT_FILE).exists()
    if has_other_weights(run, cell.weights):
        train(cell.method, cell.found, run, overwrite=True, seed=cell.seed, **cell.settings)
    elif unfinished or not (run / MODEL_FILE).exists():
        train(cell.method, cell.found, run, resume=unfinished, seed=cell.seed, **cell.settings)
    evaluation = evaluate(run, cell.found, output=run / "evaluation")
    spent = meter.spent()
    result = CellResult(
        key=cell.key,
        method=cell.method,
        category=cell.category,
        seed=cell.seed,
        metrics=figures_with_rates(evaluation),
        mvtec_ad=mvtec_ad_category(evaluation),
        seconds=spent.seconds,
        cpu_seconds=spent.cpu_seconds,
        peak_memory_mb=spent.peak_memory_mb,
        training_seconds=read_artifact(run).training.seconds,
        judging_ms=_judging_ms(run, cell.found),
    )
    (output / "cells").mkdir(parents=True, exist_ok=True)
    write_record(result, output / "cells" / f"{cell.name}.json", form=_FORMAT)
    return result


def limited(found: Dataset, limit: int) -> Dataset:
    """Returns a data set with at most so many photos to train on, to validate, and to test of each kind, evenly taken
    from all: enough to see whether a benchmark runs."""
    bad = [sample for sample in found.test if sample.anomalous]
    good = [sample for sample in found.test if not sample.anomalous]
    return replace(
        found,
        train=_some(found.train, limit),
        validation=_some(found.validation, limit),
        test=_some(bad, limit) + _some(good, limit),
    )


def _judging_ms(run: Path, found: Dataset) -> float:
    """Returns the median time of one photo, which is handed over as an open file: those that cells share are known by
    their paths, and would be timed without being read and decoded."""
    predictor = open_predictor(run)

    def judge(photo: Path) -> None:
        with photo.open("rb") as file:
            predictor.predict(file)

    photos = [sample.image for sample in found.test[:_TIMED_PHOTOS]]
    return latency(judge, photos, seconds=_TIMED_SECONDS).p50


def _name_of(method: str, category: str | None, seed: int, key: str) -> str:
    return f"{method}-{category or 'all'}-seed{seed}-{key}"


def _some(samples: Sequence[Sample], limit: int) -> tuple[Sample, ...]:
    if len(samples) <= limit:
        return tuple(samples)
    return tuple(samples[at * len(samples) // limit] for at in range(limit))


def _facts(sample: Sample, base: Path) -> list[object]:
    """Returns what is known of a photo and its masks without reading them."""
    files = (sample.image, *sample.masks)
    names = [str(file.relative_to(base) if file.is_relative_to(base) else file) for file in files]
    enough = [[kind.value, kind.threshold, kind.relative] for kind in sample.saturations]
    sizes = [file.stat().st_size for file in files]
    return [sample.defect_type, sample.part, sample.mask_values, *names, *sizes, *([enough] if enough else [])]


def _said(value: object) -> object:
    """Returns a setting for the key; a file counts by its name and content, wherever it lies.

    Only teachers' weights are files: two checkpoints of one architecture have the same size.
    """
    if isinstance(value, tuple):
        return [_said(item) for item in value]
    if not isinstance(value, Path):
        return str(value)
    return [value.name, content_of(value) if value.is_file() else None]
