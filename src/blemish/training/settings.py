"""Settings of training that no method owns."""

from dataclasses import dataclass
from typing import Literal

Precision = Literal["auto", "fp32", "bf16"]


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How any detector is trained."""

    seed: int = 0
    """Seed of the weights, the split, the order of photos and every drawn defect."""
    batch_size: int = 32
    """Photos per step, over all processes. A smaller folder makes a smaller batch, or fills it where photos vary."""
    held_out: float = 0.2
    """Share of the good photos never trained on: a quarter of it selects the weights, the rest gives the thresholds."""
    part: str | None = None
    """Regular expression for which part a photo's name says it shows, where several show one, such as (.+)_[0-9]+."""
    false_alarms: float = 0.01
    """Share of good photos that the threshold may call anomalous."""
    check_every: int = 25
    """Steps between two looks at the photos that select the weights."""
    checkpoint_every: int = 100
    """Steps between two checkpoints: as much is lost at most when training is killed."""
    cache_memory: float = 4.0
    """Gigabytes for decoded photos and kept teacher features; what does not fit is read or computed again."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    precision: Precision = "auto"
    """auto takes bf16 where the processor or GPU has instructions for it, else fp32."""
