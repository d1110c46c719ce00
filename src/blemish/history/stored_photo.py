"""The file of a photo that was judged, where it still is that photo's."""

import hashlib
from pathlib import Path


def stored_photo(path: str | None, sha256: str | None) -> bytes | None:
    """Returns the bytes of the file where a verdict's photo lies; None where there is none, or another one.

    A camera uses a name again, and another station that shares the history has files of the same names: what people
    look at and label must be what was judged.
    """
    if path is None:
        return None
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError):  # ValueError: no file can have this name
        return None
    return data if sha256 in (None, hashlib.sha256(data).hexdigest()) else None
