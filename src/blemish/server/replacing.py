"""Another model in the place of one that is served: on the disk, in memory and in the audit trail, or in none of
them."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from blemish.errors import ArtifactError, OutputError
from blemish.model.artifact import MODEL_FILE
from blemish.server.served_model import OpenModel, ServedModel
from blemish.server.settings import ServerSettings


def put_in_place(
    model: ServedModel, run: Path, settings: ServerSettings, *, note: Callable[[OpenModel, Path], object]
) -> OpenModel:
    """Lets a model's folder hold a copy of `run`, and opens it as `settings` say; what the folder held is kept beside
    it.

    `note` writes down what was opened, and where the one before is kept. Whatever fails, that included, leaves disk and
    server as they were. Whoever calls it holds `model.changing`. Raises BlemishError, of it ArtifactError where `run`
    has gone.
    """
    kept, before = _exchanged(model.folder, run), model.now
    try:
        opened = model.reopen(settings)
        note(opened, kept)
    except BaseException:
        model.now = before
        beside = _beside(model.folder)
        model.folder.rename(beside)
        kept.rename(model.folder)
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return opened


def _exchanged(folder: Path, run: Path) -> Path:
    """Puts a copy of `run` at `folder`, and returns where that which was there is now; raises OutputError."""
    kept = folder.with_name(f"{folder.name}.until-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    beside = _beside(folder)
    try:
        shutil.rmtree(beside, ignore_errors=True)
        _copied(run, beside)
        folder.rename(kept)
        beside.rename(folder)
    except (OSError, shutil.Error) as error:
        if not folder.exists() and kept.exists():
            kept.rename(folder)
        shutil.rmtree(beside, ignore_errors=True)
        if not (run / MODEL_FILE).is_file():
            raise ArtifactError(f"{run}: has gone while it was copied; bring it back") from error
        why = getattr(error, "strerror", None) or "its files cannot be copied"
        raise OutputError(f"{folder}: cannot be replaced ({why}); make room there, or free it") from error
    return kept


def _copied(run: Path, beside: Path) -> None:
    shutil.copytree(run, beside)
    for file in beside.rglob("*"):
        with suppress(OSError), file.open("r+b") as copy:
            os.fsync(copy.fileno())  # a power cut must find it in the place of what was there


def _beside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.next")
