"""What can go wrong, as users see it: one line that says what, where and what to do.

BlemishError
├── DataError           a photo, mask or folder cannot be used
├── WeightsError        a teacher's weights are missing, damaged or do not fit
├── ArtifactError       a model folder cannot be written, read or trusted
├── ExportError         an exported graph does not agree with the trained detector
├── MetricError         a metric has no value for these photos
├── OutputError         a file cannot be written: full disk, no permission
├── HistoryError        the history cannot be opened, read or written
│   └── HistoryUnavailableError   not now: its database is away, its disk full
├── SettingsError       settings that contradict each other, the data or the machine
├── InterruptionError   told to stop by a signal; what was done so far is kept
└── MissingExtraError   an optional dependency is not installed
"""

from blemish.wording import on_one_line


class BlemishError(Exception):
    """The base of every error that is the user's to mend; its text is one line, whatever the names of files are."""

    def __str__(self) -> str:
        return on_one_line(super().__str__())


class DataError(BlemishError, ValueError):
    """A photo, mask or folder cannot be used."""


class WeightsError(BlemishError, ValueError):
    """A teacher's weights are missing, damaged or do not fit."""


class ArtifactError(BlemishError, ValueError):
    """A model folder cannot be written, read or trusted."""


class ExportError(BlemishError, ValueError):
    """An exported graph cannot be made, or does not agree with the trained detector."""


class MetricError(BlemishError, ValueError):
    """A metric has no value for these photos (one class only, no masks)."""


class OutputError(BlemishError, OSError):
    """A file cannot be written: full disk, no permission."""


class HistoryError(BlemishError, OSError):
    """The history, a database, cannot be opened, read or written."""


class HistoryUnavailableError(HistoryError):
    """The history cannot be used now, whatever it is asked: its database is away, its disk full; it may be later."""

    may_be_written = False
    """Whether what was to be written may be there all the same: the database went away when it was to confirm that."""


class SettingsError(BlemishError, ValueError):
    """Settings contradict each other, the data or the machine."""


class InterruptionError(BlemishError):
    """A signal asked to stop; what was done so far is not lost."""

    def __init__(self, message: str, *, signal: int) -> None:
        super().__init__(message)
        self.signal = signal


class MissingExtraError(BlemishError, ImportError):
    """An optional dependency is not installed; the text holds the pip line."""

    def __init__(self, *, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs {package}, which is not installed: pip install 'blemish[{extra}]'")
