"""The pictures of a verdict: from memory, where it is of late, else from what was kept."""

import threading
from dataclasses import replace
from io import BytesIO

from fastapi import Response
from PIL import Image

from blemish.data.framing import Framing, shown
from blemish.data.images import decode_image
from blemish.data.reading import FIRST_PAGE, Reading
from blemish.errors import DataError
from blemish.history.stored_photo import stored_photo
from blemish.history.verdict import StoredVerdict
from blemish.inference.prediction import Prediction
from blemish.model.thresholds import Thresholds
from blemish.results.overlays import picture
from blemish.results.packed_maps import read_map_picture
from blemish.server.faults import FaultError
from blemish.server.station import Station

_SHOWN_BY_BROWSERS = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_CACHED = {"Cache-Control": "private, max-age=86400, immutable", "Vary": "Authorization"}
_QUALITY = 92
MOST_DRAWN = 2
"""Overlays that are drawn at a time."""
_drawing = threading.BoundedSemaphore(MOST_DRAWN)


def photo_file(at: Station, stored: StoredVerdict) -> Response:
    """Returns the photo as it was given, or as PNG where browsers do not show its kind."""
    framing = framing_of(at, stored)
    return shown_by_browsers(photo_of(at, stored), white_level=framing.white_level, reading=framing.reading)


def shown_by_browsers(data: bytes, *, white_level: int = 65535, reading: Reading = FIRST_PAGE) -> Response:
    """Returns a file as it is, or as PNG where browsers do not show its kind."""
    kind = next((kind for start, kind in _SHOWN_BY_BROWSERS.items() if data.startswith(start)), None)
    if kind is None:
        photo = decode_image(data, name="photo", reading=reading)
        return png_file(Image.fromarray(shown(photo, white_level=white_level)))
    return Response(data, media_type=kind, headers=_CACHED)


def map_file(at: Station, stored: StoredVerdict) -> Response:
    """Returns the anomaly map as a float32 TIFF."""
    file = BytesIO()
    Image.fromarray(_prediction(at, stored).anomaly_map).save(file, format="TIFF")
    return Response(file.getvalue(), media_type="image/tiff", headers=_CACHED)


def drawn_overlay(at: Station, stored: StoredVerdict) -> Response:
    """Returns the photo under its map; a few are drawn at a time, for each takes many times the photo's memory, and a
    page asks for dozens at once."""
    with _drawing:
        return _overlay(at, stored)


def _overlay(at: Station, stored: StoredVerdict) -> Response:
    framing, found = framing_of(at, stored), _prediction(at, stored)
    photo = decode_image(photo_of(at, stored), name="photo", reading=framing.reading)
    if framing.alignment is not None and found.interest is not None and found.placement is None:
        found = replace(found, placement=framing.alignment.place(photo))  # where regions of interest lie on it
    drawn = Image.fromarray(picture(found, photo))
    if max(drawn.size) > 65_500:  # of JPEG, by libjpeg
        return png_file(drawn)
    file = BytesIO()
    drawn.save(file, format="JPEG", quality=_QUALITY, subsampling=0)
    return Response(file.getvalue(), media_type="image/jpeg", headers=_CACHED)


def png_file(drawn: Image.Image) -> Response:
    """Returns a picture as a PNG that browsers may keep."""
    file = BytesIO()
    drawn.save(file, format="PNG", compress_level=1)
    return Response(file.getvalue(), media_type="image/png", headers=_CACHED)


def photo_of(at: Station, stored: StoredVerdict) -> bytes:
    """Returns the file of the photo; raises FaultError where it was not kept."""
    lately = at.lately(stored.id)
    if lately is not None:
        return lately.photo
    photo = stored_photo(stored.photo_path, stored.photo_sha256)
    if photo is None:
        line = "this photo was not kept or was deleted, or another file lies in its place"
        raise FaultError(410, "photo_not_kept", line)
    return photo


def _prediction(at: Station, stored: StoredVerdict) -> Prediction:
    """Returns the verdict as a prediction whose map, mask and regions can be drawn."""
    lately = at.lately(stored.id)
    if lately is not None:
        return replace(lately.prediction)  # what is drawn of it, as large as the photo, is not kept
    judge = stored.judge
    if stored.map_path is None or judge is None or stored.height is None or stored.width is None:
        raise FaultError(410, "map_not_kept", "the map of this verdict was not kept")
    unset = float("inf")
    pixel = unset if judge.pixel_threshold is None else judge.pixel_threshold
    try:
        anomaly_map = read_map_picture(stored.map_path, middle=pixel)
    except DataError:
        raise FaultError(410, "map_not_kept", "the map of this verdict was deleted") from None
    model = at.models.get(stored.model)
    same = model is not None and model.now.artifact.weights_sha256 == judge.weights_sha256
    artifact = model.now.artifact if model is not None and same else None
    return Prediction(
        image=None,
        photo_size=(stored.height, stored.width),
        anomaly_score=stored.anomaly_score or 0.0,
        percentile=stored.percentile or 0.0,
        thresholds=Thresholds(image=unset if judge.threshold is None else judge.threshold, pixel=pixel),
        provenance=None,
        judged_at=stored.judged_at,
        anomaly_map=anomaly_map,
        min_area=at.settings.min_area,
        white_level=framing_of(at, stored).white_level,
        interest=None if artifact is None else artifact.interest,
    )


def framing_of(at: Station, stored: StoredVerdict) -> Framing:
    """Returns how the model reads photos; where it is no longer served, as photos are read without one."""
    model = at.models.get(stored.model)
    return Framing(image_size=(256, 256)) if model is None else model.now.artifact.framing
