"""Which level fired, of a verdict: computed anew from its photo, for a line judges with exports, which give the map
alone."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from PIL import Image
from pydantic import BaseModel, Field

from blemish.data.images import decode_image
from blemish.errors import ArtifactError, DataError, MissingExtraError, SettingsError
from blemish.history.verdict import StoredVerdict
from blemish.inference.prediction import Prediction
from blemish.results.level_maps import level_findings, level_picture
from blemish.server.access import AskedBy, StationOf
from blemish.server.faults import FAULTS, FaultError
from blemish.server.pictures import framing_of, photo_of, png_file
from blemish.server.station import Station
from blemish.server.verdict_routes import stored_verdict

LEVEL_ROUTES = APIRouter(prefix="/api/verdicts/{number}/levels", tags=["history"], responses=FAULTS)


class LevelReply(BaseModel):
    """What one level says of the photo, as angles between what was expected and what is there: 0 to 180 degrees."""

    pair: str = Field(description="Which pair of networks it compares: student, or reconstruction.")
    level: str
    sees: str = Field(description="What it looks at: fine details, pieces, shapes.")
    mostly: float = Field(description="The median over the photo.")
    highest: float
    here: float = Field(description="Where the anomaly map is highest.")
    strongest: bool = Field(description="Whether it rises there the most, of all levels, above its median.")
    fired: bool = Field(description="The same, of a photo that was not normal: in a normal one nothing has fired.")


class LevelsReply(BaseModel):
    """Says which level fired; it was computed anew, with the weights that judged then."""

    anomaly_score: float = Field(description="As it was computed anew, to be compared with the verdict's own.")
    place: tuple[float, float] = Field(description="(x, y) of the highest place, in pixels of the photo.")
    levels: list[LevelReply]
    picture: str = Field(description="Address of a PNG: the photo, its map and those of all levels.")


def with_levels(number: int, at: StationOf, _asker: AskedBy) -> tuple[StoredVerdict, Prediction]:
    """Returns a verdict, and what its photo gives with level maps; raises FaultError where that cannot be known."""
    stored = stored_verdict(at, number)
    return stored, at.levels.of(stored, lambda: _judged_with_levels(at, stored))


WithLevels = Annotated[tuple[StoredVerdict, Prediction], Depends(with_levels)]


@LEVEL_ROUTES.get("")
def get_levels(found: WithLevels) -> LevelsReply:
    """Returns which level fired; 410 where the photo was not kept or the model has other weights now, 409 where the
    server has no torch or the method no levels."""
    stored, prediction = found
    levels, (x, y) = level_findings(prediction)
    return LevelsReply(
        anomaly_score=prediction.anomaly_score,
        place=(x, y),
        levels=[LevelReply(**vars(each), fired=each.strongest and stored.verdict != "normal") for each in levels],
        picture=f"/api/verdicts/{stored.id}/levels/picture?of={stored.key[:8]}",
    )


@LEVEL_ROUTES.get("/picture", response_class=Response)
def get_level_picture(found: WithLevels, at: StationOf) -> Response:
    """Returns the photo, its anomaly map and those of all levels, in one PNG."""
    stored, prediction = found
    photo = decode_image(photo_of(at, stored), name="photo", reading=framing_of(at, stored).reading)
    return png_file(Image.fromarray(level_picture(prediction, photo, prediction.level_maps)))


def _judged_with_levels(at: Station, stored: StoredVerdict) -> Prediction:
    if stored.judge is None:
        raise FaultError(410, "no_levels", "the photo could not be read")
    try:
        predictor = at.model(stored.model).level_predictor(weights_sha256=stored.judge.weights_sha256)
    except DataError as error:
        raise FaultError(410, "model_replaced", str(error)) from error
    except (ArtifactError, MissingExtraError, SettingsError) as error:
        raise FaultError(409, "no_levels", str(error)) from error
    (found,) = predictor.predict_many([photo_of(at, stored)], level_maps=True)
    if isinstance(found, DataError):
        raise found
    return found
