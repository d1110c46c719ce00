"""From a trained artifact to an export that is proven to agree with it.

Each step takes what the one before it returns: the exact graph, the graph rounded, its files, its thresholds, the files
with these, the comparison, the proof. Only then does the export take the place of an older one.
"""

import dataclasses
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blemish.calibration.promise import calibrate_with, judge_good_photos
from blemish.data.images import read_image
from blemish.data.pixel_limit import allow_pixels
from blemish.errors import DataError, MissingExtraError
from blemish.exporting import EXPORTERS
from blemish.exporting.description import description_of
from blemish.exporting.exact_graph import exact_graph, installed_versions
from blemish.exporting.known_photos import MOST_COMPARED, MOST_TO_ROUND, FoundPhotos, known_photos
from blemish.exporting.parity import TOLERANCES, Answer, Parity, compare_answers
from blemish.exporting.proof import (
    PROOF_FOLDER,
    ProofPhotos,
    choose_proof_photos,
    proof_files,
    repeat_proof,
    write_proof,
)
from blemish.exporting.worked_example import TEST_VECTOR_FOLDER, write_worked_example
from blemish.files import cannot_write, make_folder
from blemish.inference import RUNTIMES, check_runtime, open_predictor, runtime_of
from blemish.inference.predictor import Predictor
from blemish.model.artifact import Artifact, file_sha256
from blemish.model.exports import Export, export_folder, write_export
from blemish.model.thresholds import Calibration
from blemish.progress import OnProgress, Progress, say_nothing

MOST_IN_A_PROOF = 4  # photos compared in all shapes, and kept
MOST_OF_TILES = 2  # such photos, each of which is many frames
PACKAGES = ("torch", "onnx", "onnxscript", "onnxruntime", "openvino", "pillow")


@dataclass(frozen=True, kw_only=True)
class ExportResult:
    """A finished export, how far it is from the trained detector, and which of the given photos were left out."""

    export: Export
    parity: Parity
    unreadable: tuple[DataError, ...]


def make_export(
    artifact: Artifact,
    to: str,
    *,
    precision: str = "fp32",
    photos: Sequence[Path] = (),
    on_progress: OnProgress = say_nothing,
) -> ExportResult:
    """Leaves the export in the artifact's folder, in place of an older one.

    It is compared with the trained detector on the photos that gave the thresholds, where they still are or among
    `photos`, and on any other of `photos`. A precision below fp32 gets thresholds of its own from the former; int8
    takes its ranges from photos that were trained on, so that calibration's stay unseen. Raises ExportError where the
    two disagree, DataError where photos that it needs are not found, MissingExtraError, before anything is read, where
    a package is not installed; nothing but the exact graph is left then.
    """
    check_runtime(to, precision)
    check_packages(to)
    allow_pixels(artifact.framing.max_pixels)  # now: photos are read before anything judges them
    found = known_photos(artifact, photos, precision=precision)
    _check_photos(found, artifact, precision)
    final = export_folder(artifact, to, precision)
    make_folder(final.parent)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=final.parent) as name:
        draft = _draft(artifact, to, precision, folder=Path(name) / "export")
        graph = _graph_of(artifact, draft, found, on_progress=on_progress)
        files = _with_graph(draft, artifact, graph)
        if precision != "fp32":
            calibration = _own_calibration(files, artifact, found, on_progress=on_progress)
            files = _with_graph(dataclasses.replace(files, calibration=calibration), artifact, graph)
        proven, parity = _with_proof(files, artifact, found, on_progress=on_progress)
        write_export(proven)
        _replace(proven.folder, final)
    return ExportResult(export=dataclasses.replace(proven, folder=final), parity=parity, unreadable=found.unreadable)


def check_packages(to: str) -> None:
    """Raises MissingExtraError where what it takes to export to a runtime is not installed."""
    needed = {"torch": "train"}  # whatever is exported is compared with it
    if to != "torch":
        needed |= {"onnx": "export", "onnxscript": "export", RUNTIMES[to].package: RUNTIMES[to].extra}
    for package, extra in needed.items():
        if find_spec(package) is None:
            raise MissingExtraError(package=package, extra=extra, purpose="exporting")


def _draft(artifact: Artifact, to: str, precision: str, *, folder: Path) -> Export:
    """Returns an export of no files yet, in a new folder."""
    folder.mkdir()
    return Export(
        folder=folder,
        runtime=to,
        precision=precision,
        graph={},
        proof={},
        weights_sha256=artifact.weights_sha256,
        calibration=None,
        parity={},
        made_with=installed_versions(PACKAGES),
    )


def _graph_of(artifact: Artifact, draft: Export, found: FoundPhotos, *, on_progress: OnProgress) -> Path:
    """Returns the ONNX file that the runtime's files are written from; torch reads the weights instead."""
    if draft.runtime == "torch":
        return artifact.weights
    on_progress(Progress(activity="tracing", done=0, total=1))
    exact = exact_graph(artifact)
    on_progress(Progress(activity="tracing", done=1, total=1))
    if draft.precision != "int8":
        return exact
    from blemish.exporting.int8 import quantize

    rounded = draft.folder.with_name("rounded.onnx")
    quantize(exact, rounded, _images_to_round_by(artifact, found.trained_on, on_progress=on_progress))
    return rounded


def _images_to_round_by(
    artifact: Artifact, photos: Sequence[Path], *, on_progress: OnProgress
) -> Iterator[NDArray[np.float32]]:
    framing = artifact.framing
    for done, path in enumerate(photos, start=1):
        frames = framing.cut(read_image(path, reading=framing.reading), most=max(1, MOST_TO_ROUND // len(photos)))
        yield from (framing.images(frame[None]) for frame in frames)
        on_progress(Progress(activity="rounding", done=done, total=len(photos)))


def _with_graph(export: Export, artifact: Artifact, graph: Path) -> Export:
    """Returns the export with its graph's files, which describe it as it is now: they are written anew each time."""
    EXPORTERS[export.runtime](graph, export.folder, description_of(export, artifact))
    files = {path.name: file_sha256(path) for path in sorted(export.folder.iterdir()) if path.is_file()}
    return dataclasses.replace(export, graph=files)


def _own_calibration(export: Export, artifact: Artifact, found: FoundPhotos, *, on_progress: OnProgress) -> Calibration:
    """Returns thresholds of the artifact's rates, from the same photos, as this precision scores them."""
    photos, old = found.calibrating, artifact.calibration
    judged = judge_good_photos(
        _predictor(export, artifact),
        photos,
        on_photo=lambda done: on_progress(Progress(activity="calibrating", done=done, total=len(photos))),
    )
    for error in judged.unreadable:
        raise error
    return calibrate_with(
        judged,
        [found.parts[i] for i in judged.judged],
        looks={name: old.watched[name] for name in judged.looks if name in old.watched},
        false_alarm_rate=old.image.asked_rate,
        check_rate=None if old.check is None else old.check.asked_rate,
        estimate=old.image.estimated,
        unit=old.unit,
    )


def _predictor(export: Export, artifact: Artifact) -> Predictor:
    return Predictor(
        runtime_of(artifact, export.runtime, export, device="cpu"),
        artifact.framing,
        score=artifact.score,
        calibration=export.calibration or artifact.calibration,
        usual=artifact.usual,
        interest=artifact.interest,
    )


def _with_proof(
    export: Export, artifact: Artifact, found: FoundPhotos, *, on_progress: OnProgress
) -> tuple[Export, Parity]:
    """Returns the export with its proof and test vector, and how far it is from the trained detector.

    Raises ExportError where that is beyond the tolerance.
    """
    reference = open_predictor(artifact.folder, runtime="torch", device="cpu")
    predictor = _predictor(export, artifact)
    every = found.others + found.calibrating
    most = MOST_IN_A_PROOF if artifact.framing.tile is None else MOST_OF_TILES
    kept = every[:: max(1, len(every) // most)][:most]
    photos = choose_proof_photos(kept, reference)
    alone = [path for path in every[: max(1, MOST_COMPARED // photos.most_frames)] if path not in kept]
    total = len(alone) + len(photos.answers)
    steps = iter(range(1, total + 1))
    parity = compare_answers(
        _pairs(alone, photos, reference, predictor),
        on_photo=lambda: on_progress(Progress(activity="comparing", done=next(steps), total=total)),
    )
    tolerance = TOLERANCES[export.precision]
    parity.check(tolerance, of=f"{export.runtime} {export.precision}")
    write_proof(photos, export.folder / PROOF_FOLDER, calibration=predictor.calibration)
    write_worked_example(photos.first, predictor, export.folder / TEST_VECTOR_FOLDER)
    proven = dataclasses.replace(
        export, proof=proof_files(export.folder), parity=asdict(parity) | {"tolerance": asdict(tolerance)}
    )
    repeat_proof(proven, predictor)  # a proof that fails where it was made would be none
    return proven, parity


def _pairs(
    alone: Sequence[Path], photos: ProofPhotos, reference: Predictor, predictor: Predictor
) -> Iterator[tuple[Answer, Answer]]:
    """Yields the trained detector's answer and the export's, to photos as they are and to those of the proof."""
    for path in alone:
        yield Answer.of(reference.predict(path)), Answer.of(predictor.predict(path))
    for shape, answer in zip(photos.shapes, photos.answers, strict=True):
        yield answer, Answer.of(predictor.predict(shape))


def _check_photos(found: FoundPhotos, artifact: Artifact, precision: str) -> None:
    """Raises DataError where a photo that the precision needs was not found, before minutes are spent."""
    where = "they are not where training found them: give their folder with --photos"
    if precision == "fp32" and not (found.calibrating or found.others):
        unusable = f" (of those given none can be used: {found.unreadable[0]})" if found.unreadable else ""
        raise DataError(
            f"an export is compared on real photos, such as those that calibrated {artifact.folder}; {where}{unusable}"
        )
    missing = found.missing
    if precision != "fp32" and missing:
        raise DataError(
            f"{precision} gets thresholds of its own from the photos that calibrated the model, to promise what it "
            f"promises, but some ({len(missing)}) are gone or changed, such as {missing[0]}; {where}, or calibrate "
            "with others (`blemish calibrate --replace --good`)"
        )
    if precision == "int8" and not found.trained_on:
        raise DataError(f"int8 takes its ranges from photos that the model was trained on; {where}")


def _replace(made: Path, final: Path) -> None:
    """Puts a finished export in the place of an older one, which stays whole until then."""
    old = made.with_name("old")
    try:
        if final.exists():
            final.rename(old)
        made.rename(final)
    except OSError as error:
        if old.exists():
            old.rename(final)
        raise cannot_write(final, error) from error
