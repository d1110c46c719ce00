"""Whether a training fits in memory, asked before anything is read: no system must have to kill it.

What a step of full size takes follows from trial steps with small photos, for it grows by photo and by pixel. Where the
system does not say what a process takes, and on GPUs, the bytes of all tensors that live at a time are counted instead.
"""

import logging
import math
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from blemish.detectors import Detector, Stage
from blemish.detectors.settings import ImageSize
from blemish.errors import SettingsError
from blemish.process import available_memory
from blemish.training.kept_frames import KeptFrames
from blemish.training.processes import Processes
from blemish.training.trial import FEW_PHOTOS, TRIAL_SIDE, StageTrials, take_step, undone

_COUNTED = 1.5  # of the tensors counted: layouts that convolutions make for themselves, and gaps between tensors
_COPIES = 3  # of what is trained, beside gradients: the optimiser's, the best so far, those on their way to the disk
_READ = 3  # batches, of a byte a value, that are read ahead or at work
_SURELY_FITS = 32_000  # bytes a pixel of a batch; the methods we have, with the widest teachers, take less than half
_SURELY_KEPT = 128  # bytes a pixel of a frame's features, as float16; the widest teachers' take half of it
_ERROR = 1.3  # estimates were .77 to 1.29 of what trainings took: only beyond it is refused, within it is warned
_SIZES_TRIED = 64  # smaller image sizes, of which the first that fits is offered
_TO_ADVISE = 0.75  # of what there is: settings that are offered fit for sure

_log = logging.getLogger("blemish")


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """The bytes that training takes beside those of the photos and features that are held in memory."""

    fixed: float
    """However many photos a step takes."""
    per_pixel: float
    """For every pixel of every photo of a step."""

    def of(self, image_size: ImageSize, batch_size: int) -> float:
        """Returns the bytes that a training takes at once, with so many photos of this size a step."""
        return self.fixed + self.per_pixel * math.prod(image_size) * batch_size


def check_memory(trials: StageTrials, *, batch_size: int, kept: KeptFrames) -> None:
    """Raises SettingsError, with settings that would fit, where training needs surely more memory than there is, and
    warns where it may.

    `batch_size` is this process's, `kept` what stays in memory between steps.
    """
    size, free = trials.detector.settings.image_size, _free(trials.processes)
    surely = kept.bytes_held(size, [_SURELY_KEPT] * len(kept.views))
    if free is None or _SURELY_FITS * math.prod(size) * batch_size + surely < free:
        return
    footprint, features = footprint_of(trials), [trial.kept_bytes_per_pixel for trial in trials.found]

    def needed(size: ImageSize, batch_size: int) -> float:
        return footprint.of(size, batch_size) + kept.bytes_held(size, features)

    total = needed(size, batch_size)
    if total * _ERROR <= free:
        return
    line = (
        f"training would take about {total / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are free: "
        f"{kept.bytes_held(size, features) / 1e9:.1f} GB for photos and the teacher's features of them, the rest for "
        f"{batch_size} photos of {size.width}x{size.height} pixels a step; "
        f"{_what_would_do(needed, size, batch_size, room=_TO_ADVISE * free, held=kept.bytes_held(size, features))}"
    )
    if total > _ERROR * free:
        raise SettingsError(line)
    _log.warning("memory may not do: %s", line)


def footprint_of(trials: StageTrials) -> Footprint:
    """Returns what the stage that takes most takes, by trial steps with few small photos and with twice as many."""
    found = [(trial.fixed_bytes, trial.bytes_per_pixel) for trial in trials.found]
    known = [(fixed, each) for fixed, each in found if each is not None]
    if len(known) < len(found):
        known = _counted(trials.detector, trials.stages, trials.processes)
    trained = max(sum(p.numel() * p.element_size() for p in stage.trains.parameters()) for stage in trials.stages)
    return Footprint(
        fixed=_COPIES * trained + max(fixed for fixed, _ in known),
        per_pixel=max(each for _, each in known) + 3 * _READ,
    )


def _counted(detector: Detector, stages: Sequence[Stage], processes: Processes) -> list[tuple[float, float]]:
    """Returns for each stage the bytes that tensors hold at a time in any step, and for every pixel of one."""
    found = []
    with undone(detector, processes):
        for stage in stages:
            most = []
            for count in (FEW_PHOTOS, 2 * FEW_PHOTOS):
                with _LiveBytes() as live:
                    take_step(detector, stage, count, processes)
                most.append(live.most)
            each = max(most[1] - most[0], 0) / (FEW_PHOTOS * TRIAL_SIDE**2)
            found.append((max(most[0] - FEW_PHOTOS * TRIAL_SIDE**2 * each, 0), _COUNTED * each))
    return found


class _LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of all tensors that torch makes while it is open, and that live at a time."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now, self.most = 0, 0
        self._seen: dict[int, weakref.ref[Any]] = {}

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        for tensor in tree_leaves((args, kwargs)):
            self._note(tensor, made=False)
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            self._note(tensor, made=True)
        return result

    def _note(self, tensor: Any, *, made: bool) -> None:
        if not isinstance(tensor, Tensor):
            return
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes() if made else 0
        if key in self._seen:
            return
        self._seen[key] = weakref.ref(storage, self._forget(key, size))
        self.now += size
        self.most = max(self.most, self.now)

    def _forget(self, key: int, size: int) -> Callable[[object], None]:
        def gone(_reference: object) -> None:
            self._seen.pop(key, None)
            self.now -= size

        return gone


def _free(processes: Processes) -> float | None:
    """Returns the bytes that a training may take on its device; None where the system does not say."""
    if processes.device.type == "cuda":
        return float(torch.cuda.mem_get_info(processes.device)[0])
    free = available_memory()
    return None if free is None else free / processes.here


def _what_would_do(
    needed: Callable[[ImageSize, int], float], size: ImageSize, batch_size: int, *, room: float, held: float
) -> str:
    """Returns the largest settings that fit into so much room, each alone; `held` are the bytes of what is kept."""
    ways = []
    gigabytes = math.floor((room - needed(size, batch_size) + held) / 1e8) / 10
    if 0 < gigabytes * 1e9 < held:
        ways.append(f"--cache-memory {gigabytes:g}")
    most = next((count for count in range(batch_size - 1, 0, -1) if needed(size, count) <= room), 0)
    if most:
        ways.append(f"--batch-size {most}")
    shares = (share / _SIZES_TRIED for share in range(_SIZES_TRIED - 1, 0, -1))
    smaller = (ImageSize(*(int(side * share) // 32 * 32 for side in size)) for share in shares)
    fitting = next((less for less in smaller if min(less) >= 32 and needed(less, batch_size) <= room), None)
    if fitting is not None:
        ways.append(f"--image-size {fitting}")
    return f"{' or '.join(ways) or 'a machine with more memory'} would do"
