"""The photos of the report: which are shown, and how each is drawn small."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from blemish.data.dataset import GOOD
from blemish.data.framing import shown as shown_pixels
from blemish.data.images import read_image, read_mask, resize_image, resize_map
from blemish.errors import DataError, on_one_line
from blemish.evaluation.record import Evaluation, PhotoJudgement
from blemish.inference.predictor import Predictor
from blemish.results.level_maps import LevelMap, rows_of
from blemish.results.overlays import heatmap, overlay, picture

LONGEST_SIDE = 320
LARGEST_FILE = 34_000  # bytes: with SHOWN this bounds the page to 5 MB
LEVEL_SIDE = 160  # pixels of a level map
LARGEST_LEVEL = 8_000  # bytes: six of them per photo bound the page to 8 MB
QUALITIES = (85, 70, 50, 30, 15)  # the last fits whatever is drawn: noise takes 27,000 bytes
GOOD_SHOWN = 4
MOST_TYPES = 20
SHOWN = {7: (4, 2), 12: (2, 2), MOST_TYPES: (1, 1)}  # up to so many defect types: lowest scores and best finds of each
TRUE_CONTOUR = (120, 255, 0), (0, 0, 0)  # green edged with black: on any photo, and on no heatmap
SAME_SCORE = 0.01  # relative: devices differ by less


@dataclass(frozen=True, kw_only=True)
class ShownLevel:
    """A level map in the report."""

    map: LevelMap
    picture: str
    """As a data URI."""


@dataclass(kw_only=True)
class Shown:
    """A photo in the report."""

    judgement: PhotoJudgement
    name: str
    """Its path below the root of the test set."""
    photo: str | None = None
    """As a data URI, the true contour drawn; None where the file is gone."""
    overlay: str | None = None
    size: tuple[int, int] = (0, 0)
    """(height, width) of both pictures."""
    outlined: bool = False
    """Whether the true contour is drawn."""
    levels: list[list[ShownLevel]] = field(default_factory=list)
    """A row per student, where level maps are asked for."""
    notes: list[str] = field(default_factory=list)
    """What is wrong with it, if anything is."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Photos of one defect type, or the good ones."""

    defect_type: str
    missed: int
    photos: int
    lowest: list[Shown]
    """Of defects: the worst misses come first. Empty for good photos."""
    highest: list[Shown]
    """Of defects: the best finds. Of good photos: the worst false alarms."""

    @property
    def good(self) -> bool:
        return self.defect_type == GOOD


def choose(evaluation: Evaluation) -> list[Group]:
    """Good photos, then the defect types of which most is missed, at most MOST_TYPES of them."""
    by_type: dict[str, list[PhotoJudgement]] = {}
    for photo in sorted(evaluation.photos, key=lambda p: (p.anomaly_score, p.image)):
        by_type.setdefault(photo.defect_type, []).append(photo)
    root = Path(evaluation.root)
    groups = []
    if GOOD in by_type:
        good = by_type.pop(GOOD)
        shown = [_shown(photo, root) for photo in good[::-1][:GOOD_SHOWN]]
        groups.append(Group(defect_type=GOOD, missed=0, photos=len(good), lowest=[], highest=shown))
    misses, finds = next((counts for most, counts in SHOWN.items() if len(by_type) <= most), SHOWN[MOST_TYPES])
    for name in sorted(by_type, key=lambda name: (-_missed(by_type[name]) / len(by_type[name]), name))[:MOST_TYPES]:
        photos = by_type[name]
        groups.append(
            Group(
                defect_type=name,
                missed=_missed(photos),
                photos=len(photos),
                lowest=[_shown(photo, root) for photo in photos[:misses]],
                highest=[_shown(p, root) for p in photos[misses:][::-1][:finds] if p.verdict == "anomalous"],
            )
        )
    return groups


def draw_photos(groups: Sequence[Group], predictor: Predictor, *, level_maps: bool = False) -> None:
    """Judges the chosen photos once more and fills in their pictures, or a note where one cannot be had.

    Raises SettingsError where level maps are asked for that the predictor cannot give.
    """
    for group in groups:
        for shown in (*group.lowest, *group.highest):
            try:
                _draw(shown, predictor)
                if level_maps:
                    shown.levels = _levels(shown, predictor)
            except DataError as error:
                shown.notes.append(str(error))


def scale() -> str:
    """The colour scale of overlays on grey, from 0 to twice the pixel threshold, as a data URI."""
    return _data_uri(overlay(np.full((*_RAMP.shape, 3), 160, np.uint8), _RAMP))


def level_scale() -> str:
    """The colour scale of level maps, as a data URI."""
    return _data_uri(heatmap(_RAMP))


_RAMP = np.tile(np.linspace(0, 1, 240, dtype=np.float32), (12, 1))


def _missed(photos: Sequence[PhotoJudgement]) -> int:
    return sum(photo.verdict != "anomalous" for photo in photos)


def _shown(judgement: PhotoJudgement, root: Path) -> Shown:
    path = Path(judgement.image)
    name = path.relative_to(root) if path.is_relative_to(root) else Path(path.parent.name, path.name)
    return Shown(judgement=judgement, name=on_one_line(name))


def _draw(shown: Shown, predictor: Predictor) -> None:
    judgement = shown.judgement
    photo = shown_pixels(read_image(Path(judgement.image)), white_level=predictor.framing.white_level)
    judged = predictor.predict(judgement.image)
    if abs(judged.anomaly_score - judgement.anomaly_score) > SAME_SCORE * abs(judgement.anomaly_score):
        shown.notes.append(
            f"judged again, it scores {judged.anomaly_score:.6g}: photo or model changed after the evaluation"
        )
    zoom = LONGEST_SIDE / max(judged.photo_size)
    height, width = (max(1, round(side * zoom)) for side in judged.photo_size)
    shown.size = height, width
    small = resize_image(photo, shown.size)
    drawn = replace(judged, photo_size=shown.size)
    pictures = [small, picture(drawn, small)]
    if judgement.mask is not None:
        try:
            defect = _fitted(read_mask(Path(judgement.mask)), shown.size)
        except DataError as error:
            shown.notes.append(f"without its true contour: {error}")
        else:
            shown.outlined = True
            pictures = [_outlined(image, defect) for image in pictures]
            if judgement.verdict == "anomalous" and not (drawn.predicted_mask & defect).any():
                # The smallest mark may be lost in the small picture.
                marked = judged.anomaly_map.max() > judged.thresholds.pixel
                shown.notes.append("what is marked is not the true defect" if marked else "nothing is marked")
    shown.photo, shown.overlay = (_data_uri(image) for image in pictures)


def _levels(shown: Shown, predictor: Predictor) -> list[list[ShownLevel]]:
    zoom = LEVEL_SIDE / max(shown.size)
    height, width = (max(1, round(side * zoom)) for side in shown.size)
    return [
        [ShownLevel(map=m, picture=_data_uri(m.heatmap((height, width)), largest=LARGEST_LEVEL)) for m in row]
        for row in rows_of(predictor.level_maps(shown.judgement.image))
    ]


def _fitted(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Where the small photo shows any of the defect, so that the smallest still gets its line."""
    return resize_map(mask.astype(np.float32), size) > 0


def _outlined(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The line lies just outside the defect, which stays visible."""
    from scipy.ndimage import binary_dilation

    drawn = image.copy()
    inner = binary_dilation(mask)
    for colour in TRUE_CONTOUR:
        outer = binary_dilation(inner)
        drawn[outer & ~inner] = colour
        inner = outer
    return drawn


def _data_uri(image: NDArray[np.uint8], *, largest: int = LARGEST_FILE) -> str:
    """A JPEG of the best quality that has so many bytes at most."""
    for quality in QUALITIES:
        file = BytesIO()
        # Full resolution of colour, for the sake of thin contours.
        Image.fromarray(image).save(file, format="JPEG", quality=quality, subsampling=0)
        if file.tell() <= largest:
            break
    return "data:image/jpeg;base64," + b64encode(file.getvalue()).decode()
