"""The main job from end to end, on photographed textures cut into parts, by the method that is taken unasked.

Nothing here follows the defects that the parts get (`data.made_up` draws them, and shares no code with the synthetic
defects of training): the steps were chosen for the time they take, and how close parts are seen by what is learned in
so many. Thresholds come from validation parts, cut where no others are: what overlaps with learned parts is no draw of
the same kind as test parts.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from blemish.data.dataset import Dataset
from blemish.data.made_up import TEXTURES, make_up
from blemish.detectors import DEFAULT_METHOD, DETECTORS
from blemish.detectors.settings import DetectorSettings, ImageSize
from blemish.errors import OutputError
from blemish.evaluation.evaluate import evaluate_predictor
from blemish.evaluation.record import EVALUATION_FILE, Evaluation, write_evaluation
from blemish.inference import open_predictor
from blemish.progress import OnProgress, Progress
from blemish.report import write_report
from blemish.report.page import PAGE
from blemish.results.judging import sinks_in
from blemish.results.sinks import judge_into
from blemish.training.checks import check_settings
from blemish.training.run_file import PhotosOrigin
from blemish.training.settings import TrainingSettings
from blemish.training.train import train_detector
from blemish.wording import as_argument

TEACHER = "efficientnet_lite0"  # comes with the installation
DEMO_SIZE = 128
_FALSE_ALARMS = 0.05  # the threshold follows from 40 validation photos, more than the 19 that can promise it
DEMO_CLOSER = 2.2  # parts of so few bricks, stones and blades that 120 steps learn them
COUNTS = {"train": 96, "validation": 40, "good": 16, "defective": 18}
LEFT = {"parts", "model", "predictions", EVALUATION_FILE, PAGE}


@dataclass(frozen=True, kw_only=True)
class DemoPart:
    """One kind of part that the demo made, and how it was judged."""

    kind: str
    parts: Dataset
    command: str
    """What trains the same model, typed by hand."""
    evaluation: Evaluation


def run_demo(
    folder: Path, *, steps: int, seed: int, on_progress: OnProgress, kinds: Sequence[str] = tuple(TEXTURES)
) -> Iterator[DemoPart]:
    """Makes up parts, trains, evaluates, reports and judges, one of the `kinds` after another as results are asked for.

    Raises SettingsError, and OutputError where the folder holds what no demo left there.
    """
    method = DETECTORS[DEFAULT_METHOD]
    settings = method.Settings(teacher=TEACHER, image_size=ImageSize(DEMO_SIZE, DEMO_SIZE), steps=steps)
    training = TrainingSettings(**method.training_defaults, seed=seed, false_alarms=_FALSE_ALARMS)
    check_settings(settings, training)  # before an earlier demo makes way
    _clear(folder)
    return (_demonstrate(kind, folder / kind, settings, training, on_progress) for kind in kinds)


def _demonstrate(
    kind: str, where: Path, settings: DetectorSettings, training: TrainingSettings, on_progress: OnProgress
) -> DemoPart:
    parts = make_up(where / "parts", seed=training.seed, size=DEMO_SIZE, textures=(kind,), closer=DEMO_CLOSER, **COUNTS)
    train_detector(
        DEFAULT_METHOD,
        parts,
        run=where / "model",
        settings=settings,
        training=training,
        origin=PhotosOrigin(root=where / "parts", dataset="auto", category=None),
        on_progress=lambda p: on_progress(replace(p, activity=f"{kind}: {p.activity}")),
    )
    predictor = open_predictor(where / "model")
    evaluation = evaluate_predictor(predictor, parts)
    write_evaluation(evaluation, where / EVALUATION_FILE)
    write_report(where / "model", evaluation=where / EVALUATION_FILE, predictor=predictor)
    photos = [sample.image for sample in parts.test]
    for done, _ in enumerate(
        judge_into(predictor, photos, sinks_in(where / "predictions", photos, predictor)), start=1
    ):
        on_progress(Progress(activity=f"{kind}: judging", done=done, total=len(photos)))
    command = _command(where / "parts", settings, training)
    return DemoPart(kind=kind, parts=parts, command=command, evaluation=evaluation)


def _command(parts: Path, settings: DetectorSettings, training: TrainingSettings) -> str:
    """Returns the command of which run.json would say the same."""
    options = {"teacher": settings.teacher, "image-size": DEMO_SIZE, "steps": settings.steps, "seed": training.seed}
    options |= {"false-alarms": training.false_alarms}
    said = " ".join(f"--{name} {value}" for name, value in options.items())
    return f"blemish train {as_argument(parts)} NEW_RUN {said}"


def _clear(folder: Path) -> None:
    """Deletes an earlier demo; a folder with anything else in it, at either level, is left alone."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise OutputError(f"{folder} is a file: give a new folder")
    kinds = list(folder.iterdir())
    left = [path for kind in kinds if kind.name in TEXTURES and kind.is_dir() for path in kind.iterdir()]
    if not ({kind.name for kind in kinds} <= set(TEXTURES) and {path.name for path in left} <= LEFT):
        raise OutputError(f"{folder} holds other files: give a new folder")
    shutil.rmtree(folder)
