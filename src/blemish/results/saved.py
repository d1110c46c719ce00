"""Which pictures predicting leaves beside its tables, as a user asks for them."""

from collections.abc import Sequence

from blemish.errors import SettingsError

SAVED = {
    "overlays": "of each photo that is not normal, the photo under its map",
    "all-overlays": "the same of every photo",
    "maps": "of every photo its raw anomaly map",
    "none": "the tables alone",
}
"""What may be asked for."""
USUAL = "overlays"
"""What is left where nothing is asked for."""


def saved(asked: str | Sequence[str]) -> frozenset[str]:
    """Returns which of SAVED are asked for, by their names, one or several, or with commas between them.

    Of `none` nothing is left in it. Raises SettingsError.
    """
    parts = [asked] if isinstance(asked, str) else asked
    names = [name.strip() for part in parts for name in part.split(",")]
    for name in names:
        if name not in SAVED:
            raise SettingsError(f"save: {name!r} is unknown; give one of {', '.join(SAVED)}, or several")
    if "none" in names and len({*names}) > 1:
        raise SettingsError("save: none does not go with others; leave it out, or give it alone")
    return frozenset(names) - {"none"}
