"""What is sent to places beyond the disk: a photo's record with an id that stays the same, however often it is sent."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from blemish.errors import DataError
from blemish.inference.prediction import Prediction, unreadable_json

_ID_DIGITS = 16  # as many as a photo's digest has


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A record that says what was judged of one photo and is on its way to a receiver."""

    number: int
    """Counts photos in the order they were judged, from 1."""
    id: str
    """The same whenever this photo is judged or sent again: who has it already has this record."""
    record: Mapping[str, Any]
    """A line of predictions.jsonl, with `id`, `station`, `model` and `name`."""
    besides: Mapping[str, Any] | None = None
    """What the history keeps of the photo, and other receivers do not; None where there is no history."""


class Receiver(Protocol):
    """A place that takes records one after another, and is asked again where it did not take them."""

    name: str
    """What the journal and lines for people call it, such as `webhook`."""

    def resume(self, state: str) -> str:
        """Is told, before anything is delivered, which state was kept last, empty where none was; returns the state
        to be kept from now on."""
        ...

    def deliver(self, deliveries: Sequence[Delivery]) -> tuple[int, str]:
        """Takes the first of these, one at least, and returns how many, and the state to be kept with that.

        Raises OutputError where the place cannot be reached or has no room: it is asked again later. Raises DataError
        where the place refuses the first one for what it is, so that asking again is of no use.
        """
        ...

    def close(self) -> None:
        """Lets go of files and connections."""
        ...


def record_of(photo: Path, result: Prediction | DataError, **told: Any) -> dict[str, Any]:
    """Returns what receivers are sent of a photo: the prediction's JSON, or that it could not be read, and what is
    `told` besides."""
    if isinstance(result, DataError):
        return unreadable_json(photo, result) | told
    return result.to_json() | told


def delivery_id(*facts: object) -> str:
    """Returns 16 hex digits that follow from what makes a judged photo this one, and from nothing else."""
    text = "\n".join(map(str, facts))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:_ID_DIGITS]
