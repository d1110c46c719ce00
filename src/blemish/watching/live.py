"""A folder watched: what comes is judged, told and put where it belongs, once, whenever the process is killed."""

import logging
import os
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from time import monotonic
from typing import Any

from blemish.calibration.drift import Drift
from blemish.data.listing import list_folder
from blemish.errors import DataError, OutputError
from blemish.files import make_folder
from blemish.inference import open_predictor
from blemish.inference.prediction import Prediction
from blemish.inference.predictor import Predictor
from blemish.model.artifact import Artifact, read_artifact
from blemish.process import stop_requests
from blemish.progress import OnProgress, Progress, say_nothing
from blemish.results.alarms import Alarms, drift_alarm
from blemish.results.saved import saved
from blemish.troubles import Troubles
from blemish.watching.arrivals import Arrival, Arrivals
from blemish.watching.changes import Changes
from blemish.watching.events import Events, is_on_network
from blemish.watching.file_state import state_of
from blemish.watching.journal import Journal
from blemish.watching.places import Places, receivers_of
from blemish.watching.questions import Questions
from blemish.watching.register import Register
from blemish.watching.watch_settings import WatchSettings

_ROUND = 64  # photos that are judged before the folder is looked at again
_BY_CLOCK = 10.0  # seconds between looks at all of a folder whose events are listened to
_BY_CLOCK_ALONE = 1.0  # where no events are to be had
_WORK_PER_LOOK = 20  # times what a look takes, there is none: a folder of many photos takes no more than 5 % of a core
_RETRY = 5.0  # seconds until what could not be moved or written is tried again
_LONGEST_WAIT = 0.5  # seconds: so soon is a signal heard
_GONE = (-1, -1)  # no folder's device and number

_log = logging.getLogger("blemish")


def watch_folder(
    settings: WatchSettings, *, opening: dict[str, Any], on_progress: OnProgress = say_nothing
) -> Generator[Prediction | DataError, None, None]:
    """Judges photos as they come, and yields each when it is entered; ends at a signal, or when it was idle for long.

    `opening` are the arguments of `open_predictor`. Raises what that does, SettingsError, and DataError where there is
    no folder; when results are asked for, SettingsError where another watch holds the folder of results.
    """
    settings.check()
    settings = replace(settings, folder=settings.folder.absolute(), into=settings.into.absolute())
    predictor = open_predictor(settings.run, **opening)
    list_folder(settings.folder)
    make_folder(settings.into)
    for receiver in receivers_of(settings):  # what cannot be told to anybody is said now
        receiver.close()
    return _Live(settings, predictor, read_artifact(settings.run), on_progress).results()


class _Live:
    """One watch at work."""

    def __init__(
        self, settings: WatchSettings, predictor: Predictor, artifact: Artifact, on_progress: OnProgress
    ) -> None:
        self._settings = settings
        self._predictor = predictor
        self._on_progress = on_progress
        self._troubles = Troubles()
        self._changes = Changes(settings.run, predictor, artifact, on_drift=self._tell_of_drift)
        self._alarms: Alarms | None = None
        self._saved = saved(settings.save)
        self._done = 0
        self._next_look = self._next_filing = 0.0
        self._identity: tuple[int, int] | None = None
        self._far = False  # though events are listened to

    def results(self) -> Generator[Prediction | DataError, None, None]:
        settings = self._settings
        with ExitStack() as stack:
            journal = Journal(settings.into)
            stack.callback(journal.close)
            self._arrivals = Arrivals(settings.folder, journal.knows, quiet=settings.quiet)
            self._events = Events(settings.folder, poll=self._polls())
            stack.callback(self._events.close)
            self._questions = Questions(self._arrivals, journal.latest, wake=self._events.wake)
            places = Places(settings, journal, on_asked=self._questions.hear)
            stack.callback(places.close)
            self._questions.lines = places.lines
            provenance = self._predictor.provenance
            self._register = Register(
                settings,
                journal,
                weights="" if provenance is None else provenance.weights_sha256,
                places=places,
                questions=self._questions,
                troubles=self._troubles,
            )
            if (alarms_to := settings.alarms_to) is not None:
                self._alarms = Alarms(alarms_to)
                stack.callback(self._alarms.close)
            stack.callback(self._changes.end)
            stop = stack.enter_context(stop_requests())
            idle_since = monotonic()
            while True:
                self._work_beside()
                for result in self._judged(self._arrivals.take(_ROUND)):
                    idle_since = monotonic()
                    self._count()
                    yield result
                    if stop.signal is not None:
                        return
                    self._questions.work()
                if stop.signal is not None or self._is_over(idle_since):
                    return
                self._wait(idle_since)

    def _tell_of_drift(self, new: Sequence[Drift]) -> None:
        if self._alarms is not None:
            for drift in new:
                told = drift_alarm(drift, model=self._settings.model_name, station=self._settings.station_name)
                self._alarms.tell(told)

    def _count(self) -> None:
        self._done += 1
        total = self._done + len(self._arrivals)
        self._on_progress(Progress(activity="judging", done=self._done, total=total))

    def _is_over(self, idle_since: float) -> bool:
        """Returns whether nothing has come for as long as the settings say."""
        idle = self._settings.idle
        return idle is not None and not len(self._arrivals) and monotonic() - idle_since >= idle

    def _polls(self) -> bool:
        return self._settings.poll is not None or self._is_far()

    def _is_far(self) -> bool:
        """Returns whether the folder lies on another machine's disk now, and says so."""
        if not is_on_network(self._settings.folder):
            return False
        _log.warning(
            "%s is on a disk of another machine, which tells nobody of new photos: it is looked at every %g s",
            self._settings.folder,
            _BY_CLOCK_ALONE,
        )
        return True

    def _work_beside(self) -> None:
        """Looks for photos, answers clients, and moves what could not be moved before."""
        self._look()
        self._questions.work()
        if monotonic() >= self._next_filing:
            try:
                self._register.file_waiting()
            except OutputError as error:
                self._troubles.say("journal", error)
            self._next_filing = monotonic() + _RETRY

    def _look(self) -> None:
        folder, start = self._settings.folder, monotonic()
        changed, due = self._events.take(), start >= self._next_look
        try:
            if self._events.listens or due:  # a folder that comes back is another one, which nobody listens to yet
                due |= self._is_another(folder.stat())
            if due or changed is None or self._arrivals.look_at(changed):
                self._arrivals.look()
                told = self._events.listens and not self._events.failure and not self._far
                every = self._settings.poll or (_BY_CLOCK if told else _BY_CLOCK_ALONE)
                self._next_look = monotonic() + max(every, _WORK_PER_LOOK * (monotonic() - start))
                self._troubles.mended("folder", f"{folder} is there again: photos are judged as they come")
                if self._events.failure:
                    self._troubles.say("events", f"no events of {folder}: {self._events.failure}; looking by the clock")
                else:
                    self._troubles.mended("events")
        except OutputError as error:  # of the journal
            self._troubles.say("journal", error)
            self._next_look = monotonic() + _BY_CLOCK_ALONE  # at all: which paths have changed is forgotten by now
        except (DataError, OSError) as error:
            if not isinstance(error, DataError):
                self._identity = _GONE
            why = error if isinstance(error, DataError) else f"{folder}: cannot be looked at ({error.strerror})"
            self._troubles.say("folder", f"{why}: waiting until it is there again")
            self._next_look = monotonic() + _BY_CLOCK_ALONE

    def _is_another(self, folder: os.stat_result) -> bool:
        """Returns whether the folder is not the one that it was, or was gone meanwhile, and listens to it then."""
        before, self._identity = self._identity, (folder.st_dev, folder.st_ino)
        another = before not in (None, self._identity)
        if another and self._events.listens:
            self._events.listen()
            self._far = self._is_far()  # as where its disk was mounted after the watch had begun
        if another and before != _GONE:  # as where a disk is unmounted: an empty folder stays in its place
            _log.warning("%s is another folder than before: looked at anew", self._settings.folder)
        return another or "folder" in self._troubles

    def _judged(self, whole: Sequence[Arrival]) -> Iterator[Prediction | DataError]:
        """Judges photos and enters them; what cannot be decoded yet, or was written into meanwhile, is put back."""
        if not whole:
            return
        arrivals = deque(whole)
        try:
            new = [arrival for arrival in whole if not self._register.was_judged(arrival)]
            arrivals = deque(new)
            results = self._predictor.predict_many([a.path for a in new], keep_photos=bool(self._saved))
            with closing(results):
                for result in results:
                    arrival = arrivals[0]
                    if self._is_entered(arrival, result):
                        arrivals.popleft()
                        yield result
                    else:
                        self._arrivals.put_back(arrivals.popleft())
        except OutputError as error:
            self._troubles.say("journal", f"{error}; photos wait")
            self._arrivals.take_back(arrivals)
            self._events.wait(_LONGEST_WAIT)
        else:
            self._troubles.mended("journal", "the journal can be written again")

    def _is_entered(self, arrival: Arrival, result: Prediction | DataError) -> bool:
        """Enters a photo that is whole; returns whether it was."""
        if state_of(arrival.path) != arrival.state or (isinstance(result, DataError) and not arrival.failed):
            return False
        self._register.enter(arrival, result)
        if isinstance(result, Prediction):
            self._changes.add(result)
        return True

    def _wait(self, idle_since: float) -> None:
        now = monotonic()
        until = [now + _LONGEST_WAIT, self._next_look]
        due, idle = self._arrivals.due_in(), self._settings.idle
        if due is not None:
            until.append(now + due)
        elif idle is not None:
            until.append(idle_since + idle)
        self._events.wait(max(0.0, min(until) - now))
