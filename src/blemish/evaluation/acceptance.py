"""Limits of misses and false alarms: whether an evaluation is accepted."""

import math
import re
from dataclasses import replace
from fractions import Fraction

from blemish.errors import SettingsError
from blemish.evaluation.record import Acceptance, Evaluation
from blemish.model.thresholds import as_typed
from blemish.wording import counted, share_in

Allowed = int | float | str
"""The most photos that may be judged wrongly: an int is their number, a float their share, 0 to 1; in words, as on a
command line, 3 is a number, and 0.05 and 5% are shares."""


def check_limit(name: str, asked: Allowed | None) -> None:
    """Raises SettingsError where the limit `name` is neither a number of photos nor a share."""
    if asked is not None:
        _number_or_share(name, asked)


def held_to(evaluation: Evaluation, *, max_misses: Allowed | None, max_false_alarms: Allowed | None) -> Evaluation:
    """Returns the evaluation with what came of its limits; as it was where there are none.

    A share allows so many photos of the test set, rounded down. Raises SettingsError as `check_limit` does.
    """
    if max_misses is None and max_false_alarms is None:
        return evaluation
    e, failures = evaluation, list[str]()
    misses = _photos_allowed("max_misses", max_misses, e.defective_photos)
    alarms = _photos_allowed("max_false_alarms", max_false_alarms, e.good_photos)
    for allowed, count, of, kind, wrong in (
        (misses, e.misses, e.defective_photos, "defective", "missed"),
        (alarms, e.false_alarms, e.good_photos, "good", "false alarms"),
    ):
        if allowed is not None and not of:
            failures.append(f"how many {kind} photos are {wrong} is not known: the test holds none")
        elif allowed is not None and count > allowed:
            failures.append(f"{count} of {counted(of, f'{kind} photo')} are {wrong}, {allowed} may be")
    return replace(e, acceptance=Acceptance(max_misses=misses, max_false_alarms=alarms, failures=failures))


def _photos_allowed(name: str, asked: Allowed | None, of: int) -> int | None:
    if asked is None:
        return None
    limit = _number_or_share(name, asked)
    return limit if isinstance(limit, int) else math.floor(limit * of)


def _number_or_share(name: str, asked: Allowed) -> int | Fraction:
    limit: int | Fraction | None = None
    if isinstance(asked, str):
        share, number = share_in(asked), re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*", asked, re.ASCII)
        if share is not None:
            limit = Fraction(share)
        elif number:
            limit = int(number[1]) if number[1].isdecimal() else Fraction(number[1])
    elif not isinstance(asked, bool) and math.isfinite(asked):
        limit = asked if isinstance(asked, int) else as_typed(asked)
    if limit is None or limit < 0 or (isinstance(limit, Fraction) and limit > 1):
        raise SettingsError(f"{name} is {asked!r}: give a number of photos, such as 3, or a share, such as 0.05 or 5%")
    return limit
