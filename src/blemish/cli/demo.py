"""`blemish demo`: the main job from end to end, on photographed textures cut into parts."""

import shutil
import time
from pathlib import Path

from blemish.api import train
from blemish.cli.predict import predict_into
from blemish.cli.progress import ProgressBars
from blemish.data.dataset import Dataset
from blemish.data.made_up import TEXTURES, make_up
from blemish.detectors.stpm import STPMSettings
from blemish.errors import OutputError
from blemish.evaluation.evaluate import evaluate_predictor
from blemish.evaluation.record import EVALUATION_FILE, Evaluation, write_evaluation
from blemish.inference import open_predictor
from blemish.inference.predictor import Predictor
from blemish.report import write_report
from blemish.report.page import PAGE
from blemish.training.checks import check_settings
from blemish.training.settings import TrainingSettings

TEACHER = "efficientnet_lite0"  # comes with the installation
IMAGE_SIZE = 128
BATCH_SIZE = 16  # small batches: more steps in the same time
STEPS = 120
COUNTS = {"train": 125, "good": 16, "defective": 18}
LEFT = {"parts", "model", "predictions", EVALUATION_FILE, PAGE}
SHOWN = ("image_auroc", "pixel_auroc", "pixel_ap", "pro")


def demo(folder: Path = Path("demo"), /, *, steps: int = STEPS, seed: int = 0) -> int:
    """See it all work on made-up parts: photographed textures are cut into parts, and some get a drawn defect; for each
    kind of part STPM learns from good ones, with the teacher that comes with the installation, and judges the others.

    Parameters
    ----------
    folder
        Where parts, models and results are left; it must be new or an earlier demo's.
    steps
        Training steps.
    seed
        Another seed cuts other parts and draws other defects.
    """
    started = time.monotonic()
    check_settings(STPMSettings(steps=steps), TrainingSettings(seed=seed))  # before an earlier demo makes way
    _clear(folder)
    print(
        f"{'part':<8}{'learnt from':>12}{'judged':>8}", *(f"{name:>12}" for name in SHOWN), "  false alarms     misses"
    )
    for kind in TEXTURES:
        where = folder / kind
        parts = make_up(where / "parts", seed=seed, size=IMAGE_SIZE, textures=(kind,), **COUNTS)
        model = _train(parts, where / "model", steps=steps, seed=seed)
        evaluation = evaluate_predictor(model, parts)
        write_evaluation(evaluation, where / EVALUATION_FILE)
        write_report(where / "model", evaluation=where / EVALUATION_FILE, predictor=model)
        with ProgressBars() as bars:
            predict_into(where / "predictions", model, [s.image for s in parts.test], bars=bars, say=None)
        _print(kind, parts, evaluation)
    print(f"\ndone in {time.monotonic() - started:.0f} s. Per kind of part, in {folder}:")
    print("  KIND/report.html               what it finds and misses, with photos: open it in a browser")
    print("  KIND/predictions/overlays      where the model saw something, photo by photo")
    print("  KIND/predictions               predictions.csv and .jsonl: a verdict, a score and regions per photo")
    print("  KIND/evaluation.json           all figures")
    print(f"  KIND/model                     the model: try `blemish predict {folder / 'brick' / 'model'} PHOTO`")
    return 0


def _train(parts: Dataset, run: Path, *, steps: int, seed: int) -> Predictor:
    with ProgressBars() as bars:
        train(
            "stpm",
            parts,
            run,
            teacher=TEACHER,
            image_size=IMAGE_SIZE,
            batch_size=BATCH_SIZE,
            steps=steps,
            seed=seed,
            false_alarms=0.05,  # what 19 calibration photos, of 25 held out, can promise
            on_progress=lambda p: bars.show(p.activity, p.done, p.total),
        )
    return open_predictor(run)


def _print(kind: str, parts: Dataset, evaluation: Evaluation) -> None:
    figures = [evaluation.metrics[name] for name in SHOWN]
    alarms = f"{evaluation.false_alarms} of {evaluation.good_photos}"
    misses = f"{evaluation.misses} of {evaluation.defective_photos}"
    values = (f"{value:>12.3f}" for value in figures if value is not None)
    print(f"{kind:<8}{len(parts.train):>12}{len(parts.test):>8}", *values, f"{alarms:>14}{misses:>11}", flush=True)


def _clear(folder: Path) -> None:
    """An earlier demo makes way; a folder with anything else in it, at either level, is left alone."""
    if not folder.exists():
        return
    kinds = list(folder.iterdir()) if folder.is_dir() else [folder]
    left = [path for kind in kinds if kind.name in TEXTURES and kind.is_dir() for path in kind.iterdir()]
    if not ({kind.name for kind in kinds} <= set(TEXTURES) and {path.name for path in left} <= LEFT):
        raise OutputError(f"{folder} holds other files: give a new folder")
    shutil.rmtree(folder)
