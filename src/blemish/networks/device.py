"""The device that networks compute on, and what of it moves their results."""

import platform
from collections.abc import Mapping

import torch

from blemish.errors import SettingsError


def device_of(name: str, *, of_rank: int = 0) -> torch.device:
    """Returns the device that a setting names: auto, cpu, cuda (the GPU numbered `of_rank`) or cuda:N; raises
    SettingsError."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":
        name = f"cuda:{of_rank}"
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise SettingsError(f"device {name!r} is unknown: give auto, cpu, cuda or cuda:N")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise SettingsError(
            f"device {name} is not there: torch sees {torch.cuda.device_count()} GPUs; give --device cpu"
        )
    return device


def enforce_float32(device: torch.device) -> None:
    """Turns TF32 off, in which newer NVIDIA GPUs round what convolutions multiply to 10 bits, and score unlike others.

    For the whole process: several threads may judge at a time, and torch has this one switch for all of them.
    """
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False


def has_fast_bf16(device: torch.device) -> bool:
    """Returns whether the machine computes faster in bf16: a processor with AMX, or a GPU of compute capability 8.

    AVX-512 BF16 alone does not pay: there torch takes 1.4 times as long to judge as in fp32, and 1.5 to train.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    has: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(has.get("amx_bf16"))


def kind_of_device(device: torch.device) -> str:
    """Returns what of a device decides the last bits of results: a GPU's name, or which instructions torch takes."""
    if device.type == "cuda":
        return f"cuda {torch.cuda.get_device_name(device)}"
    has: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    bf16 = [name for name in ("amx_bf16", "avx512_bf16", "sve_bf16") if has.get(name)]
    return " ".join(["cpu", platform.machine(), torch.backends.cpu.get_cpu_capability(), *bf16])
