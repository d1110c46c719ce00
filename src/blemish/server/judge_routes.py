"""Photos in, verdicts out."""

import asyncio
import hashlib
import secrets
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Annotated, Any, NamedTuple

from anyio import to_thread
from fastapi import APIRouter, Header, Query, Request
from starlette.datastructures import UploadFile

from blemish.history.reading import by_key
from blemish.history.schema import LONGEST_NAME_STORED
from blemish.history.verdict import StoredVerdict
from blemish.server.access import AskedByLine, Asker, StationOf
from blemish.server.faults import FAULTS, FaultError
from blemish.server.judging_queue import PhotoToJudge, key_of_another
from blemish.server.replies import VerdictReply, VerdictsReply, verdict_reply
from blemish.server.station import Station

JUDGE_ROUTES = APIRouter(prefix="/api/models/{model}", tags=["judge"], responses=FAULTS)

StationName = Annotated[
    str | None, Query(max_length=64, pattern=r"^[\w .:/-]+$", description="Where the photo comes from.")
]
PhotoName = Annotated[str | None, Query(max_length=LONGEST_NAME_STORED, description="What you call the photo.")]
RetryKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=200,
        description="Of your choice, one per photo: a request that is sent again with it is judged and recorded once.",
    ),
]
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "image/*": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"photo": {"type": "array", "items": {"type": "string", "format": "binary"}}},
                }
            }
        },
    }
}


@JUDGE_ROUTES.post("/judge", openapi_extra=_BODY)
async def judge_photo(
    model: str,
    request: Request,
    at: StationOf,
    asker: AskedByLine,
    station: StationName = None,
    name: PhotoName = None,
    retry_key: RetryKey = None,
) -> VerdictReply:
    """Judges one photo, the bytes of whose file are the request's body.

    The verdict is in the history when it is answered. A photo that cannot be read is answered with 422, and is in the
    history as unreadable.
    """
    at.queue(model)
    if request.headers.get("content-type", "").startswith("multipart/"):
        raise FaultError(415, "form_given", "send the photo's bytes as the body, or a form to .../judge-many")
    with at.room_for(1, size=_size_of(request, at)):
        data = await request.body()
        key = _key(asker, model, retry_key)
        stored = await _judged(at, model, data, name=name, station=station, key=key)
    if stored.error is not None:
        raise FaultError(422, "unusable_photo", stored.error)
    return verdict_reply(stored)


@JUDGE_ROUTES.post("/judge-many", openapi_extra=_FORM)
async def judge_photos(
    model: str,
    request: Request,
    at: StationOf,
    asker: AskedByLine,
    station: StationName = None,
    retry_key: RetryKey = None,
) -> VerdictsReply:
    """Judges the photos of a form (multipart/form-data), whatever its fields are called; one that cannot be read has
    the verdict `unreadable`, and harms no other."""
    at.queue(model)
    with ExitStack() as rooms:
        rooms.enter_context(at.room_for(1, size=_size_of(request, at)))
        async with request.form(max_files=at.settings.waiting, max_fields=8) as form:
            files = [each for _, each in form.multi_items() if isinstance(each, UploadFile)]
            if not files:
                raise FaultError(422, "no_photo", "the form holds no file: send at least one photo")
            rooms.enter_context(at.room_for(len(files) - 1))
            photos = [(each.filename, await each.read()) for each in files]
        keys = [_key(asker, model, None if retry_key is None else f"{retry_key}/{n}") for n in range(len(photos))]
        judged = await asyncio.gather(
            *(
                _judged(at, model, data, name=name, station=station, key=key)
                for (name, data), key in zip(photos, keys, strict=True)
            ),
            return_exceptions=True,  # their places are held until all have ended
        )
    verdicts = []
    for each in judged:
        if isinstance(each, BaseException):
            raise each  # the others are in the history: asked again with the same key, they are not judged anew
        verdicts.append(verdict_reply(each))
    return VerdictsReply(verdicts=verdicts)


def _size_of(request: Request, at: Station) -> int:
    """Returns how many bytes a request has, or may have where it does not say."""
    said = request.headers.get("content-length", "")
    return int(said) if said.isdecimal() else at.settings.most_bytes


class _Key(NamedTuple):
    """The key of a judgement."""

    value: str
    is_given: bool
    """By the client, who may send the same photo again under it."""


def _key(asker: Asker, model: str, retry_key: str | None) -> _Key:
    if retry_key is None:
        return _Key(secrets.token_hex(16), is_given=False)
    return _Key(hashlib.sha256("\0".join((asker.name, model, retry_key)).encode()).hexdigest(), is_given=True)


async def _judged(
    at: Station, model: str, data: bytes, *, name: str | None, station: str | None, key: _Key
) -> StoredVerdict:
    if key.is_given and (earlier := at.under_way.get(key.value)) is not None:
        if earlier.data != data:
            raise key_of_another()
        return await _answered(at, earlier.answer)
    photo = PhotoToJudge(
        data=data,
        name=name,
        station=station or at.settings.station,
        key=key.value,
        drawn=at.is_drawn(key.value),
    )
    if key.is_given:
        _hold(at, photo)
        try:
            known = await _known(at, data, key.value)
        except Exception as error:  # which is that of all who sent it
            if not photo.answer.done():
                photo.answer.set_exception(error)
            raise
        except BaseException:
            photo.answer.cancel()
            raise
        if known is not None:
            if not photo.answer.cancelled():  # by another that sent it, and would wait no longer
                photo.answer.set_result(known)
            return known
    return await _answered(at, at.queue(model).submit(photo))


def _hold(at: Station, photo: PhotoToJudge) -> None:
    """Lets whoever sends a photo again wait for this one until it is answered: from before the history is asked, so
    that no photo can be judged and written down between the two looks."""
    loop = asyncio.get_running_loop()
    at.under_way[photo.key] = photo
    photo.answer.add_done_callback(lambda _answer: loop.call_soon_threadsafe(at.under_way.pop, photo.key, None))


async def _known(at: Station, data: bytes, key: str) -> StoredVerdict | None:
    """Returns the verdict that a photo got under a key; raises FaultError where it was another photo."""
    known = await to_thread.run_sync(by_key, at.history, key, limiter=at.line_threads)
    if known is not None and known.photo_sha256 != await to_thread.run_sync(
        lambda: hashlib.sha256(data).hexdigest(), limiter=at.line_threads
    ):
        raise key_of_another()
    return known


async def _answered(at: Station, answer: "Future[StoredVerdict]") -> StoredVerdict:
    """Returns the verdict when it is there; raises FaultError where that takes too long."""
    try:
        return await asyncio.wait_for(asyncio.wrap_future(answer), at.settings.timeout)
    except (TimeoutError, asyncio.CancelledError):
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise  # the request itself was given up
        raise FaultError(
            504,
            "too_late",
            f"no verdict within {at.settings.timeout:g} s: it may come into the history still; ask again with the same "
            "Idempotency-Key",
        ) from None
