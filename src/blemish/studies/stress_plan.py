"""What is tried: which conditions, at which strengths, on how many photos."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from blemish.errors import SettingsError
from blemish.evaluation.stress_limits import condition_and_strength
from blemish.evaluation.stress_record import UNCHANGED
from blemish.synthesis.conditions import CONDITIONS, check_condition, strength_typed


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change is one condition at one strength."""

    condition: str
    strength: float


@dataclass(frozen=True, kw_only=True)
class StressPlan:
    """The plan says what a test of changed photos tries."""

    asked: tuple[tuple[str, float | None], ...]
    """Conditions, each with a strength; None: all that are tried unasked."""
    photos: int
    """The most photos of each kind."""
    seed: int

    def changes(self, shorter: int) -> list[Change]:
        """Returns all that is tried on photos of so many pixels on the shorter side, in the order of CONDITIONS."""
        found: dict[str, set[float]] = {name: set() for name in CONDITIONS}
        for name, strength in self.asked:
            found[name].update(CONDITIONS[name].of_side(shorter) if strength is None else [strength])
        return [
            Change(condition=name, strength=strength)
            for name, strengths in found.items()
            for strength in sorted(strengths)
        ]


def stress_plan(
    conditions: Sequence[str], *, photos: int, seed: int, limits: Mapping[str, object] | None
) -> StressPlan:
    """Returns the plan of what was asked for; raises SettingsError for what there is none of.

    `conditions` are names, each with or without a strength (`shift`, `shift=8`), several with commas between them.
    Without any, all are tried; where there are limits, those alone that these name.
    """
    if photos < 1 or seed < 0:
        raise SettingsError(f"photos is {photos}, seed is {seed}: they must be at least 1 and 0")
    words = [word.strip() for several in conditions for word in several.split(",") if word.strip()]
    asked = [_asked(word) for word in words]
    if not asked and limits is None:
        asked = [(name, None) for name in CONDITIONS]
    elif not asked and limits is not None:
        asked = [condition_and_strength(key) for key in limits if key != UNCHANGED]
    return StressPlan(asked=tuple(asked), photos=photos, seed=seed)


def _asked(word: str) -> tuple[str, float | None]:
    name, equals, key = word.partition("=")
    if equals:
        return name, strength_typed(name, key)
    check_condition(name)
    return name, None
