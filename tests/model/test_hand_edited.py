"""Files of a model that were edited by hand or half written: whatever was done to any field, a line says so."""

import copy
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import blemish
from blemish.calibration.recalibrate import Thresholds, recalibrate
from blemish.data.dataset import Dataset
from blemish.data.digest import file_digest
from blemish.errors import BlemishError
from blemish.exporting.known_photos import photos_at_hand
from blemish.model.artifact import Artifact, read_artifact
from blemish.model.exports import Export, export_folder, read_export, write_export
from blemish.evaluation.record import EVALUATION_FORMAT, read_evaluation, write_evaluation
from blemish.records import record_to_json
from blemish.report import sections
from evaluation.example import EVALUATION

Way = tuple[str | int, ...]
"""Names and places that lead from a file's top to one of its values."""

DAMAGE: dict[str, Any] = {
    "null": None,
    "a text": "many",
    "a list": [1, "two"],
    "an object": {"name": "two"},
    "a huge number": 10**400,
    "a large number": 1e308,
    "a large count": 10**15,
    "below zero": -7,
    "no number": float("nan"),
    "no end": float("inf"),
}


def ways_to(values: Any, way: Way = ()) -> Iterator[Way]:
    """To every value of a file; of a list, to the first and the last."""
    if way:
        yield way
    if isinstance(values, dict):
        for name, value in values.items():
            yield from ways_to(value, (*way, name))
    if isinstance(values, list):
        for place in sorted({0, len(values) - 1} if values else ()):
            yield from ways_to(values[place], (*way, place))


def edits_of(values: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What was done, and the file after it: each value deleted, doubled or replaced in turn."""
    for way in ways_to(values):
        *parents, last = way
        for what in ("deleted", *DAMAGE):
            edited = copy.deepcopy(values)
            holder = edited
            for step in parents:
                holder = holder[step]  # type: ignore[index]
            if what == "deleted":
                del holder[last]  # type: ignore[arg-type]
            else:
                holder[last] = DAMAGE[what]  # type: ignore[index]
            yield f"{'.'.join(map(str, way))}: {what}", edited


def try_all(path: Path, use: Callable[[], object]) -> list[str]:
    """Edits the file in every way and uses it; returns what was done wherever that was used without an error."""
    whole = path.read_text()
    accepted = []
    for what, values in edits_of(json.loads(whole)):
        path.write_text(json.dumps(values))
        try:
            use()
        except BlemishError as error:
            assert "\n" not in str(error), what
            assert len(str(error)) < 500 + len(str(path)), what
        except Exception as error:
            raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
        else:
            accepted.append(what)
    path.write_text(whole)
    return accepted


@pytest.fixture(scope="module")
def trained(parts: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose photos show parts, so that all of its fields have a use; with an export."""
    folder = tmp_path_factory.mktemp("model")
    for i, sample in enumerate(parts.train[:12]):
        (folder / "photos").mkdir(exist_ok=True)
        shutil.copy(sample.image, folder / "photos" / f"lid{i // 2}_{i % 2}.png")
    blemish.train(
        *("stpm", folder / "photos", folder / "run"),
        teacher="efficientnet_lite0",
        image_size=64,
        steps=4,
        check_every=2,
        held_out=0.4,
        part="(.+)_[0-9]+",
    )
    artifact = read_artifact(folder / "run")
    place = export_folder(artifact, "onnx", "int8")
    place.mkdir(parents=True)
    export = Export(
        folder=place,
        runtime="onnx",
        precision="int8",
        graph={"model.onnx": "0" * 64},
        proof={"proof/1.png": "0" * 64},
        weights_sha256=artifact.weights_sha256,
        calibration=artifact.calibration,
        parity={"photos": 3, "tolerance": {"flips": 0.0}, "rank_correlation": None},
        made_with={"onnx": "1.0"},
    )
    write_export(export)
    return folder / "run"


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))
