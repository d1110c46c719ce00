"""Verbs of a line: serve, and what is kept of it."""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from blemish.errors import SettingsError
from blemish.files import Folder

if TYPE_CHECKING:
    from blemish.history.opening import History
    from blemish.history.retention import Forgotten

Moment = str | datetime
"""A time, or its ISO words, such as 2026-03-01 or 2026-03-01T06:00+01:00; without a zone UTC."""


def serve(
    runs: Folder | Sequence[Folder],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    history: Folder | None = None,
    station: str = "station",
    keep_photos: Folder | None = None,
    keep: str = "not-normal",
    keep_days: float | None = None,
    keep_megabytes: float | None = None,
    workshop: Folder | None = None,
    models_from: Folder | None = None,
    alarm_webhook: str | None = None,
    alarm_secret: Folder | None = None,
    draw: float = 0.0,
    waiting: int = 32,
    batch_size: int = 8,
    timeout: float = 30.0,
    max_megabytes: float = 64.0,
    runtime: str = "auto",
    precision: str = "fp32",
    device: str = "auto",
    min_area: int = 1,
) -> None:
    """Serves models over HTTP until SIGTERM or SIGINT; every verdict is in the history before it is answered.

    `runs` are RUN folders, or NAME=RUN. See `blemish serve --help`.
    """
    from blemish.server.serving import open_station, run_server
    from blemish.server.settings import Kept, ServerSettings

    settings = ServerSettings(
        host=host,
        port=port,
        history=None if history is None else str(history),
        station=station,
        keep_photos=None if keep_photos is None else Path(keep_photos),
        keep=cast(Kept, keep),
        keep_days=keep_days,
        keep_megabytes=keep_megabytes,
        workshop=None if workshop is None else Path(workshop),
        models_from=None if models_from is None else Path(models_from),
        alarm_webhook=alarm_webhook,
        alarm_secret=None if alarm_secret is None else Path(alarm_secret),
        draw=draw,
        waiting=waiting,
        batch_size=batch_size,
        timeout=timeout,
        max_megabytes=max_megabytes,
        runtime=runtime,
        precision=precision,
        device=device,
        min_area=min_area,
    )
    run_server(open_station([runs] if isinstance(runs, str | Path) else runs, settings))


def token(name: str, *, role: str = "operator", revoke: bool = False, history: Folder | None = None) -> str | None:
    """Gives a user of the server a new token and returns it, which cannot be looked up later; with `revoke` takes the
    token from them.

    An operator has photos judged, looks and labels; an engineer may change everything.
    """
    from blemish.history.audit import COMMAND_LINE
    from blemish.history.users import give_token, revoke_token

    with closing(_opened(history, is_there=revoke)) as opened:
        if revoke:
            revoke_token(opened, name, who=COMMAND_LINE)
            return None
        return give_token(opened, name, role, who=COMMAND_LINE)


def export_history(
    file: Folder,
    *,
    history: Folder | None = None,
    model: str | None = None,
    station: str | None = None,
    verdict: str | Sequence[str] = (),
    label: str | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
) -> int:
    """Writes verdicts of the history to a .csv or .parquet file and returns how many; into a folder (a name without
    suffix) the labelled photos, as test/good and test/DEFECT, which `evaluate` takes.

    `verdict` is one or several of normal, check, anomalous, unusual, unreadable; `label` good, bad, any or none;
    `since` and `until` (before which) are times. Raises HistoryError, OutputError, SettingsError.
    """
    from blemish.history.reading import LabelSought, Sought
    from blemish.history.tables import write_history_table
    from blemish.history.truth_folder import write_test_photos
    from blemish.history.verdict import STORED_VERDICTS

    verdicts = (verdict,) if isinstance(verdict, str) else tuple(verdict)
    for name in verdicts:
        if name not in STORED_VERDICTS:
            raise SettingsError(f"verdict {name!r} is unknown: give one of {', '.join(STORED_VERDICTS)}")
    if label not in (None, "good", "bad", "any", "none"):
        raise SettingsError(f"label {label!r} is unknown: give good, bad, any or none")
    sought = Sought(
        model=model,
        station=station,
        verdicts=verdicts,
        label=cast("LabelSought | None", label),
        since=_moment("since", since),
        until=_moment("until", until),
    )
    with closing(_opened(history, is_there=True)) as opened:
        write = write_history_table if Path(file).suffix else write_test_photos
        return write(opened, Path(file), sought)


def prune_history(
    *,
    history: Folder | None = None,
    keep_photos: Folder | None = None,
    days: float | None = None,
    megabytes: float | None = None,
    labelled_too: bool = False,
) -> "Forgotten":
    """Deletes verdicts older than `days`, and photos beyond `megabytes`, oldest first, whose verdicts stay.

    What people have labelled stays but with `labelled_too`; counts per hour stay in any case. Files are deleted in the
    folder `keep_photos` alone. Raises HistoryError, SettingsError.
    """
    from blemish.history.audit import COMMAND_LINE
    from blemish.history.retention import Retention, forget

    if days is None and megabytes is None:
        raise SettingsError("say what to keep: give days, megabytes or both")
    if megabytes is not None and keep_photos is None:
        raise SettingsError("megabytes are of the folder of kept photos: name it with --keep-photos FOLDER")
    if keep_photos is not None and not Path(keep_photos).is_dir():
        raise SettingsError(f"keep_photos: {keep_photos} is no folder: name the one that photos are kept in")
    retention = Retention(days=days, megabytes=megabytes, labelled_too=labelled_too)
    with closing(_opened(history, is_there=True)) as opened:
        photos = None if keep_photos is None else Path(keep_photos)
        return forget(opened, retention, photos=photos, who=COMMAND_LINE)


def _opened(history: Folder | None, *, is_there: bool = False) -> "History":
    from blemish.history.opening import default_history, open_history

    return open_history(default_history() if history is None else history, is_there=is_there)


def _moment(name: Literal["since", "until"], given: Moment | None) -> datetime | None:
    """Returns a time with its zone; raises SettingsError for words that are none."""
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given) if isinstance(given, str) else given
    except ValueError:
        raise SettingsError(f"{name} is {given!r}: give a time such as 2026-03-01 or 2026-03-01T06:00+01:00") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
