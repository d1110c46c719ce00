"""Photographed textures cut into parts, with synthetic defects: a dataset for the demo and the tests.

The photos (brick, gravel, grass; public domain, CC0Textures) lie in scikit-image's wheel, which is not imported.
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from blemish.data.dataset import Dataset
from blemish.data.framing import shown
from blemish.data.images import read_image, resize_image, save_png
from blemish.data.mvtec_ad import MVTEC_AD
from blemish.errors import DataError, MissingExtraError

_Pixels = NDArray[np.float64]
"""A part (size, size, 3), RGB, or a coverage (size, size): how much of each pixel a defect covers; 0 to 1."""

# The photos are grey: (colour of black, colour of white) gives each texture its own.
TEXTURES = {
    "brick": ((0.18, 0.06, 0.03), (1.0, 0.94, 0.86)),
    "gravel": ((0.06, 0.06, 0.08), (1.0, 0.97, 0.92)),
    "grass": ((0.02, 0.07, 0.01), (0.86, 1.0, 0.62)),
}
_SPLIT = 5 / 8  # training parts are cut above this share of a photo's height, test parts below it
_APART = 0.34  # where there are validation parts these are cut between this share and the split
# (The brick wall was photographed at an angle: right of the middle its joints lean as they do nowhere left of it.)


def make_up(
    root: Path,
    *,
    seed: int,
    size: int = 128,
    textures: Sequence[str] = tuple(TEXTURES),
    train: int = 90,
    validation: int = 0,
    good: int = 24,
    defective: int = 42,
    closer: float = 1,
) -> Dataset:
    """Writes parts of size x size pixels in MVTec AD's layout into an empty folder; the same seed gives the same
    pixels.

    Textures and defect types take turns. Parts are seen so many times `closer` than they are without. No pixel of a
    photo is in parts of two kinds: training, validation, test.
    """
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise DataError(f"{root}: is not an empty folder; name a new one")
    generator = np.random.default_rng(seed)
    photos = [_Texture(name) for name in textures]
    learned = _APART if validation else _SPLIT
    bands = {"train": (0, learned), "validation": (learned, _SPLIT), "test": (_SPLIT, 1)}
    for split, count in (("train", train), ("validation", validation), ("test", good)):
        for i in range(count):
            part = photos[i % len(photos)].part(generator, size, band=bands[split], closer=closer)
            save_png(root / f"{split}/good/{i:03}.png", _bytes(part))
    names = list(DEFECTS)
    for i in range(defective):
        turn, kind = divmod(i, len(names))
        name = names[kind]
        part = photos[(turn + kind) % len(photos)].part(generator, size, band=bands["test"], closer=closer)
        altered, mask = add_defect(part, name, generator=generator)
        save_png(root / f"test/{name}/{turn:03}.png", _bytes(altered))
        save_png(root / f"ground_truth/{name}/{turn:03}_mask.png", mask)
    return MVTEC_AD.find(root, None)


def add_defect(part: _Pixels, defect: str, *, generator: Generator) -> tuple[_Pixels, NDArray[np.bool_]]:
    """Returns the part with a synthetic defect, and the mask of the pixels of which the defect covers at least half."""
    while True:
        defective, coverage = DEFECTS[defect](part, generator)
        mask: NDArray[np.bool_] = coverage >= 0.5
        if mask.any():  # nearly always: only a defect drawn wholly across the border is drawn again
            return np.clip(defective, 0, 1), mask


class _Texture:
    """A photographed texture, from which parts are cut."""

    def __init__(self, name: str) -> None:
        if name not in TEXTURES:
            raise DataError(f"there is no texture {name!r}; choose from {', '.join(TEXTURES)}")
        spec = find_spec("skimage")
        if spec is None or not spec.submodule_search_locations:
            raise MissingExtraError(package="scikit-image", extra="demo", purpose="making up a dataset")
        self._photo: NDArray[np.uint8] = shown(
            read_image(Path(spec.submodule_search_locations[0]) / "data" / f"{name}.png")
        )
        self._colours = np.array(TEXTURES[name])

    def part(self, generator: Generator, size: int, *, band: tuple[float, float], closer: float) -> _Pixels:
        """Returns a square that is cut, mirrored, lit and coloured at random within what good parts have.

        `band` is the shares of the photo's height between which it is cut.
        """
        height, width = self._photo.shape[:2]
        top, bottom = (round(share * height) for share in band)
        side = int(generator.integers(round(112 / closer), round(144 / closer) + 1))
        y, x = int(generator.integers(top, bottom - side + 1)), int(generator.integers(width - side + 1))
        cut = resize_image(self._photo[y : y + side, x : x + side], (size, size))
        grey = cut[:, :: int(generator.choice((-1, 1))), :1] / 255
        slope = generator.uniform(-0.08, 0.08, 2)  # light from one side
        across = np.linspace(-1, 1, size)
        light = generator.uniform(0.9, 1.1) + slope[0] * across[:, None, None] + slope[1] * across[None, :, None]
        grey = np.clip((grey - 0.5) * generator.uniform(1.1, 1.35) + 0.5, 0, 1) * light
        black, white = self._colours + generator.uniform(-0.01, 0.01, (2, 3))
        noise = generator.normal(0, 0.008, (size, size, 3))  # of the camera
        part: _Pixels = np.clip(black + (white - black) * grey + noise, 0, 1)
        return part


def _scratch(part: _Pixels, generator: Generator) -> tuple[_Pixels, _Pixels]:
    """Draws one to three fine, nearly straight lines side by side, lighter than the part, with a dark edge."""
    size, scale = len(part), len(part) / 128
    start, heading = generator.uniform(0.2, 0.8, 2) * size, generator.uniform(0, 2 * np.pi)
    coverage = np.zeros((size, size))
    for _ in range(int(generator.integers(1, 4))):
        aside, length = start + generator.normal(0, 3 * scale, 2), generator.uniform(25, 75) * scale
        line = _line(generator, aside, heading, length=length, every=10 * scale, drift=0.05)
        radii = generator.uniform(0.7, 1.2) * scale * np.sin(np.linspace(0.15, np.pi - 0.15, len(line))) ** 0.5
        coverage = np.maximum(coverage, _stroke(size, line, radii))
    shade = _shifted(coverage, scale) * (1 - coverage)
    scratched = _blend(part * (1 - 0.3 * shade[..., None]), (0.92, 0.91, 0.88), coverage * generator.uniform(0.35, 0.7))
    return scratched, np.maximum(coverage, shade)


def _crack(part: _Pixels, generator: Generator) -> tuple[_Pixels, _Pixels]:
    """Draws a dark, jagged line that thins out, with branches."""
    size, scale = len(part), len(part) / 128
    every, length = 3 * scale, generator.uniform(40, 85) * scale
    start, heading = generator.uniform(0.25, 0.75, 2) * size, generator.uniform(0, 2 * np.pi)
    trunk = _line(generator, start, heading, length=length, every=every, drift=0.12, jitter=0.6)
    radius = generator.uniform(0.8, 1.5) * scale
    coverage = _stroke(size, trunk, np.linspace(radius, 0.45 * radius, len(trunk)))
    for _ in range(int(generator.integers(0, 4))):
        fork = trunk[int(generator.integers(len(trunk) // 5, len(trunk)))]
        away, reach = (
            heading + generator.choice((-1, 1)) * generator.uniform(0.5, 1.2),
            generator.uniform(10, 28) * scale,
        )
        branch = _line(generator, fork, away, length=reach, every=every, drift=0.12, jitter=0.6)
        coverage = np.maximum(coverage, _stroke(size, branch, np.linspace(0.7 * radius, 0.35 * radius, len(branch))))
    return part * (1 - generator.uniform(0.5, 0.85) * coverage[..., None]), coverage


def _thread(part: _Pixels, generator: Generator) -> tuple[_Pixels, _Pixels]:
    """Draws a fibre that lies curled on the part and throws a shadow."""
    size, scale = len(part), len(part) / 128
    start, heading = generator.uniform(0.25, 0.75, 2) * size, generator.uniform(0, 2 * np.pi)
    length = generator.uniform(45, 110) * scale
    line = _line(generator, start, heading, length=length, every=9 * scale, drift=generator.uniform(0.25, 0.6))
    radius = np.full(len(line), generator.uniform(0.75, 1.3) * scale)
    coverage = _stroke(size, line, radius)
    gloss = _stroke(size, line - 0.35 * radius[:, None], 0.45 * radius)
    shadow = _stroke(size, line + radius[:, None], radius) * (1 - coverage)
    colours = ((0.75, 0.12, 0.1), (0.12, 0.2, 0.5), (0.85, 0.83, 0.78), (0.12, 0.11, 0.11), (0.55, 0.42, 0.25))
    colour = np.array(colours[int(generator.integers(len(colours)))])
    laid = _blend(part * (1 - 0.35 * shadow[..., None]), colour, coverage * generator.uniform(0.75, 0.95))
    return _blend(laid, colour + 0.25 * (1 - colour), gloss * 0.5), np.maximum(coverage, shadow)


def _stain(part: _Pixels, generator: Generator) -> tuple[_Pixels, _Pixels]:
    """Draws a liquid that soaked in: the part shows through, darker and tinted, most at the rim."""
    scale = len(part) / 128
    depth = _blob(len(part), generator, radius=generator.uniform(9, 22) * scale, roughness=0.22)
    coverage = _soft(depth, 1.2 * scale)
    rim = coverage * np.exp(-((depth / (2.5 * scale)) ** 2))
    tints = ((0.55, 0.42, 0.28), (0.4, 0.4, 0.44), (0.62, 0.4, 0.3), (0.45, 0.5, 0.3))
    tint = np.array(tints[int(generator.integers(len(tints)))])
    strength = generator.uniform(0.5, 0.9) * (0.75 * coverage + 0.35 * rim)
    return part * (1 - (1 - tint) * strength[..., None]), coverage


def _hole(part: _Pixels, generator: Generator) -> tuple[_Pixels, _Pixels]:
    """Draws a broken-out spot: dark, darkest where the light does not reach, with a bright edge opposite."""
    size, scale = len(part), len(part) / 128
    depth = _blob(size, generator, radius=generator.uniform(5, 11) * scale, roughness=0.16)
    coverage = _soft(depth, 0.7 * scale)
    lit = _soft(_shifted(depth, 2 * scale), 2.5 * scale)  # the light comes from the upper left
    floor = part * (0.42 - 0.3 * lit[..., None]) * generator.uniform(0.8, 1.5)
    edge = coverage * np.exp(-((depth / scale) ** 2)) * (1 - lit)
    return _blend(
        part * (1 - coverage[..., None]) + floor * coverage[..., None], (0.9, 0.88, 0.85), edge * 0.5
    ), coverage


def _print(part: _Pixels, generator: Generator) -> tuple[_Pixels, _Pixels]:
    """Draws a faded ink stamp where none belongs: a ring around two or three bars."""
    size, scale = len(part), len(part) / 128
    centre, turn = generator.uniform(0.25, 0.75, 2) * size, generator.uniform(0, np.pi)
    ring, pen = generator.uniform(8, 17) * scale, generator.uniform(0.8, 1.5) * scale
    angles = np.linspace(0, 2 * np.pi, int(8 * ring))
    around = centre + ring * np.stack((np.sin(angles), np.cos(angles)), axis=1)
    coverage = _stroke(size, around, np.full(len(around), pen))
    along = np.array((np.sin(turn), np.cos(turn)))
    for offset in np.linspace(-0.4, 0.4, int(generator.integers(2, 4))) * ring:
        reach = generator.uniform(0.3, 0.6) * ring * np.linspace(-1, 1, int(4 * ring))[:, None]
        bar = centre + along * reach + along[::-1] * (1, -1) * offset
        coverage = np.maximum(coverage, _stroke(size, bar, np.full(len(bar), pen)))
    inks = ((0.1, 0.12, 0.45), (0.5, 0.08, 0.1), (0.1, 0.1, 0.1), (0.9, 0.9, 0.88))
    ink = inks[int(generator.integers(len(inks)))]
    return _blend(part, ink, coverage * generator.uniform(0.4, 0.75)), coverage


DEFECTS: dict[str, Callable[[_Pixels, Generator], tuple[_Pixels, _Pixels]]] = {
    "crack": _crack,
    "hole": _hole,
    "print": _print,
    "scratch": _scratch,
    "stain": _stain,
    "thread": _thread,
}
"""How each defect is drawn: part -> (part with the defect, coverage)."""


def _line(
    generator: Generator,
    start: _Pixels,
    heading: float,
    *,
    length: float,
    every: float,
    drift: float,
    jitter: float = 0.0,
) -> _Pixels:
    """Returns points (N, 2) as (y, x), half a pixel apart, of a line that changes its heading every so many pixels.

    By `drift` it bends for good, by `jitter` for a moment only (standard deviations in radians).
    """
    knots = int(length / every) + 2
    headings = heading + generator.normal(0, drift, knots).cumsum() + generator.normal(0, jitter, knots)
    angle = np.interp(np.arange(0, length, 0.5) / every, np.arange(knots), headings)
    return start + 0.5 * np.stack((np.sin(angle), np.cos(angle)), axis=1).cumsum(axis=0)


def _stroke(size: int, points: _Pixels, radii: _Pixels) -> _Pixels:
    """Returns how much of each pixel a pen covers that is drawn through the points, antialiased; at least 1.5 pixels
    thick."""
    coverage = np.zeros((size, size))
    for (y, x), radius in zip(points, np.maximum(radii, 0.75), strict=True):
        reach = int(radius) + 2
        rows = np.arange(max(0, int(y) - reach), min(size, int(y) + reach + 1))
        columns = np.arange(max(0, int(x) - reach), min(size, int(x) + reach + 1))
        if len(rows) and len(columns):
            away = np.hypot(rows[:, None] - y, columns[None, :] - x)
            window = coverage[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            np.maximum(window, np.clip(radius - away + 0.5, 0, 1), out=window)
    return coverage


def _blob(size: int, generator: Generator, *, radius: float, roughness: float) -> _Pixels:
    """Returns how deep (pixels) each pixel lies inside an uneven, stretched spot; negative outside."""
    centre, turn = generator.uniform(0.2, 0.8, 2) * size, generator.uniform(0, np.pi)
    y, x = np.mgrid[:size, :size] - centre[:, None, None]
    stretch = generator.uniform(1.0, 1.5)
    along, across = (x * np.cos(turn) + y * np.sin(turn)) / stretch, (y * np.cos(turn) - x * np.sin(turn)) * stretch
    angle = np.arctan2(across, along)
    edge = np.ones_like(angle)
    for waves in range(2, 9):
        edge += generator.normal(0, roughness / waves) * np.cos(waves * angle + generator.uniform(0, 2 * np.pi))
    depth: _Pixels = radius * edge - np.hypot(along, across)
    return depth


def _soft(depth: _Pixels, width: float) -> _Pixels:
    """Returns how much of each pixel a spot covers whose edge fades over so many pixels to either side; half at the
    edge."""
    return np.clip(depth / (2 * width) + 0.5, 0, 1)


def _shifted(field: _Pixels, by: float) -> _Pixels:
    """Returns the coverage moved down and to the right by at least a pixel."""
    pixels = max(1, round(by))
    return np.pad(field, ((pixels, 0), (pixels, 0)), mode="edge")[: len(field), : len(field)]


def _blend(part: _Pixels, colour: Sequence[float] | _Pixels, opacity: _Pixels) -> _Pixels:
    return part + (np.asarray(colour) - part) * opacity[..., None]


def _bytes(part: _Pixels) -> NDArray[np.uint8]:
    return np.rint(part * 255).astype(np.uint8)
