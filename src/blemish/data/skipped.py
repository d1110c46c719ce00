"""What lies among photos and is passed over: files of other kinds, and what Blemish wrote itself."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from blemish.errors import DataError
from blemish.wording import counted, some_of, with_counts

PHOTO_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")

OWN_FILES = frozenset(
    (
        "model.json",
        "export.json",
        "checkpoint.safetensors",
        "run.json",
        "predictions.jsonl",
        "predictions.jsonl.part",
        "evaluation.json",
        "synthetic.jsonl",
        "watch.sqlite",
    )
)
"""A folder that holds one of these was written by Blemish: its sub-folders hold overlays, maps and known photos."""

OWN_PICTURES = frozenset(("unusual.png", "reference.png"))
"""What training leaves beside such a file; other pictures there may be the user's."""

OWN_FOLDERS = frozenset(("maps", "overlays", "level_maps"))
"""What predicting leaves beside its tables."""

_EXPECTED = frozenset(
    (
        *("", ".txt", ".md", ".rst", ".html", ".log", ".ini", ".cfg", ".yaml", ".yml", ".toml", ".db"),
        *(".sqlite", ".sqlite-wal", ".sqlite-shm", ".db-wal", ".db-shm"),
        *(".json", ".jsonl", ".csv", ".tsv", ".xml", ".xlsx", ".xls", ".xmp", ".npy", ".npz", ".parquet", ".py"),
        ".safetensors",
    )
)
"""Notes, tables and by-products that lie beside photos everywhere: no word is lost on them."""

_PICTURES = frozenset(
    (
        *(".heic", ".heif", ".avif", ".gif", ".jp2", ".j2k", ".jpx", ".jxl", ".jfif", ".jpe", ".tga", ".psd", ".svg"),
        *(".ppm", ".pgm", ".pbm", ".pnm", ".exr", ".hdr", ".dcm", ".fits", ".ico", ".pcx", ".emf", ".wmf", ".mpo"),
        *(".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".rw2", ".srw", ".pef"),
    )
)


def no_photos_in(folder: Path | str, skipped: "Skipped | None" = None) -> DataError:
    """Returns the error for a folder without photos, which names what lies there instead."""
    instead = f", but {with_counts(skipped.files, shown=8)}" if skipped is not None and skipped.files else ""
    mend = "save them as one of these" if instead else "name a folder that does"
    return DataError(f"{folder}: holds no photos ({' '.join(PHOTO_SUFFIXES)}){instead}; {mend}")


def is_worth_a_word(suffix: str) -> bool:
    """Returns whether a user may take files of this suffix for photos that were read; `suffix` is in lower
    case."""
    return suffix not in PHOTO_SUFFIXES and suffix not in _EXPECTED


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """The files and folders that were passed over, so that a user can be told."""

    files: Mapping[str, int] = field(default_factory=dict)
    """The number of files by suffix, without notes and tables, most common first."""
    own: tuple[Path, ...] = ()
    """Folders that Blemish wrote, whose sub-folders were not entered."""

    @property
    def pictures(self) -> int:
        """How many of the files are pictures, by their suffix: photos that a user may miss."""
        return sum(count for suffix, count in self.files.items() if suffix in _PICTURES)

    def unread(self) -> list[DataError]:
        """Returns an error where pictures are among the files: nobody must think that they were looked at."""
        return [DataError(line) for line in self._files()] if self.pictures else []

    def notes(self) -> list[str]:
        """Returns a line for everything else."""
        own = [f"left out: what Blemish wrote itself, in {some_of(self.own)}"] if self.own else []
        return own if self.pictures else [*self._files(), *own]

    def lines(self) -> list[str]:
        """Returns a line for files and one for folders, where there are any."""
        return [*map(str, self.unread()), *self.notes()]

    def _files(self) -> list[str]:
        if not self.files:
            return []
        total = counted(sum(self.files.values()), "file")
        return [
            f"left out: {total} of other kinds: {with_counts(self.files, shown=8)}; pictures must be saved as one of "
            f"{' '.join(PHOTO_SUFFIXES)}"
        ]


def all_skipped(of_folders: Iterable[Skipped]) -> Skipped:
    """Returns what was passed over in several folders, together."""
    files: Counter[str] = Counter()
    own: list[Path] = []
    for skipped in of_folders:
        files.update(skipped.files)
        own += skipped.own
    return Skipped(files=most_common_first(files), own=tuple(dict.fromkeys(own)))


def most_common_first(suffixes: Mapping[str, int]) -> dict[str, int]:
    """Returns the same counts in an order that does not depend on the folder's own."""
    return dict(sorted(suffixes.items(), key=lambda pair: (-pair[1], pair[0])))
