"""Which marks stop a photo: rules on their size and number, as a quality engineer says them.

Rules are asked after the threshold, of photos above it alone, so that they can only take alarms away: what is promised
of good photos holds with them all the more, and defects that no rule means pass.
"""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from blemish.errors import SettingsError

_TERM = re.compile(r"(length|width|area|count)\s*>\s*([0-9]*\.?[0-9]+)\s*(px2|px|mm2|mm|)")
_ROUNDING = 1e-9  # 50 pixels of 0.1 mm are 0.5 mm2, not 0.5000000000000001
_LARGEST = 1e12  # beyond what any photo holds, so that model.json, which keeps rules, can be read again
_HOW = "write it as 'length > 2 mm', 'area > 0.5 mm2 and count > 3' or 'REGION: width > 12 px'"


class _Mark(Protocol):
    """A marked region, as far as rules ask."""

    @property
    def area(self) -> int: ...
    @property
    def length(self) -> float: ...
    @property
    def width(self) -> float: ...
    @property
    def within(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Stops a photo that has more than `more_than` marks, each of which is larger than every size that is given."""

    said: str
    """How verdicts name it."""
    region: str | None = None
    """The region of interest whose marks count; None: all marks."""
    unit: Literal["px", "mm"] = "px"
    """Of lengths and widths; areas are of its square."""
    length: float | None = None
    width: float | None = None
    area: float | None = None
    more_than: int = 0

    def check_values(self) -> None:
        """Raises ValueError for values that were never written."""
        if self.more_than < 0 or any(size is not None and size < 0 for size in (self.length, self.width, self.area)):
            raise ValueError(f"rule {self.said} asks for less than nothing")

    def stops(self, marks: Sequence[_Mark], *, pixel: float) -> bool:
        """Returns whether these are marks that stop a photo, of which a `pixel` is so many units long."""
        return sum(self._means(mark, pixel) for mark in marks) > self.more_than

    def _means(self, mark: _Mark, pixel: float) -> bool:
        if self.region is not None and self.region not in mark.within:
            return False
        sizes = (
            (self.length, mark.length * pixel),
            (self.width, mark.width * pixel),
            (self.area, mark.area * pixel**2),
        )
        return all(least is None or size > least * (1 + _ROUNDING) for least, size in sizes)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """All rules of a model: a photo above the threshold is stopped where any of them stops it."""

    rules: tuple[Rule, ...]
    mm_per_pixel: float | None = None
    """Of a photo of `photo_size`; None where no rule is in mm."""
    photo_size: tuple[int, int]
    """(height, width). A photo of another size is taken to show as much of the part."""

    def check_values(self) -> None:
        """Raises ValueError for values that were never written."""
        if not self.rules or min(self.photo_size) < 1:
            raise ValueError("rules are missing, or the size of photos that they were set for")
        if self.mm_per_pixel is None and any(rule.unit == "mm" for rule in self.rules):
            raise ValueError("a rule is in mm, and how large a pixel is is not known")
        if self.mm_per_pixel is not None and not self.mm_per_pixel > 0:
            raise ValueError(f"a pixel is {self.mm_per_pixel} mm large")

    @property
    def said(self) -> list[str]:
        """Says the rules, in words."""
        return [rule.said for rule in self.rules]

    def stopped_by(self, marks: Sequence[_Mark], photo_size: tuple[int, int]) -> tuple[str, ...]:
        """Returns the rules, in words, that stop a photo (height, width) of these marks."""
        mm = self._mm(photo_size)
        return tuple(rule.said for rule in self.rules if rule.stops(marks, pixel=1.0 if rule.unit == "px" else mm))

    def reason(self, marks: Sequence[_Mark], photo_size: tuple[int, int]) -> str:
        """Returns in words why no rule stops a photo of these marks."""
        longest, largest = max(mark.length for mark in marks), max(mark.area for mark in marks)
        mm = self._mm(photo_size)
        in_mm = "" if self.mm_per_pixel is None else f" ({longest * mm:.3g} mm, {largest * mm**2:.3g} mm2)"
        number = "1 mark" if len(marks) == 1 else f"{len(marks)} marks"
        return f"no rule stops it: {number}, at most {longest:.3g} px long and {largest} px2 large{in_mm}"

    def _mm(self, photo_size: tuple[int, int]) -> float:
        """Returns how many mm a pixel of a photo is long."""
        return (self.mm_per_pixel or math.nan) * math.sqrt(math.prod(self.photo_size) / math.prod(photo_size))


def read_rule(text: str, *, regions: Collection[str] = (), mm_per_pixel: float | None = None) -> Rule:
    """Returns the rule that a user wrote; raises SettingsError for one that means nothing."""
    region, colon, words = text.rpartition(":")
    region = region.strip()
    if colon and region not in regions:
        known = f"there are {', '.join(regions)}" if regions else "the model has none"
        raise SettingsError(f"rule {text!r} is of region of interest {region!r}: {known}")
    sizes: dict[str, float] = {}
    units: set[str] = set()
    for term in re.split(r"\s+and\s+|,", words.strip()):
        found = _TERM.fullmatch(term.strip())
        if found is None or found[1] in sizes or (found[1] == "count" and found[3]):
            raise SettingsError(f"rule {text!r} is not understood at {term.strip()!r}: {_HOW}")
        if found[3].endswith("2") != (found[1] == "area") and found[3]:
            raise SettingsError(f"rule {text!r}: an area is in px2 or mm2, a length or width in px or mm")
        sizes[found[1]] = float(found[2])
        if sizes[found[1]] > _LARGEST:
            raise SettingsError(f"rule {text!r}: no photo has a {found[1]} above {_LARGEST:g}")
        units |= {found[3].removesuffix("2") or "px"} if found[1] != "count" else set()
    if len(units) > 1:
        raise SettingsError(f"rule {text!r} mixes px and mm: give one of them")
    if units == {"mm"} and mm_per_pixel is None:
        raise SettingsError(f"rule {text!r} is in mm: say how large a pixel is with --mm-per-pixel")
    count = sizes.pop("count", 0.0)
    if count != int(count):
        raise SettingsError(f"rule {text!r}: a count is a whole number")
    return Rule(
        said=" ".join(text.split()),
        region=region or None,
        unit="mm" if units == {"mm"} else "px",
        more_than=int(count),
        **sizes,
    )


def read_rules(
    texts: Sequence[str],
    *,
    before: Rules | None,
    mm_per_pixel: float | None,
    regions: Collection[str],
    photo_size: tuple[int, int],
) -> Rules | None:
    """Returns the rules that a user asks for: those `before` where none is given, and none for the one word none.

    Raises SettingsError.
    """
    if mm_per_pixel is not None and not 1 / _LARGEST <= mm_per_pixel <= _LARGEST:
        raise SettingsError(f"mm_per_pixel is {mm_per_pixel}: a pixel is more than 0 mm large, at most {_LARGEST:g}")
    if [text.strip() for text in texts] == ["none"]:
        return None
    size = mm_per_pixel if mm_per_pixel is not None or before is None else before.mm_per_pixel
    said = texts or (before.said if before is not None else [])
    if not said:
        if mm_per_pixel is not None:
            raise SettingsError("mm_per_pixel is for rules, and there is none: give one with --rule")
        return None
    rules = tuple(read_rule(text, regions=regions, mm_per_pixel=size) for text in said)
    return Rules(rules=rules, mm_per_pixel=size, photo_size=photo_size)
