"""The verb that shows it all: demo."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from blemish.api.training import need_torch
from blemish.files import Folder
from blemish.progress import OnProgress, say_nothing

if TYPE_CHECKING:
    from blemish.studies.demo import DemoPart


def demo(
    folder: Folder = "demo",
    *,
    steps: int = 120,
    seed: int = 0,
    station: bool = False,
    port: int = 8000,
    on_progress: OnProgress = say_nothing,
) -> "Iterator[DemoPart]":
    """Shows the main job on made-up parts, one kind after another as results are asked for.

    With `station` there is one kind, its model is served after it, and parts arrive until SIGTERM or SIGINT. See
    `blemish demo --help`.
    """
    need_torch("the demo")
    from blemish.studies.demo import run_demo

    if station:
        return _stationed(Path(folder), steps=steps, seed=seed, port=port, on_progress=on_progress)
    return run_demo(Path(folder), steps=steps, seed=seed, on_progress=on_progress)


def _stationed(folder: Path, *, steps: int, seed: int, port: int, on_progress: OnProgress) -> "Iterator[DemoPart]":
    """Learns the one kind unless it was learned before, then serves."""
    from blemish.server.demonstration import KIND, serve_demonstration
    from blemish.studies.demo import run_demo

    if not (folder / KIND / "model" / "model.json").exists():
        yield from run_demo(folder, steps=steps, seed=seed, on_progress=on_progress, kinds=(KIND,))
    serve_demonstration(folder, port=port, seed=seed, every=1.0)
