"""Weights and model folders that are damaged, edited or of another kind: one line that names what is wrong."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from blemish.networks import build_backbone
from commands import QUICK, blemish, one_line

Values = dict[str, Any]


def edit(folder: Path, change: Callable[[Values], object]) -> None:
    values = json.loads((folder / "model.json").read_text())
    change(values)
    (folder / "model.json").write_text(json.dumps(values))


def replace_weights(folder: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    """Changes the tensors, and the checksum in model.json with them."""
    path = folder / "weights.safetensors"
    weights = load_file(path)
    change(weights)
    save_file(weights, path)
    edit(folder, lambda v: v.update(weights_sha256=hashlib.sha256(path.read_bytes()).hexdigest()))


def judged_by(folder: Path, photos: Path, *words: str, bound: bool = False, network: bool = False) -> None:
    """Every command that opens the model refuses it with one line, and writes nothing.

    `network`: what is wrong lies in the weights, of which setting thresholds from kept scores knows nothing.
    """
    before = {path.name for path in folder.iterdir()}
    commands: list[tuple[str | Path, ...]] = [("predict", folder, photos), ("evaluate", folder, photos)]
    for command in commands if network else [*commands, ("calibrate", folder)]:
        done = blemish(*command, bound=bound)
        one_line(done, str(folder), *words)
        assert not done.out
    assert {path.name for path in folder.iterdir()} == before


@pytest.mark.parametrize("damage", [torch.nan, torch.inf])
def test_a_number_that_is_none_in_a_teachers_weights_names_the_tensor(
    photos: Path, tmp_path: Path, damage: float
) -> None:
    weights = build_backbone("efficientnet_lite0", levels=4).state_dict()
    name = next(name for name in weights if name.endswith("weight"))
    weights[name].view(-1)[3] = damage
    save_file(weights, tmp_path / "teacher.safetensors")
    done = blemish(
        "train", "stpm", photos, tmp_path / "out", *QUICK, "--teacher-weights", tmp_path / "teacher.safetensors"
    )
    one_line(done, "teacher.safetensors", f"NaN or infinity in {name}")
    assert not list((tmp_path / "out").iterdir())


def test_the_weights_of_another_teacher_are_refused(photos: Path, tmp_path: Path, seeded_resnet18: Path) -> None:
    done = blemish("train", "stpm", photos, tmp_path / "out", *QUICK, "--teacher-weights", seeded_resnet18)
    one_line(done, "resnet18.safetensors", "does not fit this network")


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "damaged or no safetensors file"), (b"\xff" * 100, "damaged or no safetensors file")]
)
def test_a_teachers_weights_that_are_none_are_refused(photos: Path, tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "teacher.safetensors").write_bytes(content)
    done = blemish(
        "train", "stpm", photos, tmp_path / "out", *QUICK, "--teacher-weights", tmp_path / "teacher.safetensors"
    )
    one_line(done, "teacher.safetensors", said)


@pytest.mark.parametrize("damage", [torch.nan, torch.inf])
def test_a_number_that_is_none_in_the_models_weights_names_the_tensor(copy: Path, photos: Path, damage: float) -> None:
    broken: list[str] = []

    def change(weights: dict[str, Tensor]) -> None:
        name = next(name for name in weights if name.startswith("student") and name.endswith("weight"))
        weights[name].view(-1)[0] = damage
        broken.append(name)

    replace_weights(copy, change)
    judged_by(copy, photos, "NaN or infinity in", *broken, network=True)


def test_weights_of_another_network_are_refused(copy: Path, photos: Path) -> None:
    def change(weights: dict[str, Tensor]) -> None:
        for name in list(weights)[5:]:
            del weights[name]

    replace_weights(copy, change)
    judged_by(copy, photos, "settings and weights do not make a detector", "it lacks ", network=True)


def test_weights_that_are_not_those_of_the_model_are_refused(copy: Path, photos: Path) -> None:
    (copy / "weights.safetensors").write_bytes((copy / "weights.safetensors").read_bytes() + b"\0")
    judged_by(copy, photos, "checksum differs", network=True)


def test_a_model_without_its_weights_is_refused(copy: Path, photos: Path) -> None:
    (copy / "weights.safetensors").unlink()
    judged_by(copy, photos, "holds no weights.safetensors", network=True)


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
def test_a_model_that_may_not_be_read_is_named(copy: Path, photos: Path, name: str) -> None:
    (copy / name).chmod(0)
    judged_by(copy, photos, name, "cannot be read: Permission denied", bound=True, network=name != "model.json")


@pytest.mark.parametrize("content", [b"", b"{ half a fi", b"\xff\xfe\x00", b"[" * 100_000, b"[1, 2]", b"null", b"7"])
def test_a_description_that_is_none_is_refused(copy: Path, photos: Path, content: bytes) -> None:
    (copy / "model.json").write_bytes(content)
    judged_by(copy, photos, "model.json")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: v.update(format_version=99), "upgrade blemish"),
        (lambda v: v.update(format_version="2"), "not a Blemish model"),
        (lambda v: v.update(method="no_such_method"), "'no_such_method' is unknown here"),
        (lambda v: v.update(method=["stpm"] * 1000), "damaged or edited"),
        (lambda v: v["framing"].update(image_size=[-64, 64]), "image_size is -64x64"),
        (lambda v: v["framing"].update(image_size=[64, 10**400]), "damaged or edited"),
        (lambda v: v["framing"].update(image_size=[64.5, 64]), "damaged or edited"),
        (lambda v: v["framing"].update(image_size="64"), "damaged or edited"),
        (lambda v: v["framing"].update(image_size=[32, 32]), "image_size is not that of the settings"),
        (lambda v: v["calibration"]["image"].update(value=float("inf")), "calibration.image.value is Infinity"),
        (lambda v: v["calibration"]["pixel"].update(value=float("nan")), "calibration.pixel.value is NaN"),
        (lambda v: v["calibration"]["image"].update(value=10**400), "damaged or edited"),
        (lambda v: v["calibration"]["pixel"].update(value=1e308), "calibration.pixel.value is 1e+308"),
        (lambda v: v["settings"].update(learning_rate=10**400), "learning_rate"),
        (lambda v: v["calibration"]["image"].update(value=None), "damaged or edited"),
        (lambda v: v["calibration"]["image"].update(asked_rate=0), "no share between 0 and 1"),
        (lambda v: v["calibration"]["image"].update(promised_rate=-1), "no share between 0 and 1"),
        (lambda v: v["calibration"].update(scores=[]), "calibration scores are missing"),
        (lambda v: v["calibration"].update(scores=[2, 1]), "do not rise"),
        (lambda v: v["calibration"].update(peaks="123"), "damaged or edited"),
        (lambda v: v["calibration"].update(peaks=[1, 2, 3]), "3 calibration peaks for "),
        (lambda v: v["settings"].update(steps="many"), "steps"),
        (lambda v: v["settings"].update(image_size=[]), "image_size"),
        (lambda v: v["training"].pop("unreadable"), "model.training.unreadable is missing"),
        (lambda v: v["training"]["photos"][0].update(digest=5), "training.photos[0].digest is 5"),
        *(
            (lambda v, name=name: v.pop(name), f"model.{name} is missing")
            for name in ("settings", "calibration", "training")
        ),
    ],
)
def test_a_description_edited_by_hand_is_refused(
    copy: Path, photos: Path, change: Callable[[Values], object], said: str
) -> None:
    edit(copy, change)
    one_line(blemish("predict", copy, photos), str(copy), said)
