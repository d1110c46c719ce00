"""The photos of the report: which are shown, and how each is drawn small."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from blemish.data.dataset import GOOD
from blemish.data.framing import shown
from blemish.data.images import read_mask, resize_image, resize_map
from blemish.errors import DataError
from blemish.evaluation.record import Evaluation, PhotoJudgement
from blemish.inference.prediction import Prediction
from blemish.inference.predictor import Predictor
from blemish.report.photo_list import name_below
from blemish.results.level_maps import LevelMap, rows_of
from blemish.results.overlays import TRUTH_LINE, heatmap, outline, picture, tinted

PHOTO_SIDE = 640  # pixels: as large as a click makes it
LARGEST_FILE = 64_000  # bytes: with the number of photos this bounds the page to 9 MB
_LEVEL_SIDE = 160  # pixels of a level map
LARGEST_LEVEL = 8_000  # bytes: six of them and the photo bound the page to 12 MB
_QUALITIES = (85, 70, 50, 30, 15)
_NOISY_SIDE = 320  # pixels: the last quality of this size fits whatever is drawn, noise takes 27,000 bytes
_GOOD_PHOTOS = 4
MOST_TYPES = 20
_PER_TYPE = {7: (4, 2), 12: (2, 2), MOST_TYPES: (1, 1)}  # up to so many types of defect: lowest scores, best finds
_SAME_SCORE = 0.01  # relative: devices differ by less


@dataclass(frozen=True, kw_only=True)
class LevelFigure:
    """A level map that the report shows."""

    map: LevelMap
    picture: str
    """The picture as a data URI."""


@dataclass(frozen=True, kw_only=True)
class PhotoFigure:
    """A photo that the report shows."""

    judgement: PhotoJudgement
    name: str
    """Its path below the root of the test set."""
    photo: str | None = None
    """The photo as a data URI, the true contour drawn; None where the file is gone."""
    overlay: str | None = None
    size: tuple[int, int] = (0, 0)
    """(height, width) of both pictures."""
    outlined: bool = False
    """Whether the true contour is drawn."""
    thumbnail: str | None = None
    """The photo at the size of its level maps, where these are asked for."""
    levels: tuple[tuple[LevelFigure, ...], ...] = ()
    """A row per student, where level maps are asked for."""
    notes: tuple[str, ...] = ()
    """What is wrong with it, if anything is."""

    @property
    def alarmed(self) -> bool:
        """Whether the photo was called anomalous or unusual."""
        return self.judgement.alarm


@dataclass(frozen=True, kw_only=True)
class Group:
    """The photos of one defect type, or the good ones, that the report shows."""

    defect_type: str
    missed: int
    photos: int
    lowest: tuple[PhotoFigure, ...]
    """Photos of defects with the lowest scores, rising; none of good photos."""
    highest: tuple[PhotoFigure, ...]
    """Photos with the highest scores, falling; of defects only those that were found."""

    @property
    def good(self) -> bool:
        """Whether the photos are of good parts."""
        return self.defect_type == GOOD

    @property
    def figures(self) -> tuple[PhotoFigure, ...]:
        """All photos of the group that are shown."""
        return (*self.lowest, *self.highest)


def choose(evaluation: Evaluation) -> list[Group]:
    """Returns good photos, then the defect types of which most is missed, at most MOST_TYPES of them; no
    pictures yet."""
    by_type: dict[str, list[PhotoJudgement]] = {}
    for photo in sorted(evaluation.photos, key=lambda p: (p.anomaly_score, p.image)):
        by_type.setdefault(photo.defect_type, []).append(photo)
    root = Path(evaluation.root)
    groups = []
    if GOOD in by_type:
        good = by_type.pop(GOOD)
        highest = _figures(good[::-1][:_GOOD_PHOTOS], root)
        groups.append(Group(defect_type=GOOD, missed=0, photos=len(good), lowest=(), highest=highest))
    misses, finds = next((counts for most, counts in _PER_TYPE.items() if len(by_type) <= most), _PER_TYPE[MOST_TYPES])
    for name in sorted(by_type, key=lambda name: (-_missed(by_type[name]) / len(by_type[name]), name))[:MOST_TYPES]:
        photos = by_type[name]
        groups.append(
            Group(
                defect_type=name,
                missed=_missed(photos),
                photos=len(photos),
                lowest=_figures(photos[:misses], root),
                highest=_figures([p for p in photos[misses:][::-1][:finds] if p.alarm], root),
            )
        )
    return groups


def with_pictures(
    groups: Sequence[Group],
    predictor: Predictor,
    *,
    level_maps: bool = False,
    side: int = PHOTO_SIDE,
    largest: int = LARGEST_FILE,
) -> list[Group]:
    """Returns the groups with pictures, or a note where one cannot be had; judges each photo once more.

    A picture's longer side has `side` pixels, and its file `largest` bytes at most. Raises SettingsError where
    level maps are asked for that the predictor cannot give.
    """
    figures = [figure for group in groups for figure in group.figures]
    photos = (figure.judgement.image for figure in figures)
    judged = predictor.predict_many(photos, keep_photos=True, level_maps=level_maps)
    drawn = iter(
        [
            _with_pictures(figure, prediction, predictor, level_maps=level_maps, side=side, largest=largest)
            for figure, prediction in zip(figures, judged, strict=True)
        ]
    )
    return [
        replace(group, lowest=tuple(islice(drawn, len(group.lowest))), highest=tuple(islice(drawn, len(group.highest))))
        for group in groups
    ]


def scale() -> str:
    """Returns the colour scale of overlays on grey, the pixel threshold in its middle, as a data URI."""
    return data_uri(tinted(np.full((*_RAMP.shape, 3), 160, np.uint8), _RAMP))


def level_scale() -> str:
    """Returns the colour scale of level maps, as a data URI."""
    return data_uri(heatmap(_RAMP))


_RAMP = np.tile(np.linspace(0, 1, 240, dtype=np.float32), (12, 1))


def _missed(photos: Sequence[PhotoJudgement]) -> int:
    return sum(not photo.alarm for photo in photos)


def _figures(photos: Sequence[PhotoJudgement], root: Path) -> tuple[PhotoFigure, ...]:
    return tuple(PhotoFigure(judgement=photo, name=name_below(Path(photo.image), root)) for photo in photos)


def _with_pictures(
    figure: PhotoFigure,
    judged: Prediction | DataError,
    predictor: Predictor,
    *,
    level_maps: bool,
    side: int,
    largest: int,
) -> PhotoFigure:
    if isinstance(judged, DataError):
        return replace(figure, notes=(str(judged),))
    assert judged.photo is not None
    photo = shown(judged.photo, white_level=predictor.framing.white_level)
    drawn = _draw(figure, judged, photo, side=side, largest=largest)
    if not level_maps:
        return drawn
    size = _fit(drawn.size, _LEVEL_SIDE)
    levels = tuple(
        tuple(LevelFigure(map=m, picture=data_uri(m.heatmap(size), largest=LARGEST_LEVEL)) for m in row)
        for row in rows_of(judged.level_maps)
    )
    return replace(drawn, levels=levels, thumbnail=data_uri(resize_image(photo, size), largest=LARGEST_LEVEL))


def _draw(figure: PhotoFigure, judged: Prediction, photo: NDArray[np.uint8], *, side: int, largest: int) -> PhotoFigure:
    judgement = figure.judgement
    notes = [] if judgement.unusual_reason is None else [f"unusual: {judgement.unusual_reason}"]
    if abs(judged.anomaly_score - judgement.anomaly_score) > _SAME_SCORE * abs(judgement.anomaly_score):
        notes.append(f"judged again, it scores {judged.anomaly_score:.6g}: photo or model changed after the evaluation")
    size = _fit(judged.photo_size, side)
    small = resize_image(photo, size)
    reduced = replace(judged, photo_size=size)
    pictures = [small, picture(reduced, small)]
    defect = None
    if judgement.masks:
        try:
            masks = [read_mask(Path(mask), values=judgement.mask_values) for mask in judgement.masks]
            defect = np.logical_or.reduce([_reduced_mask(mask, size) for mask in masks])
        except DataError as error:
            notes.append(f"without its true contour: {error}")
    if defect is not None:
        pictures[0] = small.copy()
        for image in pictures:
            outline(image, defect, TRUTH_LINE)
        if figure.alarmed and not (reduced.predicted_mask & defect).any():
            # The smallest mark may be lost in the small picture.
            marked = judged.anomaly_map.max() > judged.thresholds.pixel
            notes.append("what is marked is not the true defect" if marked else "nothing is marked")
    plain, overlaid = (data_uri(image, largest=largest) for image in pictures)
    return replace(figure, photo=plain, overlay=overlaid, size=size, outlined=defect is not None, notes=tuple(notes))


def _fit(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Returns (height, width) of the same shape whose longer side is `longest`."""
    zoom = longest / max(size)
    height, width = (max(1, round(side * zoom)) for side in size)
    return height, width


def _reduced_mask(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Returns where the small photo shows any of the defect, so that the smallest still gets its line."""
    return resize_map(mask.astype(np.float32), size) > 0


def data_uri(image: NDArray[np.uint8], *, largest: int = LARGEST_FILE) -> str:
    """Returns a JPEG of the best quality that has so many bytes at most; a smaller one where none has."""
    for quality in _QUALITIES:
        file = BytesIO()
        # Full resolution of colour, for the sake of thin contours.
        Image.fromarray(image).save(file, format="JPEG", quality=quality, subsampling=0)
        if file.tell() <= largest:
            break
    else:
        if max(image.shape) > _NOISY_SIDE:
            return data_uri(resize_image(image, _fit((image.shape[0], image.shape[1]), _NOISY_SIDE)), largest=largest)
    return "data:image/jpeg;base64," + b64encode(file.getvalue()).decode()
