"""run.json: what a training was told, from which `blemish train --from RUN/run.json` trains the same again."""

import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from blemish.data.drawn_regions import EVERYTHING, AskedInterest
from blemish.detectors import DETECTORS, DetectorSettings
from blemish.detectors.settings import typed_setting
from blemish.errors import ArtifactError, SettingsError
from blemish.records import RecordFormat, read_record, write_record
from blemish.training.settings import TrainingSettings

RUN_FILE = "run.json"


@dataclass(frozen=True, kw_only=True)
class PhotosOrigin:
    """The place where photos were found."""

    root: Path
    dataset: str = "auto"
    category: str | None = None


@dataclass(frozen=True, kw_only=True)
class RunFile:
    """All settings of a training, whatever their defaults are by now."""

    method: str
    settings: DetectorSettings
    training: TrainingSettings
    teacher_weights: tuple[Path, ...]
    """Files that the user named, in the teachers' order; none: they are found as ever."""
    origin: PhotosOrigin | None
    """None: photos were handed over by a program, and only it can train the same again."""
    left_out: tuple[Path, ...] = ()
    """Good photos that the user left out."""
    interest: AskedInterest = EVERYTHING
    """What of the photos counts, as the user gave it."""

    def asked(self) -> dict[str, Any]:
        """Returns all settings by name, as `train_as_asked` takes them."""
        return self.settings.to_json() | asdict(self.training)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Returns the settings that run.json holds; raises SettingsError, KeyError, TypeError."""
        method = values["method"]
        if method not in DETECTORS:
            raise SettingsError(f"method {method!r} is unknown: give one of {', '.join(DETECTORS)}")
        hints, origin = typing.get_type_hints(TrainingSettings), values["photos"]
        told = {**_light_before(values["settings"]), **values["training"]}
        if unknown := sorted(set(told) - set(hints)):
            raise SettingsError(f"unknown setting {', '.join(unknown)}")
        return cls(
            method=method,
            settings=DETECTORS[method].Settings.from_json(values["settings"]),
            training=TrainingSettings(**{k: typed_setting(k, v, hints[k]) for k, v in told.items()}),
            teacher_weights=tuple(Path(file) for file in values["teacher_weights"]),
            origin=origin and PhotosOrigin(**{**origin, "root": Path(origin["root"])}),
            left_out=tuple(Path(file) for file in values["left_out"]),
            interest=AskedInterest(**values["interest"]),
        )


def _light_before(settings: Mapping[str, Any]) -> dict[str, str]:
    """Returns the light that a method's settings held, as a factor of what is strong now, before it was of training."""
    return {"light": "strong" if settings["light"] else "off"} if "light" in settings else {}


@dataclass(frozen=True, kw_only=True)
class _OriginRecord:
    """Where photos were found, as the file holds it."""

    root: str
    dataset: str
    category: str | None


@dataclass(frozen=True, kw_only=True)
class _RunRecord:
    """What the file holds, before its settings are those of a method."""

    method: str
    photos: _OriginRecord | None
    settings: dict[str, Any]
    training: dict[str, Any]
    teacher_weights: list[str]
    left_out: list[str] = field(default_factory=list)
    interest: AskedInterest = EVERYTHING


RUN_FORMAT = RecordFormat(
    version=1,
    name="run",
    what="the run.json of a training",
    error=ArtifactError,
    mend="give another",
    remake="train with the settings themselves",
)


def write_run_file(told: RunFile, run: Path) -> None:
    """Writes run.json, with absolute paths, so that it means the same from any folder; raises OutputError."""
    origin = told.origin
    told_again = _RunRecord(
        method=told.method,
        photos=None
        if origin is None
        else _OriginRecord(
            root=str(origin.root.expanduser().absolute()), dataset=origin.dataset, category=origin.category
        ),
        settings=_from_anywhere(told.settings.to_json()),
        training=asdict(told.training),
        teacher_weights=[str(file.expanduser().absolute()) for file in told.teacher_weights],
        left_out=[str(file.absolute()) for file in told.left_out],
        interest=told.interest.from_anywhere(),
    )
    write_record(told_again, run / RUN_FILE, form=RUN_FORMAT)


def _from_anywhere(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a method's settings, the folder of textures as an absolute path where there is one."""
    textures = settings.get("textures")
    return {**settings, **({} if textures is None else {"textures": str(Path(textures).expanduser().absolute())})}


def read_run_file(path: Path) -> RunFile:
    """Reads run.json; raises ArtifactError."""
    if path.is_dir():
        raise ArtifactError(f"{path} is a folder: give the file that training left in it, {path / RUN_FILE}")
    told = read_record(
        _RunRecord, path, form=RUN_FORMAT, missing=f"{path} cannot be read: there is no such file; check the path"
    )
    return RunFile.from_json(asdict(told))
