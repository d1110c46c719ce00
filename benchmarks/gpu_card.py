"""Which card, driver and torch these are, and what the card's arithmetic and memory reach at most."""

import os
import platform
import subprocess
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

import torch
from gpu_steps import Case, Figures

PACKAGES = ("torch", "triton", "numpy", "pillow", "scipy", "safetensors", "onnx", "onnxscript", "onnxruntime")


class Peak(NamedTuple):
    """TFLOP/s of a data sheet: bf16 of the tensor cores without sparsity, float32 without TF32."""

    bf16: float
    fp32: float


PEAKS = {
    "H100 PCIe": Peak(756, 51),
    "H100 NVL": Peak(835, 60),
    "H100": Peak(989, 67),
    "H200": Peak(989, 67),
    "A100": Peak(312, 19.5),
    "A10": Peak(125, 31.2),
    "L40S": Peak(362, 91.6),
    "L4": Peak(121, 30.3),
}
"""By what a card's name holds, the longer names first."""


def peak_of(card: str) -> Peak | None:
    """None where the card is not in the table: the measured matrix product is its floor then."""
    return next((peak for name, peak in PEAKS.items() if name in card), None)


def environment(case: Case, figures: Figures, _deadline: float) -> None:
    device = torch.device(case.device)
    figures.note(
        device=case.device,
        python=platform.python_version(),
        cores=len(os.sched_getaffinity(0)),
        packages={name: _version(name) for name in PACKAGES},
        cuda=torch.version.cuda,
        tf32={"cudnn": torch.backends.cudnn.allow_tf32, "matmul": torch.backends.cuda.matmul.allow_tf32},
    )
    if device.type == "cuda":
        card = torch.cuda.get_device_properties(device)
        figures.note(
            card=card.name,
            capability=f"{card.major}.{card.minor}",
            memory_gb=round(card.total_memory / 1e9, 1),
            multiprocessors=card.multi_processor_count,
            cards=torch.cuda.device_count(),
            cudnn=torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
            nccl=_nccl(),
            bf16=torch.cuda.is_bf16_supported(),
            driver=_asked("driver_version"),
            clocks=_asked("clocks.sm,clocks.max.sm,clocks.mem,power.limit"),
            peak=(found := peak_of(card.name)) and found._asdict(),
        )
    figures.note(measured=measured_peaks(device, tiny=case.tiny))
    if device.type == "cuda":
        figures.note(clocks_after=_asked("clocks.sm,clocks.max.sm,clocks.mem,power.draw"))


def measured_peaks(device: torch.device, *, tiny: bool) -> dict[str, float]:
    """TFLOP/s of a large matrix product of random numbers, and GB/s of a copy, bytes read and bytes written."""
    side = 128 if tiny else 8192
    found = {}
    for name, dtype in (("bf16", torch.bfloat16), ("fp32", torch.float32)):
        matrices = [torch.randn(side, side, device=device).to(dtype) for _ in range(2)]
        found[f"matmul_{name}_tflops"] = round(2 * side**3 / timed(partial(torch.matmul, *matrices), device) / 1e12, 3)
    source = torch.randint(0, 255, (2**20 if tiny else 2**31,), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    found["copy_gb_per_s"] = round(2 * source.nbytes / timed(lambda: target.copy_(source), device) / 1e9, 1)
    return found


def timed(work: Callable[[], object], device: torch.device, *, times: int = 10, warm: int = 3) -> float:
    """Median seconds of `work`, each time until the device has done it."""
    for _ in range(warm):
        work()
    wait(device)
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        wait(device)
        taken.append(time.perf_counter() - began)
    return sorted(taken)[times // 2]


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _nccl() -> str | None:
    if not torch.distributed.is_nccl_available():
        return None
    return ".".join(map(str, torch.cuda.nccl.version()))  # type: ignore[no-untyped-call]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _asked(what: str) -> str | None:
    """nvidia-smi's answer; None where it is not there."""
    try:
        asked = ["nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader"]
        return subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
