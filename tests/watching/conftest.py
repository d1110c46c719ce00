"""What the tests of watching share."""

from pathlib import Path

import pytest

from blemish.data.dataset import Dataset
from watching.line import Line


@pytest.fixture
def line(stpm_exported: Path, parts: Dataset, tmp_path: Path) -> Line:
    """An empty folder to be watched, and photos that may come into it."""
    (tmp_path / "in").mkdir()
    photos = [sample.image for sample in parts.test]
    return Line(folder=tmp_path / "in", into=tmp_path / "out", run=stpm_exported, photos=photos)
