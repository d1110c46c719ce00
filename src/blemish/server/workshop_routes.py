"""A first model, learned in the page: folders of photos, regions drawn on them, a training and how far it is."""

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from blemish.data.images import read_file
from blemish.errors import BlemishError, HistoryError
from blemish.history.audit import note_change
from blemish.server.access import AskedByEngineer, StationOf
from blemish.server.faults import FAULTS, FaultError
from blemish.server.learning import Learning
from blemish.server.pictures import shown_by_browsers
from blemish.server.region_routes import DrawnRegions, as_file
from blemish.server.served_model import ServedModel
from blemish.server.station import Station
from blemish.server.successor import Succession, succeed
from blemish.server.workshop import Workshop

WORKSHOP_ROUTES = APIRouter(prefix="/api/workshop", tags=["workshop"], responses=FAULTS)


class FolderReply(BaseModel):
    """A folder holds photos to learn of."""

    name: str
    photos: int = Field(description="Good photos in it; 0: none can be learned of.")
    error: str | None = Field(description="Why none can be learned of.")
    regions: int = Field(description="Regions drawn on its photos, those to be ignored included.")


class SuccessionReply(BaseModel):
    """The comparison of a model with the one that it was to follow, on the photos that people labelled."""

    is_live: bool = Field(
        description="Whether it took the other's place: it misses no more, and stops no more good ones."
    )
    good: int
    stopped_before: int
    stopped_after: int
    bad: int
    missed_before: int
    missed_after: int


class LearningReply(BaseModel):
    """A training runs, or has ended."""

    model: str
    folder: str
    state: Literal["running", "done", "failed", "stopped"]
    activity: str | None = Field(description="What is being done; null: it has not begun.")
    done: int
    total: int
    told: list[str] = Field(description="What it says, and what went wrong.")
    succession: SuccessionReply | None


class WorkshopReply(BaseModel):
    """The folders that models can be learned of, and the latest training."""

    folders: list[FolderReply]
    learning: LearningReply | None


class LearnBody(BaseModel):
    """What is to be learned."""

    model_config = {"extra": "forbid"}

    model: str = Field(min_length=1, max_length=64, description="The name that the model is served by.")
    replaces: str | None = Field(
        default=None, max_length=64, description="The model whose place it takes, if it is better on labelled photos."
    )
    teacher: str | None = Field(default=None, max_length=64, description="As `blemish train --teacher` takes it.")
    image_size: int | None = Field(default=None, ge=32, le=1024)
    steps: int | None = Field(default=None, ge=1, le=100_000)


@WORKSHOP_ROUTES.get("")
def get_workshop(at: StationOf, _asker: AskedByEngineer) -> WorkshopReply:
    """Returns the folders of photos, and how far the latest training is."""
    workshop = workshop_of(at)
    folders = [_folder_reply(workshop, name) for name in workshop.folders()]
    return WorkshopReply(folders=folders, learning=_learning_reply(workshop.learning))


@WORKSHOP_ROUTES.get("/{folder}/photo", response_class=Response)
def get_first_photo(folder: str, at: StationOf, _asker: AskedByEngineer) -> Response:
    """Returns the first photo of a folder, to draw on."""
    return shown_by_browsers(read_file(workshop_of(at).photos(folder).good_photos()[0].image))


@WORKSHOP_ROUTES.get("/{folder}/regions")
def get_folder_regions(folder: str, at: StationOf, _asker: AskedByEngineer) -> dict[str, Any]:
    """Returns the regions drawn on a folder's photos."""
    return workshop_of(at).regions(folder)


@WORKSHOP_ROUTES.put("/{folder}/regions")
def put_folder_regions(folder: str, body: DrawnRegions, at: StationOf, asker: AskedByEngineer) -> dict[str, Any]:
    """Keeps regions for trainings to come; models that were learned already keep theirs."""
    workshop = workshop_of(at)
    before, text = workshop.regions(folder), as_file(body)[0] if body.regions or body.ignore else None
    after: dict[str, Any] = {} if text is None else json.loads(text)
    with at.history.writing() as connection:
        subject = f"folder {folder}"
        note_change(
            connection, who=asker.name, action="region of interest", subject=subject, before=before, after=after
        )
        workshop.draw(folder, text)  # where it fails, nothing is said to have changed
    return after


@WORKSHOP_ROUTES.post("/{folder}/learn", status_code=202)
def post_learn(folder: str, body: LearnBody, at: StationOf, asker: AskedByEngineer) -> LearningReply | None:
    """Begins to learn a model of a folder's photos; it is served when it is done, and where it `replaces` another, only
    if it is better."""
    settings = body.model_dump(exclude={"model", "replaces"}, exclude_none=True)
    on_done: Callable[[str, Path], Succession | None] = at.add
    example = next(iter(at.models.values()))
    if body.replaces is not None:
        example = at.model(body.replaces)
        on_done = partial(_succeed, at, example, asker.name)
    learning = workshop_of(at).learn(
        folder, model=body.model, settings=settings, export=example.now.export, taken=at.models, on_done=on_done
    )
    told = {"folder": folder, "replaces": body.replaces, **settings}
    try:
        with at.history.writing() as connection:
            note_change(connection, who=asker.name, action="learn", subject=body.model, before=None, after=told)
    except HistoryError:
        learning.stop()  # nothing is changed that the audit trail does not know of
        raise
    return _learning_reply(learning)


@WORKSHOP_ROUTES.get("/learning")
def get_learning(at: StationOf, _asker: AskedByEngineer) -> LearningReply | None:
    """Returns how far the latest training is; null: there was none."""
    return _learning_reply(workshop_of(at).learning)


@WORKSHOP_ROUTES.delete("/learning")
def delete_learning(at: StationOf, _asker: AskedByEngineer) -> LearningReply | None:
    """Stops the training, and forgets what it has learned."""
    workshop = workshop_of(at)
    workshop.close()
    return _learning_reply(workshop.learning)


def _succeed(at: Station, before: ServedModel, who: str, _name: str, run: Path) -> Succession:
    return succeed(at.history, before, run, settings=at.settings, who=who)


def workshop_of(at: Station) -> Workshop:
    """Returns the station's workshop; raises FaultError where it has none."""
    if at.workshop is None:
        raise FaultError(404, "no_workshop", "no folder of photos was given: start the server with --workshop FOLDER")
    return at.workshop


def _folder_reply(workshop: Workshop, name: str) -> FolderReply:
    drawn = workshop.regions(name)
    regions = len(drawn.get("regions", ())) + len(drawn.get("ignore", ()))
    try:
        photos, error = len(workshop.photos(name).good_photos()), None
    except BlemishError as failure:
        photos, error = 0, str(failure)
    return FolderReply(name=name, photos=photos, error=error, regions=regions)


def _learning_reply(learning: Learning | None) -> LearningReply | None:
    if learning is None:
        return None
    far = learning.progress
    return LearningReply(
        model=learning.model,
        folder=learning.folder,
        state=learning.state,
        activity=None if far is None else far.activity,
        done=0 if far is None else far.done,
        total=0 if far is None else far.total,
        told=learning.told,
        succession=None if (came := learning.succession) is None else _succession_reply(came),
    )


def _succession_reply(came: Succession) -> SuccessionReply:
    return SuccessionReply(is_live=came.is_live, **asdict(came.compared))
