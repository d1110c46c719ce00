"""What a training is made of: photos, their division, textures."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from blemish.data.dataset import Sample
from blemish.data.framing import Framing
from blemish.data.part_names import parts_of
from blemish.data.survey import inspect
from blemish.detectors import Stage
from blemish.detectors.settings import ImageSize
from blemish.errors import DataError
from blemish.process import available_cores
from blemish.training.fit import OnProgress, Progress
from blemish.training.memory import MemoryBudget
from blemish.training.photo_store import PhotoStore
from blemish.training.processes import Processes
from blemish.training.settings import TrainingSettings
from blemish.training.split import Split, shuffled, split
from blemish.training.texture_store import Textures, open_textures

log = logging.getLogger("blemish")


@dataclass(frozen=True, kw_only=True)
class Material:
    """What was found; photos are in one order, which the seed drew."""

    photos: PhotoStore
    digests: Sequence[str]
    """Of the photos' files, in their order."""
    parts: Sequence[str]
    """Which part each photo shows, in their order; those of one part stand together."""
    unreadable: Sequence[str]
    """A line for each photo that was left out."""
    split: Split
    textures: Mapping[Path | None, Textures]
    """What synthetic defects are drawn from, by the folder that a stage names."""


def gather_material(
    samples: Sequence[Sample],
    stages: Sequence[Stage],
    *,
    image_size: ImageSize,
    training: TrainingSettings,
    processes: Processes,
    budget: MemoryBudget,
    on_progress: OnProgress,
) -> Material:
    """Reads the photos in a shuffled order and divides them; raises DataError.

    Copies are left out: in other parts of the split they would break what the threshold promises.
    """
    found = inspect([sample.image for sample in samples])
    log.info("good parts: %s", "\n  ".join(found.lines()))
    photos = PhotoStore(
        shuffled(found.different, seed=training.seed, part=training.part),
        Framing(image_size=image_size),
        budget=budget.photos,
        workers=available_cores(),
    )
    try:
        photos.load(lambda done, of: on_progress(Progress(activity="reading photos", done=done, total=of)))
        for line in (unreadable := [*found.unreadable, *map(str, photos.unreadable)]):
            log.warning("left out: %s", line)
        if len(photos) < 2:
            raise DataError(
                f"{len(photos)} readable, different good photos: at least 2 are needed, 30 or more are advised"
            )
        if photos.sixteen_bits:
            _say_white(photos)
        parts = parts_of(photos.paths, training.part)
        divided = _divide(parts, stages, training)
        textures = open_textures(
            stages,
            photos,
            divided.train,
            seed=training.seed,
            budget=budget.textures,
            device=processes.device,
            on_picture=lambda done, of: on_progress(Progress(activity="reading textures", done=done, total=of)),
        )
    except BaseException:
        photos.close()
        raise
    return Material(
        photos=photos,
        digests=[found.digests[path] for path in photos.paths],
        parts=parts,
        unreadable=unreadable,
        split=divided,
        textures=textures,
    )


def _say_white(photos: PhotoStore) -> None:
    white, bits = photos.framing.white_level, photos.framing.white_level.bit_length()
    if white < 65535:
        log.warning(
            "%d photos are in files of 16 bits, but no value is above %d: %d, the most of %d bits, is taken for white, "
            "here and wherever this model judges",
            photos.sixteen_bits,
            white,
            white,
            bits,
        )


def _divide(parts: Sequence[str], stages: Sequence[Stage], training: TrainingSettings) -> Split:
    validates = any(stage.validation_loss is not None for stage in stages)
    divided = split(parts, held_out=training.held_out, validates=validates)
    if len(divided.train) < (1 - training.held_out) * len(parts) / 2:
        log.warning(
            "only %d of %d photos are left to train on, for some parts have many: photos of more parts would help",
            len(divided.train),
            len(parts),
        )
    if validates and not len(divided.validation):
        log.warning("no photos are left to choose the weights by: those of the last step are kept")
    return divided
