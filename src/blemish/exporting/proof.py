"""A few photos and the trained detector's answers, kept with an export, so that it can be proven on any machine."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from blemish.data.images import Pixels, read_image, save_png
from blemish.errors import ArtifactError, BlemishError, brief
from blemish.exporting.parity import TOLERANCES, Answer, Parity, compare, shapes_of
from blemish.files import write_atomically
from blemish.inference import open_predictor
from blemish.inference.predictor import Predictor
from blemish.model.artifact import Artifact, file_sha256
from blemish.model.exports import Export, kinds_of_exports, read_export
from blemish.model.thresholds import Calibration
from blemish.records import record_from_json

FOLDER = "proof"
ANSWERS_FILE = "answers.safetensors"
CALIBRATION = "calibration"
VERDICTS = ("normal", "check", "anomalous")


def write_proof(
    photos: Sequence[Pixels], reference: Predictor, folder: Path, *, calibration: Calibration
) -> dict[str, str]:
    """Keeps the photos, and what `reference` says of each in all shapes; returns the files and their checksums.

    `calibration` is the export's as of now: its verdicts are proven by these thresholds, whatever comes later.
    """
    place = folder / FOLDER
    for number, photo in enumerate(photos, start=1):
        save_png(place / f"{number}.png", photo)
    answers = [Answer.of(reference.predict(shape)) for photo in photos for shape in shapes_of(photo)]
    tensors = {
        "anomaly_maps": np.stack([answer.anomaly_map for answer in answers]),
        "anomaly_scores": np.array([answer.score for answer in answers]),
        "margins": np.array([answer.margin for answer in answers]),
        "verdicts": np.array([VERDICTS.index(answer.verdict) for answer in answers], np.uint8),
    }
    thresholds = {CALIBRATION: json.dumps(asdict(calibration))}
    write_atomically(place / ANSWERS_FILE, lambda beside: save_file(tensors, beside, metadata=thresholds))
    return {f"{FOLDER}/{path.name}": file_sha256(path) for path in sorted(place.iterdir())}


def verify(export: Export, predictor: Predictor) -> Parity:
    """Compares what the export says here, now, with the trained detector's kept answers.

    Raises ExportError, with the figures, beyond the precision's tolerance; ArtifactError for a damaged proof.
    """
    export.check(export.proof)
    parity = compare(_pairs(export, predictor))
    parity.check(TOLERANCES[export.precision], of=f"{export.runtime} {export.precision}")
    return parity


def prove_all(
    artifact: Artifact, *, runtime: str | None, precision: str | None
) -> dict[tuple[str, str], Parity | BlemishError]:
    """Verifies every export, or those to a runtime or in a precision alone; one that fails harms no other.

    Raises ArtifactError where there is none.
    """
    wanted = [
        (name, kind)
        for name, kind in kinds_of_exports(artifact)
        if runtime in (None, name) and precision in (None, kind)
    ]
    if not wanted:
        folder = artifact.folder
        raise ArtifactError(f"{folder} holds no such export: make one with `blemish export {folder} --to onnx`")
    return {kind: _proven(artifact, *kind) for kind in wanted}


def _proven(artifact: Artifact, runtime: str, precision: str) -> Parity | BlemishError:
    try:
        predictor = open_predictor(artifact.folder, runtime=runtime, precision=precision)
        return verify(read_export(artifact, runtime, precision), predictor)
    except BlemishError as error:
        return error


def _pairs(export: Export, predictor: Predictor) -> Iterator[tuple[Answer, Answer]]:
    kept, calibration = _kept(export.folder / FOLDER / ANSWERS_FILE)
    for name in sorted((name for name in export.proof if name.endswith(".png")), key=_number):
        for shape in shapes_of(read_image(export.folder / name)):
            yield next(kept), Answer.of(replace(predictor.predict(shape), thresholds=calibration.thresholds))


def _number(name: str) -> int:
    return int(Path(name).stem)


def _kept(path: Path) -> tuple[Iterator[Answer], Calibration]:
    """The trained detector's answers, and the export's thresholds when they were kept."""
    try:
        with safe_open(path, framework="numpy") as file:
            columns = [file.get_tensor(name) for name in ("anomaly_maps", "anomaly_scores", "margins", "verdicts")]
            calibration = record_from_json(
                Calibration, json.loads((file.metadata() or {})[CALIBRATION]), name=CALIBRATION
            )
    except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        raise ArtifactError(f"{path} cannot be read ({brief(error)}): export anew") from error
    answers = (
        Answer(score=float(score), anomaly_map=anomaly_map, verdict=VERDICTS[verdict], margin=float(margin))
        for anomaly_map, score, margin, verdict in zip(*columns, strict=True)
    )
    return answers, calibration
