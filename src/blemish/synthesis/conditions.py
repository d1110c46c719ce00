"""The conditions that a model is tried under, by name: what changes photos, how strongly, and how people call it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from blemish.errors import SettingsError
from blemish.synthesis.photo_changes import (
    KERNELS,
    Capture,
    Photograph,
    add_noise,
    blur_photo,
    cast_colour,
    change_brightness,
    has_no_colour,
    is_beyond_jpeg,
    is_not_resized,
    light_from_a_side,
    resize_by_kernel,
    rotate_photo,
    save_as_jpeg,
    scale_photo,
    shift_photo,
)

_PIXELS_ARE_FOR = 256  # of a photo's shorter side: larger photos move and blur by more


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One way in which photos are changed, with strengths from mild to strong."""

    change: Callable[[Photograph, float, Capture], Photograph]
    """What returns the photo as it would be at a strength, in its own type."""
    strengths: tuple[float, ...]
    """Those tried unasked, rising; where they are pixels, of photos of up to 256 on the shorter side."""
    bounds: tuple[float, float]
    """The lowest and the highest that a photo can have."""
    meaning: str
    """A sentence for people, without its stop."""
    says: Callable[[float], str]
    """What returns a strength in words, such as `+10 %`."""
    unchanged: float | None
    """The strength that changes nothing; None where there is none, as of JPEG."""
    milder_is_higher: bool = False
    """Whether lower numbers are stronger, as of JPEG's quality."""
    in_pixels: bool = False
    """Whether strengths are pixels of the photo."""
    resizes: bool = False
    """Whether the changed photo has the size that the model sees, which resizes it no more."""
    fine: bool = False
    """Whether it shows in single pixels alone."""
    names: tuple[str, ...] = ()
    """What strengths are called that have no order: strength n is the nth. None where they are numbers."""
    mended_by: str | None = None
    """The setting of training that varies good photos so."""
    unfit: Callable[[Photograph, Capture], str | None] = lambda _photo, _capture: None
    """What returns why a photo cannot change so; None where it can."""

    def of_side(self, shorter: int) -> tuple[float, ...]:
        """Returns the strengths for photos of so many pixels on the shorter side."""
        if not self.in_pixels:
            return self.strengths
        larger = max(1.0, 2.0 ** round(math.log2(shorter / _PIXELS_ARE_FOR)))
        return tuple(strength * larger for strength in self.strengths)

    def key(self, strength: float) -> str:
        """Returns a strength as it is typed: `1.1`, or the name of a kernel."""
        return self.names[int(strength)] if self.names else f"{strength:g}"

    def strength_of(self, key: str) -> float:
        """Returns the strength that is typed so; raises ValueError where no photo can have it, or nothing changes."""
        strength = float(self.names.index(key)) if self.names else float(key)
        if not self.bounds[0] <= strength <= self.bounds[1] or strength == self.unchanged:
            raise ValueError(f"{key} is no strength of it")
        return strength


def _percent_more(strength: float) -> str:
    return f"{100 * (strength - 1):+.3g} %"


CONDITIONS: dict[str, Condition] = {
    "brightness": Condition(
        change=change_brightness,
        strengths=(0.7, 0.8, 0.9, 1.1, 1.2, 1.4),
        bounds=(0.0, 10.0),
        unchanged=1.0,
        says=_percent_more,
        meaning="more or less light; what would be brighter than white is white, as in a camera",
        mended_by="light",
    ),
    "gradient": Condition(
        change=light_from_a_side,
        strengths=(0.05, 0.1, 0.2, 0.4),
        bounds=(0.0, 1.0),
        unchanged=0.0,
        says=lambda strength: f"{100 * strength:.3g} %",
        meaning="light from one side, each photo's own: so much more there, and as much less across",
        mended_by="light",
    ),
    "colour": Condition(
        change=cast_colour,
        strengths=(-0.1, -0.05, -0.02, 0.02, 0.05, 0.1),
        bounds=(-1.0, 1.0),
        unchanged=0.0,
        says=lambda strength: f"{100 * strength:+.3g} % {'warmer' if strength > 0 else 'colder'}",
        meaning="a colour cast: so much more red and less blue (warmer), or the other way (colder)",
        mended_by="light",
        unfit=has_no_colour,
    ),
    "shift": Condition(
        change=shift_photo,
        strengths=(2, 4, 8, 16),
        bounds=(0.0, 10_000.0),
        unchanged=0.0,
        says=lambda strength: f"{strength:g} px",
        meaning="the part lies so many pixels of the photo off, each photo's another way",
        in_pixels=True,
        mended_by="pose",
    ),
    "rotation": Condition(
        change=rotate_photo,
        strengths=(0.5, 1, 2, 5),
        bounds=(0.0, 180.0),
        unchanged=0.0,
        says=lambda strength: f"{strength:g} degree{'' if strength == 1 else 's'}",
        meaning="the part is turned about the photo's middle, one way or the other",
        mended_by="pose",
    ),
    "scale": Condition(
        change=scale_photo,
        strengths=(0.9, 0.95, 0.98, 1.02, 1.05, 1.1),
        bounds=(0.1, 10.0),
        unchanged=1.0,
        says=_percent_more,
        meaning="the part is seen larger or smaller, as from nearer or further away",
        mended_by="pose",
    ),
    "blur": Condition(
        change=blur_photo,
        strengths=(0.5, 1, 2),
        bounds=(0.0, 1_000.0),
        unchanged=0.0,
        says=lambda strength: f"{strength:g} px",
        meaning="out of focus: blurred by a Gaussian of this standard deviation, in pixels of the photo",
        in_pixels=True,
        fine=True,
    ),
    "noise": Condition(
        change=add_noise,
        strengths=(0.01, 0.02, 0.04, 0.08),
        bounds=(0.0, 1.0),
        unchanged=0.0,
        says=lambda strength: f"{100 * strength:.3g} %",
        meaning="a sensor's noise in every pixel: its standard deviation as a share of white",
        fine=True,
    ),
    "jpeg": Condition(
        change=save_as_jpeg,
        strengths=(30, 50, 70, 90),
        bounds=(1.0, 100.0),
        unchanged=None,
        milder_is_higher=True,
        says=lambda strength: f"quality {strength:g}",
        meaning="saved as JPEG once, or once more, at this quality",
        fine=True,
        unfit=is_beyond_jpeg,
    ),
    "resize": Condition(
        change=resize_by_kernel,
        strengths=tuple(range(len(KERNELS))),
        bounds=(0.0, len(KERNELS) - 1.0),
        unchanged=None,
        names=tuple(KERNELS),
        says=lambda strength: list(KERNELS)[int(strength)],
        meaning="another program reduces photos to what the model sees, by another kernel than Blemish's own",
        resizes=True,
        fine=True,
        unfit=is_not_resized,
    ),
}
"""Every condition by its name."""


def check_condition(name: str) -> None:
    """Raises SettingsError where there is no such condition."""
    if name not in CONDITIONS:
        raise SettingsError(f"condition {name!r} is unknown: give some of {', '.join(CONDITIONS)}")


def strength_typed(name: str, key: str) -> float:
    """Returns the strength of a condition that is typed so; raises SettingsError where there is none."""
    check_condition(name)
    condition = CONDITIONS[name]
    try:
        return condition.strength_of(key)
    except ValueError as error:
        known = ", ".join(map(condition.key, condition.strengths))
        numbers = f"a number from {condition.bounds[0]:g} to {condition.bounds[1]:g}, such as "
        raise SettingsError(
            f"{name} {key} is no strength that changes photos: give {'' if condition.names else numbers}{known}"
        ) from error
