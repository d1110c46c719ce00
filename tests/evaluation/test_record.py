"""evaluation.json: what is written is read back, and what is damaged is named."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from blemish.errors import DataError
from blemish.evaluation.record import EVALUATION_FORMAT, read_evaluation, write_evaluation
from blemish.records import record_to_json
from evaluation.example import EVALUATION


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    write_evaluation(EVALUATION, tmp_path / "evaluation.json")
    assert read_evaluation(tmp_path / "evaluation.json") == EVALUATION


def test_whole_numbers_are_read_as_figures(tmp_path: Path) -> None:
    write_evaluation(replace(EVALUATION, threshold=7.0), tmp_path / "evaluation.json")
    path = tmp_path / "evaluation.json"
    path.write_text(path.read_text().replace('"threshold": 7.0', '"threshold": 7'))
    assert read_evaluation(path).threshold == 7


def edited(edit: Callable[[Any], object]) -> str:
    values = record_to_json(EVALUATION, form=EVALUATION_FORMAT)
    edit(values)
    return json.dumps(values)


DAMAGE: dict[str, tuple[str, str]] = {
    "empty": ("", "cannot be read"),
    "cut short": (json.dumps(record_to_json(EVALUATION, form=EVALUATION_FORMAT))[:300], "cannot be read"),
    "another thing": ("[1, 2]", "no format_version"),
    "deep": ("[" * 100_000, "cannot be read"),
    "no version": (edited(lambda v: v.pop("format_version")), "no format_version"),
    "a newer version": (edited(lambda v: v.update(format_version=99)), "has format 99"),
    "an older version": (edited(lambda v: v.update(format_version=1)), "has format 1, from before the first release"),
    "a field missing": (edited(lambda v: v.pop("misses")), "evaluation.misses is missing"),
    "a word for a number": (edited(lambda v: v.update(threshold="high")), 'evaluation.threshold is "high"'),
    "NaN": (edited(lambda v: v.update(threshold=float("nan"))), "evaluation.threshold is NaN"),
    "a fraction of a photo": (edited(lambda v: v.update(misses=0.5)), "evaluation.misses is 0.5"),
    "true for a number": (edited(lambda v: v["metrics"].update(image_auroc=True)), "metrics.image_auroc is true"),
    "half an interval": (edited(lambda v: v["intervals"].update(image_auroc=[1])), "intervals.image_auroc is [1]"),
    "a list for names": (edited(lambda v: v.update(metrics=[])), "evaluation.metrics is []"),
    "parts that are none": (edited(lambda v: v["good_parts"].update(parts=0)), "of 0 parts are counted"),
    "an unknown unit": (edited(lambda v: v.update(unit="pieces")), 'evaluation.unit is "pieces"'),
    "an unknown verdict": (edited(lambda v: v["photos"][1].update(verdict="maybe")), 'photos[1].verdict is "maybe"'),
    "photos that are none": (edited(lambda v: v.update(photos=["a.png"])), 'photos[0] is "a.png"'),
    "a long text": (edited(lambda v: v.update(map_size="x" * 5000)), 'map_size is "xxx'),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_one_line_that_names_it_and_the_field(damage: str, tmp_path: Path) -> None:
    text, said = DAMAGE[damage]
    path = tmp_path / "evaluation.json"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        read_evaluation(path)
    message = str(caught.value)
    assert str(path) in message
    assert said in message
    assert "\n" not in message
    assert len(message) < 300 + len(str(path))


def test_a_file_that_is_not_there_or_no_text_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^[^\n]*no such file[^\n]*blemish evaluate[^\n]*$"):
        read_evaluation(tmp_path / "evaluation.json")
    with pytest.raises(DataError, match=r"^[^\n]* cannot be read: Is a directory; [^\n]*$"):
        read_evaluation(tmp_path)
    (tmp_path / "photo.png").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(DataError, match=r"^[^\n]*photo.png cannot be read, it is no JSON: [^\n]*$"):
        read_evaluation(tmp_path / "photo.png")
