"""Regions of interest as people give them: a box in words, a mask, a file of polygons; read, checked, painted."""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from blemish.data.images import Size, read_mask, resize_mask
from blemish.data.interest import WHOLE, Inside, Interest, interest_of, same_shape
from blemish.errors import DataError
from blemish.wording import brief, on_one_line

_HOW = "give NAME=X,Y,WIDTH,HEIGHT, a mask (.png), or a file of polygons (.json); NAME= may be left out"
_NAMED = re.compile(r"([\w][\w .-]*)=(.+)", re.DOTALL)
_BOX = re.compile(r"\s*-?\d+\s*(?:,\s*-?\d+\s*){3}")
_LIKE_BOX = re.compile(r"[\d\s.,;x+-]+")
_OUTSIDE = 1.0  # pixels by which a drawn point may miss the photo
_FINE, _LARGE = 4, 4096  # photos below so many pixels a side get polygons painted so many times finer


@dataclass(frozen=True, kw_only=True)
class AskedInterest:
    """The regions that a user asked for, in words; run.json keeps them."""

    roi: tuple[str, ...] = ()
    """What counts: boxes, masks, files of polygons."""
    ignore: tuple[str, ...] = ()
    """What does not, likewise."""
    border: int = 0
    """Pixels at the photo's edges that do not count."""

    @property
    def anything(self) -> bool:
        """Whether anything was asked for."""
        return bool(self.roi or self.ignore or self.border)

    def from_anywhere(self) -> "AskedInterest":
        """Returns the same with absolute paths, which mean the same from any folder."""
        return replace(self, roi=tuple(map(_absolute, self.roi)), ignore=tuple(map(_absolute, self.ignore)))


EVERYTHING = AskedInterest()
"""All of a photo counts."""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One region as it was drawn: a mask, or the corners of a polygon."""

    name: str
    said: str
    """What errors call it."""
    drawn_on: Size | None
    """(height, width) of the picture that it was drawn on; None: of the photos."""
    mask: Inside | None = None
    points: tuple[tuple[float, float], ...] = ()
    """(x, y), in pixels from the upper left corner; of a box, that corner of it and the one opposite."""

    def painted(self, size: Size) -> Inside:
        """Returns it in the pixels of a photo (height, width); raises DataError where it does not fit."""
        on = self.drawn_on or size
        if not same_shape(on, size):
            raise DataError(
                f"{self.said}: was drawn on {on[1]}x{on[0]}, and the photos are {size[1]}x{size[0]} (width x height): "
                "draw it on one of them"
            )
        painted = self._outlined(size, on) if self.mask is None else resize_mask(self.mask, size)
        if not painted.any():
            raise DataError(f"{self.said}: holds no pixel of the photo: draw it larger")
        return painted

    def _outlined(self, size: Size, on: Size) -> Inside:
        for x, y in self.points:
            if not (-_OUTSIDE <= x <= on[1] + _OUTSIDE and -_OUTSIDE <= y <= on[0] + _OUTSIDE):
                raise DataError(f"{self.said}: reaches to ({x:g}, {y:g}), outside photos of {on[1]}x{on[0]}")
        zoom = size[1] / on[1], size[0] / on[0]
        if len(self.points) == 2:
            (left, top), (right, bottom) = ((round(x * zoom[0]), round(y * zoom[1])) for x, y in self.points)
            painted = np.zeros(size, np.bool_)
            painted[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = True
            return painted
        fine = _FINE if max(size) < _LARGE else 1
        canvas = Image.new("1", (size[1] * fine, size[0] * fine))
        # Pillow's pixels have their centres at whole numbers.
        corners = [(x * zoom[0] * fine - 0.5, y * zoom[1] * fine - 0.5) for x, y in self.points]
        ImageDraw.Draw(canvas).polygon(corners, fill=1)
        return resize_mask(np.array(canvas, np.bool_), size)


@dataclass(frozen=True, kw_only=True)
class DrawnInterest:
    """What was drawn is regions, what to ignore in them, and a border."""

    regions: tuple[Drawn, ...]
    ignored: tuple[Drawn, ...]
    border: int

    def on(self, size: Size) -> Interest:
        """Returns the regions on photos (height, width); raises DataError where one does not fit, or nothing is
        left."""
        left = np.ones(size, np.bool_)
        if self.border:
            if 2 * self.border >= min(size):
                raise DataError(f"border {self.border}: leaves nothing of photos of {size[1]}x{size[0]}")
            left[:] = False
            left[self.border : -self.border, self.border : -self.border] = True
        for drawn in self.ignored:
            left &= ~drawn.painted(size)
        named = [(drawn.name, drawn.painted(size) & left) for drawn in self.regions] or [(WHOLE, left)]
        for name, mask in named:
            if not mask.any():
                what = "everything is ignored" if name == WHOLE else f"all of region {name} is ignored"
                raise DataError(f"{what}, or border: nothing is left to look at")
        return interest_of(named)


def read_drawn(asked: AskedInterest) -> DrawnInterest | None:
    """Reads what a user asked for, None where that is nothing; raises DataError, in one line, where it is no region."""
    if not asked.anything:
        return None
    if asked.border < 0:
        raise DataError(f"border is {asked.border}: it is a number of pixels, at least 0")
    found = [_read(text) for text in asked.roi]
    away = [_read(text) for text in asked.ignore]
    regions = [
        drawn if drawn.name else replace(drawn, name=f"region_{at}")
        for at, drawn in enumerate((drawn for one in found for drawn in one.regions), start=1)
    ]
    names = [drawn.name for drawn in regions]
    if twice := [name for name in names if names.count(name) > 1]:
        raise DataError(f"two regions of interest are called {twice[0]}: give each a name of its own")
    ignored = [drawn for one in found for drawn in one.ignored]
    ignored += [drawn for one in away for drawn in (*one.regions, *one.ignored)]
    return DrawnInterest(regions=tuple(regions), ignored=tuple(ignored), border=asked.border)


class _Found(NamedTuple):
    """What one argument holds."""

    regions: list[Drawn]
    ignored: list[Drawn]


def _read(text: str) -> _Found:
    name, place = _name_and_place(text)
    if _BOX.fullmatch(place):
        return _Found([_box(place.split(","), name=name, said=f"region {text}")], [])
    if _LIKE_BOX.fullmatch(place):
        raise DataError(f"region {text}: a box is X,Y,WIDTH,HEIGHT, four whole numbers of pixels")
    path = Path(place).expanduser()
    if path.suffix.lower() == ".json":
        found = _from_json(path)
        if name and len(found.regions) != 1:
            raise DataError(
                f"{path}: holds {len(found.regions)} regions, which have their own names: leave out {name}="
            )
        return _Found([replace(found.regions[0], name=name)], found.ignored) if name else found
    if not os.path.lexists(path):  # what is there and cannot be read is named by who reads it
        raise DataError(f"region {text}: is no box, and there is no such file; {_HOW}")
    return _Found([_mask(path, name=name or path.stem, said=str(path))], [])


def _absolute(text: str) -> str:
    name, place = _name_and_place(text)
    return text if _BOX.fullmatch(place) else f"{name and f'{name}='}{Path(place).expanduser().absolute()}"


def _name_and_place(text: str) -> tuple[str, str]:
    """Returns what a region is called, and its box or file: a file that is there may have a = in its name."""
    named = None if os.path.lexists(text) else _NAMED.fullmatch(text)
    return ("", text) if named is None else (named[1], named[2])


def _from_json(path: Path) -> _Found:
    """Returns what a file of ours holds, one of LabelMe's, or one of the points of a single polygon alone."""
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); {_HOW}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is no JSON ({brief(error)}); {_HOW}") from error
    try:
        found = _found_in(values, path)
    except DataError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise DataError(
            f"{path}: holds no regions as they are written ({type(error).__name__}: {brief(error)}): "
            '{"regions": [{"name": "hole", "polygon": [[x, y], ...]}]}, with "box": [x, y, width, height] or "mask": '
            "FILE in place of a polygon"
        ) from error
    if not (found.regions or found.ignored):
        raise DataError(f"{path}: holds no region")
    return found


def _found_in(values: Any, path: Path) -> _Found:
    if isinstance(values, list):
        return _Found([_polygon(values, name=path.stem, said=str(path), on=None)], [])
    if "shapes" in values:
        return _Found(_labelme(values, path), [])
    on = None if values.get("photo_size") is None else _size(values["photo_size"])
    regions, ignored = ([_entry(entry, path, on) for entry in values.get(kind, [])] for kind in ("regions", "ignore"))
    return _Found(regions, ignored)


def _entry(entry: dict[str, Any], path: Path, on: Size | None) -> Drawn:
    name = on_one_line(str(entry.get("name", "")))
    said = f"{path}, region {name}" if name else str(path)
    if "box" in entry:
        return _box(entry["box"], name=name, said=said, on=on)
    if "mask" in entry:
        return _mask(path.parent / str(entry["mask"]), name=name, said=said)
    return _polygon(entry["polygon"], name=name, said=said, on=on)


def _labelme(values: dict[str, Any], path: Path) -> list[Drawn]:
    on = _size((values["imageWidth"], values["imageHeight"]))
    found = []
    for shape in values["shapes"]:
        name, kind, points = on_one_line(str(shape["label"])), shape.get("shape_type", "polygon"), shape["points"]
        said = f"{path}, region {name}"
        if kind == "rectangle":
            (left, right), (top, bottom) = (sorted(float(point[axis]) for point in points) for axis in (0, 1))
            found.append(_box((left, top, right - left, bottom - top), name=name, said=said, on=on))
        elif kind == "polygon":
            found.append(_polygon(points, name=name, said=said, on=on))
        else:
            raise DataError(f"{said}: is a {kind}; polygons and rectangles are taken")
    return found


def _box(sides: Sequence[Any], *, name: str, said: str, on: Size | None = None) -> Drawn:
    x, y, width, height = map(float, sides)
    if not (width > 0 and height > 0):
        raise DataError(f"{said}: is {width:g} wide and {height:g} high: a box has at least a pixel")
    return Drawn(name=name, said=said, drawn_on=on, points=((x, y), (x + width, y + height)))


def _mask(path: Path, *, name: str, said: str) -> Drawn:
    mask = read_mask(path)
    return Drawn(name=name, said=said, drawn_on=(mask.shape[0], mask.shape[1]), mask=mask)


def _polygon(points: Any, *, name: str, said: str, on: Size | None) -> Drawn:
    corners = tuple((float(x), float(y)) for x, y in points)
    if len(corners) < 3 or not np.isfinite(corners).all():
        raise DataError(f"{said}: has {len(corners)} points: a polygon has three at least")
    return Drawn(name=name, said=said, drawn_on=on, points=corners)


def _size(size: Sequence[Any]) -> Size:
    """Returns (height, width) of what is written (width, height)."""
    width, height = int(size[0]), int(size[1])
    if min(width, height) < 1:
        raise ValueError(f"a size is {width}x{height}")
    return height, width
