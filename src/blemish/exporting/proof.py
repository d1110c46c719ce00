"""A few photos and the trained detector's answers, kept with an export, so that it can be proven on any machine."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from blemish.data.framing import Framing
from blemish.data.images import Pixels, Size, read_header, read_image, resize_image, save_png
from blemish.data.interest import Interest
from blemish.errors import ArtifactError, BlemishError, ExportError
from blemish.exporting.parity import (
    MOST_TILES,
    TOLERANCES,
    Answer,
    Parity,
    compare_answers,
    holds_regions,
    shapes_of,
    zoom_to_few,
    zoomed,
)
from blemish.exporting.worked_example import (
    PHOTO_FILE,
    TEST_VECTOR_FOLDER,
    ExamplePhoto,
    choose_example_photo,
    framing_difference,
    jpeg_difference,
    middle_of,
)
from blemish.files import write_atomically
from blemish.inference import open_predictor
from blemish.inference.predictor import Predictor
from blemish.model.artifact import Artifact, file_sha256
from blemish.model.exports import Export, kinds_of_exports, read_export
from blemish.model.thresholds import Calibration
from blemish.records import record_from_json
from blemish.wording import as_argument, brief

PROOF_FOLDER = "proof"
ANSWERS_FILE = "answers.safetensors"
MOST_DECODED_OTHERWISE = 2.0
"""How many of 255 levels decoders of JPEG may differ by, each rounding in its own way, and resizing likewise."""
_CALIBRATION = "calibration"
_MAPS = "anomaly_maps"
_VERDICTS = ("normal", "check", "anomalous", "unusual")


@dataclass(frozen=True, kw_only=True)
class ProofPhotos:
    """The photos of a proof, decoded once, and what the trained detector says of them in all shapes."""

    first: ExamplePhoto
    """It is the test vector's too, and kept there."""
    others: tuple[Pixels, ...]
    sizes: tuple[Size, ...]
    """Of all of them, as they were taken: of photos of many tiles only the middle is kept, or a smaller one."""
    answers: tuple[Answer, ...]
    framing: Framing
    interest: Interest | None

    @property
    def shapes(self) -> Iterator[Pixels]:
        """Yields what the answers are to, one by one, for they are large."""
        for photo in (self.first.pixels, *self.others):
            yield from shapes_of(photo, self.framing, self.interest)

    @property
    def most_frames(self) -> int:
        """How many frames a photo as it was taken has, of the one that has most."""
        return max(len(self.framing.geometry(size).windows) for size in self.sizes)


@dataclass(frozen=True, kw_only=True)
class ProofOutcome:
    """The outcome of a repeated proof: what the export says here, now, against the answers in the proof."""

    parity: Parity
    jpeg_difference: float | None
    """How many of 255 levels the same JPEG file is decoded otherwise here, at most; None where none was kept."""
    framing_difference: float
    """How many of 255 levels the same photo is resized otherwise here, at most."""

    def __str__(self) -> str:
        notes = "".join(
            f"; {what} differs by {levels:.1f} of 255 levels at most from that of the machine that exported"
            for what, levels in (
                ("the JPEG decoder here", self.jpeg_difference),
                ("the resizing here", self.framing_difference),
            )
            if levels
        )
        return f"{self.parity}{notes}"

    def check(self, precision: str, *, of: str) -> None:
        """Raises ExportError, with the figures, where one is beyond what is allowed: first of what comes first, for
        photos that are read otherwise are judged otherwise."""
        for what, levels in (
            ("JPEG files are decoded", self.jpeg_difference),
            ("photos are resized", self.framing_difference),
        ):
            if levels is not None and levels > MOST_DECODED_OTHERWISE:
                raise ExportError(
                    f"{of}: {what} otherwise on this machine (by {levels:.0f} of 255 levels, allowed: "
                    f"{MOST_DECODED_OTHERWISE:.0f}), so that verdicts may differ; install the Pillow of export.json's "
                    "made_with"
                )
        self.parity.check(TOLERANCES[precision], of=of)


def choose_proof_photos(paths: Sequence[Path], reference: Predictor) -> ProofPhotos:
    """Reads the photos, and asks the trained detector's predictor about each in all shapes; raises DataError."""
    framing, interest = reference.framing, reference.interest
    fitted = partial(of_few_tiles, framing=framing, interest=interest)
    first, place = choose_example_photo(paths, fitted=fitted, reading=framing.reading)
    rest = (path for number, path in enumerate(paths) if number != place)
    others = tuple(fitted(read_image(path, reading=framing.reading)) for path in rest)
    sizes = tuple(read_header(path, reading=framing.reading).size for path in paths)
    photos = ProofPhotos(first=first, others=others, sizes=sizes, answers=(), framing=framing, interest=interest)
    return replace(photos, answers=tuple(Answer.of(reference.predict(shape)) for shape in photos.shapes))


def of_few_tiles(photo: Pixels, *, framing: Framing, interest: Interest | None) -> Pixels:
    """Returns the photo as a proof keeps it: of one of many tiles, the middle, or, where regions of interest say what
    counts, all of it, made smaller, unless nothing of a region would be left."""
    if framing.tile is None:
        return photo
    if interest is None:
        return middle_of(photo, round(MOST_TILES * framing.tile))
    zoom = zoom_to_few((photo.shape[0], photo.shape[1]), framing)
    size = zoomed(photo.shape, zoom)
    return resize_image(photo, size) if zoom < 1 and holds_regions(size, framing, interest) else photo


def write_proof(photos: ProofPhotos, folder: Path, *, calibration: Calibration) -> None:
    """Keeps the photos but the first, which the test vector keeps, and the trained detector's answers.

    `calibration` is the export's as of now: its verdicts are proven by these thresholds, whatever comes later.
    """
    for number, photo in enumerate(photos.others, start=2):
        save_png(folder / f"{number}.png", photo)
    maps = [answer.anomaly_map for answer in photos.answers]
    alike = len({found.shape for found in maps}) == 1
    tensors = {
        **({_MAPS: np.stack(maps)} if alike else {f"{_MAPS}_{place}": found for place, found in enumerate(maps)}),
        "anomaly_scores": np.array([answer.score for answer in photos.answers]),
        "margins": np.array([answer.margin for answer in photos.answers]),
        "verdicts": np.array([_VERDICTS.index(answer.verdict) for answer in photos.answers], np.uint8),
    }
    thresholds = {_CALIBRATION: json.dumps(asdict(calibration))}
    write_atomically(folder / ANSWERS_FILE, lambda beside: save_file(tensors, beside, metadata=thresholds))


def proof_files(export: Path) -> dict[str, str]:
    """Returns the files of an export's proof and test vector, with their checksums."""
    paths = [path for folder in (PROOF_FOLDER, TEST_VECTOR_FOLDER) for path in sorted((export / folder).iterdir())]
    return {path.relative_to(export).as_posix(): file_sha256(path) for path in paths}


def repeat_proof(export: Export, predictor: Predictor) -> ProofOutcome:
    """Compares what the export says here, now, with the trained detector's kept answers; decoders likewise.

    Raises ExportError, with the figures, beyond what is allowed; ArtifactError for a damaged proof.
    """
    export.check(export.proof)
    vector = export.folder / TEST_VECTOR_FOLDER
    outcome = ProofOutcome(
        parity=compare_answers(_pairs(export, predictor)),
        jpeg_difference=jpeg_difference(vector),
        framing_difference=framing_difference(vector, predictor.framing),
    )
    outcome.check(export.precision, of=f"{export.runtime} {export.precision}")
    return outcome


def prove_all(
    artifact: Artifact, *, runtime: str | None, precision: str | None
) -> dict[tuple[str, str], ProofOutcome | BlemishError]:
    """Repeats the proof of every export, or of those to a runtime, or in a precision; one that fails harms no other.

    Raises ArtifactError where there is none.
    """
    wanted = [
        (name, kind)
        for name, kind in kinds_of_exports(artifact)
        if runtime in (None, name) and precision in (None, kind)
    ]
    if not wanted:
        folder = artifact.folder
        raise ArtifactError(
            f"{folder} holds no such export: make one with `blemish export {as_argument(folder)} --to onnx`"
        )
    return {kind: _outcome(artifact, *kind) for kind in wanted}


def _outcome(artifact: Artifact, runtime: str, precision: str) -> ProofOutcome | BlemishError:
    try:
        predictor = open_predictor(artifact.folder, runtime=runtime, precision=precision)
        return repeat_proof(read_export(artifact, runtime, precision), predictor)
    except BlemishError as error:
        return error


def _pairs(export: Export, predictor: Predictor) -> Iterator[tuple[Answer, Answer]]:
    kept, calibration = _kept(export.folder / PROOF_FOLDER / ANSWERS_FILE)
    numbered = {name for name in export.proof if Path(name).parent.name == PROOF_FOLDER and name.endswith(".png")}
    for name in (f"{TEST_VECTOR_FOLDER}/{PHOTO_FILE}", *sorted(numbered, key=_number)):
        for shape in shapes_of(read_image(export.folder / name), predictor.framing, predictor.interest):
            answer = next(kept, None)
            if answer is None:
                raise ArtifactError(f"{export.folder}: its proof has more photos than answers; export anew")
            yield answer, Answer.of(replace(predictor.predict(shape), thresholds=calibration.thresholds))


def _number(name: str) -> int:
    return int(Path(name).stem)


def _kept(path: Path) -> tuple[Iterator[Answer], Calibration]:
    """Returns the trained detector's answers, and the export's thresholds when they were kept."""
    try:
        with safe_open(path, framework="numpy") as file:
            names = set(file.keys())
            columns = [file.get_tensor(name) for name in ("anomaly_scores", "margins", "verdicts")]
            alone = (file.get_tensor(f"{_MAPS}_{place}") for place in range(len(columns[0])))
            maps = file.get_tensor(_MAPS) if _MAPS in names else list(alone)
            calibration = record_from_json(
                Calibration, json.loads((file.metadata() or {})[_CALIBRATION]), name=_CALIBRATION
            )
    except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        raise ArtifactError(f"{path} cannot be read ({brief(error)}): export anew") from error
    answers = (
        Answer(score=float(score), anomaly_map=anomaly_map, verdict=_VERDICTS[verdict], margin=float(margin))
        for anomaly_map, score, margin, verdict in zip(maps, *columns, strict=True)
    )
    return answers, calibration
