"""`blemish train METHOD`: one sub-command per entry of DETECTORS; its options are the settings' fields."""

import logging
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter, Token

from blemish import api
from blemish.cli.calibrate import lines_of
from blemish.cli.progress import ProgressBars
from blemish.data import AUTO
from blemish.detectors import DETECTORS, Detector, ImageSize
from blemish.errors import SettingsError
from blemish.model.artifact import Artifact
from blemish.process import keep_freed_memory
from blemish.progress import OnProgress
from blemish.training.run_file import RUN_FILE
from blemish.training.settings import TrainingSettings
from blemish.wording import as_argument, duration

train_app = App(name="train", help_format="plaintext", default_parameter=Parameter(negative=()))


def _image_size(_type: Any, tokens: tuple[Token, ...]) -> ImageSize:
    sides = [int(side) for side in tokens[0].value.lower().split("x")]
    if len(sides) not in (1, 2):
        raise ValueError("give one number for a square, or HEIGHTxWIDTH")
    return ImageSize(sides[0], sides[-1])


Parameter(converter=_image_size, n_tokens=1, accepts_keys=False)(ImageSize)


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of a command line that are not settings of a method or of training."""

    dataset: str = AUTO
    """How photos lie under the root: folder (all of them are good parts), good_and_bad (OK and NG), mvtec_ad, or auto,
    which recognises it."""
    category: str | None = None
    """Which part of the dataset, such as screw."""
    teacher_weights: tuple[Path, ...] = ()
    """Weights file of the teacher, .safetensors or torchvision's .pth; once per teacher where there are several."""
    resume: bool = False
    """Go on with an unfinished training, bit for bit as if it had not been interrupted."""
    overwrite: bool = False
    """Replace what RUN holds."""


def _add(method: str, kind: type[Detector]) -> None:
    settings_type: Any = kind.Settings  # the annotation below is read at run time
    defaults, training_defaults, no_options = settings_type(), TrainingSettings(), Options()

    def command(
        photos: Path,
        run: Path,
        /,
        *,
        settings: Annotated[settings_type, Parameter(name="*")] = defaults,
        training: Annotated[TrainingSettings, Parameter(name="*")] = training_defaults,
        options: Annotated[Options, Parameter(name="*")] = no_options,
    ) -> int:
        asked = settings.to_json() | asdict(training) | asdict(options)
        return _show(lambda on_progress: api.train(method, photos, run, on_progress=on_progress, **asked))

    command.__doc__ = f"""{(kind.__doc__ or "").splitlines()[0]}

    Parameters
    ----------
    photos
        Folder of photos of good parts; with --dataset, the root of that dataset.
    run
        Folder that the trained model is left in.
    """
    train_app.command(command, name=method)


@train_app.default
def again(
    *run: Path,
    run_file: Annotated[Path | None, Parameter(name="--from")] = None,
    steps: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> int:
    """Train a detector on a folder of good photos: `blemish train METHOD PHOTOS RUN`, or, with all settings of an
    earlier training and on its photos, `blemish train --from RUN/run.json NEW_RUN`.

    Parameters
    ----------
    run
        Folder that the trained model is left in; with --resume or --overwrite, the folder of run.json if left out.
    run_file
        The run.json of an earlier training, which is trained again.
    steps
        The most training steps, instead of the earlier training's.
    resume
        Go on with an unfinished training, bit for bit as if it had not been interrupted.
    overwrite
        Replace what RUN holds.
    """
    if run_file is None and run:
        raise SettingsError(f"method {str(run[0])!r} is unknown: give one of {', '.join(DETECTORS)}")
    if run_file is None or len(run) > 1:
        raise SettingsError(
            f"give METHOD PHOTOS RUN, METHOD one of {', '.join(DETECTORS)}, or --from RUN/run.json NEW_RUN"
        )
    place = run[0] if run else None
    return _show(
        lambda on_progress: api.train_again(
            run_file, place, steps=steps, resume=resume, overwrite=overwrite, on_progress=on_progress
        )
    )


def _show(train: Callable[[OnProgress], Artifact]) -> int:
    """Trains, and shows on the terminal how far it is, what it finds, and what came of it."""
    keep_freed_memory()  # this process trains and ends
    is_leader = int(os.environ.get("RANK", "0")) == 0  # of several processes one prints
    logging.basicConfig(format="%(message)s", level=logging.INFO if is_leader else logging.ERROR)
    with ProgressBars() as bars:
        artifact = train(bars.show)
    if is_leader:
        _say(artifact)
    return 0


def _say(artifact: Artifact) -> None:
    training, calibration = artifact.training, artifact.calibration
    for number, stage in enumerate(training.stages, start=1):
        which = f"stage {number} of {len(training.stages)}: " if len(training.stages) > 1 else ""
        chosen = f", weights of step {stage.best_step} chosen" if stage.best_step else ""
        print(f"{which}trained on {training.trained_on} photos, {stage.steps} steps{chosen}")
    print(f"took {duration(training.seconds)}")
    if training.stages[-1].was_falling and (artifact.folder / RUN_FILE).exists():
        longer = as_argument(artifact.folder.with_name(f"{artifact.folder.name}-longer"))
        print(
            "it was still learning: its error fell by more than a tenth over the last fifth of the steps; with twice "
            f"as many: `blemish train --from {as_argument(artifact.folder / RUN_FILE)} {longer} "
            f"--steps {2 * int(artifact.settings['steps'])}`"
        )
    print("\n".join(lines_of(calibration, artifact.folder)))
    print(f"model in {artifact.folder}: judge photos with `blemish predict {as_argument(artifact.folder)} PHOTOS`")


for _method, _kind in DETECTORS.items():
    _add(_method, _kind)
