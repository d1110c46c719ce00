"""Calibration photos whose score is far above the rest, said and never mended in silence.

They stay in the calibration: a threshold from which high scores were dropped would no longer keep its promise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from blemish.calibration.outliers import far_above_the_rest
from blemish.calibration.promise import GoodPhotos, calibrate_with
from blemish.errors import DataError
from blemish.model.thresholds import Calibration
from blemish.wording import on_one_line


@dataclass(frozen=True, kw_only=True)
class FarPhotos:
    """Names the photos of a calibration that score far above the rest."""

    places: tuple[int, ...]
    """Which of the photos that were handed over, highest score first."""
    photos: tuple[Path, ...]
    scores: tuple[float, ...]
    next_score: float
    """The highest score of the rest."""
    threshold: float
    """The threshold as it is, with them."""
    without: Calibration | None
    """What the others alone would give; None where no threshold follows from them."""

    def lines(self, *, overlays: Sequence[Path], mend: str) -> list[str]:
        """Returns a line for each photo; `mend` says how to take it out where it shows no good part."""
        if self.without is None:
            else_ = "no threshold follows without it"
        else:
            others = f" and the {len(self.photos) - 1} others named here" if len(self.photos) > 1 else ""
            else_ = f"the threshold is {self.threshold:.4g}, without it{others} {self.without.image.value:.4g}"
        return [
            f"{on_one_line(photo)}: scores {score:.4g}, where the next calibration photo scores {self.next_score:.4g}; "
            f"{else_}. Is it a photo of a good part? See {on_one_line(overlay)}; if it is none, {mend}"
            for photo, score, overlay in zip(self.photos, self.scores, overlays, strict=True)
        ]


def far_photos(
    photos: Sequence[Path],
    judged: GoodPhotos,
    parts: Sequence[str],
    calibration: Calibration,
    *,
    others: Calibration | None = None,
) -> FarPhotos | None:
    """Returns those of the photos that score far above the rest; None where none does.

    `judged` are the photos' scores, `parts` which part each shows, `calibration` what followed from them and from
    `others`, known before, of which no photo is named.
    """
    before = () if others is None else others.scores
    high = far_above_the_rest([*before, *judged.scores])
    far = [place - len(before) for place in high if place >= len(before)]
    if not far:
        return None
    kept = [place for place in range(len(judged.scores)) if place not in far]
    return FarPhotos(
        places=tuple(judged.judged[place] for place in far),
        photos=tuple(photos[judged.judged[place]] for place in far),
        scores=tuple(judged.scores[place] for place in far),
        next_score=max(score for place, score in enumerate([*before, *judged.scores]) if place not in high),
        threshold=calibration.image.value,
        without=_without(judged, kept, parts, calibration, others),
    )


def _without(
    judged: GoodPhotos, kept: Sequence[int], parts: Sequence[str], asked: Calibration, others: Calibration | None
) -> Calibration | None:
    """Returns what the photos that are `kept`, and the others known before, would give."""
    rest = GoodPhotos(
        judged=[judged.judged[place] for place in kept],
        scores=[judged.scores[place] for place in kept],
        peaks=[judged.peaks[place] for place in kept],
        unreadable=[],
        unusualness=[judged.unusualness[place] for place in kept] if judged.unusualness else [],
    )
    try:
        return calibrate_with(
            rest,
            [parts[place] for place in rest.judged],
            known=others,
            false_alarm_rate=asked.image.asked_rate,
            check_rate=None if asked.check is None else asked.check.asked_rate,
            estimate=asked.image.estimated,
            unit=asked.unit,
        )
    except DataError:
        return None
