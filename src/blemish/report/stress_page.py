"""The page on changed photos: what each condition looks like, what the model does under it, and where it breaks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from blemish.data.framing import shown
from blemish.data.images import Pixels, read_image, resize_image
from blemish.errors import DataError
from blemish.evaluation.changed_photo import changed_photo, photo_seed
from blemish.evaluation.stress_next_steps import steps_against_changes
from blemish.evaluation.stress_record import (
    UNCHANGED,
    Holding,
    StrengthCounts,
    StressedCondition,
    StressTest,
    WrongCount,
)
from blemish.evaluation.stress_verdict import RULE, count_says, expected_rate, headline_of, in_order, worst_holding
from blemish.inference.predictor import Predictor
from blemish.model.artifact import Artifact
from blemish.report.figures import RatePoint, stress_figure
from blemish.report.gallery import data_uri
from blemish.report.rendering import write_page
from blemish.synthesis.conditions import CONDITIONS
from blemish.version import __version__

STRESS_PAGE = "stress.html"
_SIDE = 160  # pixels of an example
_LARGEST_EXAMPLE = 12_000  # bytes: sixty of them bound the page to 1 MB


@dataclass(frozen=True, kw_only=True)
class ShownStrength:
    """A strength, what it makes of the example photo, and what came of all photos."""

    said: str
    picture: str | None
    """As a data URI; None where the photo cannot be had."""
    good: WrongCount
    defective: WrongCount | None
    holding: Holding | None
    """None of the unchanged photo."""


@dataclass(frozen=True, kw_only=True)
class ConditionSection:
    """One condition as the page shows it."""

    condition: StressedCondition
    holding: Holding
    """The worst of all strengths."""
    examples: list[ShownStrength]
    """The unchanged photo among them, where its strength lies."""
    cropped: bool
    """Whether examples show the photo's middle, pixel by pixel, rather than all of it."""
    figure: str


def write_stress_page(test: StressTest, page: Path, *, artifact: Artifact, predictor: Predictor) -> None:
    """Writes one self-contained page of HTML; raises MissingExtraError without jinja2 or matplotlib, OutputError where
    it cannot be written."""
    try:
        photo: Pixels | None = read_image(Path(test.photos[0]), reading=predictor.framing.reading)
    except DataError:  # it is gone since: figures are shown all the same
        photo = None
    sections = [_section(test, condition, photo, predictor) for condition in test.conditions]
    write_page(
        page,
        "stress.html",
        {
            "test": test,
            "run": artifact.folder.resolve().name,
            "method": artifact.title,
            "headline": headline_of(test),
            "expected": expected_rate(test),
            "steps": steps_against_changes(artifact, test),
            "sections": sections,
            "rule": RULE,
            "count": count_says,
            "version": __version__,
        },
    )


def _section(
    test: StressTest, condition: StressedCondition, photo: Pixels | None, predictor: Predictor
) -> ConditionSection:
    kind, strengths = CONDITIONS[condition.name], in_order(condition)
    examples = [
        ShownStrength(
            said=UNCHANGED if counts is None else counts.said,
            picture=None if photo is None else _example(test, condition.name, counts, photo, predictor),
            good=test.good if counts is None else counts.good,
            defective=test.defective if counts is None else counts.defective,
            holding=None if counts is None else counts.holding,
        )
        for counts in strengths
    ]
    return ConditionSection(
        condition=condition,
        holding=worst_holding(condition),
        examples=examples,
        cropped=kind.fine,
        figure=_figure(test, condition, examples),
    )


def _figure(test: StressTest, condition: StressedCondition, examples: Sequence[ShownStrength]) -> str:
    labels = [example.said.replace(" warmer", "").replace(" colder", "") for example in examples]
    defective = [example.defective for example in examples if example.defective is not None]
    return stress_figure(
        [label.removeprefix("quality ").removesuffix(" degrees").removesuffix(" degree") for label in labels],
        [_point(example.good) for example in examples],
        [_point(count) for count in defective],
        allowed=test.allowed_rate,
        alt=f"Shares of false alarms and misses under {condition.name}: {condition.says}.",
    )


def _point(count: WrongCount) -> RatePoint:
    return RatePoint(rate=count.rate, low=count.interval[0], high=count.interval[1])


def _example(
    test: StressTest, name: str, counts: StrengthCounts | None, photo: Pixels, predictor: Predictor
) -> str | None:
    """Returns the first good photo as it was judged under a condition, small, or its middle where all is in pixels."""
    kind, framing = CONDITIONS[name], predictor.framing
    if counts is None:
        size = framing.map_size((photo.shape[0], photo.shape[1]))
        changed: Pixels | str = resize_image(photo, size) if kind.resizes else photo
    else:
        changed = changed_photo(photo, name, counts.value, framing=framing, seed=photo_seed(test.seed, 0, good=True))
    if isinstance(changed, str):  # a photo unlike the others, such as a grey one among coloured ones
        return None
    picture = shown(changed, white_level=framing.white_level)
    height, width = picture.shape[:2]
    if kind.fine:
        top, left = max(0, (height - _SIDE) // 2), max(0, (width - _SIDE) // 2)
        return data_uri(picture[top : top + _SIDE, left : left + _SIDE], largest=_LARGEST_EXAMPLE)
    zoom = _SIDE / max(height, width)
    small = resize_image(picture, (max(1, round(zoom * height)), max(1, round(zoom * width))))
    return data_uri(small, largest=_LARGEST_EXAMPLE)
