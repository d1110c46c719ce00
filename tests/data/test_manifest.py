"""What the labels of a list of one's own mean."""

import json
from pathlib import Path

import pytest

from blemish.data import AUTO, find_dataset
from blemish.data.dataset import Sample

GOOD = ["", "0", "0.0", "False", "FALSE", "ok", "no defect", "defect-free", "nicht defekt"]
BAD = {"1": "defect", "1.0": "defect", "True": "defect", "NG": "NG", "not good": "not good", "good scratch": ""}


@pytest.mark.parametrize("label", GOOD)
def test_a_label_that_says_no_defect_is_of_a_good_part(label: str, tmp_path: Path) -> None:
    assert not labelled(tmp_path, label)[0].anomalous


@pytest.mark.parametrize("label", BAD)
def test_any_other_label_is_of_a_defect(label: str, tmp_path: Path) -> None:
    assert labelled(tmp_path, label)[0].defect_type == (BAD[label] or label)


@pytest.mark.parametrize(("label", "anomalous"), [(0, False), (0.0, False), (False, False), (1.0, True), (True, True)])
def test_numbers_and_flags_in_json_mean_the_same(label: object, anomalous: bool, tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    line = {"image": "a.png", "label": label, "split": "test"}
    (tmp_path / "manifest.jsonl").write_text(json.dumps(line))
    assert [sample.anomalous for sample in find_dataset(AUTO, tmp_path).test] == [anomalous]


def labelled(folder: Path, label: str) -> tuple[Sample, ...]:
    (folder / "a.png").touch()
    (folder / "manifest.csv").write_text(f"image,label,split\na.png,{label},test\n")
    return find_dataset(AUTO, folder).test
