"""What an artifact was exported to: a folder per runtime and precision in it; read, written, checked.

RUN/exports/RUNTIME-PRECISION/ holds the graph's files, the proof that they agree with the trained detector, and
export.json, which is written last and makes the export whole.
"""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from blemish.errors import ArtifactError, brief
from blemish.files import write_text
from blemish.model.artifact import Artifact, check_file
from blemish.model.thresholds import Calibration
from blemish.version import __version__

FORMAT_VERSION = 1
EXPORTS_FOLDER = "exports"
EXPORT_FILE = "export.json"
Precision = Literal["fp32", "bf16", "int8"]
PRECISIONS: tuple[str, ...] = get_args(Precision)


@dataclass(frozen=True, kw_only=True)
class Export:
    """A detector as one runtime computes it, in one precision."""

    folder: Path
    """Where it lies; the one field that export.json does not hold."""
    runtime: str
    precision: str
    graph: dict[str, str]
    """The files that the runtime reads, by name, with their SHA-256; none where it reads the artifact's weights."""
    proof: dict[str, str]
    """The files that `blemish verify` reads, likewise."""
    weights_sha256: str
    """Of the weights it was made from."""
    calibration: Calibration | None
    """Thresholds of its own, from scores in its own precision; None: the artifact's hold, for it gives those scores."""
    parity: dict[str, Any]
    """How far it was from the trained detector when it was made."""
    made_with: dict[str, str]
    """Packages and their versions."""

    def path(self, suffix: str) -> Path:
        """The one graph file with that suffix, checked; raises ArtifactError."""
        self.check(self.graph)
        named = [name for name in self.graph if name.endswith(suffix)]
        if len(named) != 1:
            raise ArtifactError(
                f"{self.folder / EXPORT_FILE} is damaged or edited (it names {len(named)} {suffix} files)"
            )
        return self.folder / named[0]

    def check(self, files: dict[str, str]) -> None:
        """Raises ArtifactError where one of the files is missing or another."""
        for name, digest in files.items():
            check_file(self.folder / name, digest, folder=self.folder)


def export_folder(artifact: Artifact, runtime: str, precision: str) -> Path:
    return artifact.folder / EXPORTS_FOLDER / f"{runtime}-{precision}"


def write_export(export: Export) -> None:
    """Writes export.json beside files that are there already; raises OutputError."""
    values = {"format_version": FORMAT_VERSION, "blemish_version": __version__}
    values |= {f.name: getattr(export, f.name) for f in fields(export) if f.name != "folder"}
    values["calibration"] = None if export.calibration is None else asdict(export.calibration)
    write_text(export.folder / EXPORT_FILE, json.dumps(values, indent=2, allow_nan=False) + "\n")


def has_export(artifact: Artifact, runtime: str, precision: str) -> bool:
    return (export_folder(artifact, runtime, precision) / EXPORT_FILE).exists()


def kinds_of_exports(artifact: Artifact) -> list[tuple[str, str]]:
    """(runtime, precision) of all that the artifact was exported to, read or not."""
    found = sorted((artifact.folder / EXPORTS_FOLDER).glob(f"*/{EXPORT_FILE}"))
    return [(runtime, precision) for runtime, _, precision in (path.parent.name.rpartition("-") for path in found)]


def read_export(artifact: Artifact, runtime: str, precision: str) -> Export:
    """Raises ArtifactError where there is no such export, or it is damaged or of other weights."""
    folder = export_folder(artifact, runtime, precision)
    how = f"`blemish export {artifact.folder} --to {runtime} --precision {precision}`"
    path = folder / EXPORT_FILE
    try:
        export = _from_json(folder, json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise ArtifactError(f"{artifact.folder} holds no {precision} export for {runtime}: {how} makes one") from error
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror}; check its permissions") from error
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        reason = f"{type(error).__name__}: {brief(error)}"
        raise ArtifactError(f"{path} is damaged or edited ({reason}); copy it anew, or make it with {how}") from error
    if (export.runtime, export.precision) != (runtime, precision):
        kind = f"{export.runtime} {export.precision}"[:40]
        raise ArtifactError(f"{path} is of {kind}, as its folder's name is not: {how}")
    if export.weights_sha256 != artifact.weights_sha256:
        raise ArtifactError(f"{folder} was exported from other weights than {artifact.folder} has now: {how}")
    return export


def _from_json(folder: Path, values: dict[str, Any]) -> Export:
    if values["format_version"] != FORMAT_VERSION:
        raise ValueError(f"format {values['format_version']}, this version reads {FORMAT_VERSION}")
    texts: dict[str, str] = {name: values[name] for name in ("runtime", "precision", "weights_sha256")}
    graph, proof, made_with = (dict(values[name]) for name in ("graph", "proof", "made_with"))
    every = [
        *texts.values(),
        *(text for listed in (graph, proof, made_with) for pair in listed.items() for text in pair),
    ]
    if not all(isinstance(text, str) for text in every):
        raise TypeError("names, versions and checksums are not texts")
    if any(Path(name).is_absolute() or ".." in Path(name).parts for name in (*graph, *proof)):
        raise ValueError("a file lies outside the export")
    calibration = values["calibration"]
    return Export(
        folder=folder,
        **texts,
        graph=graph,
        proof=proof,
        made_with=made_with,
        calibration=None if calibration is None else Calibration.from_json(calibration),
        parity=dict(values["parity"]),
    )
