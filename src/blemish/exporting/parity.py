"""Whether a runtime says what the trained detector says: scores, maps, verdicts."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from blemish.calibration.promise import ROUNDING
from blemish.data.framing import Framing
from blemish.data.images import Pixels, Size, resize_image
from blemish.data.interest import Interest
from blemish.errors import DataError, ExportError
from blemish.inference.prediction import Prediction

_SIZES = {"256x256": (256, 256), "640x480": (480, 640), "1600x1200": (1200, 1600), "400x1200": (1200, 400)}
"""Width x height, as photos come, and (height, width)."""
_LONGEST_SIDES = (256, 640)  # pixels, where the aspect is the photo's own
MOST_TILES = 1.5
"""Tiles' sides that photos of a proof have at most, either way: with those that overlap, one has all its neighbours."""
FEWEST_TO_RANK = 3


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """The differences that an export may have and still be accepted."""

    difference: float | None
    """Largest relative difference of scores and of maps; None: no limit, for its thresholds are its own."""
    flips: float
    """Share of verdicts that may differ."""
    clear_flips: float
    """Share of verdicts that may differ although the trained detector's score is NEAR no threshold."""
    rank_correlation: float
    """Lowest Spearman correlation of the scores, where any of them differs by more than NEAR."""


NEAR = 0.05
"""Relative: good photos score so alike that rounding decides their order, and their verdict at the threshold."""
TOLERANCES = {
    "fp32": Tolerance(difference=ROUNDING, flips=0.0, clear_flips=0.0, rank_correlation=0.0),
    "bf16": Tolerance(difference=None, flips=1.0, clear_flips=0.02, rank_correlation=0.9),
    "int8": Tolerance(difference=None, flips=1.0, clear_flips=0.02, rank_correlation=0.9),
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer of one runtime to one photo; the map is (H, W) at the size the network saw."""

    score: float
    anomaly_map: NDArray[np.float32]
    verdict: str
    margin: float
    """Relative distance of the score from the nearest threshold."""

    @classmethod
    def of(cls, prediction: Prediction) -> "Answer":
        """Returns the answer that a prediction holds."""
        score, limits = prediction.anomaly_score, prediction.thresholds
        thresholds = [limits.image] if limits.check is None else [limits.image, limits.check]
        return cls(
            score=score,
            anomaly_map=prediction.anomaly_map,
            verdict=prediction.threshold_verdict,  # rules may be set anew at any time
            margin=min(_relative(abs(score - threshold), abs(threshold)) for threshold in thresholds),
        )


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How far one runtime is from another, over some photos."""

    photos: int
    score_difference: float
    """Largest over the photos of |a - b| / |a|."""
    map_difference: float
    """Largest over the photos of max |a - b| / max |a|."""
    flips: int
    """Photos whose verdicts differ, each runtime judging by its own thresholds."""
    clear_flips: int
    """Those of them whose first score is NEAR no threshold."""
    rank_correlation: float | None
    """Spearman's, of the scores; None for fewer than three photos."""

    def __str__(self) -> str:
        ranks = "" if self.rank_correlation is None else f", correlation of ranks {self.rank_correlation:.4f}"
        clear = f" ({self.clear_flips} of them over {NEAR:.0%} from the threshold)" if self.flips else ""
        return (
            f"{self.photos} photos: scores differ by {self.score_difference:.1e} at most, maps by "
            f"{self.map_difference:.1e} (relative); {self.flips} of {self.photos} verdicts differ{clear}{ranks}"
        )

    def check(self, tolerance: Tolerance, *, of: str) -> None:
        """Raises ExportError, with the figures, where they are beyond the tolerance."""
        broken = []
        if tolerance.difference is not None and max(self.score_difference, self.map_difference) > tolerance.difference:
            broken.append(f"a relative difference of {tolerance.difference:g}")
        if self.flips > tolerance.flips * self.photos:
            broken.append("no verdict")
        elif self.clear_flips > tolerance.clear_flips * self.photos:
            broken.append(f"{tolerance.clear_flips:.0%} of the verdicts over {NEAR:.0%} from the threshold")
        ranks = self.rank_correlation
        if ranks is not None and self.score_difference > NEAR and ranks < tolerance.rank_correlation:
            broken.append(
                f"a correlation of ranks of {tolerance.rank_correlation:g} (few photos, or all alike, fall short by "
                "chance: give more with --photos, best with defects)"
            )
        if broken:
            raise ExportError(f"{of} disagrees with the trained detector on {self}; allowed: {', '.join(broken)}")


def compare_answers(pairs: Iterable[tuple[Answer, Answer]], *, on_photo: Callable[[], object] = lambda: None) -> Parity:
    """Compares the first answers with the second, photo by photo; it takes them one by one, for maps are large."""
    first, second, maps, flips = [], [], list[float](), list[Answer]()
    for a, b in pairs:
        first.append(a.score)
        second.append(b.score)
        maps.append(_relative(np.abs(a.anomaly_map - b.anomaly_map).max(), np.abs(a.anomaly_map).max()))
        flips += [a] if a.verdict != b.verdict else []
        on_photo()
    differences = [_relative(abs(a - b), abs(a)) for a, b in zip(first, second, strict=True)]
    return Parity(
        photos=len(first),
        score_difference=_largest(differences),
        map_difference=_largest(maps),
        flips=len(flips),
        clear_flips=sum(answer.margin > NEAR for answer in flips),
        rank_correlation=_rank_correlation(first, second),
    )


def shapes_of(photo: Pixels, framing: Framing, interest: Interest | None = None) -> Iterator[Pixels]:
    """Yields the photo as cameras of other sizes would give it, and in grey: all that goes before the network is tried
    too.

    Where photos are seen in tiles, the sizes are those of a few. Where there are regions of interest, the photo is as
    wide for its height in every size, as they ask, and no size leaves nothing of a region.
    """
    yield photo
    sizes = list(_SIZES.values())
    if interest is not None:
        zooms = [side / max(photo.shape[:2]) for side in _LONGEST_SIDES]
        sizes = [zoomed(photo.shape, zoom) for zoom in zooms]
    for size in (zoomed(size, zoom_to_few(size, framing)) for size in sizes):
        if interest is None or holds_regions(size, framing, interest):
            yield resize_image(photo, size)
    grey: Any = np.ascontiguousarray(photo[:, :, 1])
    yield grey


def zoom_to_few(size: Size, framing: Framing) -> float:
    """Returns what a photo (height, width) is resized by to be seen in a few tiles, 1 at most."""
    return 1.0 if framing.tile is None else min(1.0, MOST_TILES * framing.tile / math.sqrt(math.prod(size)))


def holds_regions(size: Size, framing: Framing, interest: Interest) -> bool:
    """Returns whether something of each region is left in photos (height, width), as they are seen."""
    try:
        interest.check_map(framing.map_size(size), name="image")
    except DataError:
        return False
    return True


def zoomed(size: Sequence[int], zoom: float) -> Size:
    """Returns the size, (height, width), of a photo that is resized by this."""
    return max(1, round(zoom * size[0])), max(1, round(zoom * size[1]))


def _largest(differences: Sequence[float]) -> float:
    """Returns the largest; what is no number counts as beyond all bounds, where Python's max would pass over it."""
    found = np.asarray(differences)
    return float(np.where(np.isnan(found), np.inf, found).max(initial=0.0))


def _relative(difference: float, value: float) -> float:
    return float(difference / value) if value else float(difference)


def _rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    if len(first) < FEWEST_TO_RANK or len(set(first)) == 1 or len(set(second)) == 1:
        return None
    return float(stats.spearmanr(first, second).statistic)
