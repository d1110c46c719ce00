"""Verbs that carry a model to other runtimes and machines: export, verify, speed."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from blemish.data.paths import Named, photos_and_unread
from blemish.errors import BlemishError
from blemish.files import Folder
from blemish.model.artifact import read_artifact
from blemish.progress import OnProgress, say_nothing

if TYPE_CHECKING:
    from blemish.exporting.make import ExportResult
    from blemish.exporting.proof import ProofOutcome
    from blemish.studies.machine_speeds import MachineSpeeds


def export(
    run: Folder,
    to: str,
    *,
    precision: str = "fp32",
    photos: Named = (),
    on_progress: OnProgress = say_nothing,
) -> "ExportResult":
    """Makes the trained model in `run` serve another runtime or precision; see `blemish export --help`.

    Raises ExportError, with the figures, where the export disagrees with the model.
    """
    from blemish.exporting.make import make_export

    found, unread = photos_and_unread(photos)
    made = make_export(read_artifact(run), to, precision=precision, photos=found, on_progress=on_progress)
    return replace(made, unreadable=(*unread, *made.unreadable))


def verify(
    run: Folder, *, runtime: str | None = None, precision: str | None = None
) -> "dict[tuple[str, str], ProofOutcome | BlemishError]":
    """Proves again, on this machine, that exports say what the trained model says.

    Returns, by runtime and precision, how far each export is from the model, or what is wrong: ExportError where it
    disagrees, another error where it cannot be tried. Without `runtime` or `precision` all exports are proven. Raises
    ArtifactError where there is none.
    """
    from blemish.exporting.proof import prove_all

    return prove_all(read_artifact(run), runtime=runtime, precision=precision)


def speed(
    run: Folder,
    photos: Named = (),
    *,
    runtime: Sequence[str] = (),
    precision: Sequence[str] = (),
    seconds: float = 3.0,
    cold_starts: int = 5,
    output: Folder | None = None,
    on_progress: OnProgress = say_nothing,
) -> "MachineSpeeds":
    """Measures how fast a model is on this machine, in each runtime and precision that is there or asked for.

    `photos` are measured with; made-up ones of 1024x1024 where none are given. Each figure takes about `seconds`, and
    the whole command `blemish predict` is run `cold_starts` times for one photo. `output` is a JSON file of all
    figures. Raises SettingsError where what is asked for is not there.
    """
    from blemish.studies.machine_speeds import measure_all, write_speeds

    measured = measure_all(
        Path(run),
        photos,
        runtimes=runtime,
        precisions=precision,
        seconds=seconds,
        cold_starts=cold_starts,
        on_progress=on_progress,
    )
    if output is not None and measured.speeds:
        write_speeds(measured, Path(output))
    return measured
