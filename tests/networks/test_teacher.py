import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from blemish.errors import SettingsError, WeightsError
from blemish.networks import build_backbone
from blemish.networks.teacher import Teacher


@pytest.fixture
def weights_file(tmp_path: Path) -> Path:
    """A made-up ResNet-18 to layer2."""
    torch.manual_seed(5)
    path = tmp_path / "made_up.safetensors"
    save_file(dict(build_backbone("resnet18", levels=2).state_dict()), path)
    return path


def test_a_teacher_from_a_file_remembers_which_file(weights_file: Path) -> None:
    teacher = Teacher.pretrained("resnet18", levels=2, file=weights_file)
    assert teacher.name == "resnet18"
    assert teacher.weights_sha256 == hashlib.sha256(weights_file.read_bytes()).hexdigest()
    assert teacher.weights_origin == "given file made_up.safetensors"


def test_a_teacher_gives_what_its_file_says(weights_file: Path) -> None:
    torch.manual_seed(5)
    original = build_backbone("resnet18", levels=2).eval()
    teacher = Teacher.pretrained("resnet18", levels=2, file=weights_file)
    images = torch.rand(1, 3, 48, 64)
    with torch.no_grad():
        assert all(torch.equal(a, b) for a, b in zip(teacher(images), original(images), strict=True))


def test_a_file_with_more_levels_than_asked_for_fits(weights_file: Path) -> None:
    assert Teacher.pretrained("resnet18", levels=1, file=weights_file).channels == (64,)


def test_a_file_with_fewer_levels_than_asked_for_is_refused_by_name(weights_file: Path) -> None:
    with pytest.raises(
        WeightsError, match=r"made_up\.safetensors does not fit this network: it lacks layer3\.0\.conv1"
    ):
        Teacher.pretrained("resnet18", levels=3, file=weights_file)


def test_a_file_of_another_network_is_refused(weights_file: Path) -> None:
    with pytest.raises(WeightsError, match=r"made_up\.safetensors does not fit this network"):
        Teacher.pretrained("resnet50", levels=2, file=weights_file)


def test_an_unknown_teacher_is_refused_before_weights_are_searched() -> None:
    with pytest.raises(SettingsError, match="no backbone 'resnet19'"):
        Teacher.pretrained("resnet19", levels=2)


def test_a_teacher_gives_no_gradient_to_anything() -> None:
    teacher = Teacher(build_backbone("resnet18", levels=2))
    features = teacher(torch.rand(1, 3, 32, 32, requires_grad=True))
    assert not any(level.requires_grad for level in features)
    assert not any(parameter.requires_grad for parameter in teacher.parameters())


def test_no_call_to_train_wakes_a_teacher() -> None:
    teacher = Teacher(build_backbone("resnet18", levels=1))
    nn.Sequential(nn.Sequential(teacher)).train()
    teacher.train()
    teacher.train(True)
    assert not any(module.training for module in teacher.modules())
