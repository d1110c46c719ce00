"""Photos that are none of the part are told by their looks, whatever they are, and good photos are not."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from blemish.data.description import PhotoDescription, describe
from blemish.data.framing import Framing
from blemish.errors import ArtifactError
from blemish.model.artifact import MODEL_FORMAT
from blemish.model.usual import UNUSUAL_ABOVE, UsualPhotos, learn_usual
from blemish.records import record_from_json, record_to_json

Photo = NDArray[np.uint8]
SIZE = 64


def part(seed: int, *, level: float = 1.0) -> Photo:
    """A striped orange bar on a dark fixture, at about the same place, with a camera's noise."""
    rng = np.random.default_rng(seed)
    photo = np.full((SIZE, SIZE, 3), 40.0)
    top, left = 12 + 2 * rng.integers(0, 2), 16 + 2 * rng.integers(0, 2)
    stripes = np.where(np.arange(36) // 4 % 2, 1.0, 0.7)[:, None, None]
    photo[top : top + 36, left : left + 24] = stripes * np.array([220.0, 150.0, 60.0])
    return np.clip((photo + rng.normal(0, 3, photo.shape)) * level, 0, 255).astype(np.uint8)


def described(photo: Photo) -> PhotoDescription:
    frames = Framing(image_size=(SIZE, SIZE)).cut(photo)
    return describe(frames, (photo.shape[0], photo.shape[1]), white=255)


@pytest.fixture(scope="module")
def usual() -> UsualPhotos:
    return learn_usual([described(part(seed)) for seed in range(40)])


def blurred(photo: Photo) -> Photo:
    return np.array(Image.fromarray(photo).filter(ImageFilter.GaussianBlur(2)))


def half_covered(photo: Photo) -> Photo:
    covered = photo.copy()
    covered[:, SIZE // 2 :] = 0
    return covered


def half_blank(photo: Photo) -> Photo:
    """Returns the photo, its left half covered by a cloth of one colour."""
    covered = photo.copy()
    covered[:, : SIZE // 2] = np.median(photo, axis=(0, 1))
    return covered


def paper(seed: int) -> Photo:
    """A sheet of cloudy, speckled paper; hue, clouds and speckles vary from sheet to sheet."""
    rng = np.random.default_rng(seed)
    clouds = Image.fromarray(rng.normal(0, 20, (4, 4)).astype(np.float32)).resize(
        (SIZE, SIZE), Image.Resampling.BICUBIC
    )
    speckles = rng.normal(0, rng.uniform(6, 12), (SIZE, SIZE, 1)) + rng.normal(0, 2, (SIZE, SIZE, 3))
    sheet = np.array([150 + rng.uniform(-6, 6), 140, 130]) + np.asarray(clouds)[:, :, None] + speckles
    seen: Photo = np.clip(sheet, 0, 255).astype(np.uint8)
    return seen


PAPERS: dict[str, tuple[Callable[[Photo], Photo], str]] = {
    "half covered in its own colour": (half_blank, "shows nothing: covered"),
    "grey, where colours are faint": (
        lambda photo: np.repeat(photo.mean(2, keepdims=True).astype(np.uint8), 3, 2),
        "grey",
    ),
    "another grade, as bright and as red": (
        lambda photo: np.clip(photo + np.array([-8.0, 8.0, -8.0]), 0, 255).astype(np.uint8),
        "greener",
    ),
}
"""Photos that brightness, redness and colourfulness do not tell from sheets of paper that differ among themselves."""


FOREIGN: dict[str, tuple[Callable[[Photo], Photo], str]] = {
    "black": (np.zeros_like, "darker than the photos it learned from, hardly anything to see: no part in view?"),
    "white": (lambda photo: np.full_like(photo, 255), "brighter"),
    "empty": (lambda photo: np.full_like(photo, 60), "hardly anything to see"),
    "overexposed": (lambda photo: np.clip(photo * 3.0 + 60, 0, 255).astype(np.uint8), "brighter"),
    "blurred": (blurred, "blurred, or something large and soft on it"),
    "another product": (lambda photo: np.random.default_rng(5).integers(0, 255, photo.shape, np.uint8), ""),
    "turned": (lambda photo: np.ascontiguousarray(np.rot90(photo)), ""),
    "half covered": (half_covered, ""),
    "grey": (lambda photo: np.repeat(photo.mean(2, keepdims=True).astype(np.uint8), 3, 2), "grey"),
    "swapped": (lambda photo: np.ascontiguousarray(photo[:, :, ::-1]), "bluer"),
    "cropped": (lambda photo: np.ascontiguousarray(photo[16:48]), "another shape: 64x32 where it learned 64x64"),
    "small": (lambda photo: np.ascontiguousarray(photo[::4, ::4]), "much smaller: 16x16 where it learned 64x64"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_photo_that_is_none_of_the_part_is_unusual_and_is_told_why(usual: UsualPhotos, kind: str) -> None:
    make, words = FOREIGN[kind]
    found = usual.of(described(make(part(50))))
    assert found.value > UNUSUAL_ABOVE
    assert words in found.reason


def older(usual: UsualPhotos) -> UsualPhotos:
    """As models have it that were trained before these looks were told."""
    gone = ("greenness", "vividness", "structure")
    return replace(
        usual,
        ranges={name: span for name, span in usual.ranges.items() if name not in gone},
        spreads={name: spread for name, spread in usual.spreads.items() if name not in gone},
    )


@pytest.fixture(scope="module")
def usual_paper() -> UsualPhotos:
    return learn_usual([described(paper(seed)) for seed in range(24)])


@pytest.mark.parametrize("kind", PAPERS)
def test_a_photo_of_another_paper_is_told_by_looks_that_older_models_lack(usual_paper: UsualPhotos, kind: str) -> None:
    make, words = PAPERS[kind]
    photo = described(make(paper(50)))
    found = usual_paper.of(photo)
    assert found.value > UNUSUAL_ABOVE
    assert words in found.reason
    assert older(usual_paper).of(photo).value < UNUSUAL_ABOVE
    assert max(usual_paper.of(described(paper(seed))).value for seed in range(100, 140)) < UNUSUAL_ABOVE


def test_good_photos_are_usual(usual: UsualPhotos) -> None:
    assert max(usual.of(described(part(seed))).value for seed in range(100, 200)) < UNUSUAL_ABOVE


def test_light_that_was_taught_is_usual_and_what_else_is_unusual_stays_so() -> None:
    learned = [described(part(seed)) for seed in range(40)]
    lit = learn_usual(learned, light=0.22)
    changed = [described(part(seed, level=level)) for seed in range(100, 120) for level in (0.8, 1.2)]
    assert min(learn_usual(learned).of(photo).value for photo in changed) > UNUSUAL_ABOVE
    assert max(lit.of(photo).value for photo in changed) < UNUSUAL_ABOVE
    for make, words in FOREIGN.values():
        found = lit.of(described(make(part(50))))
        assert found.value > UNUSUAL_ABOVE
        assert words in found.reason
    far = lit.of(described(part(50, level=0.5)))
    assert far.value > UNUSUAL_ABOVE
    assert far.reason.startswith("darker than")


def test_a_few_odd_photos_among_those_learned_from_do_not_blind_it() -> None:
    odd = [described(np.zeros((SIZE, SIZE, 3), np.uint8)), described(part(7, level=1.6))]
    learned = learn_usual([*(described(part(seed)) for seed in range(40)), *odd])
    assert learned.of(described(np.full((SIZE, SIZE, 3), 255, np.uint8))).value > UNUSUAL_ABOVE
    assert learned.of(described(np.zeros((SIZE, SIZE, 3), np.uint8))).value > UNUSUAL_ABOVE


def test_a_photo_of_16_bits_looks_as_the_same_photo_of_8() -> None:
    eight = part(3)
    twelve = np.rint(eight * (4095 / 255)).astype(np.uint16)
    ours, theirs = (
        describe(frames[None], (SIZE, SIZE), white=white) for frames, white in ((eight, 255), (twelve, 4095))
    )
    assert theirs.numbers() == pytest.approx(ours.numbers(), abs=0.01)


def test_what_is_learned_is_read_back_as_it_was_written(usual: UsualPhotos) -> None:
    values = record_to_json(usual, form=MODEL_FORMAT)
    values["sizes"] = [list(size) for size in values["sizes"]]
    values["ranges"] = {name: list(span) for name, span in values["ranges"].items()}
    again = record_from_json(UsualPhotos, values, name="usual")
    assert again == usual
    ranges = {name: list(span) for name, span in older(usual).ranges.items()}
    before = values | {"ranges": ranges, "spreads": older(usual).spreads}
    assert record_from_json(UsualPhotos, before, name="usual") == older(usual)
    assert again.of(described(part(60))) == usual.of(described(part(60)))


@pytest.mark.parametrize(
    "damage",
    [
        {"small": "no base64!"},
        {"small": "AAAA"},
        {"directions": ""},
        {"ranges": {}},
        {"sizes": []},
        {"light": -1.0},
        {"spreads": {"hue": 1.0}},
    ],
)
def test_damage_is_seen_before_it_is_used(usual: UsualPhotos, damage: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        replace(usual, **damage).check_values()  # type: ignore[arg-type]
    assert MODEL_FORMAT.error is ArtifactError  # which such a ValueError becomes
