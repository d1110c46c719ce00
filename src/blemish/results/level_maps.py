"""Which pair of teacher and student fired, and at which level: level maps as pictures that can be compared.

A level map holds 1 - cos of the teacher's and the student's vector at each place. What is shown is the angle between
the two, on one scale for all levels, photos and models: from 0 degrees, where they agree, to 90, where nothing is in
common. Levels stretched to their own highest value each would make a good photo as bright as a broken one; and the
angle, unlike 1 - cos, leaves small differences to be seen beside large ones: at 10 degrees 1 - cos is 0.015.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from blemish.data.framing import shown
from blemish.data.images import Pixels, Size, read_image, resize_image, resize_map, save_map, save_png
from blemish.errors import DataError
from blemish.inference.prediction import Prediction
from blemish.inference.predictor import Predictor
from blemish.results.folder import output_names
from blemish.results.overlays import heatmap, picture

LEVEL_MAPS = "level_maps"
"""Name of their folder."""
SCALE = 90  # degrees that have the last colour
LONGEST_SIDE = 240  # pixels of each photo and map in the picture
NARROWEST = 170  # pixels that the text over a map needs
GAP, LINE, HEADING = 16, 18, 26
TEXT, HEADING_TEXT = 13, 17
_SEES = {"level 1": ": fine details", "level 2": ": pieces", "level 3": ": shapes"}
"""What each level looks at, for who knows no networks."""
INK, MUTED, PAPER = (26, 29, 33), (91, 100, 112), (255, 255, 255)


@dataclass(frozen=True, kw_only=True)
class LevelMap:
    """The map that one student gives at one level of one photo."""

    student: str
    level: str
    values: NDArray[np.float32]
    """(h, w) of the level's own resolution: 1 - cos, 0 to 2."""

    @property
    def summary(self) -> str:
        """The angle that most of the photo has (the median), and the highest."""
        angles = angles_of(self.values)
        return f"mostly {np.median(angles):.0f}°, highest {angles.max():.0f}°"

    def heatmap(self, size: Size) -> NDArray[np.uint8]:
        """Returns (*size, 3): the angles, coloured from 0 to SCALE degrees."""
        return heatmap(angles_of(resize_map(self.values, size)) / SCALE)


@dataclass(frozen=True, kw_only=True)
class LevelFinding:
    """What one level says of a photo: angles in degrees, 0 to 180."""

    pair: str
    level: str
    sees: str
    """What it looks at, in words; empty for a level beyond the third."""
    mostly: float
    """The median over the photo."""
    highest: float
    here: float
    """At the place where the anomaly map is highest."""
    strongest: bool
    """Whether it rises there above its median by more than any other level."""


def level_findings(prediction: Prediction) -> tuple[list[LevelFinding], tuple[float, float]]:
    """Returns what each level of a prediction with level maps says, and the (x, y) in pixels of the photo where the
    anomaly map is highest.

    A level is held against its own median of this photo: levels differ in how unlike they are everywhere.
    """
    maps = [level for row in rows_of(prediction.level_maps) for level in row]
    height, width = prediction.anomaly_map.shape
    row, column = divmod(int(prediction.anomaly_map.argmax()), width)
    place = (column + 0.5) / width, (row + 0.5) / height
    found = []
    for each in maps:
        angles = angles_of(each.values)
        here = angles[int(place[1] * angles.shape[0]), int(place[0] * angles.shape[1])]
        found.append((each, float(np.median(angles)), float(angles.max()), float(here)))
    rises = [here - mostly for _, mostly, _, here in found]
    levels = [
        LevelFinding(
            pair=each.student,
            level=each.level,
            sees=_SEES.get(each.level, "").removeprefix(": "),
            mostly=mostly,
            highest=highest,
            here=here,
            strongest=here - mostly == max(rises) > 0,
        )
        for each, mostly, highest, here in found
    ]
    return levels, (place[0] * prediction.photo_size[1], place[1] * prediction.photo_size[0])


def runtime_for(runtime: str, *, level_maps: bool) -> str:
    """Returns the runtime to open: where level maps are wanted, auto is torch, for no export gives them."""
    return "torch" if level_maps and runtime == "auto" else runtime


def angles_of(level_map: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the degrees between teacher and student, 0 to 180."""
    angles: NDArray[np.float32] = np.degrees(np.arccos(np.clip(1 - level_map, -1, 1)))
    return angles


def rows_of(maps: dict[str, NDArray[np.float32]]) -> list[list[LevelMap]]:
    """Returns one row for each student, its levels in order."""
    rows: dict[str, list[LevelMap]] = {}
    for name, values in maps.items():
        student, _, level = name.rpartition("_level")
        rows.setdefault(student, []).append(LevelMap(student=student, level=f"level {level}", values=values))
    return list(rows.values())


class LevelMapFolder:
    """A folder that takes NAME.png of each photo, all its maps in one picture, and NAME_MAP.tiff, the raw values of
    each."""

    def __init__(self, folder: Path, photos: Sequence[Path], predictor: Predictor) -> None:
        """Raises SettingsError where the predictor cannot give level maps."""
        size = (1, 1) if predictor.interest is None else predictor.interest.size
        predictor.level_maps(np.zeros((*size, 3), np.uint8))
        self.folder = folder
        self._names = output_names(photos)

    def add(self, photo: Path, result: Prediction | DataError) -> None:
        """Writes the level maps that a prediction holds; raises OutputError, and DataError where its photo was not kept
        and its file is gone."""
        if isinstance(result, DataError):
            return
        image = read_image(photo, reading=result.reading) if result.photo is None else result.photo
        name = self._names[photo]
        save_png(self.folder / f"{name}.png", level_picture(result, image, result.level_maps))
        for which, values in result.level_maps.items():
            save_map(self.folder / f"{name}_{which}.tiff", values)

    def close(self) -> None:
        """Leaves nothing to be done: every photo's files are whole when it was added."""


def level_picture(prediction: Prediction, photo: Pixels, maps: dict[str, NDArray[np.float32]]) -> NDArray[np.uint8]:
    """Returns the photo and its anomaly map, then a row of level maps for each student, with their names and the
    scale."""
    zoom = LONGEST_SIDE / max(prediction.photo_size)
    height, width = (max(1, round(side * zoom)) for side in prediction.photo_size)
    small = resize_image(shown(photo, white_level=prediction.white_level), (height, width))
    judged = picture(replace(prediction, photo_size=(height, width)), small)
    half = f"half the scale is {prediction.thresholds.pixel:.3g}"
    sheet = _Sheet((height, width), rows := rows_of(maps))
    sheet.head(f"{prediction.verdict}: score {prediction.anomaly_score:.4g}, threshold {prediction.threshold:.4g}")
    sheet.show([("photo", _by(prediction.photo_size), small), ("anomaly map", half, judged)])
    for row in rows:
        sheet.head(f"how unlike what was expected (for ML engineers: {row[0].student})")
        sheet.show([(f"{m.level}{_SEES.get(m.level, '')}", m.summary, m.heatmap((height, width))) for m in row])
    sheet.show_scale()
    return sheet.pixels()


class _Sheet:
    """A white sheet that is filled from the top."""

    def __init__(self, size: Size, rows: list[list[LevelMap]]) -> None:
        """Takes the `size` of each picture on it, and the rows of level maps that it must have room for."""
        self._cell = max(size[1], NARROWEST) + GAP
        self._row = size[0] + 2 * LINE + GAP
        self._width = GAP + self._cell * max(2, *map(len, rows))
        height = 2 * GAP + (1 + len(rows)) * (HEADING + self._row) + 2 * LINE
        self._image = Image.new("RGB", (self._width, height), PAPER)
        self._draw = ImageDraw.Draw(self._image)
        self._font, self._heading = (ImageFont.load_default(size) for size in (TEXT, HEADING_TEXT))  # Pillow's own
        self._y = GAP

    def head(self, text: str) -> None:
        self._draw.text((GAP, self._y), text, fill=INK, font=self._heading)
        self._y += HEADING

    def show(self, cells: list[tuple[str, str, NDArray[np.uint8]]]) -> None:
        """Shows pictures side by side, two lines over each."""
        for column, (name, note, pixels) in enumerate(cells):
            x = GAP + column * self._cell
            self._write((x, self._y), name)
            self._write((x, self._y + LINE), note, colour=MUTED)
            self._image.paste(Image.fromarray(pixels), (x, self._y + 2 * LINE))
        self._y += self._row

    def show_scale(self) -> None:
        length = self._width - 2 * GAP
        ramp = heatmap(np.tile(np.linspace(0, 1, length, dtype=np.float32), (LINE // 2, 1)))
        self._image.paste(Image.fromarray(ramp), (GAP, self._y))
        for degrees, anchor in ((0, "la"), (SCALE // 2, "ma"), (SCALE, "ra")):
            meaning = {0: " as expected", SCALE: " nothing like it"}.get(degrees, "")
            place = GAP + length * degrees / SCALE, self._y + LINE // 2 + 2
            self._write(place, f"{degrees}°{meaning}", anchor=anchor)

    def pixels(self) -> NDArray[np.uint8]:
        return np.array(self._image)

    def _write(
        self, at: tuple[float, float], text: str, *, anchor: str = "la", colour: tuple[int, int, int] = INK
    ) -> None:
        self._draw.text(at, text, fill=colour, font=self._font, anchor=anchor)


def _by(shape: tuple[int, ...]) -> str:
    """Returns WIDTHxHEIGHT, as people write sizes, of a shape (height, width)."""
    return "x".join(str(side) for side in reversed(shape))
