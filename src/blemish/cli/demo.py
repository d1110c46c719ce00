"""`blemish demo`: the main job from end to end, on photographed textures cut into parts."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from blemish import api
from blemish.cli.progress import ProgressBars
from blemish.process import keep_freed_memory
from blemish.wording import as_argument

if TYPE_CHECKING:
    from blemish.studies.demo import DemoPart

SHOWN = ("image_auroc", "pixel_auroc", "pixel_ap", "pro")


def demo(
    folder: Path = Path("demo"), /, *, steps: int = 120, seed: int = 0, station: bool = False, port: int = 8000
) -> int:
    """See it all work on made-up parts: photographed textures are cut into parts, and some get a synthetic defect; for
    each kind of part a model of the default method learns from good ones, without internet, and judges the others.

    Parameters
    ----------
    folder
        Where parts, models and results are left; it must be new or an earlier demo's.
    steps
        Training steps of each model: by default fewer than the method's own, to be done in two minutes.
    seed
        Another seed cuts other parts and draws other defects.
    station
        Learn one kind alone, then serve its model with the page, while parts arrive on their own, a twentieth of them
        defective, and the light slowly falls; until Ctrl-C. Needs `pip install 'blemish[serve]'`.
    port
        Port of the page.
    """
    if station:
        print(f"the page: http://127.0.0.1:{port} (once the model has learned; Ctrl-C ends it)", flush=True)
    started = time.monotonic()
    keep_freed_memory()  # this process trains and ends
    with ProgressBars() as bars:
        parts = api.demo(folder, steps=steps, seed=seed, station=station, port=port, on_progress=bars.show)
        print(f"{'part':<8}{'good photos':>12}{'judged':>8}", *(f"{name:>12}" for name in SHOWN), end="")
        print("   false alarms     misses")
        commands = []
        for part in parts:
            _print_row(part)
            commands.append(part.command)
    if not station:
        _print_what_was_left(folder, commands[0])
        print(f"\ndone in {time.monotonic() - started:.0f} s")
    return 0


def _print_what_was_left(folder: Path, command: str) -> None:
    print("\neach model was trained as by a command such as")
    print(f"  {command}")
    print(f"\nPer kind of part, in {folder}:")
    print("  KIND/report.html               what it finds and misses, with photos: open it in a browser")
    print("  KIND/predictions/overlays      where the model saw something, of each photo that it stopped")
    print("  KIND/predictions               predictions.csv and .jsonl: a verdict, a score and regions per photo")
    print("  KIND/evaluation.json           all figures")
    model = as_argument(folder / "brick" / "model")
    print(f"  KIND/model                     the model: try `blemish predict {model} PHOTO`")


def _print_row(part: "DemoPart") -> None:
    evaluation = part.evaluation
    figures = [evaluation.metrics[name] for name in SHOWN]
    alarms = f"{evaluation.false_alarms} of {evaluation.good_photos}"
    misses = f"{evaluation.misses} of {evaluation.defective_photos}"
    values = (f"{value:>12.3f}" for value in figures if value is not None)
    good, test = len(part.parts.train) + len(part.parts.validation), len(part.parts.test)
    print(f"{part.kind:<8}{good:>12}{test:>8}", *values, f"{alarms:>14}{misses:>11}", flush=True)
