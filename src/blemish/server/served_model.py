"""A model that is served: open, warm, and replaced by its successor between two photos."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from blemish.data.shapes import sizes_counted
from blemish.errors import DataError, SettingsError
from blemish.exporting.proof import repeat_proof
from blemish.inference import open_predictor
from blemish.inference.predictor import LevelRuntime, Predictor
from blemish.model.artifact import MODEL_FILE, Artifact, read_artifact
from blemish.model.exports import has_export, read_export
from blemish.server.settings import ServerSettings
from blemish.wording import as_argument

_log = logging.getLogger("blemish")

_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


@dataclass(frozen=True, kw_only=True)
class OpenModel:
    """A model folder as it was when it was opened, ready to judge."""

    artifact: Artifact
    predictor: Predictor
    settings: ServerSettings
    """How it was opened."""
    verified: str
    """How it was proven before it judged, in words."""
    opened_at: datetime
    written: int | None
    """When model.json was written, by its file's time in ns; None where it is gone."""

    @property
    def export(self) -> tuple[str, str] | None:
        """Runtime and precision of the export that judges; None where the trained network itself does."""
        judges = self.predictor.provenance
        return None if judges is None or judges.runtime == "torch" else (judges.runtime, judges.precision)


class ServedModel:
    """The place of one model in the server; what judges is looked up once per batch, and so may change in between."""

    def __init__(self, name: str, folder: Path, settings: ServerSettings) -> None:
        """Opens the model; raises what `open_predictor` does, and ExportError where its proof fails here."""
        self.name = name
        self.folder = folder
        self.changing = threading.Lock()
        """It is held by whoever changes the folder, or reopens it."""
        self.now = self._open(settings)
        self._with_levels: tuple[OpenModel, Predictor] | None = None
        self._opening = threading.Lock()

    def reopen(self, settings: ServerSettings | None = None) -> OpenModel:
        """Puts what the folder holds now in the place of what was opened before, which judges until then; `settings`
        say how from now on, where not as before.

        The new one has judged, and passed its proof, before any photo is given to it; where it fails, this raises, and
        the old one stays.
        """
        self.now = opened = self._open(settings or self.now.settings)
        _log.info("model %s is opened anew: %s", self.name, opened.verified)
        return opened

    @property
    def is_changed(self) -> bool:
        """Whether the folder holds another model.json than what was opened: by another program, and not judged by."""
        return self._written() != self.now.written

    def _written(self) -> int | None:
        try:
            return (self.folder / MODEL_FILE).stat().st_mtime_ns
        except OSError:
            return None

    def level_predictor(self, *, weights_sha256: str | None) -> Predictor:
        """Returns what computes level maps with these weights, opened when it is first asked for.

        Raises DataError where the model has others by now, what opening a model with torch does.
        """
        opened = self.now
        gone = f"model {self.name} has other weights now than when the photo was judged"
        if opened.artifact.weights_sha256 != weights_sha256:
            raise DataError(gone)
        if isinstance(opened.predictor.runtime, LevelRuntime):
            return opened.predictor
        with self._opening:
            if self._with_levels is None or self._with_levels[0] is not opened:
                how = opened.settings
                predictor = open_predictor(self.folder, runtime="torch", device=how.device, min_area=how.min_area)
                if predictor.provenance is None or predictor.provenance.weights_sha256 != weights_sha256:
                    raise DataError(gone)  # the folder was changed since
                self._with_levels = opened, predictor
            return self._with_levels[1]

    def _open(self, settings: ServerSettings) -> OpenModel:
        written = self._written()
        artifact = read_artifact(self.folder)
        predictor = open_predictor(
            self.folder,
            runtime=settings.runtime,
            precision=settings.precision,
            device=settings.device,
            min_area=settings.min_area,
        )
        return OpenModel(
            artifact=artifact,
            predictor=predictor,
            settings=settings,
            verified=_verify(artifact, predictor),
            opened_at=datetime.now(UTC),
            written=written,
        )


def _verify(artifact: Artifact, predictor: Predictor) -> str:
    """Lets a model judge before it is relied on, by its export's proof where there is one; returns in words what was
    done."""
    assert predictor.provenance is not None
    kind = predictor.provenance.runtime, predictor.provenance.precision
    if has_export(artifact, *kind):
        return f"proof repeated: {repeat_proof(read_export(artifact, *kind), predictor)}"
    sizes = sizes_counted(artifact.training.photo_sizes)
    height, width = max(sizes, key=lambda size: sizes[size]) if sizes else artifact.image_size
    predictor.predict(np.full((height, width, 3), 127, np.uint8))
    return "judged a grey photo; there is no export whose proof could be repeated"


def open_models(runs: Sequence[str | Path], settings: ServerSettings) -> dict[str, ServedModel]:
    """Opens models given as NAME=RUN, or as RUN, whose folder's name it takes; raises SettingsError for names that are
    none, or twice the same."""
    if not runs:
        raise DataError("no model to serve: give the RUN folder of a trained model, or several")
    models: dict[str, ServedModel] = {}
    for run in runs:
        name, folder = name_and_folder(run)
        if name in models:
            raise SettingsError(f"two models are called {name}: name one with {name}2={as_argument(folder)}")
        models[name] = ServedModel(name, folder, settings)
    return models


def name_and_folder(run: str | Path) -> tuple[str, Path]:
    """Returns the name that a model is served by, and its folder; raises SettingsError for a name of other characters
    than letters, digits and -_."""
    name, equals, rest = str(run).partition("=")
    folder = Path(rest) if equals and "/" not in name else Path(run)
    name = name if equals and "/" not in name else folder.resolve().name
    check_name(name, instead=f"NAME={as_argument(folder)}")
    return name, folder


def check_name(name: str, *, instead: str = "a name") -> None:
    """Raises SettingsError for a name that a model cannot have, and says what to give `instead`: it is a part of
    addresses and the name of folders."""
    if not name or not _NAME_CHARACTERS.issuperset(name) or len(name) > 64 or name.startswith("."):
        raise SettingsError(f"a model cannot be called {name[:64]!r}: give {instead}, of letters and digits")
