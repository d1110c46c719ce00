"""Which of the good photos are unlike the others, by the teacher's features: said before anything is learned."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from blemish.calibration.groups import TwoGroups, two_groups
from blemish.calibration.outliers import FEWEST_TO_COMPARE, by_unusualness
from blemish.data.dataset import Dataset
from blemish.data.folder import keep_apart
from blemish.data.framing import Framing
from blemish.data.images import Size
from blemish.data.listed_blocks import as_text
from blemish.data.reading import FIRST_PAGE, Reading
from blemish.data.shapes import fitting_side
from blemish.errors import MissingExtraError, WeightsError
from blemish.files import remove, write_text
from blemish.networks.feature_places import COMPARED_LEVELS
from blemish.networks.neighbours import distances_to_others, whole_of
from blemish.networks.small_things import view_of
from blemish.networks.teacher import Teacher
from blemish.process import available_cores
from blemish.progress import OnProgress, Progress
from blemish.results.contact_sheet import write_contact_sheet
from blemish.training.findings import NOT_COMPARED, Findings
from blemish.training.photo_store import PhotoStore
from blemish.training.seeds import seed_of
from blemish.wording import counted, on_one_line, some_of

CONTACT_SHEET_FILE = "unusual.png"
MOST_LOOKED_AT = 2000  # photos; minutes on a processor
_NAMED, _ON_SHEET = 5, 20
_CHECKED_MEMORY = 10**9  # bytes of frames
_SQUEEZED, _LONGEST = 1.5, 4.0  # times as long as their frames, photos are compared in their own shape; at most

_log = logging.getLogger("blemish")


@dataclass(frozen=True, kw_only=True)
class ComparedPhotos:
    """A set of photos, which are named most unusual first, and which of them are far from the rest."""

    photos: tuple[Path, ...]
    far: tuple[Path, ...]
    """The first of `photos`, as many as are truly far from the rest."""
    times: tuple[float, ...]
    """How many times as far from the others as the median photo each of `far` is."""
    looked_at: int
    """How many photos were compared."""
    of: int
    white_level: int
    reading: Reading = FIRST_PAGE
    two: tuple[Sequence[Path], Sequence[Path]] | None = None
    """The photos of either kind, more of the first, where they are plainly of two."""

    def line(self, *, sheet: Path | None = None) -> str:
        """Returns in one line which photos are most unusual, for a person to look at."""
        if not self.photos:
            return f"too few photos to say which is unusual: that takes {FEWEST_TO_COMPARE}"
        some = f" ({self.looked_at:,} of {self.of:,} photos were compared)" if self.looked_at < self.of else ""
        where = f"; see {on_one_line(sheet)}" if sheet is not None else ""
        return f"most unusual first{some}: {some_of(self.photos[:_NAMED])}{where}; are all of them good parts?"

    def warnings(self) -> list[str]:
        """Returns a line for each photo that is far from the rest, of the first few."""
        lines = [
            f"{on_one_line(path)}: is {times:.1f} times as far from the other good photos as most are: is it a photo "
            "of a good part? One that is not lets defects pass; take it away, or name it in a file for --leave-out"
            for path, times in list(zip(self.far, self.times, strict=True))[:_NAMED]
        ]
        if len(self.far) > _NAMED:
            lines.append(f"{len(self.far) - _NAMED} more photos are as far from the other good photos")
        return [*self._two_kinds(), *lines]

    def _two_kinds(self) -> list[str]:
        if self.two is None:
            return []
        many, few = (f"{counted(len(kind), 'photo')} such as {on_one_line(kind[0])}" for kind in self.two)
        return [
            f"good photos are of two kinds at least, {many}, and {few}: two products, or two cameras? A model of both "
            "lets one pass where the other should be; give each kind a folder, and a model, of its own"
        ]

    def write_names(self, file: Path) -> None:
        """Writes the absolute paths of the photos far from the rest, one a line, as --leave-out takes them."""
        lines = [as_text(str(path.absolute())) for path in self.far]
        write_text(file, "".join(f"{line}\n" for line in ("# far from the other good photos: look at each", *lines)))

    def write_sheet(self, sheet: Path) -> None:
        """Writes a contact sheet of the most unusual photos, those far from the rest in red; raises OutputError."""
        first = self.photos[:_ON_SHEET]
        write_contact_sheet(
            first,
            sheet,
            marked=[path in self.far for path in first],
            white_level=self.white_level,
            reading=self.reading,
        )


def compare_photos(
    photos: PhotoStore, teacher: Teacher, device: torch.device, *, seed: int, on_progress: OnProgress
) -> ComparedPhotos:
    """Holds every photo against the others; of more than 2,000, as many that the seed draws.

    Photos that their frames squeeze to two thirds or less are read again, in their own shape.
    """
    size = own_shape([photos.facts[path].size for path in photos.paths], photos.framing.image_size)
    if size == photos.framing.image_size:
        return _compared(photos, teacher, device, seed=seed, on_progress=on_progress)
    framing = replace(photos.framing, image_size=size, tile=None, aspect=None)
    again = PhotoStore(
        photos.paths,
        framing,
        budget=_CHECKED_MEMORY,
        workers=available_cores(),
        asked_white=photos.framing.white_level if photos.sixteen_bits else None,
    )
    try:
        again.load(lambda done, of: on_progress(Progress(activity="reading photos", done=done, total=of)))
        return _compared(again, teacher, device, seed=seed, on_progress=on_progress)
    finally:
        again.close()


def own_shape(sizes: Sequence[Size], image_size: Size) -> Size:
    """Returns the size at which photos of these sizes are compared: that of frames, with the longer side longer where
    most photos are longer by half or more."""
    height, width = image_size
    longer = float(np.median([size[1] / size[0] for size in sizes])) / (width / height) if sizes else 1.0
    if max(longer, 1 / longer) < _SQUEEZED:
        return image_size
    if longer < 1:
        return fitting_side(height * min(1 / longer, _LONGEST)), width
    return height, fitting_side(width * min(longer, _LONGEST))


def _compared(
    photos: PhotoStore, teacher: Teacher, device: torch.device, *, seed: int, on_progress: OnProgress
) -> ComparedPhotos:
    generator = np.random.default_rng(seed_of("unusual photos", seed))
    chosen = np.sort(generator.permutation(len(photos))[:MOST_LOOKED_AT])
    found, two, wholes = [], None, dict[int, NDArray[np.float32]]()

    def features_of(places: NDArray[np.int64], view: int) -> tuple[torch.Tensor, ...]:
        levels: tuple[torch.Tensor, ...] = teacher(view_of(photos.overviews(chosen[places], device), view))
        if view == 0:
            wholes.update(zip(places.tolist(), whole_of(levels), strict=True))
        return levels

    if len(chosen) >= FEWEST_TO_COMPARE:
        found = by_unusualness(
            distances_to_others(
                features_of,
                len(chosen),
                generator=generator,
                on_photo=lambda done: on_progress(Progress(activity="comparing photos", done=done, total=len(chosen))),
            )
        )
        two = two_groups(np.stack([wholes[place] for place in range(len(chosen))]))
    far = [photo for photo in found if photo.far]
    return ComparedPhotos(
        photos=tuple(photos.paths[chosen[photo.index]] for photo in found),
        far=tuple(photos.paths[chosen[photo.index]] for photo in far),
        times=tuple(photo.times for photo in far),
        looked_at=len(chosen),
        of=len(photos),
        white_level=photos.framing.white_level,
        reading=photos.framing.reading,
        two=None if two is None else _named(two, [photos.paths[index] for index in chosen]),
    )


def _named(two: TwoGroups, paths: Sequence[Path]) -> tuple[Sequence[Path], Sequence[Path]]:
    larger, smaller = (sorted(paths[index] for index in group) for group in (two.larger, two.smaller))
    return larger, smaller


def say_what_is_unusual(found: ComparedPhotos, run: Path) -> None:
    """Logs it, and leaves a contact sheet in the run folder."""
    sheet = run / CONTACT_SHEET_FILE
    remove(sheet)  # an overwritten training's is of other photos
    if found.photos:
        found.write_sheet(sheet)
        _log.info("%s", found.line(sheet=sheet))
    for line in found.warnings():
        _log.warning("%s", line)


def compared(
    findings: Findings,
    found: Dataset,
    *,
    teacher: str,
    weights: Path | None,
    needed: bool,
    sheet: Path | None,
    names: Path | None,
    image_size: Size,
    seed: int,
    reading: Reading = FIRST_PAGE,
    asked_white: int | None = None,
    on_progress: OnProgress,
) -> Findings:
    """Returns the findings with what is unusual among the good photos, and writes the contact sheet and the names.

    Nothing is downloaded for it. Where the teacher's weights are not on this machine, a line says so; where it is
    `needed`, that is a WeightsError.
    """
    paths = [sample.image for sample in (*found.train, *found.validation)]
    if not paths:
        return findings
    if sheet is not None:
        keep_apart(sheet, found)
    try:
        with torch.random.fork_rng(devices=[]):  # building draws weights
            network = Teacher.pretrained(teacher, levels=COMPARED_LEVELS, file=weights, download=False)
    except (WeightsError, MissingExtraError) as error:
        if needed:
            raise
        _log.debug("%s", error)
        return findings.with_lines(
            f"{NOT_COMPARED}the weights of teacher {teacher} are not on this machine, which training would download: "
            "give a file with --teacher-weights, or take --teacher efficientnet_lite0"
        )
    unusual = unusual_among(
        paths,
        network,
        image_size=image_size,
        seed=seed,
        reading=reading,
        asked_white=asked_white,
        on_progress=on_progress,
    )
    if sheet is not None and unusual.photos:
        unusual.write_sheet(sheet)
    if names is not None:
        unusual.write_names(names)
    return findings.with_lines(
        f"good parts, compared by teacher {teacher}: {unusual.line(sheet=sheet)}", warnings=unusual.warnings()
    )


def unusual_among(
    paths: Sequence[Path],
    teacher: Teacher,
    *,
    image_size: Size,
    seed: int,
    reading: Reading = FIRST_PAGE,
    asked_white: int | None = None,
    on_progress: OnProgress,
) -> ComparedPhotos:
    """Reads photos as training would and compares them; those that cannot be read, and copies, are left out."""
    photos = PhotoStore(
        paths,
        Framing(image_size=image_size, reading=reading),
        budget=_CHECKED_MEMORY,
        workers=available_cores(),
        asked_white=asked_white,
    )
    try:
        photos.load(lambda done, of: on_progress(Progress(activity="reading photos", done=done, total=of)))
        return compare_photos(photos, teacher, torch.device("cpu"), seed=seed, on_progress=on_progress)
    finally:
        photos.close()
