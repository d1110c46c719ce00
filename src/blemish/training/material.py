"""What a training is made of: photos, their division, textures."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from blemish.data.dataset import Dataset
from blemish.data.drawn_regions import DrawnInterest
from blemish.data.framing import Framing
from blemish.data.interest import Interest
from blemish.data.part_names import ignored_pattern, parts_of
from blemish.data.survey import Survey
from blemish.detectors import Stage
from blemish.errors import DataError
from blemish.process import available_cores
from blemish.progress import OnProgress, Progress
from blemish.training.arrangement import arranged, divided, validates_weights
from blemish.training.inside import interest_on
from blemish.training.memory import MemoryBudget
from blemish.training.photo_store import PhotoStore
from blemish.training.processes import Processes
from blemish.training.settings import TrainingSettings
from blemish.training.split import Split
from blemish.training.texture_store import Textures, open_textures

_log = logging.getLogger("blemish")


@dataclass(frozen=True, kw_only=True)
class Material:
    """The photos and textures that were found; photos are in one order, which the seed drew."""

    photos: PhotoStore
    digests: Sequence[str]
    """The digests of the photos' files, in their order."""
    parts: Sequence[str]
    """Which part each photo shows, in their order; those of one part stand together."""
    unreadable: Sequence[str]
    """A line for each photo that was left out."""
    split: Split
    textures: Mapping[Path | None, Textures]
    """What synthetic defects are drawn from, by the folder that a stage names."""
    interest: Interest | None = None
    """What of the photos counts; None: all of them."""


def gather_material(
    found: Dataset,
    roi: DrawnInterest | None,
    framing: Framing,
    stages: Sequence[Stage],
    *,
    training: TrainingSettings,
    processes: Processes,
    budget: MemoryBudget,
    on_progress: OnProgress,
) -> Material:
    """Reads the photos in a shuffled order and divides them, and lays the regions on them that were drawn; raises
    DataError.

    Each file is read once; what was seen of it is said before anything is learned.
    """
    validates = validates_weights(stages)
    samples = arranged(found, training, validates=validates)
    parts_by_path = dict(zip((s.image for s in samples), parts_of(samples, training.part), strict=True))
    photos = PhotoStore(
        list(parts_by_path),
        framing,
        budget=budget.photos,
        workers=available_cores(),
        asked_white=training.asked_white,
    )
    try:
        photos.load(lambda done, of: on_progress(Progress(activity="reading photos", done=done, total=of)))
        unreadable = _say_what_was_seen(photos, found)
        _check_enough(photos)
        interest = None if roi is None else interest_on(roi, photos, stages)
        if interest is not None:
            photos.look_inside(interest)
        parts = [parts_by_path[path] for path in photos.paths]
        uses = _divide(photos, parts, found, training, validates=validates)
        textures = open_textures(
            stages,
            photos,
            uses.train,
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
        digests=[photos.facts[path].digest for path in photos.paths],
        parts=parts,
        unreadable=unreadable,
        split=uses,
        textures=textures,
        interest=interest,
    )


def _check_enough(photos: PhotoStore) -> None:
    if len(photos) < 2:
        raise DataError(f"{len(photos)} readable, different good photos: at least 2 are needed, 30 or more are advised")


def _say_white(seen: Survey) -> None:
    white, count = seen.white_level, sum(facts.sixteen_bits for facts in seen.facts.values())
    if white in (None, 65535, seen.asked_white):
        return
    if white == seen.stated_white:
        _log.info("white: %d, as %d files of 16 bits say, here and wherever this model judges", white, count)
        return
    _log.warning(
        "%d photos are in files of 16 bits, but no value is above %d: %d, the most of %d bits, is taken for white, "
        "here and wherever this model judges; say another by --white-level",
        count,
        white,
        white,
        white.bit_length(),
    )


def _divide(
    photos: PhotoStore, parts: Sequence[str], found: Dataset, training: TrainingSettings, *, validates: bool
) -> Split:
    if line := ignored_pattern([*found.train, *found.validation], training.part):
        _log.warning("%s", line)
    apart = {sample.image for sample in found.validation}
    uses = divided(photos.paths, parts, apart, held_out=training.held_out, validates=validates)
    if not apart and len(uses.train) < (1 - training.held_out) * len(parts) / 2:
        _log.warning(
            "only %d of %d photos are left to train on, for some parts have many: photos of more parts would help",
            len(uses.train),
            len(parts),
        )
    if validates and not len(uses.validation):
        _log.warning("no photos are left to choose the weights by: those of the last step are kept")
    return uses


def _say_what_was_seen(photos: PhotoStore, found: Dataset) -> list[str]:
    """Says what there is before anything is learned from it; returns a line for each photo that cannot be read."""
    unreadable = tuple(map(str, photos.unreadable))
    ordered = [sample.image for sample in (*found.train, *found.validation)]
    facts = {path: photos.facts[path] for path in ordered if path in photos.facts}
    seen = Survey(facts=facts, unreadable=unreadable, asked_white=photos.asked_white)
    _log.info("good parts: %s", "\n  ".join(seen.lines(root=found.base, framing=photos.framing)))
    for line in unreadable:
        _log.warning("left out: %s", line)
    if photos.sixteen_bits:
        _say_white(seen)
    return list(unreadable)
