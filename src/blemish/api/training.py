"""Verbs that make a model: train, train_again, check, calibrate."""

import dataclasses
import logging
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blemish.data import AUTO, DATASETS, find_dataset
from blemish.data.dataset import Dataset, Sample
from blemish.data.drawn_regions import AskedInterest
from blemish.data.finding import find_photos
from blemish.data.gathering import check_named_good
from blemish.data.leave_out import names_in
from blemish.data.listing import has_folder
from blemish.data.official import checked_categories, checked_counts
from blemish.data.paths import Named, paths_of, photos_and_unread
from blemish.errors import DataError, MissingExtraError, SettingsError
from blemish.files import Folder
from blemish.progress import OnProgress, say_nothing
from blemish.wording import as_argument

if TYPE_CHECKING:
    from blemish.calibration.far_photos import FarPhotos
    from blemish.calibration.recalibrate import Recalibration
    from blemish.model.artifact import Artifact
    from blemish.training.findings import Findings

_log = logging.getLogger("blemish")


def train(
    method: "str | Named | Dataset",
    photos: "Named | Dataset | Folder | None" = None,
    run: Folder | None = None,
    *,
    dataset: str = AUTO,
    category: str | None = None,
    teacher_weights: Folder | Sequence[Folder] = (),
    leave_out: Folder | Sequence[Path] = (),
    roi: Folder | Sequence[Folder] = (),
    ignore: Folder | Sequence[Folder] = (),
    border: int = 0,
    resume: bool = False,
    overwrite: bool = False,
    on_progress: OnProgress = say_nothing,
    **settings: Any,
) -> "Artifact":
    """Trains a detector on photos of good parts (a folder's, several files and folders', a Dataset's) into `run`.

    `train(photos, run)` takes the default method, `train("stpm", photos, run)` another. `settings` are the fields of
    the method's settings and of TrainingSettings: image_size, teacher, steps, seed, ... An image_size of one number is
    a square; of two, (height, width). `leave_out` is a text file that names photos not to learn from, one a line, or
    those photos; a name that is none of the good photos is a DataError. `roi` is what of a photo counts, in training
    and judging, `ignore` what does not: masks, files of polygons, boxes "x,y,width,height", each as "name=..." where it
    has a name; `border` is how many pixels at a photo's edges do not count. What fits no photo is a DataError.
    """
    need_torch("training")
    from blemish.training.request import train_as_asked
    from blemish.training.run_file import PhotosOrigin

    name, where, into = _named_method(method, photos, run)
    found = where if isinstance(where, Dataset) else find_photos(where, dataset=dataset, category=category)
    named = isinstance(where, str | Path)  # one place, or a pattern, that run.json can say again
    origin = PhotosOrigin(root=Path(str(where)), dataset=dataset, category=category) if named else None
    return train_as_asked(
        name,
        found,
        into,
        settings,
        teacher_weights=[Path(file) for file in _listed(teacher_weights)],
        leave_out=names_in(Path(leave_out)) if isinstance(leave_out, str | Path) else list(map(Path, leave_out)),
        origin=origin,
        interest=AskedInterest(roi=_texts(roi), ignore=_texts(ignore), border=border),
        resume=resume,
        overwrite=overwrite,
        on_progress=on_progress,
    )


def _named_method(method: Any, photos: Any, run: Folder | None) -> tuple[str, Any, Path]:
    """Returns method, photos and run of two or three of them; raises SettingsError where one is missing."""
    from blemish.detectors import DEFAULT_METHOD, DETECTORS

    if run is not None:
        return method, photos, Path(run)
    if isinstance(method, str) and method in DETECTORS:
        raise SettingsError(f"give method, photos and a folder for the model; a folder of photos may be ./{method}")
    if not isinstance(photos, str | Path):
        raise SettingsError("give photos of good parts and a folder for the model")
    others = ", ".join(name for name in DETECTORS if name != DEFAULT_METHOD)
    _log.info("method: %s, as none is named (there are also %s)", DEFAULT_METHOD, others)
    return DEFAULT_METHOD, method, Path(photos)


def train_again(
    run_file: Folder,
    run: Folder | None = None,
    *,
    steps: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    on_progress: OnProgress = say_nothing,
) -> "Artifact":
    """Trains with all settings of an earlier training, as its run.json says, and on its photos.

    Without `run`, the model is left where that file lies; `steps`, where given, replace its own.
    Raises SettingsError where a program handed the photos over.
    """
    need_torch("training")
    from blemish.training.run_file import read_run_file

    earlier = read_run_file(Path(run_file))
    if earlier.origin is None:
        raise SettingsError(f"{run_file} does not say where the photos lie, which a program handed over: train there")
    return train(
        earlier.method,
        earlier.origin.root,
        Path(run_file).parent if run is None else run,
        dataset=earlier.origin.dataset,
        category=earlier.origin.category,
        teacher_weights=earlier.teacher_weights,
        leave_out=earlier.left_out,
        roi=earlier.interest.roi,
        ignore=earlier.interest.ignore,
        border=earlier.interest.border,
        resume=resume,
        overwrite=overwrite,
        on_progress=on_progress,
        **(earlier.asked() | ({} if steps is None else {"steps": steps})),
    )


def check(
    folder: Folder,
    *,
    dataset: str = AUTO,
    category: str | None = None,
    method: str | None = None,
    teacher: str = "resnet18",
    teacher_weights: Folder | None = None,
    contact_sheet: Folder | None = None,
    write_unusual: Folder | None = None,
    on_progress: OnProgress = say_nothing,
    **settings: Any,
) -> "Findings":
    """Looks through photos as training and evaluating would find them; nothing is changed.

    Where `dataset` names a published one, its photos are counted against those that its publishers give; where the
    folder then holds all its categories and none is named, that is all that is done, and no photo is decoded.
    `settings` are those that decide what training can promise and see: keep, held_out, part, seed, image_size, aspect,
    tiles, overlap, max_megapixels, pages, channels, white_level. Without a method, the default is assumed. Where good
    parts lie anyhow and could be laid on one another, a line says so. Where torch and the weights of `teacher` are on
    this machine, or given, good photos are compared with one another; `contact_sheet` is a PNG of the most unusual
    ones, `write_unusual` a text file that names those far from the rest, as `train` takes by `leave_out`.
    Raises DataError where there are no photos, and WeightsError or MissingExtraError where such a file cannot be
    written without them.
    """
    needed = contact_sheet is not None or write_unusual is not None or teacher_weights is not None
    if method is not None:
        need_torch("the check for a method")
    if needed:
        need_torch("comparing photos with one another")
    from blemish.data.pixel_limit import allow_pixels
    from blemish.training.arrangement import intended
    from blemish.training.findings import NOT_COMPARED, Findings, look_into

    intention = intended(method, settings)
    published = DATASETS.get(dataset)
    if published is not None and category is None and not needed:
        counts = checked_categories(published, Path(folder))
        if counts is not None:
            return Findings(lines=counts.lines, problems=counts.problems)
    allow_pixels(intention.training.max_pixels)
    found = find_dataset(dataset, Path(folder), category)
    findings = look_into(found, intention, on_progress=on_progress)
    if published is not None:
        counts = checked_counts(found, published)
        findings = findings.with_lines(*counts.lines, problems=counts.problems)
    if find_spec("torch") is None:
        return findings.with_lines(f"{NOT_COMPARED}that takes torch: pip install 'blemish[train]'")
    from blemish.training.unusual_photos import compared

    return compared(
        findings,
        found,
        teacher=teacher,
        weights=None if teacher_weights is None else Path(teacher_weights),
        needed=needed,
        sheet=None if contact_sheet is None else Path(contact_sheet),
        names=None if write_unusual is None else Path(write_unusual),
        image_size=findings.image_size,
        seed=intention.training.seed,
        reading=intention.training.reading,
        asked_white=intention.training.asked_white,
        on_progress=on_progress,
    )


def calibrate(
    run: Folder,
    *,
    false_alarms: float | None = None,
    check: float | None = None,
    estimate: bool | None = None,
    good: Named | Dataset = (),
    part: str | None = None,
    rule: str | Sequence[str] = (),
    mm_per_pixel: float | None = None,
    replace: bool = False,
    accept: bool = False,
    undo: bool = False,
    runtime: str = "auto",
    device: str = "auto",
    on_progress: OnProgress = say_nothing,
) -> "Recalibration":
    """Sets other thresholds for a trained model, from the calibration photos it knows and from more `good` ones.

    `false_alarms`, `check` (the share of good photos that may be called anomalous or "check"; 0: none is called
    "check") and `estimate` (thresholds come from a fitted tail, which promises nothing) are as before where they are
    not given. `good` may be a Dataset, whose photos to train on and to validate are taken, and whose samples may say
    which part each shows; else `part`, a regular expression, finds that in names, as before where it is not given.
    `rule` says which marks stop a photo above the threshold, such as "length > 2 mm" or "area > 30 and count > 3",
    several of them any; "none" forgets those before. `mm_per_pixel` is how large a pixel is. `replace` forgets the
    calibration photos so far. `runtime` and `device` judge photos, as for `open`. Photos of which more than half
    are above the threshold so far are refused, but with `accept`. `undo`, alone, restores what was before the last
    calibration, and may be repeated.
    """
    from blemish.calibration.recalibrate import AskedRates, Recalibration, recalibrate
    from blemish.calibration.undo import undo_calibration

    photos, unread = _good_to_calibrate(good)
    if undo:
        asked = (false_alarms, check, estimate, part, mm_per_pixel, *_listed(rule))
        if photos or unread or replace or accept or any(setting is not None for setting in asked):
            raise SettingsError("undo restores the thresholds before the last calibration: give nothing else with it")
        restored = undo_calibration(Path(run))
        return Recalibration(artifact=restored, added=0, known=[], of_known_parts=[], unreadable=[])
    if replace and not photos:
        raise DataError("replacing forgets the calibration photos: give others with --good")
    done = recalibrate(
        Path(run),
        photos,
        part=part,
        asked=AskedRates(false_alarms=false_alarms, check=check, estimate=estimate),
        rules=list(map(str, _listed(rule))),
        mm_per_pixel=mm_per_pixel,
        replace=replace,
        accept=accept,
        runtime=runtime,
        device=device,
        on_progress=on_progress,
    )
    if done.far is not None:
        _say_far_photos(done.far, Path(run), runtime=runtime, device=device)
    return dataclasses.replace(done, unreadable=[*unread, *done.unreadable])


def _good_to_calibrate(good: Named | Dataset) -> tuple[Sequence[Path | Sample], list[DataError]]:
    """Returns the photos to calibrate with, and an error for what lies among them and cannot be read.

    Raises DataError, as training does, for what is called bad: some defects among many good photos are no majority
    above the threshold, and would raise it unnoticed.
    """
    if isinstance(good, Dataset):
        return (*good.train, *good.validation), []
    paths = paths_of(good)
    photos, unread = photos_and_unread(paths)
    for folder in dict.fromkeys(path if has_folder(path) else path.parent for path in paths):
        check_named_good([photo for photo in photos if photo.is_relative_to(folder)], folder)
    return photos, unread


def _say_far_photos(far: "FarPhotos", run: Path, *, runtime: str, device: str) -> None:
    from blemish.inference import open_predictor
    from blemish.results.far_overlays import say_far_photos

    predictor = open_predictor(run, runtime=runtime, device=device)
    mend = f"take this calibration back by `blemish calibrate {as_argument(run)} --undo`"
    say_far_photos(far, far.photos, predictor, run=run, mend=mend)


def need_torch(purpose: str) -> None:
    """Raises MissingExtraError where torch, which the base installation goes without, is not there."""
    if find_spec("torch") is None:
        raise MissingExtraError(package="torch", extra="train", purpose=purpose)


def _texts(given: Folder | Sequence[Folder]) -> tuple[str, ...]:
    return tuple(map(str, _listed(given)))


def _listed(files: Folder | Sequence[Folder]) -> Sequence[Folder]:
    return [files] if isinstance(files, str | Path) else files
