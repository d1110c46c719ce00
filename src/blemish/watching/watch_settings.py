"""What a watch is told: which folder, what becomes of photos, who is told of verdicts."""

import math
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from blemish.errors import SettingsError
from blemish.results.alarms import alarm_webhook
from blemish.results.saved import USUAL, saved
from blemish.results.webhook import Webhook
from blemish.watching.filing import VERDICT_FOLDERS, check_then

_LONGEST_STATION = 255


@dataclass(frozen=True, kw_only=True)
class WatchSettings:
    """The settings of `blemish watch`, whose help says more of each."""

    folder: Path
    run: Path
    into: Path
    """The folder of results, which holds the journal, too."""
    then: str = "move"
    save: str | Sequence[str] = USUAL
    quiet: float = 1.0
    """Seconds."""
    poll: float | None = None
    """Seconds between looks; None: events of the system, where the folder's disk gives them."""
    idle: float | None = None
    """Seconds; None: for ever."""
    station: str | None = None
    """None: the machine's name."""
    history: str | None = None
    """File or URL; None: verdicts go into no history."""
    webhook: str | None = None
    webhook_secret: Path | None = None
    alarm_webhook: str | None = None
    alarm_secret: Path | None = None
    mqtt: str | None = None
    mqtt_password: Path | None = None
    plc: str | None = None

    def check(self) -> None:
        """Raises SettingsError for what cannot be meant."""
        check_then(self.then)
        saved(self.save)
        for name, least in (("quiet", 0.0), ("poll", 0.05), ("idle", 0.0)):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= least):
                raise SettingsError(f"{name} is {value}: give seconds, {least:g} or more")
        for secret, place in (("webhook_secret", "webhook"), ("mqtt_password", "mqtt")):
            if getattr(self, secret) is not None and getattr(self, place) is None:
                raise SettingsError(f"{secret} is of no use without {place}: give both, or neither")
        _ = self.alarms_to  # which refuses what is no address
        if len(self.station_name) > _LONGEST_STATION:
            raise SettingsError(f"station: a name has {_LONGEST_STATION} letters at most; give a shorter one")
        self._check_folders()

    def _check_folders(self) -> None:
        folder, into = (Path(os.path.realpath(place)) for place in (self.folder, self.into))
        if folder == into:
            raise SettingsError(f"results cannot go into the folder that is watched: give one beside {self.folder}")
        if any(folder.is_relative_to(into / name) for name in (*VERDICT_FOLDERS, "overlays", "maps")):
            raise SettingsError(
                f"{self.folder} is where results go: photos would come back again and again; give another --into"
            )

    @property
    def alarms_to(self) -> Webhook | None:
        """What posts that photos have moved; None: nothing is posted."""
        return alarm_webhook(self.alarm_webhook, self.alarm_secret)

    @property
    def station_name(self) -> str:
        """The name that all that is sent bears."""
        return self.station or platform.node() or "station"

    @property
    def model_name(self) -> str:
        """What the model is called: its folder's name."""
        return Path(os.path.realpath(self.run)).name
