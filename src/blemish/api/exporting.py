"""Verbs that carry a model to other runtimes and machines: export, verify."""

from pathlib import Path
from typing import TYPE_CHECKING

from blemish.data.paths import Named, photos_under
from blemish.errors import BlemishError
from blemish.model.artifact import read_artifact
from blemish.progress import OnProgress, Progress, say_nothing

if TYPE_CHECKING:
    from blemish.exporting.make import Exported
    from blemish.exporting.parity import Parity

Folder = str | Path


def export(
    run: Folder,
    to: str,
    *,
    precision: str = "fp32",
    photos: Named = (),
    on_progress: OnProgress = say_nothing,
) -> "Exported":
    """Makes the trained model in `run` serve another runtime or precision; see `blemish export --help`.

    Raises ExportError, with the figures, where the export disagrees with the model.
    """
    from blemish.exporting.make import export as run_export

    return run_export(
        read_artifact(run),
        to,
        precision=precision,
        photos=photos_under(photos),
        on_progress=lambda activity, done, total: on_progress(Progress(activity=activity, done=done, total=total)),
    )


def verify(
    run: Folder, *, runtime: str | None = None, precision: str | None = None
) -> "dict[tuple[str, str], Parity | BlemishError]":
    """Proves again, on this machine, that exports say what the trained model says.

    Returns, by runtime and precision, how far each export is from the model, or what is wrong: ExportError where it
    disagrees, another error where it cannot be tried. Without `runtime` or `precision` all exports are proven. Raises
    ArtifactError where there is none.
    """
    from blemish.exporting.proof import prove_all

    return prove_all(read_artifact(run), runtime=runtime, precision=precision)
