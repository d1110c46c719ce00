"""run.json: what a training was told, from which `blemish train --from RUN/run.json` trains the same again."""

import dataclasses
import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from blemish.detectors import DETECTORS, DetectorSettings
from blemish.detectors.settings import typed_setting
from blemish.errors import ArtifactError, SettingsError, brief
from blemish.files import write_text
from blemish.training.settings import TrainingSettings
from blemish.version import __version__

RUN_FILE = "run.json"
_FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class PhotosOrigin:
    """Where photos were found."""

    root: Path
    dataset: str = "auto"
    category: str | None = None


@dataclass(frozen=True, kw_only=True)
class RunFile:
    """A training's settings, all of them, whatever their defaults are by now."""

    method: str
    settings: DetectorSettings
    training: TrainingSettings
    teacher_weights: tuple[Path, ...]
    """Files that the user named, in the teachers' order; none: they are found as ever."""
    origin: PhotosOrigin | None
    """None: photos were handed over by a program, and only it can train the same again."""

    def asked(self) -> dict[str, Any]:
        """Returns all settings by name, as `train_as_asked` takes them."""
        return self.settings.to_json() | dataclasses.asdict(self.training)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Raises SettingsError, KeyError, TypeError."""
        method = values["method"]
        if method not in DETECTORS:
            raise SettingsError(f"method {method!r} is unknown: give one of {', '.join(DETECTORS)}")
        hints, origin = typing.get_type_hints(TrainingSettings), values["photos"]
        if unknown := sorted(set(values["training"]) - set(hints)):
            raise SettingsError(f"unknown setting {', '.join(unknown)}")
        return cls(
            method=method,
            settings=DETECTORS[method].Settings.from_json(values["settings"]),
            training=TrainingSettings(**{k: typed_setting(k, v, hints[k]) for k, v in values["training"].items()}),
            teacher_weights=tuple(Path(file) for file in values["teacher_weights"]),
            origin=origin and PhotosOrigin(**{**origin, "root": Path(origin["root"])}),
        )


def write_run_file(told: RunFile, run: Path) -> None:
    """Writes run.json, with absolute paths, so that it means the same from any folder; raises OutputError."""
    origin = told.origin
    values = {
        "format_version": _FORMAT_VERSION,
        "blemish_version": __version__,
        "method": told.method,
        "photos": origin and {**dataclasses.asdict(origin), "root": str(origin.root.expanduser().absolute())},
        "settings": told.settings.to_json(),
        "training": dataclasses.asdict(told.training),
        "teacher_weights": [str(file.expanduser().absolute()) for file in told.teacher_weights],
    }
    write_text(run / RUN_FILE, json.dumps(values, indent=2) + "\n")


def read_run_file(path: Path) -> RunFile:
    """Raises ArtifactError."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        version = values["format_version"]
        found = RunFile.from_json(values) if version == _FORMAT_VERSION else None
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror}; check path and permissions") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{path} is no run.json of a training ({brief(error)}): give another") from error
    if found is None:
        raise ArtifactError(f"{path} has format {version}, not {_FORMAT_VERSION}: it is of another version of blemish")
    return found
