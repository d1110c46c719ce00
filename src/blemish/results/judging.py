"""A folder of photos, judged one after another, with everything that is to be left on the disk."""

import logging
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from blemish.calibration.drift import DriftWatch
from blemish.data.images import Size
from blemish.data.paths import Named, photos_and_unread
from blemish.data.seen import MUCH_SHRUNK, seen_line
from blemish.data.shapes import other_aspect_line, sizes_counted
from blemish.errors import DataError, SettingsError
from blemish.inference import open_predictor
from blemish.inference.prediction import Prediction
from blemish.inference.predictor import Predictor
from blemish.model.artifact import read_artifact
from blemish.progress import OnProgress, Progress, say_nothing
from blemish.results.folder import PredictionFolder
from blemish.results.level_maps import LEVEL_MAPS, LevelMapFolder, runtime_for
from blemish.results.saved import USUAL, saved
from blemish.results.sinks import OpenSink, judge_into

_log = logging.getLogger("blemish")


def judge_folder(
    run: str | Path,
    places: Named,
    *,
    output: Path | None,
    save: str | Sequence[str],
    level_maps: bool,
    opening: dict[str, Any],
    on_progress: OnProgress = say_nothing,
) -> Generator[Prediction | DataError, None, None]:
    """Judges photos, and those of folders, as results are asked for; one that cannot be read gives its error.

    `opening` are the arguments of `open_predictor`. Raises what that does, DataError where there is no photo at all,
    SettingsError for maps or overlays without a folder.
    """
    if saved(save) != saved(USUAL) and output is None:
        raise SettingsError("what is saved is left in files: say where with --output FOLDER")
    if level_maps and output is None:
        raise SettingsError("level maps are left in files: say where with --output FOLDER")
    opening = opening | {"runtime": runtime_for(opening["runtime"], level_maps=level_maps)}
    predictor = open_predictor(run, **opening)
    missing: list[DataError] = []
    found, unread = photos_and_unread(places, on_error=missing.append)
    missing += unread
    if not (found or missing):
        raise DataError("no photos to judge: give photos, or folders that hold some")
    sinks = [] if output is None else sinks_in(output, found, predictor, save=save, level_maps=level_maps)
    training = read_artifact(run).training
    trained = sizes_counted(training.photo_sizes)
    results = judge_into(predictor, found, sinks, level_maps=level_maps)
    watch = DriftWatch(predictor.calibration, part=training.part_pattern)

    def at_the_end(sizes: Mapping[Size, int]) -> Iterator[str | None]:
        yield other_aspect_line(sizes, trained) if sizes else None
        yield watch.line(str(run))
        yield seen_line(sizes, predictor.framing, beyond=MUCH_SHRUNK)

    return _judged(missing, results, len(found), watch, at_the_end, on_progress)


def sinks_in(
    output: Path,
    photos: Sequence[Path],
    predictor: Predictor,
    *,
    save: str | Sequence[str] = USUAL,
    level_maps: bool = False,
) -> list[OpenSink]:
    """Returns what opens the folder of predictions and, where they are asked for, that of level maps in it."""
    sinks: list[OpenSink] = [lambda: PredictionFolder(output, photos, save=save)]
    if level_maps:
        levels = LevelMapFolder(output / LEVEL_MAPS, photos, predictor)  # now: it may refuse
        sinks.insert(0, lambda: levels)
    return sinks


def _judged(
    missing: Sequence[DataError],
    results: Generator[Prediction | DataError, None, None],
    photos: int,
    watch: DriftWatch,
    at_the_end: Callable[[Mapping[Size, int]], Iterable[str | None]],
    on_progress: OnProgress,
) -> Generator[Prediction | DataError, None, None]:
    yield from missing
    sizes: Counter[Size] = Counter()
    try:
        for done, result in enumerate(results, start=1):
            on_progress(Progress(activity="judging", done=done, total=photos))
            if not isinstance(result, DataError):
                sizes[result.photo_size] += 1
                watch.add(result)
            yield result
        for line in filter(None, at_the_end(sizes)):
            _log.warning("%s", line)
    finally:
        results.close()
