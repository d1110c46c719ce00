"""How fast each method trains: the real loop, what its parts take alone, and what of it CUDA adds in no fixed order."""

import gc
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from gpu_card import peak_of, timed, wait
from gpu_steps import Case, Figures
from method_cost import COUNTED_AT, METHODS, Method, convolution_tflops, drawn_weights

import blemish
from blemish.data.dataset import Dataset
from blemish.data.made_up import make_up
from blemish.data.mvtec_ad import MVTEC_AD
from blemish.detectors import DETECTORS, Batch, Detector, DetectorSettings, Stage
from blemish.networks.device import has_fast_bf16
from blemish.progress import Progress

KERNELS = 8  # that are listed, those that take most of the device's time


SLOW: dict[str, dict[str, float]] = {
    "mend": {"learning_rate": 1e-4},
    "stpm": {"learning_rate": 1e-3},
    "rstpm": {"learning_rate": 1e-3, "reconstruction_learning_rate": 1e-3},
    "destseg": dict.fromkeys(("student_learning_rate", "residual_learning_rate", "head_learning_rate"), 1e-3),
}
"""So that nothing diverges with drawn weights; how fast training is does not depend on it."""


def photos_of(case: Case, *, defective: int = 1) -> Dataset:
    """The real photos that were given, or made-up parts."""
    if case.photos is not None:
        return MVTEC_AD.find(case.photos, None)
    folder = case.scratch / f"parts{time.monotonic_ns()}"
    train = case.few(24, 90)
    return make_up(folder, seed=0, size=max(64, case.size), train=train, good=defective, defective=defective)


def settings_of(case: Case, method: Method, *, steps: int) -> dict[str, Any]:
    """Each stage gets so many steps; tiny: where two teachers are needed, the second is small too."""
    small = {"second_teacher": "resnet18"} if case.tiny and method.name == "rstpm" else {}
    return {"image_size": case.size, **SLOW[method.name], **method.steps_of(steps), **small}


def typed(case: Case, method: Method, *, steps: int) -> DetectorSettings:
    values = settings_of(case, method, steps=steps) | {"image_size": [case.size] * 2}
    return DETECTORS[method.name].Settings.from_json(values)


def speed(case: Case, figures: Figures, _deadline: float, *, method: str) -> None:
    """Photos per second of each stage; shares of the floor: counted arithmetic over what the card can do."""
    device, chosen = torch.device(case.device), METHODS[method]
    steps = case.few(2, 60)
    rates, precision = _train(case, chosen, steps=steps)
    figures.note(precision=precision, batch=case.batch, size=case.size, steps_timed=steps, photos_per_s=rates)
    if device.type == "cuda":
        figures.note(gpu_memory_gb=round(torch.cuda.max_memory_allocated() / 1e9, 2))
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    peak = peak_of(torch.cuda.get_device_name()) if device.type == "cuda" else None
    area = (case.size / COUNTED_AT) ** 2
    floors = {"convolution_here": 1.0 if case.tiny else convolution_tflops(device, dtype)}  # tiny: none of any meaning
    if peak is not None:
        floors["data_sheet"] = peak.bf16 if precision == "bf16" else peak.fp32
    reached = {stage: rates[stage] * gflop * area / 1e3 for stage, gflop in chosen.stages.items()}
    figures.note(
        counted_gflop_per_photo={stage: gflop * area for stage, gflop in chosen.stages.items()},
        reached_tflops=reached,
        floor_tflops=floors,
        share_of_floor={
            name: {stage: found / tflops for stage, found in reached.items()} for name, tflops in floors.items()
        },
    )
    gc.collect()
    for stage, parts in _parts(case, chosen, precision=precision):
        figures.note(**{f"stage_{stage}": parts})


def _train(case: Case, method: Method, *, steps: int) -> tuple[dict[str, float], str]:
    """By the real loop: photos per second by stage, from the end of a few steps, which warm up, to the last but one."""
    device, warm = torch.device(case.device), case.few(1, 10)
    ends: dict[str, list[float]] = {stage: [] for stage in method.stages}

    def note(progress: Progress) -> None:
        if progress.activity in ends and progress.done in (warm, progress.total - 1):
            wait(device)  # nowhere else: the loop must run ahead of the device as it always does
            ends[progress.activity].append(time.perf_counter())

    settings = settings_of(case, method, steps=warm + steps + 1)
    weights = drawn_weights(method, typed(case, method, steps=1), case.scratch)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    artifact = blemish.train(
        method.name,
        photos_of(case),
        case.scratch / f"speed{time.monotonic_ns()}",
        teacher_weights=weights,
        device=case.device,
        batch_size=case.batch,
        check_every=10**6,
        checkpoint_every=10**6,
        on_progress=note,
        **settings,
    )
    precision = "bf16" if has_fast_bf16(device) else "fp32"
    assert artifact.method == method.name
    return {stage: case.batch * steps / (last - first) for stage, (first, last) in ends.items()}, precision


def _parts(case: Case, method: Method, *, precision: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Milliseconds of the parts of a step, each alone and waited for; more than in the loop, where parts overlap."""
    device = torch.device(case.device)
    settings = typed(case, method, steps=10)
    detector = DETECTORS[method.name](settings)
    detector.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    photos = torch.randint(0, 256, (case.batch, case.size, case.size, 3), dtype=torch.uint8)
    for stage in detector.stages():
        work = _Work(detector, stage, photos, device=device, precision=precision)
        times, warm = case.few(1, 10), case.few(0, 5)
        parts = {name: 1e3 * timed(part, device, times=times, warm=warm) for name, part in work.parts().items()}
        found: dict[str, Any] = {"milliseconds": {name: round(value, 3) for name, value in parts.items()}}
        found["in_no_fixed_order"] = work.unordered()
        if device.type == "cuda":
            found |= work.profiled()
        yield stage.name, found


class _Work:
    """A stage's step by hand, as the loop does it, part by part."""

    def __init__(
        self, detector: Detector, stage: Stage, photos: torch.Tensor, *, device: torch.device, precision: str
    ) -> None:
        """`photos` (B, H, W, 3) bytes, in the processor's memory."""
        detector.eval().requires_grad_(False)
        stage.trains.train().requires_grad_(True)
        self.stage, self.photos, self.device, self.bf16 = stage, photos, device, precision == "bf16"
        self.optimizer = stage.optimizer(stage.trains)
        self.generator = torch.Generator(device).manual_seed(0)
        self.clean = self._images()
        self.textures = self.clean.flip(0)
        self.images, self.masks = self._drawn()
        self.targets = self._targets()
        self.loss = self._forward()

    def parts(self) -> dict[str, Callable[[], object]]:
        found: dict[str, Callable[[], object]] = {"photos to the device": self._images}
        if self.stage.augment is not None or self.stage.add_defects is not None:
            found["drawing"] = self._drawn
        if self.stage.targets is not None:
            found["teacher"] = self._targets
        found["forward"] = self._forward
        found["forward and backward"] = lambda: self._forward().backward()  # type: ignore[no-untyped-call]
        found["optimiser"] = self.optimizer.step
        return found

    def step(self) -> None:
        self.clean = self._images()
        self.images, self.masks = self._drawn()
        self.targets = self._targets()
        self.optimizer.zero_grad(set_to_none=True)
        self._forward().backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()

    def unordered(self) -> list[str]:
        """What torch says of operations whose sums CUDA forms in no fixed order: a seed then gives no equal weights."""
        before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
        torch.use_deterministic_algorithms(True, warn_only=True)
        try:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                self.step()
        finally:
            torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        return sorted({str(each.message)[:200] for each in said if "determinis" in str(each.message)})

    def profiled(self) -> dict[str, Any]:
        """Of three steps: which kernels take the device's time, and which share of the time it computes at all."""
        activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
        with torch.profiler.profile(activities=activities) as profile:
            began = time.perf_counter()
            for _ in range(3):
                self.step()
            wait(self.device)
            seconds = time.perf_counter() - began
        kernels = [k for k in profile.key_averages() if k.self_device_time_total > 0 and k.self_cpu_time_total == 0]
        kernels.sort(key=lambda kernel: -kernel.self_device_time_total)
        return {
            "device_busy": sum(kernel.self_device_time_total for kernel in kernels) / 1e6 / seconds,
            "kernels_per_step": sum(kernel.count for kernel in kernels) / 3,
            "kernels_ms_per_step": {k.key[:90]: round(k.self_device_time_total / 3e3, 3) for k in kernels[:KERNELS]},
        }

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def _images(self) -> torch.Tensor:
        return self.photos.to(self.device).permute(0, 3, 1, 2).float().div_(255)

    def _drawn(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        clean = self.clean if self.stage.augment is None else self.stage.augment(self.clean, self.generator)
        if self.stage.add_defects is None:
            return clean, None
        return self.stage.add_defects(clean, self.textures, self.generator)

    def _targets(self) -> tuple[torch.Tensor, ...]:
        if self.stage.targets is None:
            return ()
        with torch.no_grad(), self._autocast():
            return tuple(target.to(torch.float16) for target in self.stage.targets(self.clean))

    def _forward(self) -> torch.Tensor:
        batch = Batch(
            images=self.images,
            clean=self.clean,
            targets=self.targets,
            masks=self.masks,
            global_size=len(self.images),
        )
        with self._autocast():
            return torch.stack(list(self.stage.loss(batch).values())).sum()
