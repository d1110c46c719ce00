"""A model learned anew goes live only after it was compared, on photos that people labelled, with the one it follows.

Both judge them as they are now, each at its own thresholds. Photos that the new one learned from, or was calibrated
with, do not count: it knows them. It takes the other's place where it misses no more and stops no more good ones, of at
least one photo of each kind; else it stays where it was learned, and the figures of both are told.
"""

import logging
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from blemish.data.digest import digest_of
from blemish.errors import DataError
from blemish.history.audit import note_change
from blemish.history.opening import History
from blemish.history.reading import Sought, latest
from blemish.history.stored_photo import stored_photo
from blemish.history.verdict import BAD_LABEL, StoredVerdict
from blemish.inference.predictor import Predictor
from blemish.model.artifact import Artifact
from blemish.server.replacing import put_in_place
from blemish.server.served_model import ServedModel
from blemish.server.settings import ServerSettings

_log = logging.getLogger("blemish")

_AT_ONCE = 200  # verdicts looked up


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two models are compared on labelled photos: how many each is wrong about."""

    good: int
    """Labelled good."""
    bad: int
    stopped_before: int
    """Good ones that the model before stops."""
    stopped_after: int
    missed_before: int
    """Bad ones that the model before lets pass."""
    missed_after: int

    @property
    def is_better(self) -> bool:
        """Whether the new one is wrong about no more of either kind.

        Of a kind without photos nothing is known: one that stops no part at all is wrong about no good one.
        """
        no_worse = self.stopped_after <= self.stopped_before and self.missed_after <= self.missed_before
        return no_worse and self.good > 0 and self.bad > 0


@dataclass(frozen=True, kw_only=True)
class Succession:
    """What came of a model learned to follow another."""

    compared: Comparison
    is_live: bool


def succeed(history: History, before: ServedModel, run: Path, *, settings: ServerSettings, who: str) -> Succession:
    """Compares what was learned in `run` with the model that is served, and puts it in its place where it is better.

    The model before is kept beside its folder. Raises BlemishError, and leaves the model before in its place, where the
    new one cannot be opened or its files cannot be moved.
    """
    opened = ServedModel(before.name, run, settings).now
    compared = compare_on_labelled(history, before, opened.predictor, opened.artifact)
    told = {**asdict(compared), "live": compared.is_better, "weights_sha256": opened.artifact.weights_sha256}

    def note(*_what: object) -> None:
        with history.writing() as connection:
            subject = f"model {before.name}"
            note_change(connection, who=who, action="successor", subject=subject, before=None, after=told)

    if compared.is_better:
        with before.changing:
            put_in_place(before, run, settings, note=note)
        shutil.rmtree(run, ignore_errors=True)
    else:
        note()
    _log.info("a successor of model %s was compared: %s", before.name, told)
    return Succession(compared=compared, is_live=compared.is_better)


def compare_on_labelled(history: History, before: ServedModel, after: Predictor, artifact: Artifact) -> Comparison:
    """Returns how often both are wrong about the photos of a model that people labelled and that are still kept.

    A photo that was judged several times counts once, by the label of its latest verdict.
    """
    known = {photo.digest for photo in artifact.training.photos}  # and those that have counted already
    counts = dict.fromkeys(("good", "bad", "stopped_before", "stopped_after", "missed_before", "missed_after"), 0)
    for stored, photo in _labelled(history, before.name):
        if (digest := digest_of(photo)) in known:
            continue
        known.add(digest)
        bad = stored.label == BAD_LABEL
        counts["bad" if bad else "good"] += 1
        for which, predictor in (("before", before.now.predictor), ("after", after)):
            stopped = _stops(predictor, photo)
            counts[f"missed_{which}"] += bad and not stopped
            counts[f"stopped_{which}"] += stopped and not bad
    return Comparison(**counts)


def _stops(predictor: Predictor, photo: bytes) -> bool:
    """Returns whether a photo does not pass; one that cannot be read does not, either."""
    try:
        return predictor.predict(photo).verdict != "normal"
    except DataError:
        return True


def _labelled(history: History, model: str) -> Iterator[tuple[StoredVerdict, bytes]]:
    after: str | None = None
    while True:
        page = latest(history, Sought(model=model, label="any"), most=_AT_ONCE, after=after)
        for stored in page.verdicts:
            photo = stored_photo(stored.photo_path, stored.photo_sha256)
            if photo is not None:
                yield stored, photo
        if page.after is None:
            return
        after = page.after
