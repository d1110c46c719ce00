"""What engineers change: thresholds, models, users; and the audit trail of it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from blemish.calibration.recalibrate import AskedRates
from blemish.history.audit import changes
from blemish.history.schema import LARGEST_ID
from blemish.history.users import Role, give_token, revoke_token, users
from blemish.server.access import AskedByEngineer, StationOf
from blemish.server.faults import FAULTS, FaultError
from blemish.server.model_routes import model_reply
from blemish.server.replies import ModelReply
from blemish.server.tuning import (
    calibrate_with_drawn,
    reload_model,
    set_thresholds,
    take_candidate,
    undo_thresholds,
)
from blemish.server.verdict_routes import NAME_SOUGHT

ENGINEER_ROUTES = APIRouter(prefix="/api", tags=["engineers"], responses=FAULTS)


class ThresholdsBody(BaseModel):
    """What is asked of new thresholds; what is null stays as it is."""

    model_config = {"extra": "forbid"}

    false_alarms: float | None = Field(
        default=None, gt=0, lt=1, description="Share of good photos that may be stopped."
    )
    check: float | None = Field(default=None, ge=0, lt=1, description="Share not called normal; 0: none is checked.")
    estimate: bool | None = Field(default=None, description="From a fitted tail, which promises nothing.")
    rules: list[str] = Field(default=[], max_length=20, description="Such as 'length > 2 mm'; ['none'] forgets them.")
    mm_per_pixel: float | None = Field(default=None, gt=0, allow_inf_nan=False)


class ChangeReply(BaseModel):
    """A change that somebody has made."""

    id: int
    at: datetime
    who: str
    action: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class ChangesReply(BaseModel):
    """The changes that were made, latest first."""

    changes: list[ChangeReply]


class UserReply(BaseModel):
    """Somebody, or a machine, who has or had a token."""

    name: str
    role: Role
    created_at: datetime
    revoked_at: datetime | None


class UsersReply(BaseModel):
    """All who have or had a token."""

    users: list[UserReply]


class CandidateReply(BaseModel):
    """A model that may be put in another's place."""

    name: str
    title: str | None
    weights_sha256: str | None
    error: str | None = Field(description="Why it cannot be read.")


class CandidatesReply(BaseModel):
    """The models that lie where the server may take them from."""

    candidates: list[CandidateReply]


class ReplaceBody(BaseModel):
    """Which candidate is to be served."""

    model_config = {"extra": "forbid"}

    candidate: str = Field(max_length=255, description="A name out of GET /api/candidates.")


class RoleBody(BaseModel):
    """What a user may do."""

    role: Role


class TokenReply(BaseModel):
    """A token that was just made."""

    name: str
    role: Role
    token: str = Field(description="It is shown this once: nobody can look it up.")


@ENGINEER_ROUTES.put("/models/{model}/thresholds")
def put_thresholds(model: str, body: ThresholdsBody, at: StationOf, asker: AskedByEngineer) -> ModelReply:
    """Calibrates the model anew with what it knows, as `blemish calibrate` does, and judges by it from now on."""
    asked = AskedRates(false_alarms=body.false_alarms, check=body.check, estimate=body.estimate)
    set_thresholds(at, at.model(model), asked, who=asker.name, rules=body.rules, mm_per_pixel=body.mm_per_pixel)
    return model_reply(at, model)


@ENGINEER_ROUTES.post("/models/{model}/thresholds/undo")
def undo(model: str, at: StationOf, asker: AskedByEngineer) -> ModelReply:
    """Restores the thresholds before the last calibration."""
    undo_thresholds(at, at.model(model), who=asker.name)
    return model_reply(at, model)


@ENGINEER_ROUTES.post("/models/{model}/reload")
def reload(model: str, at: StationOf, asker: AskedByEngineer) -> ModelReply:
    """Opens what the model's folder holds now, proves it, and puts it in place between two photos; where that fails,
    the one before is served on."""
    reload_model(at, at.model(model), who=asker.name)
    return model_reply(at, model)


@ENGINEER_ROUTES.get("/candidates")
def list_candidates(at: StationOf, _asker: AskedByEngineer) -> CandidatesReply:
    """Returns the models that may be put in another's place; none where the server was not told where they lie."""
    found = [] if at.candidates is None else at.candidates.all()
    return CandidatesReply(candidates=[CandidateReply(**vars(each)) for each in found])


@ENGINEER_ROUTES.post("/models/{model}/replace")
def replace_model(model: str, body: ReplaceBody, at: StationOf, asker: AskedByEngineer) -> ModelReply:
    """Opens a candidate, proves it, and puts a copy of it in the model's place, on the disk and between two photos;
    where that fails, the one before is served on. Its folder is kept beside the model's."""
    take_candidate(at, at.model(model), body.candidate, who=asker.name)
    return model_reply(at, model)


@ENGINEER_ROUTES.post("/models/{model}/calibrate-with-drawn")
def calibrate_drawn(model: str, at: StationOf, asker: AskedByEngineer) -> ModelReply:
    """Adds the photos that were drawn by lot and labelled good to the model's calibration."""
    calibrate_with_drawn(at, at.model(model), who=asker.name)
    return model_reply(at, model)


@ENGINEER_ROUTES.get("/audit")
def audit(
    at: StationOf,
    _asker: AskedByEngineer,
    most: Annotated[int, Query(ge=1, le=500)] = 100,
    before: Annotated[
        int | None, Query(ge=0, le=LARGEST_ID, description="The id of the last change of the page before.")
    ] = None,
    action: Annotated[str | None, Query(pattern=NAME_SOUGHT)] = None,
) -> ChangesReply:
    """Returns who changed what, latest first."""
    found = changes(at.history, most=most, before=before, action=action)
    return ChangesReply(changes=[ChangeReply(**vars(each)) for each in found])


@ENGINEER_ROUTES.get("/users")
def list_users(at: StationOf, _asker: AskedByEngineer) -> UsersReply:
    """Returns all who have or had a token."""
    return UsersReply(users=[UserReply(**vars(each)) for each in users(at.history)])


@ENGINEER_ROUTES.put("/users/{name}")
def put_user(name: str, body: RoleBody, at: StationOf, asker: AskedByEngineer) -> TokenReply:
    """Gives a user a new token; one before is of no use from now on. The first must be an engineer's, for from then on
    every request needs a token."""
    with at.changing_users:
        if body.role != "engineer":
            _check_engineer_left(at, name)
        return TokenReply(name=name, role=body.role, token=give_token(at.history, name, body.role, who=asker.name))


@ENGINEER_ROUTES.delete("/users/{name}")
def delete_user(name: str, at: StationOf, asker: AskedByEngineer) -> UsersReply:
    """Revokes a user's token; who it was stays in the history."""
    with at.changing_users:
        if name not in {user.name for user in users(at.history)}:
            raise FaultError(404, "no_such_user", f"nobody called {name[:64]!r} has or had a token")
        _check_engineer_left(at, name)
        revoke_token(at.history, name, who=asker.name)
    return UsersReply(users=[UserReply(**vars(each)) for each in users(at.history)])


def _check_engineer_left(at: StationOf, name: str) -> None:
    """Raises FaultError where nobody but this user could change anything any more."""
    if not any(u.role == "engineer" and u.revoked_at is None and u.name != name for u in users(at.history)):
        raise FaultError(409, "no_engineer_left", "there must be another engineer with a token")
