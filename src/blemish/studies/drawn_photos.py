"""The photos that a test of changed photos judges: drawn by a seed, none that the model was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from blemish.data.dataset import Dataset, Sample
from blemish.data.digest import digest_of
from blemish.data.images import decode_image, read_file
from blemish.data.reading import Reading
from blemish.errors import DataError
from blemish.model.training_record import TrainingRecord
from blemish.wording import counted


@dataclass(frozen=True, kw_only=True)
class DrawnPhotos:
    """The photos of one kind that a test judges, drawn from those there are."""

    root: Path
    photos: list[Path]
    shorter: int
    """Pixels of the shorter side, of most of them."""
    found: int
    known: int = 0
    """How many were passed over, for the model was trained on them."""
    calibrating: int = 0
    """How many of `photos` gave the threshold."""
    unreadable: list[str] = field(default_factory=list)


def draw_good(found: Dataset, training: TrainingRecord, *, most: int, seed: int, reading: Reading) -> DrawnPhotos:
    """Draws photos of good parts that the model was not trained on; raises DataError where there is none."""
    samples = [*found.train, *found.validation, *(sample for sample in found.test if not sample.anomalous)]
    trained_on = frozenset(training.digests[: training.calibrated_from])
    calibrating = frozenset(training.digests[training.calibrated_from :])
    drawn = _drawn(
        found.base, samples, most=most, seed=seed, reading=reading, passed_over=trained_on, counted_in=calibrating
    )
    if drawn.photos:
        return drawn
    if drawn.known:
        raise DataError(
            f"{found.base}: the model was trained on all {counted(drawn.known, 'photo')} that can be read; name photos "
            "of good parts that it has not seen"
        )
    raise DataError(f"{found.base}: no photo of a good part can be read{first_of(drawn.unreadable)}")


def draw_defective(found: Dataset, *, most: int, seed: int, reading: Reading) -> DrawnPhotos:
    """Draws photos of defective parts; raises DataError where there is none."""
    drawn = _drawn(
        found.base, [sample for sample in found.test if sample.anomalous], most=most, seed=seed, reading=reading
    )
    if not drawn.photos:
        where = "in folders such as test/DEFECT" if not drawn.unreadable else "that can be read"
        raise DataError(f"{found.base}: holds no defective photo {where}{first_of(drawn.unreadable)}")
    return drawn


def _drawn(
    root: Path,
    samples: Sequence[Sample],
    *,
    most: int,
    seed: int,
    reading: Reading,
    passed_over: frozenset[str] = frozenset(),
    counted_in: frozenset[str] = frozenset(),
) -> DrawnPhotos:
    """Draws photos by the seed until there are as many as are asked for; they stay in their order."""
    taken: dict[int, Path] = {}
    shorter: list[int] = []
    known = calibrating = 0
    unreadable: list[str] = []
    for place in np.random.default_rng(seed).permutation(len(samples)):
        path = samples[place].image
        try:
            data = read_file(path)
            if (digest := digest_of(data)) in passed_over:
                known += 1
                continue
            pixels = decode_image(data, name=str(path), reading=reading)
        except DataError as error:
            unreadable.append(f"left out: {error}")
            continue
        taken[int(place)] = path
        shorter.append(min(pixels.shape[:2]))
        calibrating += digest in counted_in
        if len(taken) == most:
            break
    return DrawnPhotos(
        root=root,
        photos=[taken[place] for place in sorted(taken)],
        shorter=sorted(shorter)[len(shorter) // 2] if shorter else 0,
        found=len(samples),
        known=known,
        calibrating=calibrating,
        unreadable=unreadable,
    )


def first_of(lines: Sequence[str]) -> str:
    """Returns the first of some lines on photos that were left out, in brackets; nothing where there are none."""
    return f" ({lines[0].removeprefix('left out: ')})" if lines else ""
