"""How many bytes training may keep: --cache-memory is one budget for photos, textures and teacher features."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from blemish.detectors import Stage
from blemish.training.processes import Processes
from blemish.training.settings import TrainingSettings

TEXTURES_SHARE = 1 / 3  # of the memory they lie in: of the default, all of DTD's 5,640 pictures at 256x256
PIECES_MEMORY = 200_000_000  # bytes of training photos that pieces are cut from
_GPU_SHARE = 0.5  # of what a GPU has free; the rest is for the networks
_GPU_UNIT = 10**9  # rounded down to it, so that a resumed training finds the same


@dataclass(frozen=True, kw_only=True)
class MemoryBudget:
    """The bytes that may be taken for what stays between steps."""

    photos: int
    textures: int
    """At most, in the device's memory."""
    device: int
    """For textures and teacher features together, in the device's memory."""
    apart: bool
    """Whether the device has memory of its own, a GPU; else photos lie in the same."""

    def features(self, *, photos: int, textures: int) -> int:
        """Returns what is left for teacher features, where photos and textures take so many bytes."""
        return max(0, self.device - textures - (0 if self.apart else photos))


def memory_budget(settings: TrainingSettings, stages: Sequence[Stage], processes: Processes) -> MemoryBudget:
    """Divides --cache-memory; what lies on a GPU is counted apart, and takes half of what is free there at most."""
    total, apart = int(settings.cache_memory * 1e9), processes.device.type == "cuda"
    device = min(total, _free_on_gpu(processes)) if apart else total
    drawing = [stage for stage in stages if stage.add_defects is not None]
    textures = int(device * TEXTURES_SHARE) if drawing else 0
    if not any(stage.textures for stage in drawing):
        textures = min(textures, PIECES_MEMORY)
    return MemoryBudget(photos=total if apart else total - textures, textures=textures, device=device, apart=apart)


def _free_on_gpu(processes: Processes) -> int:
    """Returns the same in every process: what the fullest of their GPUs has."""
    free, _ = torch.cuda.mem_get_info(processes.device)
    return min(processes.gather([int(free * _GPU_SHARE) // _GPU_UNIT * _GPU_UNIT]))
