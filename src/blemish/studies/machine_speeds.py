"""All figures of a model's speed on one machine: what is measured, one after the other, and the file they go to."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from blemish.data.paths import Named, paths_of, photos_under
from blemish.errors import BlemishError, SettingsError
from blemish.files import write_text
from blemish.inference import RUNTIMES
from blemish.model.artifact import Artifact, read_artifact
from blemish.model.exports import kinds_of_exports
from blemish.progress import OnProgress, Progress
from blemish.studies.machine import Machine, this_machine
from blemish.studies.made_up_photos import MADE_UP_SIDE, make_up_photos
from blemish.studies.speed import Speed, measure

SPEED_FORMAT = 1
"""Version of the JSON file."""


@dataclass(frozen=True, kw_only=True)
class MachineSpeeds:
    """The speeds that one model has on one machine."""

    machine: Machine
    photos: str
    """What it was measured with, in words."""
    method: str
    image_size: tuple[int, int]
    speeds: tuple[Speed, ...]
    failed: tuple[BlemishError, ...]
    """What could not be measured, and why."""


def measure_all(
    run: Path,
    photos: Named,
    *,
    runtimes: Sequence[str],
    precisions: Sequence[str],
    seconds: float,
    cold_starts: int,
    on_progress: OnProgress,
) -> MachineSpeeds:
    """Measures each runtime and precision that is there, or those asked for alone; one that fails harms no other.

    Raises SettingsError where what is asked for is not there, DataError for photos that are not.
    """
    if not 0 < seconds <= 3600 or cold_starts < 1:
        raise SettingsError("give more than 0 and at most 3600 seconds, and at least 1 cold start")
    artifact = read_artifact(run)
    kinds = _kinds(artifact, runtimes, precisions)
    machine, given = this_machine(), paths_of(photos)
    with tempfile.TemporaryDirectory() as made_up:
        size = (MADE_UP_SIDE, MADE_UP_SIDE) if artifact.interest is None else artifact.interest.size
        found = photos_under(given) if given else make_up_photos(Path(made_up), size)
        results = []
        for done, (runtime, precision) in enumerate(kinds):
            on_progress(Progress(activity=f"measuring {runtime} {precision}", done=done, total=len(kinds)))
            files = [photo.absolute() for photo in found]
            results.append(_measured(run.absolute(), files, runtime, precision, seconds, cold_starts))
    made_up_note = "" if given else f", made-up JPEG files of {size[1]}x{size[0]}: better give your own"
    return MachineSpeeds(
        machine=machine,
        photos=f"{len(found)} photos in turn{made_up_note}",
        method=artifact.method,
        image_size=artifact.framing.image_size,
        speeds=tuple(result for result in results if isinstance(result, Speed)),
        failed=tuple(result for result in results if isinstance(result, BlemishError)),
    )


def write_speeds(measured: MachineSpeeds, file: Path) -> None:
    """Writes all figures as JSON; raises OutputError."""
    values = {"format_version": SPEED_FORMAT, **asdict(measured), "failed": list(map(str, measured.failed))}
    write_text(file, json.dumps(values, indent=2, allow_nan=False) + "\n")


def _measured(
    run: Path, photos: Sequence[Path], runtime: str, precision: str, seconds: float, cold_starts: int
) -> Speed | BlemishError:
    try:
        return measure(run, photos, runtime=runtime, precision=precision, seconds=seconds, cold_starts=cold_starts)
    except BlemishError as error:
        return error


def _kinds(artifact: Artifact, runtimes: Sequence[str], precisions: Sequence[str]) -> list[tuple[str, str]]:
    """Returns runtimes and precisions to measure; raises SettingsError where nothing of what was asked for is there."""
    there = [("torch", "fp32")] if find_spec(RUNTIMES["torch"].package) is not None else []
    there += kinds_of_exports(artifact)
    wanted = [
        (name, kind)
        for name, kind in there
        if (not runtimes or name in runtimes) and (not precisions or kind in precisions)
    ]
    missing = {*runtimes} - {name for name, _ in wanted} | {*precisions} - {kind for _, kind in wanted}
    if missing or not wanted:
        has = ", ".join(" ".join(pair) for pair in there) or "nothing that is installed"
        raise SettingsError(f"{artifact.folder} cannot be measured so: there is {has}; `blemish export` adds others")
    return wanted
