"""The model folder: model.json and weights.safetensors; read, written, checked.

model.json is written last: it makes the artifact whole.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blemish.data.framing import Framing
from blemish.data.interest import Interest
from blemish.errors import ArtifactError
from blemish.model.rules import Rules
from blemish.model.score import Score
from blemish.model.thresholds import Calibration
from blemish.model.training_record import TeacherRecord, TrainingRecord
from blemish.model.usual import UsualPhotos
from blemish.records import RecordFormat, read_record, write_record

MODEL_FILE = "model.json"
_UNFINISHED = "checkpoint.safetensors"  # by which a training that was interrupted goes on
MODEL_FORMAT = RecordFormat(
    version=4,
    name="model",
    what="a Blemish model",
    error=ArtifactError,
    mend="train or copy it anew",
    remake="train the model anew",
    elsewhere=("folder",),
)
WEIGHTS_FILE = "weights.safetensors"
LARGEST_SIDE = 1 << 14  # pixels: a photo as large takes gigabytes already


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """The record of what a trained detector is, without its weights' values."""

    folder: Path
    """The folder where it lies; the one field that model.json does not hold."""
    method: str
    settings: dict[str, Any]
    """The detector's settings, which rebuild its network."""
    teachers: list[TeacherRecord]
    title: str
    """What reports call the method."""
    framing: Framing
    """How a photo becomes the network's inputs, and their maps a map of the photo."""
    score: Score
    """How that map becomes a score."""
    weights_sha256: str
    """The checksum of weights.safetensors, which holds the teachers too."""
    usual: UsualPhotos
    """What the photos that it learned from look like, so that others can be told."""
    calibration: Calibration
    training: TrainingRecord
    interest: Interest | None = None
    """What of a photo counts, in training and in judging; None: all of it."""
    rules: Rules | None = None
    """Which marks stop a photo above the threshold; None: any."""

    @property
    def image_size(self) -> tuple[int, int]:
        """The (height, width) that the network sees."""
        return self.framing.image_size

    @property
    def weights(self) -> Path:
        """The path of the weights, which lie beside model.json."""
        return self.folder / WEIGHTS_FILE

    def check_values(self) -> None:
        """Raises ValueError for values that no training writes."""
        height, width = self.image_size
        if not (1 <= height <= LARGEST_SIDE and 1 <= width <= LARGEST_SIDE):
            raise ValueError(f"image_size is {height}x{width}")
        if self.settings.get("image_size") != [height, width]:
            raise ValueError("image_size is not that of the settings")
        known = {None, *(() if self.interest is None else self.interest.names)}
        if self.rules is not None and (strange := [r.said for r in self.rules.rules if r.region not in known]):
            raise ValueError(f"rule {strange[0]} is of a region of interest that there is not")

    def check_weights(self) -> None:
        """Raises ArtifactError where the weights are missing or not those that model.json means.

        Only who needs them asks: a folder that serves an export alone may leave them out.
        """
        check_file(self.weights, self.weights_sha256, folder=self.folder)


def write_artifact(artifact: Artifact) -> None:
    """Writes model.json beside weights that are there already; raises OutputError."""
    write_record(artifact, artifact.folder / MODEL_FILE, form=MODEL_FORMAT)


def read_artifact(folder: str | Path) -> Artifact:
    """Reads model.json; raises ArtifactError, with what is wrong, for a folder that holds no whole artifact of a known
    format."""
    if Path(folder).is_file():
        raise ArtifactError(f"{folder} is a file: give the RUN folder of a finished training")
    missing = f"{folder} holds no {MODEL_FILE}: give the RUN folder of a finished training"
    if (Path(folder) / _UNFINISHED).is_file():
        missing = f"{folder} holds an unfinished training, and no {MODEL_FILE} yet: repeat its command with --resume"
    return read_record(
        Artifact,
        Path(folder) / MODEL_FILE,
        form=MODEL_FORMAT,
        missing=missing,
        elsewhere={"folder": Path(folder)},
    )


def check_file(path: Path, sha256: str, *, folder: Path) -> None:
    """Raises ArtifactError where a file that a model folder names is missing or another."""
    try:
        digest = file_sha256(path)
    except FileNotFoundError as error:
        raise ArtifactError(f"{path.parent} holds no {path.name}: copy the whole folder {folder}") from error
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror}; check its permissions") from error
    if digest != sha256:
        raise ArtifactError(f"{path} is damaged or another file: its checksum differs; copy the folder {folder} anew")


def file_sha256(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes, in hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
