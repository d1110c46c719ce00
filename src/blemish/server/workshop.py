"""A folder whose sub-folders hold photos of good parts: a first model is learned of one of them, and then served.

Whoever asks names one of the folders that are there, never a path. Models go into the sub-folder `models`, regions that
were drawn into FOLDER.regions.json, which `blemish train --roi` takes too.
"""

import json
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from blemish.data import AUTO, find_dataset
from blemish.data.dataset import Dataset
from blemish.errors import DataError
from blemish.files import make_folder, remove, write_text
from blemish.model.artifact import MODEL_FILE
from blemish.server.faults import FaultError
from blemish.server.folders_inside import folders_inside
from blemish.server.learning import Learning
from blemish.server.served_model import check_name
from blemish.server.successor import Succession

_MODELS = "models"
_REGIONS = ".regions.json"


class Workshop:
    """The folders of photos, and what is being learned."""

    def __init__(self, folder: Path) -> None:
        """Raises OutputError where the folder cannot be written."""
        make_folder(folder)
        self.folder = folder.resolve()
        self.learning: Learning | None = None
        self._beginning = threading.Lock()

    def folders(self) -> list[str]:
        """Returns the names of the folders of photos, sorted; raises FaultError where the workshop has gone."""
        return [path.name for path in folders_inside(self.folder) if path.name != _MODELS]

    def photos(self, name: str) -> Dataset:
        """Returns what is in a folder; raises FaultError where there is none, DataError where it holds no photos."""
        return find_dataset(AUTO, self._folder(name))

    def regions(self, name: str) -> dict[str, Any]:
        """Returns the regions drawn on a folder's photos, as their file has them."""
        self._folder(name)
        file = self._regions(name)
        try:
            found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        except (OSError, ValueError) as error:
            raise DataError(f"{file.name}: cannot be read; draw the regions anew") from error
        return found if isinstance(found, dict) else {}

    def draw(self, name: str, text: str | None) -> None:
        """Keeps the text of a file of regions, in place of those before; None forgets them."""
        self._folder(name)
        file = self._regions(name)
        if text is None:
            remove(file)
        else:
            write_text(file, text)

    def learned(self) -> dict[str, Path]:
        """Returns the models that were learned here, by name."""
        found = sorted((self.folder / _MODELS).glob(f"*/{MODEL_FILE}"))
        return {file.parent.name: file.parent for file in found}

    def learn(
        self,
        name: str,
        *,
        model: str,
        settings: dict[str, Any],
        export: tuple[str, str] | None = None,
        taken: Collection[str],
        on_done: Callable[[str, Path], Succession | None],
    ) -> Learning:
        """Begins to learn a model in another process, and exports it there where it is to be judged by an export;
        `on_done(model, run)` is called when it is done.

        Raises FaultError where something is being learned already, or the model's name is taken; DataError for a folder
        without photos.
        """
        self.photos(name).good_photos()
        check_name(model)
        regions, run = self._regions(name), self.folder / _MODELS / model
        asked = [str(regions)] if regions.exists() else []
        with self._beginning:
            if self.learning is not None and self.learning.state == "running":
                raise FaultError(409, "learning_already", "a model is being learned: wait for it, or stop it")
            if model in taken or (run / MODEL_FILE).exists():
                raise FaultError(409, "name_taken", f"there is a model {model!r}: give the new one another name")
            remove(run)  # what a training has left that was cut off with the server
            self.learning = Learning(
                model,
                photos=self._folder(name),
                run=run,
                regions=asked,
                settings=settings,
                export=export,
                on_done=on_done,
            )
            return self.learning

    def close(self) -> None:
        """Stops what is being learned."""
        if self.learning is not None:
            self.learning.stop()

    def _folder(self, name: str) -> Path:
        """Returns a folder by its name, which must be one of those that are there."""
        if name not in self.folders():
            raise FaultError(404, "no_such_folder", f"the workshop has no folder {name[:64]!r}")
        return self.folder / name

    def _regions(self, name: str) -> Path:
        return self.folder / f"{name}{_REGIONS}"
