"""The workers of one piece of work: hired as there is room, each given one item at a time, and those lost replaced."""

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic

from blemish.cluster.joining import WorkerShare, ray_package
from blemish.cluster.worker import ItemT, Outcome, ValueT, Work, Worker
from blemish.errors import BlemishError, SettingsError
from blemish.version import __version__
from blemish.wording import brief

_log = logging.getLogger("blemish")

MOST_LOST = 3
"""How many workers may be lost with an item until it is given up: it may be what ends them."""
_FAILED_STARTS = 3
_TICK = 1.0  # seconds
_ANSWER = 5.0  # seconds within which a worker says that it is there, also on a busy machine
_LOOK = 10.0  # seconds between two looks at how many machines the cluster has
_SLOW = 3.0  # times the mean of an item: what takes longer may be on a machine that hangs


def outcomes_of(
    make: Callable[[], Work[ItemT, ValueT]], items: Iterable[ItemT], *, share: WorkerShare, copies: bool = False
) -> Iterator[tuple[ItemT, Outcome[ValueT]]]:
    """Lets workers of the open cluster do the items, each its own, and yields what came of them as they are done.

    Each worker calls `make` once, and then what it returned for one item after the other. There are as many as the
    cluster has room for, also where it grows. `copies` says that an item may be done twice without harm: towards the
    end, what takes much longer than others is given to a second worker, and who is first counts. Items are asked for
    as workers have room. Raises BlemishError where workers cannot begin.
    """
    team: _Team[ItemT, ValueT] = _Team(make, share, copies=copies)
    try:
        yield from team.outcomes(iter(items))
    finally:
        team.dismiss()


@dataclass(eq=False)
class _Job(Generic[ItemT]):
    item: ItemT
    lost: int = 0
    """How many workers were lost that had it."""
    done: bool = False
    begun: float = 0.0
    copied: bool = False


class _Team(Generic[ItemT, ValueT]):
    def __init__(self, make: Callable[[], Work[ItemT, ValueT]], share: WorkerShare, *, copies: bool) -> None:
        self._ray = ray_package()
        self._hire = self._ray.remote(num_cpus=share.cpus, num_gpus=share.gpus, max_restarts=0)(Worker)
        self._make, self._share, self._copies = make, share, copies
        self._starting: dict[Any, Any] = {}  # what is awaited: worker
        self._idle: list[Any] = []
        self._busy: dict[Any, tuple[Any, _Job[ItemT]]] = {}
        self._waiting: deque[_Job[ItemT]] = deque()
        self._room, self._looked, self._failed_starts = 0, -math.inf, 0
        self._seconds, self._done = 0.0, 0

    def outcomes(self, items: Iterator[ItemT]) -> Iterator[tuple[ItemT, Outcome[ValueT]]]:
        while True:
            self._look_for_room()
            for item in items if len(self._waiting) < self._room else ():
                self._waiting.append(_Job(item))
                if len(self._waiting) >= self._room:
                    break
            self._fill()
            open_jobs = [job for _, job in self._busy.values() if not job.done]
            if not open_jobs and not self._waiting and self._room:
                return
            for reference in self._awaited():
                if reference in self._starting:
                    self._has_started(reference)
                else:
                    yield from self._has_done(reference)

    def _awaited(self) -> list[Any]:
        """Returns what is done by now, after a second at most."""
        if awaited := [*self._busy, *self._starting]:
            done: list[Any] = self._ray.wait(awaited, timeout=_TICK)[0]
            return done
        time.sleep(_TICK)
        return []

    def dismiss(self) -> None:
        for worker in (*self._starting.values(), *self._idle, *(worker for worker, _ in self._busy.values())):
            self._ray.kill(worker)

    def _look_for_room(self) -> None:
        if time.monotonic() - self._looked < _LOOK:
            return
        machines = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        room = sum(self._share.fitting(one.get("CPU", 0), one.get("GPU", 0)) for one in machines)
        if not room and self._looked == -math.inf:
            line = f"no machine of the cluster has {self._share.cpus:g} CPUs and {self._share.gpus:g} GPUs for a worker"
            if len(machines) <= 1:
                raise SettingsError(f"{line}; ask for less with --worker-cpus and --worker-gpus")
            _log.warning("%s: waiting for one that has", line)
        self._room, self._looked = room, time.monotonic()

    def _fill(self) -> None:
        """Gives what waits to idle workers, and hires workers for the rest."""
        while self._idle and (job := self._next()):
            worker = self._idle.pop()
            job.begun = time.monotonic()
            self._busy[worker.do.remote(job.item)] = (worker, job)
        missing = min(self._room - len(self._busy), len(self._waiting)) - len(self._starting) - len(self._idle)
        for _ in range(missing):
            worker = self._hire.remote(
                self._make, __version__, cores=int(self._share.cpus), hides_gpus=not self._share.gpus
            )
            self._starting[worker.start.remote()] = worker

    def _next(self) -> _Job[ItemT] | None:
        if self._waiting:
            return self._waiting.popleft()
        slow = _SLOW * self._seconds / max(1, self._done)
        for _, job in self._busy.values() if self._copies and self._done else ():
            if not (job.done or job.copied) and time.monotonic() - job.begun > slow:
                job.copied = True
                return job
        return None

    def _has_started(self, reference: Any) -> None:
        worker = self._starting.pop(reference)
        try:
            trouble = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            self._failed_starts += 1
            if self._failed_starts >= _FAILED_STARTS:
                said = RuntimeError(str(error).strip().rpartition("\n")[2])  # what it was comes last
                raise BlemishError(f"workers end as they start ({brief(said)})") from error
            return
        if trouble is not None:
            raise BlemishError(trouble)
        self._failed_starts = 0
        self._idle.append(worker)

    def _has_done(self, reference: Any) -> Iterator[tuple[ItemT, Outcome[ValueT]]]:
        worker, job = self._busy.pop(reference)
        try:
            outcome: Outcome[ValueT] = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            outcome = Outcome(lost=True, trouble=f"workers were lost with it, {MOST_LOST} times ({brief(error)})")
        if not outcome.lost:
            self._idle.append(worker)
        if job.done or (outcome.lost and self._is_tried_again(job)):
            return
        self._seconds, self._done = self._seconds + time.monotonic() - job.begun, self._done + 1
        job.done = True
        yield job.item, outcome

    def _is_tried_again(self, job: _Job[ItemT]) -> bool:
        """Counts one more worker as lost with an item; returns whether another does it, or is to do it."""
        self._keep_those_there()
        job.lost, job.copied = job.lost + 1, False
        others = [reference for reference, (_, other) in self._busy.items() if other is job]
        if job.lost < MOST_LOST:
            if not others:
                self._waiting.appendleft(job)
            return True
        for reference in others:  # what they may yet leave must not stand beside what is done in its place
            self._ray.kill(self._busy.pop(reference)[0])
        return False

    def _keep_those_there(self) -> None:
        """Lets go of idle workers that are lost, too, as with their machine: an item must not be blamed for them."""
        asked = {worker.is_there.remote(): worker for worker in self._idle}
        answered = self._ray.wait(list(asked), num_returns=len(asked), timeout=_ANSWER)[0] if asked else []
        self._idle = [asked.pop(reference) for reference in answered if self._is_value(reference)]
        for worker in asked.values():
            self._ray.kill(worker)

    def _is_value(self, reference: Any) -> bool:
        try:
            return bool(self._ray.get(reference))
        except self._ray.exceptions.RayError:
            return False
