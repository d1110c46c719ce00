"""What one stage of training did."""

from dataclasses import dataclass, field
from typing import Any

_GAIN = 0.1  # a loss that falls by less than a tenth while patience lasts is not worth the time


@dataclass(kw_only=True)
class StageRecord:
    """The course of a stage so far, which is a part of the checkpoint, and at the end of the artifact."""

    name: str
    steps: int = 0
    best_step: int | None = None
    best_loss: float | None = None
    """Lowest validation loss; the weights of `best_step` were chosen."""
    gain_step: int = 0
    gain_loss: float | None = None
    """The step at which the validation loss last fell by a tenth, and what it was then: patience counts from there."""
    history: list[dict[str, Any]] = field(default_factory=list)
    """Per check: step; loss, and losses by name, means since the last check; learning_rates, one per group of
    parameters; validation_loss where the stage validates."""

    def note_check(self, losses: dict[str, float], *, learning_rates: list[float]) -> None:
        """Adds a check to the history."""
        self.history.append(
            {
                "step": self.steps,
                "loss": sum(losses.values()),
                "losses": losses,
                "learning_rates": learning_rates,
            }
        )

    def note_validation(self, loss: float) -> bool:
        """Adds the validation loss to the last check, and says whether it is the lowest so far."""
        self.history[-1]["validation_loss"] = loss
        if self.gain_loss is None or loss <= (1 - _GAIN) * self.gain_loss:
            self.gain_loss, self.gain_step = loss, self.steps
        best = self.best_loss is None or loss < self.best_loss
        if best:
            self.best_loss, self.best_step = loss, self.steps
        return best

    def has_ended(self, *, most_steps: int, patience: int | None) -> bool:
        """Returns whether all steps are taken, or so many of them without a gain."""
        lost_patience = patience is not None and self.best_step is not None and self.steps - self.gain_step >= patience
        return self.steps >= most_steps or lost_patience

    @property
    def steps_since_check(self) -> int:
        """How many steps were taken since the last check."""
        return self.steps - int(self.history[-1]["step"]) if self.history else self.steps
