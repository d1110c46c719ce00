"""The page of what was measured gets its table by one command."""

from pathlib import Path

import pytest

from blemish.data.dataset import Dataset
from blemish.studies.table import table_of


def test_the_table_of_all_methods_is_made_from_cells_and_replaces_itself(
    parts: Dataset, seeded_resnet18: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    import measured

    folder, category = parts.root.parent.name, parts.root.name
    photo_set = measured.PhotoSet(title="tiles", folder=folder, category=category, size=(64, 64))
    monkeypatch.setitem(measured.OF_METHODS, "stpm", {"teacher_weights": (seeded_resnet18,)})
    short = measured.Short(steps=2, small_pc=False, photos=3)
    found = measured.measured(photo_set, parts.root.parent.parent, tmp_path, methods=["stpm"], seeds=1, short=short)
    assert not found.failed
    tables = {photo_set.heading: table_of(found, measured.differences_of(found, tmp_path))}
    section = measured.section_of(tables, seeds=1, short=short)
    (row,) = [line for line in section.splitlines() if line.startswith("| tiles, 64x64 | stpm | 1 | ")]
    assert f"{found.results[0].metrics['image_auroc']:.3f}" in row
    assert "Every method with its defaults but stpm with teacher_weights" in section
    assert "rstpm with" not in section and "destseg with" not in section, "only what the table shows"
    assert "At most 2 steps each, of 3 photos of each use: a rehearsal" in section
    page = (Path(__file__).parents[2] / "docs" / "reference" / "measured.md").read_text()
    if measured.BEGIN in page:  # as it is before the first time
        before, _, stands = page.partition(measured.BEGIN)
        page = before + stands.partition(f"{measured.END}\n\n")[2]
    once = measured.put_into(page, section)
    assert once.replace(f"{section}\n", "") == page, "nothing else changes"
    assert measured.put_into(once, section.replace("tiles", "lids")) == once.replace("tiles", "lids")
