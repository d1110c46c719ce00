"""The settings of a server."""

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, get_args

from blemish.errors import SettingsError
from blemish.history.retention import Retention
from blemish.results.alarms import alarm_webhook
from blemish.results.webhook import Webhook

Kept = Literal["all", "not-normal"]


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """What a server is told, but for its models."""

    host: str = "127.0.0.1"
    port: int = 8000
    history: str | None = None
    """File or URL; None: see `default_history`."""
    station: str = "station"
    """The name of the station that a photo comes from, where a request names none."""
    keep_photos: Path | None = None
    """Folder that judged photos are kept in; None: none are."""
    keep: Kept = "not-normal"
    """Which ones; those drawn by lot are kept in any case."""
    keep_days: float | None = None
    keep_megabytes: float | None = None
    """Once an hour what is older, or photos beyond that, are deleted; None: nothing is."""
    workshop: Path | None = None
    """Folder whose sub-folders of photos models can be learned of in the page; None: none can."""
    models_from: Path | None = None
    """Folder of trained models, any of which an engineer may put in the place of one that is served; None: none."""
    alarm_webhook: str | None = None
    """Address that drift is posted to; None: nobody is told but who looks."""
    alarm_secret: Path | None = None
    """File with the secret that these posts are signed with."""
    draw: float = 0.0
    """Share of photos drawn by lot for a person to label."""
    waiting: int = 32
    """Photos that may be waiting or at work; a request beyond them is told to come again."""
    batch_size: int = 8
    timeout: float = 30.0
    """Seconds after which a request is answered, with or without verdict."""
    max_megabytes: float = 64.0
    """Of a request."""
    runtime: str = "auto"
    precision: str = "fp32"
    device: str = "auto"
    min_area: int = 1

    def __post_init__(self) -> None:
        """Raises SettingsError for what no server can be."""
        if self.keep not in get_args(Kept):
            raise SettingsError(f"keep {self.keep!r} is unknown: give one of {', '.join(get_args(Kept))}")
        if not 0 <= self.draw <= 1:
            raise SettingsError(f"draw is {self.draw}: it is a share of the photos, 0 to 1")
        if self.draw and self.keep_photos is None:
            raise SettingsError("photos drawn by lot must be kept to be labelled: say where with --keep-photos FOLDER")
        if not 0 < len(self.station) <= 64 or not self.station.isprintable():
            raise SettingsError(f"station {self.station[:80]!r} is no name: give 1 to 64 printable characters")
        if min(self.waiting, self.batch_size, self.timeout, self.max_megabytes) <= 0:
            raise SettingsError("waiting, batch size, timeout and max megabytes are above 0")
        _ = self.retention, self.alarms_to  # which refuse amounts that are none, and what is no address
        if not 0 <= self.port < 1 << 16:
            raise SettingsError(f"port {self.port} is none: give 1 to 65535, or 0 for any that is free")

    @property
    def retention(self) -> Retention | None:
        """How much is kept; None: all is."""
        if self.keep_days is None and self.keep_megabytes is None:
            return None
        return Retention(days=self.keep_days, megabytes=self.keep_megabytes)

    @property
    def alarms_to(self) -> Webhook | None:
        """What posts alarms; None: nothing is posted."""
        return alarm_webhook(self.alarm_webhook, self.alarm_secret)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def most_bytes(self) -> int:
        """How many bytes a request may have."""
        return round(self.max_megabytes * 1e6)
