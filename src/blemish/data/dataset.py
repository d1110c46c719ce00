"""What a dataset is: photos that were found, what is known of each, and nothing decoded yet."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from blemish.errors import DataError

GOOD = "good"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One photo and what is known of it."""

    image: Path
    defect_type: str = GOOD
    """`good` for a normal part, else the name of the defect's folder."""
    mask: Path | None = None
    """Where the defect is, see `read_mask`; None for normal photos and for defects without ground truth."""

    @property
    def anomalous(self) -> bool:
        return self.defect_type != GOOD


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Photos of one category; `train` holds good parts only."""

    name: str
    root: Path
    category: str | None = None
    train: tuple[Sample, ...] = ()
    test: tuple[Sample, ...] = ()
    left_out: tuple[DataError, ...] = ()
    """What was found and cannot be used, such as masks without photo and folders that may not be read."""


Finder = Callable[[Path, str | None], Dataset]
"""(root, category) -> Dataset; raises DataError where nothing usable is found."""
