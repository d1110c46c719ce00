"""Where a benchmark's cells are measured: here one after the other, in several processes, or on a Ray cluster.

A pool takes cells and yields what came of each as it is done, in any order, each once: its number and its result, or
the error that stands for it.
"""

import logging
import multiprocessing
import os
import secrets
import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection, wait
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from blemish.cluster import MOST_LOST, WorkerShare, check_no_share, hand_over, open_cluster, outcomes_of
from blemish.data.dataset import Dataset
from blemish.errors import BlemishError, DataError, InterruptionError, OutputError, SettingsError
from blemish.files import folder_from, packed_folder, write_text
from blemish.process import available_cores
from blemish.studies.cell import RUNS, Cell, CellResult
from blemish.studies.shared_work import work_shared
from blemish.wording import brief

_PROCESSES = multiprocessing.get_context("spawn")  # torch's threads do not outlive a fork
_log = logging.getLogger("blemish")

Measure = Callable[[Cell, Path], CellResult]
"""(cell, output) -> its result, which it leaves in `output` too."""
Measured = Iterator[tuple[int, CellResult | Exception]]
Pool = Callable[[Sequence[Cell], Measure, Path], Measured]


def measured_here(cells: Sequence[Cell], measure: Measure, output: Path) -> Measured:
    """Measures one cell after the other, in this process, which share what they have in common; raises
    InterruptionError alone."""
    with work_shared():
        for number, cell in enumerate(cells):
            try:
                yield number, measure(cell, output)
            except InterruptionError:
                raise
            except Exception as error:  # of one cell: hours of others must not be lost to it
                _log.debug("%s", cell.name, exc_info=True)
                yield number, error


def measured_in_processes(cells: Sequence[Cell], measure: Measure, output: Path, *, count: int) -> Measured:
    """Measures so many cells at a time, each in a process of its own, which has its share of the cores.

    A process that ends without a word is begun again, MOST_LOST times in all. Raises InterruptionError where one was
    told to stop; the others are told then.
    """
    waiting, lost = deque(range(len(cells))), [0] * len(cells)
    cores = max(1, available_cores() // min(count, max(1, len(cells))))
    at_work: dict[Connection, tuple[int, Any]] = {}
    try:
        while waiting or at_work:
            while waiting and len(at_work) < count:
                number = waiting.popleft()
                answers, process = _begin(measure, cells[number], output, cores=cores)
                at_work[answers] = (number, process)
            for ready in wait(list(at_work)):
                answers = cast(Connection, ready)
                number, process = at_work.pop(answers)
                found = _answer(answers, process)
                if isinstance(found, _LostError):
                    lost[number] += 1
                    if lost[number] < MOST_LOST:
                        waiting.append(number)
                        continue
                yield number, found
    finally:
        for _, process in at_work.values():
            process.terminate()  # a training leaves its checkpoint
        for _, process in at_work.values():
            process.join()


class _LostError(BlemishError):
    """The process of a cell ended without a word."""


def _begin(measure: Measure, cell: Cell, output: Path, *, cores: int) -> tuple[Connection, Any]:
    answers, to_us = _PROCESSES.Pipe(duplex=False)
    with _threads(cores):
        process = _PROCESSES.Process(target=_measure_and_tell, args=(to_us, measure, cell, output))
        process.start()
    to_us.close()
    return answers, process


@contextmanager
def _threads(cores: int) -> Iterator[None]:
    """Lets a process that begins meanwhile compute on so many cores, unless the environment says how many."""
    name = "OMP_NUM_THREADS"
    given = os.environ.get(name)
    os.environ[name] = given or str(cores)
    try:
        yield
    finally:
        if given is None:
            del os.environ[name]


def _measure_and_tell(to_us: Connection, measure: Measure, cell: Cell, output: Path) -> None:
    """Sends the result, a line that says why there is none, or the number of the signal that ended it."""
    try:
        to_us.send(measure(cell, output))
    except InterruptionError as error:
        to_us.send(error.signal)
    except Exception as error:
        to_us.send(brief(error))


def _answer(answers: Connection, process: Any) -> CellResult | Exception:
    try:
        found = answers.recv()
    except (EOFError, OSError):  # the latter where it ended in the middle of a word
        process.join()
        found = _LostError(
            f"its process ended {MOST_LOST} times without a word (exit code {process.exitcode}); memory may be short, "
            "and fewer processes take less"
        )
    finally:
        answers.close()
    process.join()
    if isinstance(found, int):
        raise InterruptionError("stopped; the same command goes on", signal=found)
    return DataError(found) if isinstance(found, str) else found


def measured_on_ray(
    cells: Sequence[Cell], measure: Measure, output: Path, *, address: str, share: WorkerShare
) -> Measured:
    """Measures as many cells at a time as a Ray cluster has room for; see `outcomes_of`.

    Machines that see the folder `output` write there themselves, and go on with trainings that others began. Others
    measure in a folder of their own, and hand over the model and the result, which are then written here. Photos and
    teachers' weights must lie in the same place on every machine.
    """
    mark = output / f".seen-{secrets.token_hex(8)}"
    mark.touch()
    try:
        with open_cluster(address):
            photos = {id(found): hand_over(found) for found in {id(cell.found): cell.found for cell in cells}.values()}
            asked = (
                AskedCell(number, replace(cell, found=_NO_PHOTOS), cell.key, photos[id(cell.found)])
                for number, cell in enumerate(cells)
            )
            make = partial(_worker_of_cells, measure, output.absolute(), mark.name)
            for item, outcome in outcomes_of(make, asked, share=share):
                for line in outcome.warnings:
                    _log.warning("%s: %s", cells[item.number].name, line)
                if outcome.value is None:
                    yield item.number, DataError(outcome.trouble or "")
                else:
                    yield item.number, brought_home(outcome.value, output)
    finally:
        mark.unlink(missing_ok=True)


_NO_PHOTOS = Dataset(name="", root=Path())


@dataclass(frozen=True)
class AskedCell:
    """A cell that is handed to a worker; its photos' names, which many cells share, go once for all of them."""

    number: int
    cell: Cell
    key: str
    photos: Callable[[], Dataset]


@dataclass(frozen=True)
class FarCell:
    """What a worker hands over; of one that sees the output, the result alone."""

    result: CellResult
    name: str
    record: str | None = None
    """The text of the result's file."""
    run: bytes | None = None
    """The folder of the model, packed."""


def _worker_of_cells(measure: Measure, output: Path, mark: str) -> "MeasureElsewhere":
    """Returns what measures cells for as long as a worker lives; they share what they have in common."""
    _shared.enter_context(work_shared())
    return MeasureElsewhere(measure, output, mark)


_shared = ExitStack()
"""What a worker shares between its cells, to its end."""


class MeasureElsewhere:
    """Measures cells on another machine: into the output where it is seen there, by a mark in it, else apart."""

    def __init__(self, measure: Measure, output: Path, mark: str) -> None:
        self._measure, self._output, self._mark = measure, output, mark
        self._given: tuple[Callable[[], Dataset], Dataset] | None = None

    def __call__(self, asked: AskedCell) -> FarCell:
        if self._given is None or self._given[0] != asked.photos:  # the same object, for cells that share work by it
            self._given = (asked.photos, asked.photos())
        cell = replace(asked.cell, found=self._given[1])
        if _key_here(cell) != asked.key:
            raise DataError(
                f"{cell.found.base} on {socket.gethostname()} holds other photos than where the benchmark was begun, "
                "or other teachers' weights: all machines must see the same files in the same place"
            )
        if (self._output / self._mark).exists():
            return FarCell(self._measure(cell, self._output), cell.name)
        with TemporaryDirectory(prefix="blemish-") as folder:
            result, name = self._measure(cell, Path(folder)), cell.name
            record = (Path(folder) / "cells" / f"{name}.json").read_text(encoding="utf-8")
            return FarCell(result, name, record, packed_folder(Path(folder) / RUNS / name))


def _key_here(cell: Cell) -> str | None:
    """Returns the key by the files of this machine; None where some are not there."""
    try:
        return cell.key
    except OSError:
        return None


def brought_home(found: FarCell, output: Path) -> CellResult | Exception:
    """Writes what a worker could not, the result last: before, the cell counts as not measured."""
    if found.run is not None and found.record is not None:
        try:
            folder_from(found.run, output / RUNS / found.name)
            write_text(output / "cells" / f"{found.name}.json", found.record)
        except OutputError as error:
            return error
    return found.result


def pool_of(*, ray: str | None, processes: int, share: WorkerShare) -> Pool:
    """Returns the pool that is asked for; raises SettingsError where two are, or none can be."""
    if processes < 1:
        raise SettingsError(f"processes is {processes}: give 1 or more")
    if ray is not None:
        if processes > 1:
            raise SettingsError("processes and ray are two ways: give one of them")
        return partial(measured_on_ray, address=ray, share=share)
    check_no_share(share)
    return measured_here if processes == 1 else partial(measured_in_processes, count=processes)
