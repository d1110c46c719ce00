"""Verdicts into the history, the database that `blemish serve` shows: each once, however often it is tried."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from blemish.data.images import read_file
from blemish.errors import DataError
from blemish.history.opening import History, open_history
from blemish.history.verdict import JudgeRecord, VerdictRecord, verdict_of
from blemish.history.writing import add_verdicts
from blemish.inference.prediction import Prediction
from blemish.results.delivery import Delivery


class HistoryReceiver:
    """A receiver that writes verdicts into a history, which is opened when there is something to write.

    Deliveries bring, beside their record, what `history_values` gives.
    """

    name = "history"

    def __init__(self, place: str) -> None:
        """Takes a file, or the URL of a database of PostgreSQL."""
        self._place = place
        self._history: History | None = None

    def resume(self, state: str) -> str:
        """Needs no state: the history knows by its key what it has."""
        return state

    def deliver(self, deliveries: Sequence[Delivery]) -> tuple[int, str]:
        """Writes all of these in one transaction; raises HistoryError where the database cannot be used."""
        if self._history is None:
            self._history = open_history(self._place)
        add_verdicts(self._history, [_verdict(delivery.besides) for delivery in deliveries if delivery.besides])
        return len(deliveries), ""

    def close(self) -> None:
        """Lets go of the database."""
        if self._history is not None:
            self._history.close()


def history_values(
    result: Prediction | DataError,
    *,
    photo: Path,
    lies: Path,
    map_picture: Path | None,
    model: str,
    station: str,
    key: str,
    name: str,
) -> dict[str, Any]:
    """Returns as JSON what the history keeps of a photo: read from `photo` now, and lying at `lies` from then on; its
    map lies in `map_picture`, see `packed_map`, or was not kept."""
    try:
        data = read_file(photo)
    except DataError:
        data = None
    verdict = verdict_of(
        result,
        model=_text(model),
        station=_text(station),
        key=key,
        photo=data,
        photo_name=_text(name),
        photo_path=_text(str(lies)),
        map_path=None if map_picture is None else _text(str(map_picture)),
    )
    return asdict(verdict) | {"judged_at": verdict.judged_at.isoformat()}


def _verdict(values: Any) -> VerdictRecord:
    judge = None if values["judge"] is None else JudgeRecord(**values["judge"])
    return VerdictRecord(**dict(values) | {"judge": judge, "judged_at": datetime.fromisoformat(values["judged_at"])})


def _text(name: str) -> str:
    """Returns a name as a database takes it, where the disk's own holds bytes that are no text."""
    return name.encode("utf-8", "backslashreplace").decode()
