"""`blemish prune-history`: parse, call, print."""

from pathlib import Path

from blemish import api
from blemish.wording import counted


def prune_history(
    *,
    history: str | None = None,
    keep_photos: Path | None = None,
    days: float | None = None,
    megabytes: float | None = None,
    labelled_too: bool = False,
) -> int:
    """Delete old verdicts, and photos that take too much room; counts per hour stay.

    Parameters
    ----------
    history
        File or URL of the history, as for serve.
    keep_photos
        Folder of kept photos, as for serve: files elsewhere are never deleted.
    days
        Delete verdicts that are older, with their photos.
    megabytes
        Delete photos beyond so much room, oldest first; their verdicts stay.
    labelled_too
        Delete what people have labelled as well, and the rows of photos drawn by lot that nobody labelled.
    """
    done = api.prune_history(
        history=history, keep_photos=keep_photos, days=days, megabytes=megabytes, labelled_too=labelled_too
    )
    print(f"{counted(done.verdicts, 'verdict')} and {counted(done.photos, 'photo')} deleted")
    return 0
