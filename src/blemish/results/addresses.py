"""Addresses of receivers as a user types them, taken apart before anything is sent there."""

from urllib.parse import SplitResult, urlsplit

from blemish.errors import SettingsError


def split_address(address: str, *, schemes: tuple[str, ...], what: str, example: str) -> SplitResult:
    """Returns the parts of an address that can be connected to; raises SettingsError, which names `what` it is for.

    What nothing could be sent to is refused here: tried, it would fail for ever, and verdicts would wait.
    """
    try:
        parts = urlsplit(address)
        sound = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # no port, or brackets that are not closed
        sound = False
    if not sound:
        raise SettingsError(f"{what}: {address!r} is no address; give {example}")
    return parts
