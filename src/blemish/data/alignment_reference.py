"""From small pictures of good photos to the reference that others are laid on, and whether that brings them closer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from blemish.data.alignment import Alignment, Grey, Placement, encoded_reference, placed
from blemish.data.images import Size

FEWEST_TO_ALIGN = 5
_LOWEST = 0.05  # share of the good photos that agree less than is usual
_NARROWEST = 0.02  # of correlation: what counts as no difference
_BORDER = 0.05  # of either side, which a moved photo mirrors, and which is not compared
_ROUNDS = 2  # of laying photos on the mean of photos laid on one another


@dataclass(frozen=True, kw_only=True)
class LearnedAlignment:
    """An alignment, and what it does to the photos that it was learned from."""

    alignment: Alignment
    before: float
    """Correlation of two photos as they lie, of the pair in the middle."""
    after: float
    """The same of photos that were laid on the reference."""
    shift: float
    """How far off the reference the farthest of nine in ten lies, as a share of the longer side."""
    turn: float
    """Degrees, likewise."""

    @property
    def gain(self) -> float:
        """Which share of what two photos differ by is gone: below 0 where they differ more."""
        return 1 - (1 - self.after) / max(1 - self.before, 1e-6)


def learn_alignment(pictures: Sequence[Grey], photo_size: Size) -> LearnedAlignment:
    """Returns the alignment to the mean of good photos, each laid on the photo that is most like all others, then on
    that mean; pictures are small ones of photos of one size, FEWEST_TO_ALIGN at least.

    The mean is put where the parts lie on average: the less a photo is moved, the less of it leaves the picture. Raises
    MissingExtraError without OpenCV.
    """
    alike = _correlations(pictures)
    reference = pictures[int(alike.mean(axis=1).argmax())]
    for _ in range(_ROUNDS):
        found = [placed(reference, picture, photo_size) for picture in pictures]
        where = _average([each for each in found if each.agreement > 0] or found)
        aligned = [_laid(picture, each.beside(where)) for picture, each in zip(pictures, found, strict=True)]
        reference = np.mean(aligned, axis=0, dtype=np.float32)
    kept = encoded_reference(reference)
    placements = [placed(reference, picture, photo_size) for picture in pictures]
    after = _correlations([_laid(p, where) for p, where in zip(pictures, placements, strict=True)])
    agreements = np.array([where.agreement for where in placements])
    low, middle = np.quantile(agreements, [_LOWEST, 0.5])
    return LearnedAlignment(
        alignment=Alignment(
            size=photo_size, reference=kept, agreement=float(low), spread=float(max(_NARROWEST, middle - low))
        ),
        before=_middle(alike),
        after=_middle(after),
        shift=_most([_shift(where) for where in placements]),
        turn=_most([abs(where.turn) for where in placements]),
    )


def _average(placements: Sequence[Placement]) -> Placement:
    """Returns how a part lies on average: the direction of the sum of turns, and the shift, seen from the part, that
    leaves the others' shifts least beside it; in the complex plane, where a turn is a product."""
    height, width = placements[0].photo_size
    turns = np.exp(1j * np.radians([where.turn for where in placements]))
    shifts = np.array([complex(where.across * width, where.down * height) for where in placements])
    angle = np.angle(turns.sum())
    shift = np.exp(1j * angle) * (shifts / turns).mean()
    turned = {"turn": float(np.degrees(angle)), "across": shift.real / width, "down": shift.imag / height}
    return replace(placements[0], **turned)


def _laid(picture: Grey, where: Placement) -> Grey:
    return where.aligned(picture)


def _shift(where: Placement) -> float:
    height, width = where.photo_size
    return float(np.hypot(where.across * width, where.down * height)) / max(height, width)


def _most(values: Sequence[float]) -> float:
    return float(np.quantile(values, 0.9))


def _correlations(pictures: Sequence[Grey]) -> NDArray[np.float64]:
    """Returns (N, N) how alike the middles of pictures are."""
    height, width = pictures[0].shape
    down, across = (max(1, round(_BORDER * side)) for side in (height, width))
    rows = np.stack([picture[down:-down, across:-across].ravel() for picture in pictures]).astype(np.float64)
    rows -= rows.mean(axis=1, keepdims=True)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    found: NDArray[np.float64] = rows @ rows.T
    return found


def _middle(correlations: NDArray[np.float64]) -> float:
    return float(np.median(correlations[np.triu_indices(len(correlations), 1)]))
