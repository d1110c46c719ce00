"""`blemish export-history`: parse, call, print."""

from pathlib import Path

from blemish import api
from blemish.wording import counted


def export_history(
    file: Path,
    /,
    *,
    history: str | None = None,
    model: str | None = None,
    station: str | None = None,
    verdict: tuple[str, ...] = (),
    label: str | None = None,
    since: str | None = None,
    until: str | None = None,
) -> int:
    """Write the history's verdicts to a table, or its labelled photos to a folder.

    Parameters
    ----------
    file
        The table to write: .csv, or .parquet; or, a name without suffix, a folder for the photos that people have
        labelled, as `blemish evaluate` takes it.
    history
        File or URL of the history, as for serve.
    model
        Verdicts of this model alone.
    station
        Verdicts of this station alone.
    verdict
        These verdicts alone: normal, check, anomalous, unusual, unreadable; may be given again.
    label
        Photos labelled good, bad, any or none.
    since
        Verdicts from this time on, such as 2026-03-01 or 2026-03-01T06:00+01:00; without a zone UTC.
    until
        Verdicts before this time.
    """
    written = api.export_history(
        file,
        history=history,
        model=model,
        station=station,
        verdict=verdict,
        label=label,
        since=since,
        until=until,
    )
    print(f"{counted(written, 'verdict' if file.suffix else 'labelled photo')} in {file}")
    return 0
