"""From a trained artifact to an export that is proven to agree with it: trace, round, calibrate, compare, keep."""

import dataclasses
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blemish.calibration.promise import calibration_of, highest_of_each, judge_good_photos
from blemish.data.images import Pixels, read_image
from blemish.data.part_names import parts_of
from blemish.data.photo import Photo
from blemish.errors import DataError
from blemish.exporting import EXPORTERS
from blemish.exporting.known_photos import PhotosAtHand, photos_at_hand
from blemish.exporting.parity import TOLERANCES, Answer, Parity, compare, shapes_of
from blemish.exporting.proof import verify, write_proof
from blemish.files import cannot_write, make_folder
from blemish.inference import check_runtime, open_predictor, open_runtime
from blemish.inference.predictor import Predictor
from blemish.model.artifact import Artifact, file_sha256
from blemish.model.exports import Export, export_folder, write_export
from blemish.model.thresholds import Calibration
from blemish.version import __version__

MOST_COMPARED = 200  # photos as they are
MOST_RESHAPED = 4  # photos compared, and kept as proof, in all shapes
MOST_TO_ROUND = 300  # photos that show int8 its ranges
PACKAGES = ("torch", "onnx", "onnxscript", "onnxruntime", "openvino", "pillow")

OnProgress = Callable[[str, int, int], object]
"""(activity, done, of)."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What came of it."""

    export: Export
    parity: Parity
    unreadable: list[DataError]


def export(
    artifact: Artifact,
    to: str,
    *,
    precision: str = "fp32",
    photos: Sequence[Path] = (),
    on_progress: OnProgress = lambda _activity, _done, _of: None,
) -> Exported:
    """Leaves the export in the artifact's folder, in place of an older one.

    It is compared with the trained detector on the photos that gave the thresholds, where they still are or among
    `photos`, and on any other of `photos`. A precision below fp32 gets thresholds of its own from the former; int8
    learns its ranges from photos that were trained on, so that calibration's stay unseen. Raises ExportError where the
    two disagree, DataError where photos that it takes are not at hand; nothing is left then.
    """
    check_runtime(to, precision)
    at_hand = photos_at_hand(artifact, photos)
    _check_photos(at_hand, artifact, precision)
    final = export_folder(artifact, to, precision)
    make_folder(final.parent)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=final.parent) as name:
        making = Making(artifact, to, precision, at_hand=at_hand, folder=Path(name), on_progress=on_progress)
        parity = making.run()
        _replace(Path(name) / "export", final)
    made = dataclasses.replace(making.export, folder=final)
    return Exported(export=made, parity=parity, unreadable=at_hand.unreadable)


class Making:
    """An export in the making, in a folder of its own."""

    def __init__(
        self,
        artifact: Artifact,
        to: str,
        precision: str,
        *,
        at_hand: PhotosAtHand,
        folder: Path,
        on_progress: OnProgress,
    ) -> None:
        self.artifact, self.at_hand, self.on_progress = artifact, at_hand, on_progress
        self.graph = folder / "graph.onnx"
        self.reference = open_predictor(artifact.folder, runtime="torch", device="cpu")
        self.export = Export(
            folder=folder / "export",
            runtime=to,
            precision=precision,
            graph={},
            proof={},
            weights_sha256=artifact.weights_sha256,
            calibration=None,
            parity={},
            made_with=_versions(),
        )

    def run(self) -> Parity:
        self.export.folder.mkdir()
        if self.export.runtime != "torch":
            self._draw()
        self._write_graph()
        if self.export.precision != "fp32":
            self.export = dataclasses.replace(self.export, calibration=self._calibrate())
            self._write_graph()  # again, with these thresholds in its description
        predictor = self._predictor()
        parity = compare(self._pairs(predictor))
        tolerance = TOLERANCES[self.export.precision]
        parity.check(tolerance, of=f"{self.export.runtime} {self.export.precision}")
        proof = write_proof(
            list(self._reshaped()), self.reference, self.export.folder, calibration=predictor.calibration
        )
        self.export = dataclasses.replace(
            self.export, proof=proof, parity=asdict(parity) | {"tolerance": asdict(tolerance)}
        )
        verify(self.export, predictor)  # a proof that fails where it was made would be none
        write_export(self.export)
        return parity

    def _draw(self) -> None:
        from blemish.exporting.trace import trace

        self.on_progress("tracing", 0, 1)
        trace(self.artifact, self.graph)
        if self.export.precision == "int8":
            from blemish.exporting.int8 import quantize

            exact = self.graph.rename(self.graph.with_name("exact.onnx"))
            quantize(exact, self.graph, self._images_to_round_by())
        self.on_progress("tracing", 1, 1)

    def _write_graph(self) -> None:
        EXPORTERS[self.export.runtime](self.graph, self.export.folder, self._description())
        files = {path.name: file_sha256(path) for path in sorted(self.export.folder.iterdir()) if path.is_file()}
        self.export = dataclasses.replace(self.export, graph=files)

    def _predictor(self) -> Predictor:
        return Predictor(
            open_runtime(self.artifact, self.export.runtime, self.export, device="cpu"),
            self.artifact.framing,
            score=self.artifact.score,
            calibration=self.export.calibration or self.artifact.calibration,
        )

    def _images_to_round_by(self) -> Iterator[NDArray[np.float32]]:
        photos = self.at_hand.trained_on[:MOST_TO_ROUND]
        for done, path in enumerate(photos, start=1):
            framing = self.artifact.framing
            yield framing.images(framing.cut(read_image(path)))
            self.on_progress("rounding", done, len(photos))

    def _calibrate(self) -> Calibration:
        """The same rates as the artifact's, from the same photos, as this precision scores them."""
        photos, old = self.at_hand.calibrating, self.artifact.calibration
        judged = judge_good_photos(
            self._predictor(), photos, on_photo=lambda done: self.on_progress("calibrating", done, len(photos))
        )
        for error in judged.unreadable:
            raise error
        every = parts_of(photos, self.artifact.training.part_pattern)
        parts = [every[i] for i in judged.judged]
        return calibration_of(
            highest_of_each(parts, judged.scores),
            highest_of_each(parts, judged.peaks),
            false_alarm_rate=old.image.asked_rate,
            check_rate=None if old.check is None else old.check.asked_rate,
            estimate=old.image.estimated,
            unit=old.unit,
        )

    def _pairs(self, predictor: Predictor) -> Iterator[tuple[Answer, Answer]]:
        photos = (self.at_hand.others + self.at_hand.calibrating)[:MOST_COMPARED]
        shapes = [shape for photo in self._reshaped() for shape in list(shapes_of(photo))[1:]]
        every: list[Photo] = [*photos, *shapes]
        for done, photo in enumerate(every, start=1):
            yield Answer.of(self.reference.predict(photo)), Answer.of(predictor.predict(photo))
            self.on_progress("comparing", done, len(every))

    def _reshaped(self) -> Iterator[Pixels]:
        photos = self.at_hand.others + self.at_hand.calibrating
        step = max(1, len(photos) // MOST_RESHAPED)
        for path in photos[::step][:MOST_RESHAPED]:
            yield read_image(path)

    def _description(self) -> str:
        artifact = self.artifact
        calibration = self.export.calibration or artifact.calibration
        return json.dumps(
            {
                "what": "visual inspection by student-teacher disagreement, exported by Blemish",
                "blemish_version": __version__,
                "method": artifact.method,
                "precision": self.export.precision,
                "weights_sha256": artifact.weights_sha256,
                "input": "images (batch, 3, height, width), RGB, 0 to 1, resized by Pillow's BILINEAR",
                "image_size": list(artifact.image_size),
                "white_level": artifact.framing.white_level,
                "outputs": "anomaly_map (batch, 1, height, width); higher is more anomalous",
                "score": "maximum: the map's highest value; top_mean: the mean of its highest round(share * pixels)",
                "score_kind": artifact.score.kind,
                "score_share": artifact.score.share,
                "verdict": "anomalous where score > threshold; a pixel is of a defect where map > pixel_threshold",
                "threshold": calibration.image.value,
                "pixel_threshold": calibration.pixel.value,
                "check_threshold": None if calibration.check is None else calibration.check.value,
                "promise": calibration.statement(),
                "as_of": "the export; a model.json or export.json beside it is newer where thresholds were set anew",
            }
        )


def _check_photos(at_hand: PhotosAtHand, artifact: Artifact, precision: str) -> None:
    """What a precision needs is there, before minutes are spent."""
    where = "they are not where training found them: give their folder with --photos"
    if precision == "fp32" and not (at_hand.calibrating or at_hand.others):
        raise DataError(
            f"an export is compared on real photos, such as those that calibrated {artifact.folder}; {where}"
        )
    missing = at_hand.missing
    if precision != "fp32" and missing:
        raise DataError(
            f"{precision} gets thresholds of its own from the photos that calibrated the model, to promise what it "
            f"promises, but some ({len(missing)}) are gone or changed, such as {missing[0]}; {where}, or calibrate "
            "with others (`blemish calibrate --replace --good`)"
        )
    if precision == "int8" and not at_hand.trained_on:
        raise DataError(f"int8 learns its ranges from photos that the model was trained on; {where}")


def _replace(made: Path, final: Path) -> None:
    """A finished export in the place of an older one, which stays whole until then."""
    old = made.with_name("old")
    try:
        if final.exists():
            final.rename(old)
        made.rename(final)
    except OSError as error:
        if old.exists():
            old.rename(final)
        raise cannot_write(final, error) from error


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
