"""News of the line as they come: verdicts, by Server-Sent Events."""

import logging
import re
from collections import deque
from collections.abc import AsyncIterator, Set
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from blemish.errors import HistoryError, HistoryUnavailableError
from blemish.history.reading import ids_since, newest_id, of_ids
from blemish.history.schema import LARGEST_ID
from blemish.history.verdict import StoredVerdict
from blemish.server.access import AskedBy, StationOf, asker_of
from blemish.server.faults import FAULTS, FaultError
from blemish.server.replies import verdict_reply
from blemish.server.station import Station

LIVE_ROUTES = APIRouter(prefix="/api", tags=["live"], responses=FAULTS)

_log = logging.getLogger("blemish")

_LAST_ID = re.compile(r"[0-9]{1,18}")
_MOST_READERS = 64
_SECONDS = 1.0  # between two looks at the history, which other processes write too
_SILENCE = 15  # looks without news before a line is sent that keeps the connection open
_LATE = 200
"""Ids that are looked at again: in PostgreSQL a verdict can come in after one of a higher id."""


@LIVE_ROUTES.get("/live", response_class=StreamingResponse)
async def live(
    request: Request,
    at: StationOf,
    _asker: AskedBy,
    after: Annotated[int | None, Query(ge=0, le=LARGEST_ID, description="Begin after the verdict of this id.")] = None,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID", max_length=20)] = None,
) -> StreamingResponse:
    """Sends each verdict as it comes into the history, whoever wrote it: `event: verdict`, its id, and as data what
    /api/verdicts/{id} answers. Without `after` or Last-Event-ID it begins with the next one."""
    if at.news.readers >= _MOST_READERS:
        raise FaultError(503, "too_many_readers", "too many pages are open: close some", retry_after=30)
    begin = int(last_event_id) if last_event_id is not None and _LAST_ID.fullmatch(last_event_id) else after
    if begin is None:
        begin = await run_in_threadpool(newest_id, at.history)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(request, at, begin), media_type="text/event-stream", headers=headers)


async def _events(request: Request, at: Station, begin: int) -> AsyncIterator[str]:
    sent: deque[int] = deque(maxlen=_LATE)
    last, silent = begin, 0
    yield ": live\n\n"
    with at.news.reader():
        while not at.news.stopped and not await request.is_disconnected():
            try:
                new = await run_in_threadpool(_new_ones, at, max(begin, last - _LATE), frozenset(sent))
                if silent % _SILENCE == 0:
                    await run_in_threadpool(asker_of, request)  # whose token may have been revoked meanwhile
            except HistoryUnavailableError as error:  # news go on when it is back
                at.troubles.say("history", error)
                new = []
            except (HistoryError, FaultError) as error:  # too late for another answer: the reader asks anew
                _log.warning("news of the line end for one reader: %s", error)
                return
            for row in new:
                yield f"event: verdict\nid: {row.id}\ndata: {verdict_reply(row).model_dump_json()}\n\n"
                sent.append(row.id)
                last = max(last, row.id)
            silent += 1
            if silent % _SILENCE == 0:
                yield ": still here\n\n"
            if not new:
                await at.news.wait(_SECONDS)


def _new_ones(at: Station, number: int, sent: Set[int]) -> list[StoredVerdict]:
    """Returns the verdicts after the one of this id that were not sent; of those that were, no row is read again."""
    return of_ids(at.history, [each for each in ids_since(at.history, number) if each not in sent])
