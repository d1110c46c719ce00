"""`blemish demo`: the main job from end to end, on photographed textures cut into parts."""

import json
import shutil
import time
from pathlib import Path

from blemish.api import train
from blemish.cli.commands import lines_of, predict
from blemish.cli.progress import ProgressBars
from blemish.data.atomic import write_text
from blemish.data.made_up import make_up
from blemish.errors import OutputError
from blemish.evaluation.evaluate import evaluate
from blemish.inference import open_predictor

IMAGE_SIZE = 128
STEPS = 300
BATCH_SIZE = 16  # small batches: more steps in the same time


def demo(folder: Path = Path("demo"), /, *, steps: int = STEPS, seed: int = 0) -> int:
    """See it all work on made-up parts: photographed textures are cut into parts and some get a drawn defect; STPM
    learns from good ones, with the teacher that comes with the installation, and judges the others.

    Parameters
    ----------
    folder
        Where parts, model and results are left; it must be new or an earlier demo's.
    steps
        Training steps.
    seed
        Another seed cuts other parts and draws other defects.
    """
    started = time.monotonic()
    _clear(folder)
    parts = make_up(folder / "parts", seed=seed, size=IMAGE_SIZE)
    print(f"1. parts    {len(parts.train)} good ones to learn from, {len(parts.test)} to judge: {folder / 'parts'}")
    with ProgressBars() as bars:
        train(
            "stpm",
            parts,
            folder / "model",
            teacher="efficientnet_lite0",
            image_size=IMAGE_SIZE,
            steps=steps,
            seed=seed,
            batch_size=BATCH_SIZE,
            on_progress=lambda p: bars.show(p.activity, p.done, p.total),
        )
    print(f"2. trained  STPM, teacher efficientnet_lite0: {folder / 'model'}")
    evaluation = evaluate(open_predictor(folder / "model"), parts.test)
    write_text(folder / "evaluation.json", json.dumps(evaluation.to_json(), indent=2) + "\n")
    print(f"3. measured {folder / 'evaluation.json'}")
    print("\n".join(f"   {line}" for line in lines_of(evaluation)))
    print("4. judged, the first ones:")
    predict(folder / "model", *(sample.image for sample in parts.test), output=folder / "predictions")
    print(f"done in {time.monotonic() - started:.0f} s; look at {folder / 'predictions' / 'overlays'}")
    print(f"and at {folder / 'predictions' / 'predictions.jsonl'}")
    return 0


def _clear(folder: Path) -> None:
    """An earlier demo makes way; anything else in the folder stays, and so does the folder."""
    ours = {"parts", "model", "predictions", "evaluation.json"}
    if folder.exists() and not (folder.is_dir() and {path.name for path in folder.iterdir()} <= ours):
        raise OutputError(f"{folder} holds other files: give a new folder")
    if folder.exists():
        shutil.rmtree(folder)
