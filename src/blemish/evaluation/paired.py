"""Two models on the same test photos: what each judges wrongly, and which figures differ by more than chance."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from blemish.data.dataset import GOOD
from blemish.errors import DataError
from blemish.evaluation.record import Evaluation, PhotoJudgement
from blemish.evaluation.test_set import difference_of_masks, difference_of_photos, photos_by_name
from blemish.metrics import METRICS, Judgements
from blemish.metrics.intervals import METHOD, Interval, drawn_figures
from blemish.metrics.paired import difference_interval, mcnemar
from blemish.metrics.ranking import Floats
from blemish.model.provenance import Provenance
from blemish.model.thresholds import percent
from blemish.records import RecordFormat, write_record
from blemish.wording import counted

COMPARISON_FILE = "comparison.json"
COMPARISON_FORMAT = RecordFormat(
    version=1,
    name="comparison",
    what="a comparison",
    error=DataError,
    mend="compare anew",
    remake="compare anew",
)
_SMALLEST = 0.001
CHANCE = 0.05
"""A p-value below it is called more than chance, as an interval of 95 % is that does not hold 0."""


@dataclass(frozen=True, kw_only=True)
class ComparedModel:
    """One of the two models has this place, provenance and threshold."""

    place: str
    """Where it was found: a folder, or an evaluation.json."""
    provenance: Provenance | None
    threshold: float


@dataclass(frozen=True, kw_only=True)
class PhotosOfOneKind:
    """The good photos, or the defective ones, have been judged by both models, each at its own threshold."""

    photos: int
    first_wrong: int
    second_wrong: int
    only_first_wrong: list[str]
    """Absolute paths of the photos that the first alone judged wrongly, in the order of the test set."""
    only_second_wrong: list[str]
    p_value: float
    """McNemar's test, exact and two-sided: the chance that so many more of one's mistakes than of the other's come of
    models that are equally good."""

    @property
    def chance(self) -> str:
        """Returns the p-value as people read it."""
        return percent(self.p_value) if self.p_value >= _SMALLEST else f"under {percent(_SMALLEST)}"


@dataclass(frozen=True, kw_only=True)
class FigureDifference:
    """One metric has been measured of both models."""

    first: float
    second: float
    interval: Interval | None
    """Of first - second, at 95 %, paired: of both models on the same draws of photos. None where it cannot be had."""

    @property
    def difference(self) -> float:
        """Returns first - second."""
        return self.first - self.second

    @property
    def beyond_chance(self) -> bool:
        """Whether there is an interval, and 0 is not in it."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


@dataclass(frozen=True, kw_only=True)
class PairedComparison:
    """The record of two models on the same photos; comparison.json holds it."""

    root: str
    """Absolute path of the folder that the photos were found in."""
    first: ComparedModel
    second: ComparedModel
    defective: PhotosOfOneKind
    """Wrong are misses."""
    good: PhotosOfOneKind
    """Wrong are false alarms."""
    figures: dict[str, FigureDifference]
    """By the names of METRICS, those that both models have."""
    notes: list[str]
    """What cannot be compared, or not as surely, and why."""
    conclusion: list[str] = field(default_factory=list)
    """What all this says, in plain words."""
    bootstrap: str = METHOD
    """How the intervals were made."""


def compare_evaluations(first: Evaluation, second: Evaluation, *, places: tuple[str, str]) -> PairedComparison:
    """Compares two models by their evaluations of the same photos; `places` say where these were found.

    Raises DataError where they are not of the same photos. Metrics of photos are resampled here; the intervals of the
    others come from the draws that the evaluations hold.
    """
    if difference := difference_of_photos(first, second, called=places):
        raise DataError(f"{places[0]} and {places[1]} cannot be compared: {difference}")
    pairs = _pairs(first, second)
    of_pixels, notes = _of_pixels(first, second)
    figures = _of_photos(first, second, pairs) | of_pixels
    notes += [line for name, e in (("A", first), ("B", second)) for line in _cautions(e, called=name)]
    if _share_parts(first):
        notes.append(
            "several photos show one part: they are no independent witnesses, and chance reaches further than p-values "
            "and intervals say"
        )
    compared = PairedComparison(
        root=first.root,
        first=ComparedModel(place=places[0], provenance=first.provenance, threshold=first.threshold),
        second=ComparedModel(place=places[1], provenance=second.provenance, threshold=second.threshold),
        defective=_wrong(pairs, of=lambda photo: photo.defect_type != GOOD, wrong=lambda photo: not photo.alarm),
        good=_wrong(pairs, of=lambda photo: photo.defect_type == GOOD, wrong=lambda photo: photo.alarm),
        figures={name: figures[name] for name in METRICS if name in figures},
        notes=notes,
    )
    return replace(compared, conclusion=_conclusion(compared))


def write_comparison(comparison: PairedComparison, path: Path) -> None:
    """Writes comparison.json; raises OutputError."""
    write_record(comparison, path, form=COMPARISON_FORMAT)


_NO_INTERVAL = "differences of metrics of pixels have no interval"
_Pairs = list[tuple[PhotoJudgement, PhotoJudgement]]


def _pairs(first: Evaluation, second: Evaluation) -> _Pairs:
    """Returns what both said of each photo, in the order of the first's test set."""
    there = photos_by_name(second)
    return [(photo, there[name]) for name, photo in photos_by_name(first).items()]


def _wrong(
    pairs: _Pairs, *, of: Callable[[PhotoJudgement], bool], wrong: Callable[[PhotoJudgement], bool]
) -> PhotosOfOneKind:
    judged = [(one.image, wrong(one), wrong(other)) for one, other in pairs if of(one)]
    only_first = [image for image, one, other in judged if one and not other]
    only_second = [image for image, one, other in judged if other and not one]
    return PhotosOfOneKind(
        photos=len(judged),
        first_wrong=sum(one for _, one, _ in judged),
        second_wrong=sum(other for _, _, other in judged),
        only_first_wrong=only_first,
        only_second_wrong=only_second,
        p_value=mcnemar(len(only_first), len(only_second)),
    )


def _of_photos(first: Evaluation, second: Evaluation, pairs: _Pairs) -> dict[str, FigureDifference]:
    """Returns the metrics that follow from the photos' scores."""
    names = [name for name in _in_both(first, second) if METRICS[name].of == "photos"]
    anomalous = np.array([one.defect_type != GOOD for one, _ in pairs])
    drawn = []
    for evaluation, judged in zip((first, second), zip(*pairs, strict=True), strict=True):
        scores = np.array([photo.anomaly_score for photo in judged])
        own = Judgements(anomalous=anomalous, scores=scores)
        drawn.append(drawn_figures(own, {name: evaluation.metrics[name] for name in names}))
    return {name: _difference(first, second, name, drawn[0].get(name), drawn[1].get(name)) for name in names}


def _of_pixels(first: Evaluation, second: Evaluation) -> tuple[dict[str, FigureDifference], list[str]]:
    """Returns the metrics of pixels and regions, as far as they may be compared, and what is to be said of them."""
    names = [name for name in _in_both(first, second) if METRICS[name].of != "photos"]
    if not names:
        return {}, []
    if difference := difference_of_masks(first, second):
        return {}, [f"metrics of pixels are not compared: {difference}"]
    drawn, notes = [first.draws, second.draws], []
    if list(photos_by_name(first)) != list(photos_by_name(second)):
        drawn, notes = [{}, {}], [f"{_NO_INTERVAL}: the photos stand in another order; evaluate both anew"]
    elif first.bootstrap != second.bootstrap:
        drawn, notes = [{}, {}], [f"{_NO_INTERVAL}: their photos were drawn in different ways; evaluate both anew"]
    elif not all(drawn) and min(first.good_photos, first.defective_photos) > 1:
        notes = [f"{_NO_INTERVAL}: an evaluation is of before what that takes was kept; evaluate both anew"]
    return {
        name: _difference(first, second, name, *(_floats(some[name]) if name in some else None for some in drawn))
        for name in names
    }, notes


def _floats(drawn: list[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in drawn], np.float64)


def _in_both(first: Evaluation, second: Evaluation) -> list[str]:
    """Returns the metrics of which both have a value, in the order of METRICS."""
    both = ({name for name, value in e.metrics.items() if value is not None} for e in (first, second))
    there = set.intersection(*both)
    return [name for name in METRICS if name in there]


def _difference(
    first: Evaluation, second: Evaluation, name: str, one: Floats | None, other: Floats | None
) -> FigureDifference:
    values = first.metrics[name], second.metrics[name]
    assert values[0] is not None and values[1] is not None
    interval = None
    if one is not None and other is not None and len(one) == len(other):
        interval = difference_interval(one, other)
    return FigureDifference(first=values[0], second=values[1], interval=interval)


def _cautions(evaluation: Evaluation, *, called: str) -> list[str]:
    """Returns what of one model's test was left out, or may flatter it."""
    lines = []
    if left_out := len(evaluation.unreadable):
        said = counted(left_out, "photo or mask", "photos or masks")
        lines.append(f"{called} could not use {said}, such as {evaluation.unreadable[0].removeprefix('left out: ')}")
    if known := len(evaluation.duplicates):
        lines.append(f"{called} was trained or calibrated with {known} of these very photos, which flatters it")
    return lines


def _share_parts(evaluation: Evaluation) -> bool:
    parts = [photo.part for photo in evaluation.photos if photo.part is not None]
    return len(set(parts)) < len(parts)


def _conclusion(c: PairedComparison) -> list[str]:
    """Returns what the comparison says, A being the first and B the second, for people who know no statistics."""
    defects, goods = c.defective, c.good
    said = [
        _of_kind(defects, verb="miss", ending="es", whom="defective photo"),
        _of_kind(goods, verb="stop", ending="s", whom="good photo"),
    ]
    if goods.p_value < CHANCE <= defects.p_value:
        said.reverse()  # what is sure comes first: it heads the page
    more = defects.second_wrong - defects.first_wrong, goods.first_wrong - goods.second_wrong
    if more[0] * more[1] > 0:
        stricter = "A" if more[0] > 0 else "B"
        said.append(f"{stricter} stops more photos of both kinds: that may be its threshold alone.")
    auroc = c.figures.get("image_auroc")
    if auroc is not None:
        better, worse = ("A", "B") if auroc.difference > 0 else ("B", "A")
        values = f"image AUROC {max(auroc.first, auroc.second):.3f} and {min(auroc.first, auroc.second):.3f}"
        if auroc.beyond_chance:
            said.append(
                f"Whatever the threshold, {better} tells defective from good photos better than {worse} ({values})."
            )
        else:
            said.append(f"Whatever the threshold, these photos show neither as the better one ({values}).")
    return said


def _of_kind(kind: PhotosOfOneKind, *, verb: str, ending: str, whom: str) -> str:
    """Returns a sentence on the mistakes that both models make with photos of one kind."""
    first, second, alone = (
        kind.first_wrong,
        kind.second_wrong,
        (len(kind.only_first_wrong), len(kind.only_second_wrong)),
    )
    if not kind.photos:
        return f"There is no {whom} among them."
    of = f"{counted(kind.photos, whom)}"
    if not any(alone):
        return f"Of {of} both {verb} the same {first}." if first else f"Neither {verb}{ending} any of {of}."
    both = f"Of {of} A {verb}{ending} {first} and B {second}"
    if first == second:
        return f"{both}, though not the same ones ({alone[0]} A alone, {alone[1]} B alone)."
    fewer = "A" if first < second else "B"
    chance = f"where both are equally good, so uneven a result comes in {kind.chance} of tests"
    if kind.p_value < CHANCE:
        return f"{both}: {fewer} is better there by more than chance ({chance})."
    return f"{both}: so few photos do not tell them apart ({chance})."
