"""Settings as JSON, Python and numpy give them, and what is said of those that do not fit."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

import blemish
from blemish.data.dataset import Dataset
from blemish.detectors.settings import AreaSize, DetectorSettings, ImageSize, image_size_of, typed_setting
from blemish.errors import SettingsError


@dataclass(frozen=True, kw_only=True)
class Settings(DetectorSettings):
    """A setting of every kind."""

    rate: float = 0.5
    decay: float | None = None
    patience: int | None = None
    slow: bool = False
    keep: Literal["best", "last"] = "best"


@pytest.mark.parametrize(
    ("expected", "given", "typed"),
    [
        (float | None, 1, 1.0),
        (float | None, 0.25, 0.25),
        (float | None, None, None),
        (float | None, np.int64(3), 3.0),
        (float, np.float64(0.1), 0.1),
        (float, np.float32(0.5), 0.5),
        (int, np.int64(3), 3),
        (int, np.uint8(3), 3),
        (int | None, np.int32(3), 3),
        (bool, np.bool_(True), True),
        (str, np.str_("resnet18"), "resnet18"),
        (Literal["best", "last"], np.str_("last"), "last"),
        (ImageSize, np.int64(64), AreaSize(64, 64)),
        (ImageSize, [np.int64(64), np.int16(32)], ImageSize(64, 32)),
        (ImageSize, np.array([64, 32]), ImageSize(64, 32)),
    ],
)
def test_a_whole_number_and_a_scalar_of_numpy_fit(expected: Any, given: Any, typed: Any) -> None:
    found = typed_setting("name", given, expected)
    assert found == typed
    assert type(found) is type(typed)
    assert not isinstance(found, np.generic)


@pytest.mark.parametrize(
    ("expected", "given", "wanted"),
    [
        (float | None, "fast", "a finite number or None"),
        (float | None, True, "a finite number or None"),
        (float, float("nan"), "a finite number"),
        (float, np.float32("inf"), "a finite number"),
        (float, 10**400, "a finite number"),
        (int, 0.5, "int"),
        (int, np.float64(3), "int"),
        (int, np.bool_(True), "int"),
        (int | None, np.array([3]), "int or None"),
        (bool, np.int64(1), "bool"),
        (Literal["best", "last"], "first", "('best', 'last')"),
        (ImageSize, np.float64(64), "one number for a square"),
        (ImageSize, [64, True], "one number for a square"),
        (ImageSize, np.array([1, 2, 3]), "one number for a square"),
    ],
)
def test_another_type_is_refused_with_the_setting_and_what_it_must_be(expected: Any, given: Any, wanted: str) -> None:
    with pytest.raises(SettingsError) as caught:
        typed_setting("image_size", given, expected)
    assert str(caught.value).startswith("setting image_size cannot be ")
    assert wanted in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_image_size_of_numpys_numbers_is_one_of_pythons() -> None:
    assert [type(side) for side in image_size_of((np.int64(64), np.int64(32)))] == [int, int]
    assert image_size_of(np.int64(64)) == (64, 64)


def test_settings_of_a_sweep_are_written_as_json_has_them() -> None:
    settings = Settings.from_json({"rate": np.float64(0.1), "decay": np.int64(1), "steps": np.int64(7)})
    assert settings == Settings(rate=0.1, decay=1.0, steps=7)
    assert {type(value) for value in settings.to_json().values()} <= {float, int, str, bool, AreaSize, type(None)}


@pytest.mark.parametrize(("typed", "meant"), [("pacience", "patience"), ("imagesize", "image_size"), ("rates", "rate")])
def test_an_unknown_setting_is_named_with_the_one_that_was_meant(typed: str, meant: str) -> None:
    with pytest.raises(SettingsError, match=rf"unknown setting {typed}: did you mean {meant}\?"):
        Settings.from_json({typed: 1})


def test_a_setting_like_no_other_is_told_which_there_are() -> None:
    with pytest.raises(SettingsError, match="unknown setting zzz: there are teacher, image_size, steps, rate, decay"):
        Settings.from_json({"zzz": 1})


def test_a_setting_of_training_that_is_misspelt_is_told_what_was_meant(parts: Dataset, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"unknown setting batch_sise: did you mean batch_size\?"):
        blemish.train("stpm", parts, tmp_path / "run", batch_sise=4)
