"""Whether a runtime says what the trained detector says: scores, maps, verdicts."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from blemish.data.images import resize_image
from blemish.errors import ExportError
from blemish.evaluation.calibration import ROUNDING
from blemish.inference.prediction import Prediction

SIZES = {"256x256": (256, 256), "640x480": (480, 640), "1600x1200": (1200, 1600), "400x1200": (1200, 400)}
"""Width x height, as photos come, and (height, width)."""
FEWEST_TO_RANK = 3


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """What an export may differ by and still be kept."""

    difference: float | None
    """Largest relative difference of scores and of maps; None: no limit, for its thresholds are its own."""
    flips: float
    """Share of verdicts that may differ."""
    rank_correlation: float
    """Lowest Spearman correlation of the scores, where any of them differs by more than `negligible`."""
    negligible: float = 0.0
    """Relative difference of scores below which the order of photos is left to chance: good ones score so alike."""


TOLERANCES = {
    "fp32": Tolerance(difference=ROUNDING, flips=0.0, rank_correlation=0.0),  # where scores agree, so do ranks
    "bf16": Tolerance(difference=None, flips=0.02, rank_correlation=0.9, negligible=0.05),
    "int8": Tolerance(difference=None, flips=0.02, rank_correlation=0.9, negligible=0.05),
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one runtime said of one photo; the map is (H, W) at the size the network saw."""

    score: float
    anomaly_map: NDArray[np.float32]
    verdict: str

    @classmethod
    def of(cls, prediction: Prediction) -> "Answer":
        return cls(score=prediction.anomaly_score, anomaly_map=prediction.anomaly_map, verdict=prediction.verdict)


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
    rank_correlation: float | None
    """Spearman's, of the scores; None for fewer than three photos."""

    def __str__(self) -> str:
        ranks = "" if self.rank_correlation is None else f", correlation of ranks {self.rank_correlation:.4f}"
        return (
            f"{self.photos} photos: scores differ by {self.score_difference:.1e} at most, maps by "
            f"{self.map_difference:.1e} (relative); {self.flips} of {self.photos} verdicts differ{ranks}"
        )

    def check(self, tolerance: Tolerance, *, of: str) -> None:
        """Raises ExportError, with the figures, where they are beyond the tolerance."""
        broken = []
        if tolerance.difference is not None and max(self.score_difference, self.map_difference) > tolerance.difference:
            broken.append(f"a relative difference of {tolerance.difference:g}")
        if self.flips > tolerance.flips * self.photos:
            broken.append(f"{tolerance.flips:.0%} of the verdicts" if tolerance.flips else "no verdict")
        ranks = self.rank_correlation
        if ranks is not None and self.score_difference > tolerance.negligible and ranks < tolerance.rank_correlation:
            broken.append(
                f"a correlation of ranks of {tolerance.rank_correlation:g} (few photos, or all alike, fall short by "
                "chance: give more with --photos, best with defects)"
            )
        if broken:
            raise ExportError(f"{of} disagrees with the trained detector on {self}; allowed: {', '.join(broken)}")


def compare(pairs: Iterable[tuple[Answer, Answer]], *, on_photo: Callable[[], None] = lambda: None) -> Parity:
    """Of the first answers with the second, photo by photo; takes them one by one, for maps are large."""
    first, second, maps, flips = [], [], [0.0], 0
    for a, b in pairs:
        first.append(a.score)
        second.append(b.score)
        maps.append(_relative(np.abs(a.anomaly_map - b.anomaly_map).max(), np.abs(a.anomaly_map).max()))
        flips += a.verdict != b.verdict
        on_photo()
    differences = [_relative(abs(a - b), abs(a)) for a, b in zip(first, second, strict=True)]
    return Parity(
        photos=len(first),
        score_difference=max(differences, default=0.0),
        map_difference=max(maps),
        flips=flips,
        rank_correlation=_rank_correlation(first, second),
    )


def shapes_of(photo: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """The photo as cameras of other sizes would give it, and in grey: all that goes before the network is tried too."""
    yield photo
    for size in SIZES.values():
        yield resize_image(photo, size)
    yield np.ascontiguousarray(photo[:, :, 1])


def _relative(difference: float, value: float) -> float:
    return float(difference / value) if value else float(difference)


def _rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    if len(first) < FEWEST_TO_RANK or len(set(first)) == 1 or len(set(second)) == 1:
        return None
    return float(stats.spearmanr(first, second).statistic)
