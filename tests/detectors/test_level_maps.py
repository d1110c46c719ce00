"""What levels say, beside what the method makes of it."""

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from blemish.detectors import DETECTORS, Detector, ImageSize
from blemish.networks.discrepancy import interpolate_map, multiply_maps
from contract.two_stage import TwoStage, TwoStageSettings
from detectors.oracles import unit

SIZE = ImageSize(64, 96)
SETTINGS: dict[str, dict[str, Any]] = {"rstpm": {"second_teacher": "efficientnet_lite0", "reconstruction": "lite"}}


def drawn(method: str) -> Detector:
    """With drawn weights, and batch norms that differ as trained ones do."""
    torch.manual_seed(0)
    kind = DETECTORS[method]
    detector = kind(kind.Settings.from_json({"image_size": list(SIZE), **SETTINGS.get(method, {})}))
    for module in detector.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
    detector.eval()
    return detector


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand(2, 3, *SIZE, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("method", DETECTORS)
def test_every_level_has_a_name_a_resolution_of_its_own_and_values_from_0_to_2(method: str, images: Tensor) -> None:
    with torch.no_grad():
        maps = drawn(method).level_maps(images)
    assert maps
    for name, level_map in maps.items():
        named = re.fullmatch(r"[a-z]+_level([123])", name)
        assert named is not None
        stride = 2 ** (int(named[1]) + 1)
        assert level_map.shape == (2, 1, SIZE.height // stride, SIZE.width // stride)
        assert level_map.dtype == torch.float32
        assert 0 < level_map.min() < level_map.max() <= 2


def test_what_stpm_makes_of_its_levels_is_its_map(images: Tensor) -> None:
    stpm = drawn("stpm")
    with torch.no_grad():
        maps, anomaly_map = stpm.level_maps(images), stpm(images)
    product = multiply_maps([2 * level_map for level_map in maps.values()])  # ||t - s||^2 is twice 1 - cos
    torch.testing.assert_close(interpolate_map(product, SIZE), anomaly_map, rtol=1e-6, atol=0)


def test_what_rstpm_makes_of_its_six_levels_is_its_map(images: Tensor) -> None:
    rstpm = drawn("rstpm")
    with torch.no_grad():
        maps, anomaly_map = rstpm.level_maps(images), rstpm(images)
    expected = torch.ones(2, 1, *SIZE)
    for level in (1, 2, 3):
        expected *= sum(interpolate_map(maps[f"{pair}_level{level}"], SIZE) for pair in ("student", "reconstruction"))
    torch.testing.assert_close(expected, anomaly_map, rtol=1e-6, atol=0)


def test_destsegs_levels_are_what_its_segmentation_network_looks_at(images: Tensor) -> None:
    destseg: Any = drawn("destseg")
    with torch.no_grad():
        maps = destseg.level_maps(images)
        pairs = list(zip(destseg.teacher(images), destseg.student(images), strict=True))
        finest = destseg._products(images)[:, : pairs[0][0].shape[1]]
    for (teacher, student), level_map in zip(pairs, maps.values(), strict=True):
        cosine = (unit(teacher.double().numpy()) * unit(student.double().numpy())).sum(axis=1)
        assert level_map[:, 0].numpy() == pytest.approx(1 - cosine, rel=1e-4, abs=1e-6)
    torch.testing.assert_close(1 + finest.sum(dim=1, keepdim=True), maps["student_level1"], rtol=1e-4, atol=1e-5)


def test_a_method_that_says_nothing_of_levels_has_no_maps(images: Tensor) -> None:
    assert TwoStage(TwoStageSettings()).level_maps(images) == {}
