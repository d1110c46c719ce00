"""A folder of trained models, any of which an engineer may put in the place of one that is served.

Whoever asks names one of the folders that are there, never a path; which folder they lie in is said when the server is
started. What is taken is copied: the folder stays as it is, and the server needs it no more.
"""

from dataclasses import dataclass
from pathlib import Path

from blemish.errors import ArtifactError, DataError
from blemish.model.artifact import MODEL_FILE, read_artifact
from blemish.server.faults import FaultError
from blemish.server.folders_inside import folders_inside


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A candidate is a model that could be served in another's place."""

    name: str
    """The name of its folder."""
    title: str | None
    """What its method is called; None where the model cannot be read."""
    weights_sha256: str | None
    error: str | None
    """Why it cannot be read."""


class Candidates:
    """The models that lie in one folder, each in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        """Raises DataError where there is no such folder."""
        if not folder.is_dir():
            raise DataError(f"{folder}: is no folder that models could be taken from: make it, or name another")
        self._folder = folder.resolve()

    def names(self) -> list[str]:
        """Returns the names of the folders that hold a model, sorted; links are none, for they lead elsewhere.

        Raises FaultError where the folder of them all has gone."""
        found = (path for path in folders_inside(self._folder) if not path.is_symlink())
        return [path.name for path in found if (path / MODEL_FILE).is_file()]

    def all(self) -> list[Candidate]:
        """Returns what models there are, those that cannot be read among them."""
        return [self._candidate(name) for name in self.names()]

    def run_of(self, name: str) -> Path:
        """Returns the folder of a model by its name; raises FaultError where there is none."""
        if name not in self.names():
            raise FaultError(404, "no_such_candidate", f"there is no model {name[:64]!r} to be taken")
        return self._folder / name

    def _candidate(self, name: str) -> Candidate:
        try:
            artifact = read_artifact(self._folder / name)
        except ArtifactError as error:
            return Candidate(name=name, title=None, weights_sha256=None, error=str(error))
        return Candidate(name=name, title=artifact.title, weights_sha256=artifact.weights_sha256, error=None)
