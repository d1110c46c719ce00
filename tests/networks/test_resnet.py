import os
from pathlib import Path

import numpy as np
import pytest
import torch

from blemish.networks import build_backbone
from blemish.networks.teacher import Teacher

SHARED = Path(os.environ.get("BLEMISH_SHARED", Path(__file__).parents[2] / "../shared"))

STEM = {"conv1.weight": (64, 3, 7, 7), "bn1.weight": (64,), "bn1.running_var": (64,), "bn1.num_batches_tracked": ()}

TORCHVISION = {
    "resnet18": STEM
    | {
        "layer1.0.conv1.weight": (64, 64, 3, 3),
        "layer1.1.bn2.bias": (64,),
        "layer2.0.downsample.0.weight": (128, 64, 1, 1),
        "layer2.0.downsample.1.running_mean": (128,),
        "layer4.1.conv2.weight": (512, 512, 3, 3),
    },
    "resnet34": STEM | {"layer1.2.conv2.weight": (64, 64, 3, 3), "layer3.5.bn1.weight": (256,)},
    "resnet50": STEM
    | {
        "layer1.0.downsample.0.weight": (256, 64, 1, 1),
        "layer1.0.conv3.weight": (256, 64, 1, 1),
        "layer2.0.conv2.weight": (128, 128, 3, 3),
        "layer3.5.bn3.bias": (1024,),
        "layer4.2.conv1.weight": (512, 2048, 1, 1),
    },
    "wide_resnet50_2": STEM
    | {
        "layer1.0.conv2.weight": (128, 128, 3, 3),
        "layer1.0.conv3.weight": (256, 128, 1, 1),
        "layer4.2.bn2.weight": (1024,),
    },
}


@pytest.mark.parametrize("name", TORCHVISION)
def test_tensors_have_torchvisions_names_and_shapes(name: str) -> None:
    ours = {key: tuple(tensor.shape) for key, tensor in build_backbone(name, levels=4).state_dict().items()}
    assert TORCHVISION[name].items() <= ours.items()
    assert {key.split(".")[0] for key in ours} == {"conv1", "bn1", "layer1", "layer2", "layer3", "layer4"}


@pytest.mark.parametrize(
    ("name", "levels", "count"),
    [
        ("resnet18", 3, 2_782_784),
        ("resnet18", 4, 11_176_512),
        ("resnet34", 4, 21_284_672),
        ("resnet50", 3, 8_543_296),
        ("resnet50", 4, 23_508_032),
        ("wide_resnet50_2", 4, 66_834_240),
    ],
)
def test_parameter_counts_are_the_published_ones_without_the_classifier(name: str, levels: int, count: int) -> None:
    assert sum(parameter.numel() for parameter in build_backbone(name, levels=levels).parameters()) == count


def test_the_bottlenecks_stride_sits_in_its_3x3_convolution() -> None:
    network = build_backbone("resnet50", levels=2)
    assert network.get_submodule("layer2.0.conv1").stride == (1, 1)
    assert network.get_submodule("layer2.0.conv2").stride == (2, 2)


def test_a_photo_is_normalised_with_imagenets_colours() -> None:
    network = build_backbone("resnet18", levels=1).eval()
    images = torch.rand(1, 3, 32, 32)
    by_hand = (images - torch.tensor([[[0.485]], [[0.456]], [[0.406]]])) / torch.tensor(
        [[[0.229]], [[0.224]], [[0.225]]]
    )
    with torch.no_grad():
        torch.testing.assert_close(network(images), network.features(by_hand))


def test_pretrained_resnet18_gives_the_reference_features() -> None:
    weights = SHARED / "weights" / "resnet18.safetensors"
    reference = SHARED / "weights" / "resnet18_reference_features_chelsea.npz"
    if not (weights.is_file() and reference.is_file()):
        pytest.skip(f"needs the shared weights: {weights.name} and {reference.name} in $BLEMISH_SHARED/weights")
    teacher = Teacher.pretrained("resnet18", levels=3, file=weights)
    with np.load(reference) as arrays, torch.no_grad():
        features = teacher.backbone.features(torch.from_numpy(arrays["x"]))
        for level, ours in enumerate(features, start=1):
            theirs = torch.from_numpy(arrays[f"layer{level}"])
            assert float((ours - theirs).abs().max() / theirs.abs().max()) < 1e-5
            assert ours.min() >= 0
