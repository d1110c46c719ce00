"""`blemish check`: what lies in folders of photos, before anything is trained or judged."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from blemish.cli.progress import ProgressBars
from blemish.data import DATASETS
from blemish.data.dataset import GOOD, Dataset, Sample
from blemish.data.images import read_header, read_mask
from blemish.data.part_names import parts_of
from blemish.data.survey import Inspection, common_files, inspect
from blemish.errors import DataError, on_one_line
from blemish.model.thresholds import percent
from blemish.progress import Progress
from blemish.training.settings import TrainingSettings
from blemish.training.split import shuffled, split

ALL_FINE, SOME_UNUSABLE = 0, 2
SHOWN = 5


def check(*folders: Path, category: str | None = None, part: str | None = None) -> int:
    """Look through folders of photos: what training and evaluating would find there. Nothing is changed.

    Every photo is decoded. Exit code 2 where something cannot be used: a photo, mask or folder that cannot be read, a
    mask that fits no photo.

    Parameters
    ----------
    folders
        Folders of photos of good parts, or in MVTec AD's layout.
    category
        Which part, where the folders hold several.
    part
        As for training: regular expression for which part a photo's name says it shows, such as (.+)_[0-9]+.
    """
    if not folders:
        raise DataError("no folder to check: give folders of photos")
    code = ALL_FINE
    for folder in folders:
        if len(folders) > 1:
            print(f"{on_one_line(folder)}:")
        for problem in _problems(folder, category, part):
            sys.stderr.write(f"blemish: {problem}\n")
            code = SOME_UNUSABLE
    return code


def _problems(folder: Path, category: str | None, part: str | None) -> Sequence[str]:
    """Prints what is in the folder, and returns what of it cannot be used, a line each."""
    try:
        found = DATASETS["folder"](folder, category)
    except DataError as error:
        return [str(error)]
    with ProgressBars() as bars:
        train, test = (_inspect(samples, bars) for samples in (found.train, found.test))
    left_out = [str(error) for error in found.left_out]
    if found.train:
        _print("good parts", train.lines())
        try:
            print(f"  {promise(train, part)}")
        except DataError as error:
            left_out.append(str(error))
    if found.test:
        _print("test", [*test.lines(), *_types(found)])
    twice = common_files(test, train)
    if twice:
        pairs = _some([f"{on_one_line(copy)} = {on_one_line(original)}" for copy, original in twice])
        print(f"test photos that are also among the good parts, and flatter the model: {len(twice)} ({pairs})")
    return [*left_out, *train.unreadable, *test.unreadable, *_wrong_masks(found.test)]


def promise(good_parts: Inspection, part: str | None) -> str:
    """What training on these photos can promise, in one line.

    Raises DataError or SettingsError where `part` does not say which part each photo shows, or they all show one.
    """
    if len(good_parts.different) < 2:
        return "training takes 2 different ones at least; 30 or more are advised"
    training = TrainingSettings(part=part)
    parts = parts_of(shuffled(good_parts.different, seed=training.seed, part=part), part)
    divided = split(parts, held_out=training.held_out)
    calibrating = len({parts[i] for i in divided.calibrating})
    unit = "" if part is None else f" of {len(set(parts))} parts"
    return (
        f"training would learn from {len(divided.train)}, choose weights by {len(divided.validation)} and calibrate "
        f"with {calibrating}{unit}, which can promise a false alarm rate of {percent(1 / (calibrating + 1))} and no "
        "less"
    )


def _inspect(samples: Sequence[Sample], bars: ProgressBars) -> Inspection:
    name = "test photos" if any(sample.anomalous for sample in samples) else "good photos"
    paths = [sample.image for sample in samples]
    return inspect(
        paths, decode=True, on_photo=lambda done, of: bars.show(Progress(activity=name, done=done, total=of))
    )


def _print(title: str, lines: Sequence[str]) -> None:
    print(f"{title}: " + "\n  ".join(lines))


def _types(found: Dataset) -> list[str]:
    """How many photos are good, how many of each defect type, and how many of these have no mask."""
    counts = Counter(sample.defect_type for sample in found.test)
    good = counts.pop(GOOD, 0)
    defects = ", ".join(f"{on_one_line(name)} ({count})" for name, count in counts.items())
    lines = [f"{good} good; defects: {defects or 'none'}"]
    bare = [sample.image for sample in found.test if sample.anomalous and sample.mask is None]
    if bare:
        lines.append(
            f"defective photos without mask, without which no metric of pixels is given: {len(bare)} of "
            f"{counts.total()} ({_some([on_one_line(path) for path in bare])})"
        )
    return lines


def _wrong_masks(samples: Sequence[Sample]) -> list[str]:
    """Masks that cannot be read, mark nothing, or are of another size than their photo."""
    wrong = []
    for sample in samples:
        if sample.mask is None:
            continue
        try:
            mask = read_mask(sample.mask)
        except DataError as error:
            wrong.append(str(error))
            continue
        try:
            height, width = read_header(sample.image).size
        except DataError:
            continue  # the photo's own line says so
        if not mask.any():
            wrong.append(on_one_line(f"{sample.mask} marks no defect, though its photo is of one"))
        elif mask.shape != (height, width):
            wrong.append(
                on_one_line(
                    f"{sample.mask} is {mask.shape[1]}x{mask.shape[0]}, its photo {width}x{height}: a mask must have "
                    "its photo's size"
                )
            )
    return wrong


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
