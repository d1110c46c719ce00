"""Files of a model that were edited by hand or half written: whatever was done to any field, a line says so."""

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import blemish
from blemish.calibration.recalibrate import AskedRates, recalibrate
from blemish.data.dataset import Dataset
from blemish.errors import ArtifactError, BlemishError
from blemish.evaluation.record import EVALUATION_FILE, read_evaluation, write_evaluation
from blemish.evaluation.summary import spreads_of
from blemish.exporting.known_photos import known_photos
from blemish.model.artifact import MODEL_FILE, Artifact, read_artifact
from blemish.model.exports import EXPORT_FILE, Export, export_folder, read_export, write_export
from blemish.report import ml_sections, sections
from blemish.report.figures import score_histogram, training_curve
from blemish.report.page import write_report
from blemish.report.verdict import assess
from copies import copied
from evaluation.example import EVALUATION

NEEDED = {
    *("method", "title", "settings.image_size", "teachers.0.origin", "framing", "score", "weights_sha256"),
    *("calibration.image", "calibration.peaks.0", "calibration.pixel.rate_95"),
    *("training", "training.unreadable", "training.settings.seed", "training.settings.part"),
    *("training.photos.0.digest", "training.stages.0.best_step", "training.stages.0.history.0.loss"),
}
"""Some of the fields without which there is an error."""
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


def copied_along(values: Any, way: Way) -> Any:
    """A copy of the values that the way leads through; the others are the same ones: thousands of copies are made."""
    again = copy.copy(values)
    if way:
        again[way[0]] = copied_along(values[way[0]], way[1:])
    return again


def edits_of(values: dict[str, Any], under: Way) -> Iterator[tuple[str, dict[str, Any]]]:
    """What was done, and the file after it: each value `under` a way deleted or replaced in turn."""
    for way in ways_to(values):
        if way[: len(under)] != under:
            continue
        for what in ("deleted", *DAMAGE):
            edited = copied_along(values, way[:-1])
            holder = edited
            for step in way[:-1]:
                holder = holder[step]
            if what == "deleted":
                del holder[way[-1]]
            else:
                holder[way[-1]] = DAMAGE[what]
            yield f"{'.'.join(map(str, way))}: {what}", edited


def try_all(path: Path, use: Callable[[], object], *, under: Way = ()) -> list[str]:
    """Edits the file in every way and uses it; returns what was done wherever that was used without an error."""
    use()
    whole = path.read_text()
    accepted = []
    for what, values in edits_of(json.loads(whole), under):
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
    for i, sample in enumerate(parts.train[:16]):
        (folder / "photos").mkdir(exist_ok=True)
        shutil.copy(sample.image, folder / "photos" / f"lid{i // 2}_{i % 2}.png")
    blemish.train(
        *("stpm", folder / "photos", folder / "run"),
        teacher="efficientnet_lite0",
        image_size=64,
        steps=4,
        recipe="paper",
        check_every=2,
        held_out=0.5,
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
    return copied(trained, tmp_path / "run")


def test_a_model_edited_anywhere_is_a_line_or_of_use(run: Path) -> None:
    """What reads model.json without a network: reports, calibration anew, what exporting and evaluating ask of it."""
    photos = [Path(file) for file in read_artifact(run).training.files[:3]]

    def use() -> None:
        artifact = read_artifact(run)
        sections.facts(artifact, None)
        assess(artifact, None)
        known_photos(artifact, photos, precision="int8")
        recalibrate(run, photos, asked=AskedRates(false_alarms=0.4, check=0.6, estimate=True))
        recalibrate(run)

    accepted = {what.removesuffix(": deleted") for what in try_all(run / MODEL_FILE, use) if what.endswith("deleted")}
    assert not accepted & NEEDED


def drawing_once(draw: Callable[..., str]) -> Callable[..., str]:
    """Draws what is given, but what it has drawn before: most edits change nothing that is drawn."""
    drawn: dict[str, str] = {}

    def once(*given: object, **named: object) -> str:
        key = repr((given, named))
        if key not in drawn:
            drawn[key] = draw(*given, **named)
        return drawn[key]

    return once


@pytest.mark.parametrize(
    ("under", "draw"),
    [
        (("calibration",), lambda artifact: sections.histogram(artifact, None)),
        (("training", "stages"), ml_sections.training_curves),
    ],
)
def test_a_models_scores_and_history_edited_anywhere_are_a_line_or_drawn(
    run: Path, under: Way, draw: Callable[[Artifact], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sections, "score_histogram", drawing_once(score_histogram))
    monkeypatch.setattr(ml_sections, "training_curve", drawing_once(training_curve))
    accepted = try_all(run / MODEL_FILE, lambda: draw(read_artifact(run)), under=under)
    assert accepted
    assert not [what for what in accepted if "huge" in what]


def test_an_export_edited_anywhere_is_a_line_or_of_use(run: Path) -> None:
    artifact = read_artifact(run)
    path = export_folder(artifact, "onnx", "int8") / EXPORT_FILE

    def use() -> None:
        export = read_export(artifact, "onnx", "int8")
        with pytest.raises(BlemishError):  # its files are not there
            export.path(".onnx")
        recalibrate(run)

    assert try_all(path, use)


def test_an_evaluation_edited_anywhere_is_a_line_or_of_use(run: Path) -> None:
    path = run / "evaluation" / EVALUATION_FILE
    write_evaluation(EVALUATION, path)
    artifact = read_artifact(run)

    def use() -> None:
        evaluation = read_evaluation(path)
        sections.facts(artifact, evaluation)
        spreads_of({"one": evaluation, "two": evaluation})

    assert not [what for what in try_all(path, use) if "huge" in what and "blemish_version" not in what]


@pytest.mark.parametrize("name", ["unreadable", "stages", "seconds", "settings", "photos", "versions"])
def test_a_report_of_a_training_record_without_a_field_names_it(run: Path, name: str) -> None:
    values = json.loads((run / MODEL_FILE).read_text())
    del values["training"][name]
    (run / MODEL_FILE).write_text(json.dumps(values))
    with pytest.raises(ArtifactError, match=rf"model\.training\.{name} is missing"):
        write_report(run)
