"""`blemish train METHOD`: one sub-command per entry of DETECTORS; its options are the settings' fields. Without METHOD
the default one is trained."""

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, make_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from cyclopts import App, Group, Parameter, Token

from blemish import api
from blemish.cli.asked_values import asked_size
from blemish.cli.calibrate import lines_of
from blemish.cli.progress import ProgressBars
from blemish.data import AUTO
from blemish.detectors import DEFAULT_METHOD, DETECTORS, Detector, DetectorSettings, ImageSize
from blemish.detectors.settings import AreaSize, image_size_of
from blemish.errors import SettingsError
from blemish.model.artifact import Artifact
from blemish.process import keep_freed_memory
from blemish.progress import OnProgress
from blemish.training.run_file import RUN_FILE
from blemish.training.settings import TrainingSettings
from blemish.wording import as_argument, counted, duration

train_app = App(
    name="train",
    usage="Usage: blemish train [METHOD] PHOTOS RUN [OPTIONS]",
    group_commands="Methods",
    help_format="plaintext",
)


def _image_size(kind: Any, tokens: tuple[Token, ...]) -> ImageSize:
    return image_size_of(asked_size(kind, tokens))


Parameter(
    converter=_image_size,
    n_tokens=1,
    accepts_keys=False,
    metavar="SIZE",
    show_default=lambda size: str(size.height) if isinstance(size, AreaSize) else str(size),
)(ImageSize)


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of a command line that are not settings of a method or of training."""

    dataset: str = AUTO
    """How photos lie under the root: folder (all are good parts), good_and_bad, mvtec_ad, ...; auto recognises it."""
    category: str | None = None
    """Which part of the dataset, such as screw."""
    teacher_weights: tuple[Path, ...] = ()
    """Weights file of the teacher, .safetensors or torchvision's .pth; once per teacher where there are several."""
    leave_out: Path | None = None
    """Text file of photos not to learn from, a name per line, absolute or relative to the folder of photos."""
    roi: tuple[str, ...] = ()
    """What of a photo counts: [NAME=]mask (.png), polygons (.json) or X,Y,WIDTH,HEIGHT in pixels; once per region."""
    ignore: tuple[str, ...] = ()
    """What of a photo counts nowhere, given as --roi is."""
    border: int = 0
    """Pixels at a photo's edges that count nowhere."""
    resume: bool = False
    """Go on with an unfinished training, bit for bit as if it had not been interrupted."""
    overwrite: bool = False
    """Replace what RUN holds."""


def _training_type(kind: type[Detector]) -> Any:
    """Returns TrainingSettings with the method's own defaults: one option that is given leaves them as they are."""
    types = get_type_hints(TrainingSettings) | {"align": Annotated[bool | None, Parameter(negative="--no-align")]}
    defaults = {"align": TrainingSettings.align, **kind.training_defaults}
    own = [(name, types[name], field(default=value)) for name, value in defaults.items()]
    where = {"__module__": __name__}  # else it counts as one of Python's own types, whose fields are no options
    return make_dataclass("Training", own, bases=(TrainingSettings,), namespace=where, frozen=True, kw_only=True)


_OF_FOLDERS = Group("Photos and RUN", sort_key=1)
_OF_TRAINING = Group("Training", sort_key=3)


def _options_of(kind: type[Detector]) -> Group:
    return Group(f"Method {kind.title}", sort_key=2)


def _add(method: str, kind: type[Detector]) -> None:
    settings_type: Any = kind.Settings  # the annotations below are read at run time
    training_type: Any = _training_type(kind)
    of_method = _options_of(kind)
    defaults, training_defaults, no_options = settings_type(), training_type(), Options()

    def command(
        photos: Path,
        run: Path,
        /,
        *,
        settings: Annotated[settings_type, Parameter(name="*", group=of_method)] = defaults,
        training: Annotated[training_type, Parameter(name="*", group=_OF_TRAINING)] = training_defaults,
        options: Annotated[Options, Parameter(name="*", group=_OF_FOLDERS)] = no_options,
    ) -> int:
        asked = _asked(settings, training, options)
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


def _add_default(kind: type[Detector]) -> None:
    settings_type: Any = kind.Settings
    training_type: Any = _training_type(kind)
    of_method = _options_of(kind)
    defaults, training_defaults, no_options = settings_type(), training_type(), Options()

    @train_app.default
    def default(
        *places: Path,
        run_file: Annotated[Path | None, Parameter(name="--from")] = None,
        settings: Annotated[settings_type, Parameter(name="*", group=of_method)] = defaults,
        training: Annotated[training_type, Parameter(name="*", group=_OF_TRAINING)] = training_defaults,
        options: Annotated[Options, Parameter(name="*", group=_OF_FOLDERS)] = no_options,
    ) -> int:
        """Train a detector on a folder of good photos: `blemish train PHOTOS RUN`, by another method than the default
        `blemish train METHOD PHOTOS RUN`, or, with all settings of an earlier training and on its photos, `blemish
        train --from RUN/run.json NEW_RUN`.

        Parameters
        ----------
        places
            PHOTOS, a folder of photos of good parts, and RUN, the folder that the trained model is left in. A folder
            that is named as a method is written ./NAME.
        run_file
            The run.json of an earlier training, which is trained again, for another number of --steps if that is
            given; RUN may be left out with --resume or --overwrite.
        """
        if run_file is not None:
            unchanged = replace(options, resume=False, overwrite=False) == no_options
            others = replace(settings, steps=defaults.steps) == defaults and training == training_defaults
            if not (others and unchanged):
                raise SettingsError("with --from all settings but --steps are those of that run.json: leave them out")
            steps = None if settings is defaults else settings.steps  # not asked for at all, rather than as by default
            return again(*places, run_file=run_file, steps=steps, resume=options.resume, overwrite=options.overwrite)
        photos, run = _photos_and_run(places)
        asked = _asked(settings, training, options)
        return _show(lambda on_progress: api.train(photos, run, on_progress=on_progress, **asked))


def _asked(settings: DetectorSettings, training: TrainingSettings, options: Options) -> dict[str, Any]:
    return settings.to_json() | asdict(training) | asdict(options) | {"leave_out": options.leave_out or ()}


def _photos_and_run(places: Sequence[Path]) -> Sequence[Path]:
    if len(places) == 3:
        raise SettingsError(f"method {str(places[0])!r} is unknown: give one of {', '.join(DETECTORS)}, or none")
    if len(places) != 2:
        raise SettingsError(
            f"give PHOTOS RUN, or METHOD PHOTOS RUN with METHOD one of {', '.join(DETECTORS)}, or --from RUN/run.json "
            "NEW_RUN"
        )
    return places


def again(*run: Path, run_file: Path, steps: int | None = None, resume: bool = False, overwrite: bool = False) -> int:
    """Trains with all settings of an earlier training, into that folder or, without one, where its run.json lies.

    `steps`, where given, are in place of the earlier ones.
    """
    if len(run) > 1:
        raise SettingsError(f"give one folder for the new model, not {len(run)}")
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
        print(f"{which}trained on {counted(training.trained_on, 'photo')}, {counted(stage.steps, 'step')}{chosen}")
    print(f"took {duration(training.seconds)}")
    last = training.stages[-1]
    if last.was_falling and (artifact.folder / RUN_FILE).exists():
        earlier = f"--from {as_argument(artifact.folder / RUN_FILE)}"
        photos = earlier if last.setting == "steps" else f"{artifact.method} PHOTOS"  # with --from go --steps alone
        longer = as_argument(artifact.folder.with_name(f"{artifact.folder.name}-longer"))
        print(
            "it was still learning: its error fell by more than a tenth over the last fifth of the steps; with twice "
            f"as many: `blemish train {photos} {longer} --{last.setting.replace('_', '-')} "
            f"{2 * int(artifact.settings[last.setting])}`"
        )
    print("\n".join(lines_of(calibration, artifact.folder)))
    print(f"model in {artifact.folder}: judge photos with `blemish predict {as_argument(artifact.folder)} PHOTOS`")


for _method, _kind in DETECTORS.items():
    _add(_method, _kind)
_add_default(DETECTORS[DEFAULT_METHOD])
