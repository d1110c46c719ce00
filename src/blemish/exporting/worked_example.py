"""A photo, and what must come of it at each step: for programs that run an export without Blemish.

EXPORT/test_vector/ holds photo.png (and the photo.jpg that it was decoded from), frame_1.png (what the network is
given) or canvas.png (what tiles are cut from), anomaly_map.tiff and expected.json. The answers are the export's own;
`proof` keeps the trained detector's.
"""

import json
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from blemish.data.framing import Framing
from blemish.data.geometry import PhotoGeometry
from blemish.data.images import Pixels, Size, decode_image, read_file, save_map, save_png
from blemish.data.interest import Interest
from blemish.data.reading import FIRST_PAGE, Reading
from blemish.files import write_atomically, write_text
from blemish.inference.prediction import Prediction
from blemish.inference.predictor import Predictor

TEST_VECTOR_FOLDER = "test_vector"
PHOTO_FILE, JPEG_FILE, EXPECTED_FILE = "photo.png", "photo.jpg", "expected.json"
_JPEG_BEGINS = b"\xff\xd8\xff"
_JPEG_QUALITY = 92
_TURN = "turn the picture upright as its EXIF orientation says; drop alpha; repeat grey three times"


@dataclass(frozen=True, kw_only=True)
class ExamplePhoto:
    """The photo that shows what must come of it."""

    pixels: Pixels
    jpeg: bytes | None
    """The JPEG file that they were decoded from; None for photos of 16 bits, which no JPEG holds."""


def choose_example_photo(
    paths: Sequence[Path],
    *,
    fitted: Callable[[Pixels], Pixels] = lambda photo: photo,
    reading: Reading = FIRST_PAGE,
) -> tuple[ExamplePhoto, int]:
    """Returns the first photo that is a JPEG file, and its place; else the first one, through a JPEG file in memory.

    So a JPEG decoder can be proven on any machine, whatever the photos are. Of photos that `fitted`
    changes it is what that makes of the first, through such a file, too. Raises DataError where one is unreadable.
    """
    for place, path in enumerate(paths):
        data = read_file(path)
        if data.startswith(_JPEG_BEGINS) and not reading.channels:
            pixels = decode_image(data, name=str(path))
            if fitted(pixels) is pixels:
                return ExamplePhoto(pixels=pixels, jpeg=data), place
    pixels = fitted(decode_image(read_file(paths[0]), name=str(paths[0]), reading=reading))
    if pixels.dtype != np.uint8:
        return ExamplePhoto(pixels=pixels, jpeg=None), 0
    file = BytesIO()
    Image.fromarray(pixels).save(file, format="JPEG", quality=_JPEG_QUALITY)
    return ExamplePhoto(pixels=decode_image(file.getvalue(), name=JPEG_FILE), jpeg=file.getvalue()), 0


def middle_of(photo: Pixels, longest: int) -> Pixels:
    """Returns the middle of a photo whose sides are beyond the `longest`, else the photo itself."""
    if max(photo.shape[:2]) <= longest:
        return photo
    (top, height), (left, width) = ((max(0, side - longest) // 2, min(side, longest)) for side in photo.shape[:2])
    middle: Any = np.ascontiguousarray(photo[top : top + height, left : left + width])
    return middle  # type: ignore[no-any-return]


def write_worked_example(photo: ExamplePhoto, predictor: Predictor, folder: Path) -> None:
    """Writes the photo, and what the export's `predictor` makes of it at each step, into a folder of the export's."""
    save_png(folder / PHOTO_FILE, photo.pixels)
    if photo.jpeg is not None:
        jpeg = photo.jpeg
        write_atomically(folder / JPEG_FILE, lambda beside: beside.write_bytes(jpeg))
    save_png(folder / canvas_file(predictor.framing), predictor.framing.lay_out(photo.pixels))
    found, given = predictor.predict(photo.pixels), _whole_map(predictor, photo)
    if predictor.interest is not None:
        height, width = found.anomaly_map.shape
        for number, mask in enumerate(predictor.interest.masks((height, width)).values(), start=1):
            save_png(folder / region_file(number), mask)
    save_map(folder / "anomaly_map.tiff", np.ascontiguousarray(given))
    write_text(folder / EXPECTED_FILE, json.dumps(_expected(found, given, predictor, photo), indent=2) + "\n")


def _whole_map(predictor: Predictor, photo: ExamplePhoto) -> NDArray[np.float32]:
    """Returns the map as the graph gives it, of the aligned photo, whatever of it counts."""
    everywhere = copy(predictor)
    everywhere.interest = None
    return everywhere.predict(replace(predictor.framing.framed(photo.pixels), placement=None)).anomaly_map


def canvas_file(framing: Framing) -> str:
    """Returns the name of the file that holds what the network is given, or what its tiles are cut from."""
    return "frame_1.png" if framing.tile is None else "canvas.png"


def region_file(number: int) -> str:
    """Returns the name of the file that holds a region of interest, white, at the map's size."""
    return f"region_{number}.png"


def _expected(
    found: Prediction, given: NDArray[np.float32], predictor: Predictor, photo: ExamplePhoto
) -> dict[str, Any]:
    limits = found.thresholds
    return {
        "steps": _steps(predictor, photo),
        "photo_size": list(found.photo_size),
        "image_size": list(predictor.framing.frame_size),
        **({} if found.placement is None else {"placement": found.placement.matrix(found.photo_size)[:2].tolist()}),
        **framing_facts(predictor.framing, found.photo_size),
        "map_mean": float(given.mean(dtype=np.float64)),
        "map_max": float(given.max()),
        "score_kind": predictor.score.kind,
        "score_share": predictor.score.share,
        "anomaly_score": found.anomaly_score,
        "regions_of_interest": _regions(found),
        "threshold": limits.image,
        "check_threshold": limits.check,
        "pixel_threshold": limits.pixel,
        "verdict": limits.verdict(found.anomaly_score),
        "as_of": "the export: thresholds that were set anew since are in model.json or export.json",
    }


def _regions(found: Prediction) -> list[dict[str, Any]]:
    regions = () if found.interest is None else found.interest.regions
    return [
        {
            "file": region_file(number),
            "name": region.name,
            "scale": region.scale,
            "score": found.region_scores[region.name],
        }
        for number, region in enumerate(regions, start=1)
    ]


def _counting(interest: Interest | None) -> list[str]:
    """Returns what of a map counts, in words."""
    if interest is None:
        return []
    files = f"{region_file(1)} to {region_file(len(interest.regions))}" if interest.regions[1:] else region_file(1)
    if not interest.scaled:
        return [f"from here on count only pixels that are white in {files}, the regions of interest at the map's size"]
    return [
        f"the score of each region of interest is, as below, of the pixels that are white in its file ({files}), "
        "divided by its scale, and anomaly_score is the highest of them; likewise divide the map by the smallest scale "
        "of the regions at each pixel before it is held against pixel_threshold"
    ]


def _steps(predictor: Predictor, photo: ExamplePhoto) -> list[str]:
    """Returns what happens to a photo, in words, each step with the file that holds its result."""
    framing, score = predictor.framing, predictor.score
    height, width = framing.frame_size
    white = 255 if photo.pixels.dtype == np.uint8 else framing.white_level
    decode = f"decode {PHOTO_FILE} to RGB of {8 if white == 255 else 16} bits; of other photos, {_TURN}"
    if photo.jpeg is not None:
        decode += f"; {JPEG_FILE} decodes to the same pixels (a JPEG decoder may differ by 1 or 2 of 255)"
    rule = "the map's highest value"
    if score.kind == "top_mean":
        of_one = " * ".join(map(str, framing.image_size))
        rule = f"the mean of the map's highest max(1, round({score.share} * {of_one})) values, or of all"
    geometry = framing.geometry((photo.pixels.shape[0], photo.pixels.shape[1]))
    return [
        decode,
        *_laid_on(framing),
        f"resize to {geometry.map_size[1]} x {geometry.map_size[0]} (width x height) by Pillow's BILINEAR, "
        "antialiased: where it shrinks, a triangle filter as wide as the scale (neither cv2.INTER_LINEAR nor "
        f"INTER_AREA), rounded to integers{_with_borders(geometry)}: {canvas_file(framing)}",
        *_tiles_cut(framing),
        f"divide by {white} as float32: RGB, 0 to 1; means and deviations are taken off in the graph",
        f"lay out as NCHW: images ({len(geometry.windows)}, 3, {height}, {width})",
        f"run the graph: anomaly_map ({len(geometry.windows)}, 1, {height}, {width}), float32"
        f"{_joined(framing, geometry)}: anomaly_map.tiff",
        *_counting(predictor.interest),
        f"anomaly_score is {rule}",
        "verdict: anomalous where anomaly_score > threshold, else check where check_threshold is a number and "
        "anomaly_score > check_threshold, else normal; a pixel is of a defect where the map > pixel_threshold; "
        "Blemish itself asks besides whether the photo is like those learned from, and calls it unusual where not, and "
        "asks the rules on marks of model.json, where there are any, of anomalous photos",
    ]


def framing_facts(framing: Framing, photo_size: Size) -> dict[str, Any]:
    """Returns where the frames of a photo lie, by name, for who frames photos without Blemish; places are (top, left).

    Nothing for photos that are resized as they are.
    """
    geometry = framing.geometry(photo_size)
    if framing.tile is None and framing.aspect is None:
        return {}
    facts: dict[str, Any] = {
        "map_size": list(geometry.map_size),
        "canvas_size": list(geometry.canvas_size),
        "map_origin": list(geometry.origin),
        "tile": framing.tile,
    }
    if framing.tile is None:
        return facts
    windows = [list(window) for window in geometry.windows]
    return facts | {"windows": windows, "margin": list(geometry.margin), "fading": list(geometry.fading)}


def _with_borders(geometry: PhotoGeometry) -> str:
    (height, width), (top, left) = geometry.canvas_size, geometry.origin
    if geometry.canvas_size == geometry.map_size:
        return ""
    return (
        f"; lay it at row {top}, column {left} of a canvas of {width} x {height}, and fill what is around it by "
        "mirroring, edge pixels repeated (numpy.pad, symmetric)"
    )


def _laid_on(framing: Framing) -> list[str]:
    if framing.alignment is None:
        return []
    return [
        "lay the photo on the reference (`framing.alignment` of model.json): at (x, y) it then has what it had at "
        "`placement` times (x, y, 1), bicubic (bilinear where it shrinks to half or less), mirrored beyond its edges; "
        "Blemish finds that by OpenCV's "
        "findTransformECC, and lays what is found back onto the photo"
    ]


def _tiles_cut(framing: Framing) -> list[str]:
    if framing.tile is None:
        return []
    height, width = framing.frame_size
    return [f"cut a tile of {width} x {height} at each of `windows` (top, left), in this order, as many at once as fit"]


def _joined(framing: Framing, geometry: PhotoGeometry) -> str:
    if framing.tile is not None:
        return (
            "; add up the tiles' maps, each times its rows' and its columns' weights: 1 but for, on a side where "
            "there is another tile, the outer `margin` of 0 and the `fading` pixels behind it, of which the n-th from "
            "outside is s * s * (3 - 2 * s) with s = (n - 0.5) / fading; of the sum cut `map_size` at `map_origin`"
        )
    if geometry.canvas_size != geometry.map_size:
        return ", of which `map_size` is cut at `map_origin`"
    return ""


def jpeg_difference(folder: Path) -> float | None:
    """Returns by how many of 255 levels this machine decodes the JPEG file otherwise at most; None without one.

    Infinity where it comes out of another size.
    """
    if not (folder / JPEG_FILE).exists():
        return None
    kept, here = (decode_image(read_file(folder / name), name=str(folder / name)) for name in (PHOTO_FILE, JPEG_FILE))
    return _largest_difference(kept, here, white=255)


def framing_difference(folder: Path, framing: Framing) -> float:
    """Returns by how many of 255 levels this machine resizes the photo otherwise at most."""
    photo = decode_image(read_file(folder / PHOTO_FILE), name=str(folder / PHOTO_FILE))
    white = 255 if photo.dtype == np.uint8 else framing.white_level
    path = folder / canvas_file(framing)
    return _largest_difference(decode_image(read_file(path), name=str(path)), framing.lay_out(photo), white=white)


def _largest_difference(first: NDArray[Any], second: NDArray[Any], *, white: int) -> float:
    if first.shape != second.shape:
        return float("inf")
    return float(np.abs(first.astype(np.int64) - second).max()) * 255 / white
