"""The sub-folders that whoever asks may name: what lies in a folder that the server was told of."""

from collections.abc import Iterator
from pathlib import Path

from blemish.server.faults import FaultError


def folders_inside(folder: Path) -> Iterator[Path]:
    """Gives the sub-folders that are not hidden; raises FaultError where the folder cannot be listed now, as one whose
    disk has gone."""
    try:
        for path in sorted(folder.iterdir()):
            if path.name[0] != "." and path.is_dir():
                yield path
    except OSError as error:
        why = error.strerror or str(error)
        raise FaultError(404, "folder_gone", f"{folder}: cannot be listed ({why}); bring it back") from error
