"""What becomes of a photo that was judged: its pictures, its place in the journal, who is told, where its file goes."""

import logging
from pathlib import Path
from time import monotonic
from typing import Any

from blemish.data.digest import file_digest
from blemish.data.images import save_png
from blemish.errors import DataError, OutputError
from blemish.inference.prediction import UNREADABLE, Prediction
from blemish.results.delivery import Delivery, delivery_id, record_of
from blemish.results.folder import save_pictures, short_stem
from blemish.results.packed_maps import packed_map
from blemish.results.saved import saved
from blemish.troubles import Troubles
from blemish.watching.arrivals import Arrival
from blemish.watching.file_state import FileState
from blemish.watching.filing import Filing
from blemish.watching.journal import Journal, JournalEntry
from blemish.watching.places import Places
from blemish.watching.questions import Questions
from blemish.watching.watch_settings import WatchSettings
from blemish.wording import on_one_line

_log = logging.getLogger("blemish")

_IN_VAIN = 0.2  # seconds of a round


class Register:
    """Enters photos as they are judged, each once, however often the process is killed on the way.

    The order is: controllers, which wait for nothing; pictures, whose names follow from the photo, so that drawing them
    again changes nothing; the journal, which decides; all others; the file. What comes after the journal is made up for
    after the next start.
    """

    def __init__(
        self,
        settings: WatchSettings,
        journal: Journal,
        *,
        weights: str,
        places: Places,
        questions: Questions,
        troubles: Troubles,
    ) -> None:
        """`weights` is the checksum of the model's, for the same photo judged by another model is another verdict."""
        self._settings = settings
        self._saved = saved(settings.save)
        self._journal = journal
        self._weights = weights
        self._places = places
        self._questions = questions
        self._troubles = troubles
        self._last_told = ""
        self._tried_until = 0  # the number in the journal of the photo that was last tried to be filed again
        self._filing = Filing(settings.folder, settings.into, settings.then, is_planned=journal.is_planned)

    def was_judged(self, arrival: Arrival) -> bool:
        """Returns whether a photo of this name, size, time and content was judged before; then its file goes where it
        went, and nothing else happens."""
        earlier = self._journal.earlier(arrival.name, arrival.state)
        digest = _digest(arrival.path) if earlier else ""
        entry = next((entry for entry in earlier if entry.digest == digest), None)
        if entry is None:
            return False
        self._questions.was_judged(arrival.name)
        if self._filing.leaves_photos:
            self._journal.filed(entry, arrival.state)
            return True
        home = entry.home
        if not (home and self._filing.has(entry)):
            home = self._filing.home_of(entry.name, entry.verdict, entry.id)
            _log.warning(
                "%s was judged before (%s), and is put there again; to have it judged anew, save it anew",
                on_one_line(arrival.path),
                entry.verdict,
            )
        self._file(self._journal.file_again(entry, arrival.state, home=home), arrival.state)
        return True

    def enter(self, arrival: Arrival, result: Prediction | DataError) -> None:
        """Enters a photo that was judged or cannot be read; raises OutputError where the journal cannot be written,
        and then none but controllers has been told."""
        read = result if isinstance(result, Prediction) else None
        digest = (read and read.digest) or _digest(arrival.path)
        verdict = UNREADABLE if read is None else read.verdict
        state, settings = arrival.state, self._settings
        id_ = delivery_id(settings.station_name, arrival.name, state.size, state.mtime_ns, digest, self._weights)
        home = self._filing.home_of(arrival.name, verdict, id_)
        told = {"id": id_, "station": settings.station_name, "model": settings.model_name, "name": arrival.name}
        record = record_of(arrival.path, result, **told, filed=home or None)
        self._tell_controllers(Delivery(number=0, id=id_, record=record))
        pictures = {} if read is None else self._pictures(read, f"{short_stem(arrival.path)}-{id_}")
        entry = JournalEntry(
            id=id_,
            name=arrival.name,
            size=state.size,
            mtime_ns=state.mtime_ns,
            digest=digest,
            verdict=verdict,
            home=home,
            stays=self._filing.leaves_photos,
        )
        besides = self._for_history(arrival, result, home, told)
        entry = self._journal.keep(entry, state, record | pictures, besides=besides)
        self._places.wake()
        if entry.home:
            self._file(entry, state)

    def _tell_controllers(self, delivery: Delivery) -> None:
        if delivery.id != self._last_told:  # else the journal could not be written when it was told
            self._last_told = delivery.id
            self._places.tell_controllers(delivery)
            self._questions.told(delivery)

    def file_waiting(self) -> None:
        """Moves or links what could not be until now, and what a process that was killed had left.

        It stops where tries in vain have taken _IN_VAIN seconds, and goes on there next time: photos that can never be
        moved are more and more, each is read to know it, and those that come are waiting.
        """
        in_vain = 0.0
        while entries := self._journal.unfiled(after=self._tried_until):
            for entry in entries:
                began = monotonic()
                filed = self._file(entry, None)
                self._tried_until = entry.number
                in_vain += 0.0 if filed else monotonic() - began
                if in_vain > _IN_VAIN:
                    return
        self._tried_until = 0

    def _file(self, entry: JournalEntry, state: FileState | None) -> bool:
        """Moves or links a photo; returns whether that could be."""
        try:
            self._journal.filed(entry, self._filing.file(entry, seen=state))
        except OutputError as error:
            self._troubles.say("filing", error)
            return False
        self._troubles.mended("filing")
        return True

    def _for_history(
        self, arrival: Arrival, result: Prediction | DataError, home: str, told: dict[str, str]
    ) -> dict[str, Any] | None:
        if self._settings.history is None:
            return None
        from blemish.results.history import history_values  # needs an extra

        stays = self._filing.leaves_photos or not home
        return history_values(
            result,
            photo=arrival.path,
            lies=arrival.path if stays else self._settings.into / home,
            map_picture=self._map_picture(result, told["id"]) if isinstance(result, Prediction) else None,
            model=told["model"],
            station=told["station"],
            key=told["id"],
            name=told["name"],
        )

    def _map_picture(self, result: Prediction, id_: str) -> Path | None:
        """Writes the map that the history's page shows, of photos that overlays are asked for of."""
        if not self._saved or (result.verdict == "normal" and "all-overlays" not in self._saved):
            return None
        path = self._settings.into / "maps" / f"{id_}.png"
        try:
            save_png(path, packed_map(result.anomaly_map, middle=result.thresholds.pixel))
        except OutputError as error:
            self._troubles.say("pictures", f"no picture: {error}")
            return None
        return path

    def _pictures(self, result: Prediction, name: str) -> dict[str, Any]:
        try:
            pictures = save_pictures(result, self._settings.into, name, saved=self._saved)
        except (OutputError, DataError) as error:
            self._troubles.say("pictures", f"no picture: {error}")
            return {"map": None, "overlay": None}
        self._troubles.mended("pictures", "pictures are written again")
        return pictures


def _digest(photo: Path) -> str:
    try:
        return file_digest(photo)
    except DataError:
        return ""
