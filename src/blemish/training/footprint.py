"""Whether a training fits in memory, asked before anything is read: no system must have to kill it.

Small steps of every stage are taken with photos of noise, of 64x64 pixels, while the bytes of all tensors that live at
a time are counted. What a step of full size takes follows, for it grows by photo and by pixel. Weights, statistics and
random numbers are put back as they were.
"""

import math
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from blemish.detectors import Batch, Detector, Stage
from blemish.detectors.settings import ImageSize
from blemish.errors import SettingsError
from blemish.process import available_memory
from blemish.training.generators import own_random_numbers
from blemish.training.processes import Processes
from blemish.training.stage_loss import StageLoss

_SIDE = 64  # pixels of the small photos: two at the coarsest level of every method
_FEW = 2  # photos of the smaller of two steps; batch norm takes no single ones
_PER_STEP = 1.5  # of the tensors counted: layouts that convolutions make for themselves, and gaps between tensors
_COPIES = (
    3  # of what is trained, beside the gradients: the optimiser's, the best so far, those on their way to the disk
)
_READ = 3  # batches, of a byte a value, that are read ahead or at work
_SURELY_FITS = 32_000  # bytes a pixel of a batch; the methods we have, with the widest teachers, take less than half
_TO_ADVISE = 0.8  # of what there is: settings that are offered fit with some room


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


def check_memory(
    detector: Detector,
    stages: Sequence[Stage],
    *,
    batch_size: int,
    stored_frames: float,
    budget: int,
    processes: Processes,
) -> None:
    """Raises SettingsError, with settings that would fit, where training needs more memory than there is.

    `batch_size` is this process's, `stored_frames` are those that stay in memory as far as the `budget` in bytes goes.
    """
    size, free = detector.settings.image_size, _free(processes)
    stored = _stored(size, stored_frames, budget)
    if free is None or _SURELY_FITS * math.prod(size) * batch_size + stored < free:
        return
    footprint = footprint_of(detector, stages, processes)
    needed = footprint.of(size, batch_size) + stored
    if needed > free:
        raise SettingsError(_refusal(footprint, size, batch_size, free=free, needed=needed, stored=stored))


def footprint_of(detector: Detector, stages: Sequence[Stage], processes: Processes) -> Footprint:
    """Returns what the stage that takes most takes, by steps with few small photos and with twice as many."""
    before = {name: value.detach().clone() for name, value in detector.state_dict().items()}
    modes = {module: module.training for module in detector.modules()}
    learns = {parameter: parameter.requires_grad for parameter in detector.parameters()}
    found = []
    try:
        with own_random_numbers(processes.device):
            for stage in stages:
                one, two = (_step_bytes(detector, stage, count, processes) for count in (_FEW, 2 * _FEW))
                trained = sum(p.numel() * p.element_size() for p in stage.trains.parameters())
                each = max(two - one, 0.0) / _FEW
                found.append((_COPIES * trained + max(one - _FEW * each, 0.0), _PER_STEP * each))
    finally:
        detector.load_state_dict(before)
        for module, mode in modes.items():
            module.training = mode
        for parameter, learned in learns.items():
            parameter.requires_grad_(learned).grad = None
    return Footprint(
        fixed=max(fixed for fixed, _ in found),
        per_pixel=max(each for _, each in found) / _SIDE**2 + 3 * _READ,
    )


def _step_bytes(detector: Detector, stage: Stage, count: int, processes: Processes) -> float:
    """Returns the highest number of bytes that live at a time in a step of a stage, beyond those that lived before."""
    detector.eval().requires_grad_(False)
    stage.trains.train().requires_grad_(True)
    loss, device = StageLoss(stage), processes.device
    generator = Generator(device).manual_seed(0)
    with _LiveBytes() as live:
        clean = torch.rand((count, 3, _SIDE, _SIDE), device=device).contiguous(memory_format=torch.channels_last)
        with torch.no_grad(), processes.autocast():
            targets = tuple(t.to(torch.float16) for t in stage.targets(clean)) if stage.targets is not None else ()
        images, masks = (clean, None) if stage.add_defects is None else _drawn(stage, clean, generator)
        batch = Batch(images=images, clean=clean, targets=targets, masks=masks, global_size=count)
        with processes.autocast():
            parts = loss(batch)
        parts.sum().backward()
    for parameter in stage.trains.parameters():
        parameter.grad = None
    return float(live.most)


def _drawn(stage: Stage, clean: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    assert stage.add_defects is not None
    return stage.add_defects(clean, torch.rand_like(clean), generator)


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


def _stored(size: ImageSize, frames: float, budget: int) -> float:
    """Returns the bytes of photos that are held in memory, a byte a value."""
    return min(budget, 3 * math.prod(size) * frames)


def _free(processes: Processes) -> float | None:
    """Returns the bytes that a training may take on its device; None where the system does not say."""
    if processes.device.type == "cuda":
        return float(torch.cuda.mem_get_info(processes.device)[0])
    free = available_memory()
    return None if free is None else free / processes.here


def _refusal(
    footprint: Footprint, size: ImageSize, batch_size: int, *, free: float, needed: float, stored: float
) -> str:
    """Returns the line, with the largest settings that fit with some room, each alone."""
    room = _TO_ADVISE * free - footprint.fixed
    most = int((room - stored) / (footprint.per_pixel * math.prod(size)))
    shrink = math.sqrt(max(room, 0) / (footprint.per_pixel * math.prod(size) * batch_size + stored))
    smaller = ImageSize(*(int(side * min(shrink, 1)) // 32 * 32 for side in size))
    ways = [f"--batch-size {most}"] if 1 <= most < batch_size else []
    ways += [f"--image-size {smaller}"] if min(smaller) >= 32 else []
    mend = " or ".join(ways) or "a machine with more memory"
    return (
        f"training would take about {needed / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are free: "
        f"{batch_size} photos of {size.width}x{size.height} pixels a step are too many; {mend} would do"
    )
