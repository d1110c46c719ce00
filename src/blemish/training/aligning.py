"""What photos are laid on is learned from good ones before anything else, unless that brings them no closer."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from blemish.data.alignment import Grey, small_grey
from blemish.data.alignment_reference import FEWEST_TO_ALIGN, LearnedAlignment, learn_alignment
from blemish.data.dataset import Sample
from blemish.data.framing import Framing
from blemish.data.images import Size, read_header, read_image, save_png
from blemish.data.reading import Reading
from blemish.errors import DataError, SettingsError
from blemish.files import remove
from blemish.progress import OnProgress, Progress

REFERENCE_FILE = "reference.png"
MOST_TO_ALIGN = 40
"""Photos that the reference is made of."""
LEAST_GAIN = 0.25
"""Of what two photos differ by, as a share, that must be gone; measured in docs/how-to/align-parts.md."""
WORTH_A_HINT = 0.5
"""Of the same: screws gain .90, all other shared sets .15 or less."""
ALIKE = 0.9
"""Correlation of two photos as they lie, from which on there is nothing left to gain, and nothing to refuse."""

FEWEST_TO_TRY = 20
"""Good photos from which on aligning is tried unasked, which takes a second."""
_TRIED = 6  # of them

_log = logging.getLogger("blemish")


def aligned_framing(photos: Sequence[Sample], framing: Framing, *, on_progress: OnProgress) -> Framing:
    """Returns the framing that lays photos on what the first of these good ones show; says how far off they lie.

    None of them calibrates, for a threshold promises nothing of photos that anything was learned from.

    Raises SettingsError where it brings them no closer, and where there are too few, MissingExtraError without OpenCV.
    """
    learned = [sample.image for sample in photos[:MOST_TO_ALIGN]]
    pictures, size = _pictures(learned, framing.reading, on_progress=on_progress)
    if len(pictures) < FEWEST_TO_ALIGN:
        raise SettingsError(
            f"{len(pictures)} readable good photos of one shape: aligning takes {FEWEST_TO_ALIGN}; train without align"
        )
    found = learn_alignment(pictures, size)
    _check(found)
    return replace(framing, alignment=found.alignment)


def can_align() -> bool:
    """Returns whether OpenCV is installed."""
    return find_spec("cv2") is not None


def gain_of_aligning(
    photos: Sequence[Sample], reading: Reading, *, on_progress: OnProgress
) -> tuple[float, float] | None:
    """Returns what two photos correlate by as they lie, and aligned, where good photos lie anyhow and could be laid on
    one another; without OpenCV that is not known."""
    if len(photos) < FEWEST_TO_TRY or not can_align():
        return None
    tried = [sample.image for sample in photos[:: len(photos) // _TRIED][:_TRIED]]
    pictures, size = _pictures(tried, reading, on_progress=on_progress)
    if len(pictures) < FEWEST_TO_ALIGN:
        return None
    found = learn_alignment(pictures, size)
    return None if found.gain < WORTH_A_HINT or found.before >= ALIKE else (found.before, found.after)


def could_be_aligned(gain: tuple[float, float]) -> str:
    """Returns in words what two good photos correlate by as they lie, and aligned."""
    return (
        f"good parts lie anyhow, and can be laid on one another (two photos correlate by {gain[0]:.2f} as they "
        f"lie, by {gain[1]:.2f} aligned)"
    )


def leave_reference(framing: Framing, run: Path) -> None:
    """Leaves a picture of what photos are laid on in the run folder, to look at and to draw regions of interest on."""
    remove(run / REFERENCE_FILE)  # an overwritten training's is of other photos
    if framing.alignment is not None:
        save_png(run / REFERENCE_FILE, framing.alignment.picture.astype(np.uint8))


def _pictures(photos: Sequence[Path], reading: Reading, *, on_progress: OnProgress) -> tuple[list[Grey], Size]:
    """Returns small pictures of photos of the commonest size, and that size; what cannot be read is passed over, and
    named by who reads all of them."""
    sizes: dict[Path, Size] = {}
    for path in photos:
        try:
            sizes[path] = read_header(path, reading=reading).size
        except DataError:
            continue
    size = Counter(sizes.values()).most_common(1)[0][0] if sizes else (1, 1)
    chosen, pictures = [path for path, own in sizes.items() if own == size], []
    for done, path in enumerate(chosen, start=1):
        try:
            pictures.append(small_grey(read_image(path, reading=reading), size))
        except DataError:
            continue
        on_progress(Progress(activity="aligning photos", done=done, total=len(chosen)))
    return pictures, size


def _check(learned: LearnedAlignment) -> None:
    """Says what aligning does; raises SettingsError where it brings photos no closer that are not close already."""
    found = f"two good photos correlate by {learned.before:.2f} as they lie, and by {learned.after:.2f} aligned"
    if learned.gain < LEAST_GAIN and learned.before < ALIKE:
        raise SettingsError(
            f"aligning brings the good photos no closer ({found}): they show nothing by which they could be laid on "
            "one another, or lie too far apart; train without align"
        )
    if learned.gain < LEAST_GAIN:
        _log.warning(
            "aligning brings the good photos no closer, which lie alike already (%s): it is of use only where photos "
            "to come do not",
            found,
        )
        return
    _log.info(
        "aligned: %s; nine in ten lie within %.1f %% of a photo's longer side, and %.1f degrees, of the reference",
        found,
        100 * learned.shift,
        learned.turn,
    )
