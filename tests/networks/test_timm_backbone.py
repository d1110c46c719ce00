import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from blemish.errors import MissingExtraError, SettingsError
from blemish.networks import build_backbone
from blemish.networks.teacher import Teacher


def test_without_timm_the_error_gives_the_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingExtraError, match=r"needs timm, which is not installed: pip install 'blemish\[timm\]'"):
        build_backbone("timm/resnet18.tv_in1k", levels=3)


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50", "wide_resnet50_2"])
def test_timms_resnets_have_our_shapes_and_with_our_weights_our_features(tmp_path: Path, name: str) -> None:
    pytest.importorskip("timm")
    ours = build_backbone(name, levels=3)
    save_file(dict(ours.state_dict()), tmp_path / "net.safetensors")
    theirs = Teacher.pretrained(f"timm/{name}.tv_in1k", levels=3, file=tmp_path / "net.safetensors")
    assert theirs.channels == ours.channels
    assert theirs.strides == (4, 8, 16)
    images = torch.rand(1, 3, 75, 101)
    for level, other in zip(Teacher(ours)(images), theirs(images), strict=True):
        torch.testing.assert_close(level, other)


@pytest.mark.parametrize("model", ["no_such_model", "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"])
def test_a_timm_network_without_our_strides_is_refused(model: str) -> None:
    pytest.importorskip("timm")
    with pytest.raises(SettingsError, match=f"timm/{model} gives no features at strides"):
        build_backbone(f"timm/{model}", levels=3)


def test_trying_a_timm_network_out_leaves_it_as_new() -> None:
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    built = build_backbone("timm/resnet10t", levels=3)
    torch.manual_seed(0)
    timm.create_model("resnet10t", features_only=True)
    new = timm.create_model("resnet10t", features_only=True, out_indices=(1, 2, 3))
    assert built.training
    torch.testing.assert_close(dict(built.pretrained_part.state_dict()), dict(new.state_dict()), rtol=0, atol=0)


def test_a_size_that_a_timm_network_cannot_take_is_named() -> None:
    pytest.importorskip("timm")
    hrnet = build_backbone("timm/hrnet_w18_small", levels=3)
    hrnet.features(torch.zeros(1, 3, 64, 96))
    with pytest.raises(SettingsError, match=r"100x64 photos may not suit .* give an image size of multiples of 32"):
        hrnet.features(torch.zeros(1, 3, 100, 64))
