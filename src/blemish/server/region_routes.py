"""Regions of interest: those that a model has, and those that are drawn for its next training."""

import base64
import json
import tempfile
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, ValidationError, model_validator

from blemish.data.drawn_regions import AskedInterest, DrawnInterest, read_drawn
from blemish.data.shapes import sizes_counted
from blemish.files import write_text
from blemish.history.audit import note_change
from blemish.server.access import AskedBy, AskedByEngineer, StationOf
from blemish.server.faults import FAULTS, FaultError
from blemish.server.served_model import ServedModel

REGION_ROUTES = APIRouter(prefix="/api/models/{model}/regions", tags=["models"], responses=FAULTS)

DRAWN_FILE = "roi.json"
"""The file in a model's folder that the next training takes: `blemish train ... --roi RUN/roi.json`."""

_Number = Annotated[float, Field(allow_inf_nan=False)]
_Side = Annotated[int, Field(ge=1, le=1 << 20)]
Point = tuple[_Number, _Number]


class DrawnRegion(BaseModel):
    """A region is a polygon or a box; no file of a mask, for no path of a client is opened."""

    model_config = {"extra": "forbid"}

    name: str = Field(default="", max_length=64, pattern=r"^[\w .-]*$")
    polygon: list[Point] | None = Field(default=None, min_length=3, max_length=2000, description="(x, y) in pixels.")
    box: tuple[_Number, _Number, _Number, _Number] | None = Field(default=None, description="x, y, width, height.")

    @model_validator(mode="after")
    def _is_one(self) -> "DrawnRegion":
        if (self.polygon is None) == (self.box is None):
            raise ValueError("a region is either a polygon or a box")
        return self


class DrawnRegions(BaseModel):
    """What is drawn is regions, and what to ignore in them."""

    model_config = {"extra": "forbid"}

    photo_size: tuple[_Side, _Side] = Field(description="(width, height) of the photo that it was drawn on.")
    regions: list[DrawnRegion] = Field(max_length=100)
    ignore: list[DrawnRegion] = Field(default=[], max_length=100)


class RegionReply(BaseModel):
    """A region that the model has."""

    name: str
    threshold: float | None = Field(description="Of its own; null: the model's holds.")
    mask: str = Field(description="Address of a PNG, white where it counts.")


class RegionsReply(BaseModel):
    """The regions that the model has, and those drawn for its next training."""

    width: int = Field(description="Of the photos: the regions' masks, and what is to be drawn on.")
    height: int
    regions: list[RegionReply] = Field(description="None: all of a photo counts.")
    drawn: DrawnRegions | None
    drawn_file: str = Field(description="To be given to --roi of `blemish train`, once something is drawn.")


@REGION_ROUTES.get("")
def model_regions(model: str, at: StationOf, _asker: AskedBy) -> RegionsReply:
    """Returns the regions of interest that the model has, and what was drawn for its next training."""
    return _reply(at.model(model))


@REGION_ROUTES.get("/{region}/mask", response_class=Response)
def region_mask(model: str, region: str, at: StationOf, _asker: AskedBy) -> Response:
    """Returns a region as a PNG, white where it counts."""
    interest = at.model(model).now.artifact.interest
    found = [each for each in ((interest and interest.regions) or ()) if each.name == region]
    if not found:
        raise FaultError(404, "no_such_region", f"the model has no region {region[:64]!r}")
    return Response(base64.b64decode(found[0].bitmap), media_type="image/png")


@REGION_ROUTES.put("")
def draw_regions(model: str, body: DrawnRegions, at: StationOf, asker: AskedByEngineer) -> RegionsReply:
    """Keeps drawn regions in the model's folder, for its next training: thresholds are of the regions that a model was
    trained with, so that those of this one stay as they are."""
    served = at.model(model)
    text, drawn = as_file(body)
    if drawn is not None:
        drawn.on(_photo_size(served))  # where it does not fit, or nothing is left, it says so
    with served.changing:
        before = _drawn(served)
        with at.history.writing() as connection:
            note_change(
                connection,
                who=asker.name,
                action="region of interest",
                subject=f"model {model}",
                before=None if before is None else before.model_dump(exclude_none=True),
                after=body.model_dump(exclude_none=True),
            )
            write_text(served.folder / DRAWN_FILE, text)  # where it fails, nothing is said to have changed
    return _reply(served)


def as_file(body: DrawnRegions) -> tuple[str, DrawnInterest | None]:
    """Returns the text of the file that holds what was drawn, and what `blemish train --roi` makes of it; raises
    DataError where it makes nothing of it."""
    text = json.dumps(body.model_dump(exclude_none=True), indent=2) + "\n"
    with tempfile.TemporaryDirectory() as folder:
        tried = Path(folder, DRAWN_FILE)
        tried.write_text(text, encoding="utf-8")
        return text, read_drawn(AskedInterest(roi=(str(tried),)))


def _reply(served: ServedModel) -> RegionsReply:
    artifact, predictor = served.now.artifact, served.now.predictor
    interest = artifact.interest
    height, width = _photo_size(served)
    limit = predictor.threshold
    own = {} if interest is None or not interest.scaled else {r.name: r.scale * limit for r in interest.regions}
    names = () if interest is None else interest.names
    address = f"/api/models/{served.name}/regions"
    return RegionsReply(
        width=width,
        height=height,
        regions=[
            RegionReply(name=name, threshold=own.get(name), mask=f"{address}/{quote(name, safe='')}/mask")
            for name in names
        ],
        drawn=_drawn(served),
        drawn_file=str(served.folder.absolute() / DRAWN_FILE),
    )


def _photo_size(served: ServedModel) -> tuple[int, int]:
    """Returns the (height, width) of the photos that the model was trained on."""
    artifact = served.now.artifact
    if artifact.interest is not None:
        return artifact.interest.size
    sizes = sizes_counted(artifact.training.photo_sizes)
    return max(sizes, key=lambda size: sizes[size]) if sizes else artifact.image_size


def _drawn(served: ServedModel) -> DrawnRegions | None:
    """Returns what was drawn here; None where nothing was, or somebody has put a file of another kind there."""
    try:
        return DrawnRegions.model_validate_json((served.folder / DRAWN_FILE).read_bytes())
    except (OSError, ValidationError):
        return None
