"""Where predictions go as they are made: each place is a sink, and any number of them are filled in one go."""

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from blemish.errors import DataError
from blemish.inference.prediction import Prediction
from blemish.inference.predictor import Predictor


class Sink(Protocol):
    """A place that takes predictions: a folder, level maps, a history."""

    def add(self, photo: Path, result: Prediction | DataError) -> None:
        """Takes what came of a photo; raises OutputError where it cannot be written."""
        ...

    def close(self) -> None:
        """Writes what is waiting, also where not every photo was reached; raises OutputError."""
        ...


OpenSink = Callable[[], Sink]
"""Opens a sink when the first result is there: nothing is begun for a model or photos that are of no use."""


def judge_into(
    predictor: Predictor, photos: Sequence[Path], sinks: Sequence[OpenSink], *, level_maps: bool = False
) -> Generator[Prediction | DataError, None, None]:
    """Judges photos as results are asked for, and hands each to every sink before it is returned.

    With `level_maps`, predictions hold these. Sinks are opened with the first result, and closed after the last one or
    where the iterator is given up.
    """
    with ExitStack() as stack:
        opened: list[Sink] = []
        for open_sink in sinks:
            opened.append(open_sink())
            stack.callback(opened[-1].close)
        results = predictor.predict_many(photos, keep_photos=bool(sinks), level_maps=level_maps)
        stack.callback(results.close)
        for photo, result in zip(photos, results, strict=True):
            for sink in opened:
                sink.add(photo, result)
            yield result
