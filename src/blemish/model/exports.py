"""What an artifact was exported to: a folder per runtime and precision in it; read, written, checked.

RUN/exports/RUNTIME-PRECISION/ holds the graph's files, the proof that they agree with the trained detector, and
export.json, which is written last and makes the export whole.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from blemish.errors import ArtifactError
from blemish.model.artifact import Artifact, check_file
from blemish.model.thresholds import Calibration
from blemish.records import RecordFormat, read_record, write_record
from blemish.wording import as_argument

EXPORTS_FOLDER = "exports"
EXPORT_FILE = "export.json"
EXPORT_FORMAT = RecordFormat(
    version=3,
    name="export",
    what="a Blemish export",
    error=ArtifactError,
    mend="copy it anew, or make it with `blemish export`",
    remake="make it anew with `blemish export`",
    elsewhere=("folder",),
)
PRECISIONS = ("fp32", "bf16", "int8")


@dataclass(frozen=True, kw_only=True)
class Export:
    """A detector as one runtime computes it, in one precision."""

    folder: Path
    """The folder where it lies; the one field that export.json does not hold."""
    runtime: str
    precision: str
    graph: dict[str, str]
    """The files that the runtime reads, by name, with their SHA-256; none where it reads the artifact's weights."""
    proof: dict[str, str]
    """The files that `blemish verify` reads, likewise."""
    weights_sha256: str
    """The checksum of the weights that the export was made from."""
    calibration: Calibration | None
    """Thresholds of its own, from scores in its own precision; None: the artifact's hold, for it gives those scores."""
    parity: dict[str, Any]
    """How far it was from the trained detector when it was made."""
    made_with: dict[str, str]
    """Packages and their versions."""

    def path(self, suffix: str) -> Path:
        """Returns the one graph file with that suffix, checked; raises ArtifactError."""
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

    def check_values(self) -> None:
        """Raises ValueError for values that no export writes."""
        if any(Path(name).is_absolute() or ".." in Path(name).parts for name in (*self.graph, *self.proof)):
            raise ValueError("a file lies outside the export")


def export_folder(artifact: Artifact, runtime: str, precision: str) -> Path:
    """Returns the folder of an export, in the artifact's."""
    return artifact.folder / EXPORTS_FOLDER / f"{runtime}-{precision}"


def write_export(export: Export) -> None:
    """Writes export.json beside files that are there already; raises OutputError."""
    write_record(export, export.folder / EXPORT_FILE, form=EXPORT_FORMAT)


def has_export(artifact: Artifact, runtime: str, precision: str) -> bool:
    """Returns whether the artifact has that export, read or not."""
    return (export_folder(artifact, runtime, precision) / EXPORT_FILE).exists()


def kinds_of_exports(artifact: Artifact) -> list[tuple[str, str]]:
    """Returns (runtime, precision) of all that the artifact was exported to, read or not."""
    found = sorted((artifact.folder / EXPORTS_FOLDER).glob(f"*/{EXPORT_FILE}"))
    return [(runtime, precision) for runtime, _, precision in (path.parent.name.rpartition("-") for path in found)]


def read_export(artifact: Artifact, runtime: str, precision: str) -> Export:
    """Reads export.json; raises ArtifactError where there is no such export, or it is damaged or of other weights."""
    folder = export_folder(artifact, runtime, precision)
    how = f"`blemish export {as_argument(artifact.folder)} --to {runtime} --precision {precision}`"
    path = folder / EXPORT_FILE
    export = read_record(
        Export,
        path,
        form=replace(EXPORT_FORMAT, mend=f"copy it anew, or make it with {how}", remake=f"make it anew with {how}"),
        missing=f"{artifact.folder} holds no {precision} export for {runtime}: {how} makes one",
        elsewhere={"folder": folder},
    )
    if (export.runtime, export.precision) != (runtime, precision):
        kind = f"{export.runtime} {export.precision}"[:40]
        raise ArtifactError(f"{path} is of {kind}, as its folder's name is not: {how}")
    if export.weights_sha256 != artifact.weights_sha256:
        raise ArtifactError(f"{folder} was exported from other weights than {artifact.folder} has now: {how}")
    return export
