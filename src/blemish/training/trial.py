"""Trial steps with small photos of noise, before anything is learned: what a step of full size will take.

Memory is what the process grows by, as the system counts it: tensors alone hold less, for convolutions bring layouts
and workspaces of their own. Weights, statistics and random numbers are put back as they were.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Generator, Tensor

from blemish.detectors import Batch, Detector, Stage
from blemish.process import return_freed_memory
from blemish.training.generators import own_random_numbers
from blemish.training.processes import Processes
from blemish.training.stage_loss import StageLoss
from blemish.training.views import keeps_targets

TRIAL_SIDE = 96  # pixels of the small photos: three at the coarsest level
FEW_PHOTOS = 2  # photos of the smaller of two steps; batch norm takes no single ones
_MOST, _LONGEST = 16, 1.0  # photos, and seconds, of the larger of the two
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What one stage costs is told by steps with few small photos and with more."""

    fixed_bytes: float
    """How much the process takes however many photos there are, beyond what it held before."""
    bytes_per_pixel: float | None
    """How much more it takes for every pixel of every photo of a step; None where the system does not say."""
    seconds_per_pixel: float
    """How long a step lasts for every pixel of its photos; without what is computed once, before the first step."""
    kept_bytes_per_pixel: float
    """How much the teacher's features take for every pixel of a frame, where they are kept between steps; else 0."""
    kept_seconds_per_pixel: float
    """How long the teacher looks for them at every pixel of a frame, once; else 0."""

    def seconds(self, *, step_pixels: float, kept_pixels: float, room: float) -> float:
        """Returns how long the stage takes whose steps have so many pixels, and which keeps features of as many as
        `kept_pixels`, as far as `room` in bytes goes: those of the rest are computed in every step."""
        wanted = kept_pixels * self.kept_bytes_per_pixel
        share = min(1.0, room / wanted) if wanted else 0.0
        making = share * kept_pixels + (1 - share) * step_pixels
        return step_pixels * self.seconds_per_pixel + making * self.kept_seconds_per_pixel


@dataclass(frozen=True, kw_only=True)
class StepCost:
    """What one trial step took."""

    seconds: float
    kept_seconds: float = 0.0
    """How long the teacher looked, where its features are kept: not counted in `seconds`."""
    kept_bytes: int = 0
    """How much the features take, where they are kept."""


class StageTrials:
    """Trial steps of all stages of a training, which are taken once, when somebody first asks what they cost."""

    def __init__(self, detector: Detector, stages: Sequence[Stage], processes: Processes) -> None:
        self.detector, self.stages, self.processes = detector, stages, processes

    @cached_property
    def found(self) -> list[Trial]:
        """Returns what each stage's steps cost."""
        return try_stages(self.detector, self.stages, self.processes)


def try_stages(detector: Detector, stages: Sequence[Stage], processes: Processes) -> list[Trial]:
    """Returns what each stage's steps cost."""
    found = []
    with undone(detector, processes):
        for stage in stages:
            held = _held("VmRSS")
            take_step(detector, stage, FEW_PHOTOS, processes)  # makes kernels ready, once
            small, quick = _growth(detector, stage, FEW_PHOTOS, processes)
            many = min(_MOST, max(2 * FEW_PHOTOS, int(_LONGEST / quick.seconds * FEW_PHOTOS)))  # the more, the surer
            large, cost = _growth(detector, stage, many, processes)
            each = max(large - small, 0) / ((many - FEW_PHOTOS) * TRIAL_SIDE**2)
            kept = max(_held("VmRSS") - held, 0)  # by the kernels
            known = held > 0 and processes.device.type != "cuda"
            found.append(
                Trial(
                    fixed_bytes=max(small - FEW_PHOTOS * TRIAL_SIDE**2 * each, 0) + kept,
                    bytes_per_pixel=each if known else None,
                    seconds_per_pixel=cost.seconds / (many * TRIAL_SIDE**2),
                    kept_bytes_per_pixel=cost.kept_bytes / (many * TRIAL_SIDE**2),
                    kept_seconds_per_pixel=cost.kept_seconds / (many * TRIAL_SIDE**2),
                )
            )
    return found


def _growth(detector: Detector, stage: Stage, count: int, processes: Processes) -> tuple[int, StepCost]:
    """Returns the bytes that a step takes at most, and what else it cost."""
    return_freed_memory()
    with suppress(OSError):
        _CLEAR.write_text("5")  # proc(5): the peak is counted anew
    before = _held("VmRSS")
    cost = take_step(detector, stage, count, processes)
    grown = _held("VmHWM") - before
    return_freed_memory()
    return grown, cost


@contextmanager
def undone(detector: Detector, processes: Processes) -> Iterator[None]:
    """Puts weights, statistics, modes and random numbers back as they were when it is closed."""
    before = {name: value.detach().clone() for name, value in detector.state_dict().items()}
    modes = {module: module.training for module in detector.modules()}
    learns = {parameter: parameter.requires_grad for parameter in detector.parameters()}
    try:
        with own_random_numbers(processes.device):
            yield
    finally:
        detector.load_state_dict(before)
        for module, mode in modes.items():
            module.training = mode
        for parameter, learned in learns.items():
            parameter.requires_grad_(learned).grad = None


def take_step(detector: Detector, stage: Stage, count: int, processes: Processes) -> StepCost:
    """Takes a step of the stage with so many small photos, but for the optimiser's, and returns what it cost.

    Targets that training would compute once for all steps are computed beforehand.
    """
    detector.eval().requires_grad_(False)
    stage.trains.train().requires_grad_(True)
    loss, device = StageLoss(stage), processes.device
    generator = Generator(device).manual_seed(0)
    clean = torch.rand((count, 3, TRIAL_SIDE, TRIAL_SIDE), device=device).contiguous(memory_format=torch.channels_last)
    began = _now(device)
    with torch.no_grad(), processes.autocast():
        targets = tuple(t.to(torch.float16) for t in stage.targets(clean)) if stage.targets is not None else ()
    asked = _now(device)
    images, masks = (clean, None) if stage.add_defects is None else _drawn(stage, clean, generator)
    batch = Batch(images=images, clean=clean, targets=targets, masks=masks, global_size=count)
    with processes.autocast():
        parts = loss(batch)
    parts.sum().backward()
    ended = _now(device)
    for parameter in stage.trains.parameters():
        parameter.grad = None
    if not keeps_targets(stage):
        return StepCost(seconds=ended - began)
    kept = sum(target.nbytes for target in targets)
    return StepCost(seconds=ended - asked, kept_seconds=asked - began, kept_bytes=kept)


def _now(device: torch.device) -> float:
    """Returns the seconds of a clock when the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _drawn(stage: Stage, clean: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    assert stage.add_defects is not None
    return stage.add_defects(clean, torch.rand_like(clean), generator)


def _held(what: str) -> int:
    """Returns the bytes that this process holds (VmRSS), or has held at most (VmHWM); 0 where the system does not
    say."""
    try:
        lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{what}:")), 0)
