"""The verb that judges photos as they come: watch."""

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from blemish.files import Folder
from blemish.progress import OnProgress, say_nothing

if TYPE_CHECKING:
    from blemish.errors import DataError
    from blemish.inference.prediction import Prediction


def watch(
    folder: Folder,
    run: Folder,
    *,
    into: Folder,
    then: str = "move",
    save: str | Sequence[str] = "overlays",
    quiet: float = 1.0,
    poll: float | None = None,
    idle: float | None = None,
    station: str | None = None,
    history: str | None = None,
    plc: str | None = None,
    webhook: str | None = None,
    webhook_secret: Folder | None = None,
    alarm_webhook: str | None = None,
    alarm_secret: Folder | None = None,
    mqtt: str | None = None,
    mqtt_password: Folder | None = None,
    min_area: int = 1,
    runtime: str = "auto",
    precision: str = "fp32",
    device: str = "auto",
    on_progress: OnProgress = say_nothing,
) -> "Generator[Prediction | DataError, None, None]":
    """Judges photos as they come into a folder, and yields each when it is entered: for ever, or until `idle` seconds
    passed without one.

    What each setting does, `blemish watch --help` says. While results are asked for in the main thread, SIGINT and
    SIGTERM end the iterator after the photo at work. Raises what `open` does, DataError where there is no folder,
    SettingsError.
    """
    from blemish.watching.live import watch_folder
    from blemish.watching.watch_settings import WatchSettings

    settings = WatchSettings(
        folder=Path(folder),
        run=Path(run),
        into=Path(into),
        then=then,
        save=save,
        quiet=quiet,
        poll=poll,
        idle=idle,
        station=station,
        history=history,
        plc=plc,
        webhook=webhook,
        webhook_secret=None if webhook_secret is None else Path(webhook_secret),
        alarm_webhook=alarm_webhook,
        alarm_secret=None if alarm_secret is None else Path(alarm_secret),
        mqtt=mqtt,
        mqtt_password=None if mqtt_password is None else Path(mqtt_password),
    )
    opening = {"runtime": runtime, "precision": precision, "device": device, "min_area": min_area}
    return watch_folder(settings, opening=opening, on_progress=on_progress)
