"""The model folder: model.json and weights.safetensors; read, written, checked.

model.json is written last: it makes the artifact whole.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from blemish.data.framing import Framing
from blemish.errors import ArtifactError, brief
from blemish.files import write_text
from blemish.model.score import Score
from blemish.model.thresholds import Calibration
from blemish.version import __version__

FORMAT_VERSION = 3
MODEL_FILE = "model.json"
WEIGHTS_FILE = "weights.safetensors"
LARGEST_SIDE = 1 << 14  # pixels: a photo as large takes gigabytes already


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """What a trained detector is, without its weights' values."""

    folder: Path
    """Where it lies; the one field that model.json does not hold."""
    method: str
    settings: dict[str, Any]
    """The detector's settings, which rebuild its network."""
    teachers: list[dict[str, str]]
    """Per teacher: name, SHA-256 of its weights file, and where that came from."""
    title: str
    """What reports call the method."""
    framing: Framing
    """How a photo becomes the network's inputs, and their maps a map of the photo."""
    score: Score
    """How that map becomes a score."""
    weights_sha256: str
    """Of weights.safetensors, which holds the teachers too."""
    calibration: Calibration
    training: dict[str, Any]
    """What it was trained on, how, and how it went."""

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of what the network sees."""
        return self.framing.image_size

    @property
    def weights(self) -> Path:
        return self.folder / WEIGHTS_FILE

    @property
    def calibrated_from(self) -> int:
        """Where in the training record's lists of photos those begin that gave the thresholds."""
        training = self.training
        return int(training.get("calibrated_from", training["good_photos"] - training["calibrating"]))

    def check_weights(self) -> None:
        """Raises ArtifactError where the weights are missing or not those that model.json means.

        Only who needs them asks: a folder that serves an export alone may leave them out.
        """
        check_file(self.weights, self.weights_sha256, folder=self.folder)


def write_artifact(artifact: Artifact) -> None:
    """Writes model.json beside weights that are there already; raises OutputError."""
    values = {"format_version": FORMAT_VERSION, "blemish_version": __version__}
    values |= {f.name: getattr(artifact, f.name) for f in fields(artifact) if f.name != "folder"}
    values |= {name: asdict(getattr(artifact, name)) for name in ("framing", "score", "calibration")}
    write_text(artifact.folder / MODEL_FILE, json.dumps(values, indent=2, allow_nan=False) + "\n")


def read_artifact(folder: str | Path) -> Artifact:
    """Raises ArtifactError, naming what is wrong, for a folder that holds no whole artifact of a format we know."""
    path = Path(folder) / MODEL_FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ArtifactError(f"{folder} holds no {MODEL_FILE}: give the RUN folder of a finished training") from error
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror}; check path and permissions") from error
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} cannot be read, it is no JSON: {brief(error)}; train or copy it anew") from error
    if not isinstance(values, dict) or not isinstance(values.get("format_version"), int):
        raise ArtifactError(f"{path} is not a Blemish model: it has no format_version")
    if values["format_version"] > FORMAT_VERSION:
        raise ArtifactError(
            f"{path} has format {values['format_version']}, this version reads up to {FORMAT_VERSION}: upgrade blemish"
        )
    if values["format_version"] < FORMAT_VERSION:
        raise ArtifactError(
            f"{path} has format {values['format_version']}, from before the first release: train the model anew"
        )
    try:
        artifact = _from_json(Path(folder), values)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        reason = f"{type(error).__name__}: {brief(error)}"
        raise ArtifactError(f"{path} is damaged or edited ({reason}): train or copy it anew") from error
    return artifact


def _from_json(folder: Path, values: dict[str, Any]) -> Artifact:
    framing = values["framing"]
    height, width = framing["image_size"]
    if not all(type(side) is int and 1 <= side <= LARGEST_SIDE for side in (height, width)):
        raise ValueError(f"image_size is {height}x{width}")
    if values["settings"]["image_size"] != [height, width]:
        raise ValueError("image_size is not that of the settings")
    method, title, digest = values["method"], values["title"], values["weights_sha256"]
    training = dict(values["training"])
    if not all(isinstance(text, str) for text in (method, title, digest, *training.get("digests", []))):
        raise TypeError("method, title, weights_sha256 or digests are not texts")
    return Artifact(
        folder=folder,
        method=method,
        settings=dict(values["settings"]),
        teachers=[dict(teacher) for teacher in values["teachers"]],
        title=title,
        framing=Framing(image_size=(height, width), white_level=framing["white_level"]),
        score=Score(kind=values["score"]["kind"], share=float(values["score"]["share"])),
        weights_sha256=digest,
        calibration=Calibration.from_json(values["calibration"]),
        training=training,
    )


def check_file(path: Path, sha256: str, *, folder: Path) -> None:
    """Raises ArtifactError where a file that a model folder speaks of is missing or another."""
    try:
        digest = file_sha256(path)
    except FileNotFoundError as error:
        raise ArtifactError(f"{path.parent} holds no {path.name}: copy the whole folder {folder}") from error
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror}; check its permissions") from error
    if digest != sha256:
        raise ArtifactError(f"{path} is damaged or another file: its checksum differs; copy the folder {folder} anew")


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
