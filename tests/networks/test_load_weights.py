"""Reading weights files and copying them into a network."""

import os
import pickle
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from blemish.errors import WeightsError
from blemish.networks.pretrained import load_weights, read_weights
from blemish.networks.random_weights import WithoutRandomWeights


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 4, 3), norm=nn.BatchNorm2d(4)))


def _weights(seed: int = 1) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    other = nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 4, 3), norm=nn.BatchNorm2d(4), fc=nn.Linear(4, 2)))
    return dict(other.state_dict())


def test_a_network_built_to_be_loaded_draws_nothing(network: nn.Module) -> None:
    state = torch.get_rng_state()
    with WithoutRandomWeights():
        built = nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 4, 3), norm=nn.BatchNorm2d(4)))
        nn.init.kaiming_normal_(tensor=built.get_parameter("conv.weight"))
        nn.init.xavier_normal_(built.get_parameter("conv.weight"))
    assert torch.equal(torch.get_rng_state(), state)
    load_weights(built, network.state_dict())
    assert all(torch.equal(built.state_dict()[name], tensor) for name, tensor in network.state_dict().items())
    assert not torch.equal(nn.Conv2d(3, 4, 3).weight, nn.Conv2d(3, 4, 3).weight), "outside, it draws as ever"


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_both_kinds_of_file_are_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"net{suffix}"
    if suffix == ".pth":
        torch.save(OrderedDict(_weights()), path)
    else:
        save_file(_weights(), path)
    found = read_weights(path)
    assert found.keys() == _weights().keys()
    assert all(torch.equal(tensor, found[name]) for name, tensor in _weights().items())


def test_the_old_kind_of_torch_file_is_read(tmp_path: Path) -> None:
    torch.save(_weights(), tmp_path / "net.pth", _use_new_zipfile_serialization=False)
    assert read_weights(tmp_path / "net.pth").keys() == _weights().keys()


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("damage", ["empty", "cut", "text"])
def test_a_damaged_file_gives_one_line_naming_it(tmp_path: Path, suffix: str, damage: str) -> None:
    path = tmp_path / f"net{suffix}"
    if suffix == ".pth":
        torch.save(_weights(), path)
    else:
        save_file(_weights(), path)
    whole = path.read_bytes()
    path.write_bytes({"empty": b"", "cut": whole[: len(whole) // 2], "text": b"<html>404</html>"}[damage])
    with pytest.raises(WeightsError) as caught:
        read_weights(path)
    assert str(path) in str(caught.value)
    assert "damaged" in str(caught.value)
    assert "\n" not in str(caught.value)


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, crater: Path) -> None:
        self.crater = crater

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.crater),)


def test_a_file_that_carries_code_is_refused_and_runs_none(tmp_path: Path) -> None:
    crater = tmp_path / "crater"
    torch.save({"conv.weight": torch.zeros(1), "bomb": Bomb(crater)}, tmp_path / "net.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Bomb(crater)))
    for name in ("net.pth", "plain.pth"):
        with pytest.raises(WeightsError, match=r"refused because it could run code"):
            read_weights(tmp_path / name)
    assert not crater.exists()


@pytest.mark.parametrize("content", [torch.zeros(3), {"state_dict": {"a": torch.zeros(3)}}, {1: torch.zeros(3)}])
def test_a_file_that_is_no_flat_dictionary_of_tensors_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=r"net\.pth is no flat dictionary of named tensors"):
        read_weights(tmp_path / "net.pth")


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"net\.h5 is of no known kind"):
        read_weights(tmp_path / "net.h5")


def test_every_tensor_is_copied_and_extra_entries_are_ignored(network: nn.Module) -> None:
    load_weights(network, _weights())
    assert all(torch.equal(tensor, _weights()[name]) for name, tensor in network.state_dict().items())


def test_a_file_without_batch_counts_fits(network: nn.Module) -> None:
    weights = {name: tensor for name, tensor in _weights().items() if not name.endswith("num_batches_tracked")}
    load_weights(network, weights)
    assert torch.equal(network.state_dict()["conv.weight"], weights["conv.weight"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"conv.weight": None, "norm.bias": None},
            r"net\.pth does not fit this network: it lacks conv\.weight, norm\.bias;",
        ),
        (
            {"conv.weight": torch.zeros(4, 3, 5, 5)},
            r"conv\.weight float \(4, 3, 5, 5\) instead of float \(4, 3, 3, 3\)",
        ),
        ({"norm.weight": torch.ones(4, dtype=torch.int8)}, r"norm\.weight integer \(4,\) instead of float \(4,\)"),
        (
            {"norm.weight": torch.tensor([1, 2, float("nan"), 4])},
            r"net\.pth is damaged: NaN or infinity in norm\.weight",
        ),
        ({"conv.bias": torch.full((4,), float("inf"))}, r"damaged: NaN or infinity in conv\.bias"),
    ],
)
def test_weights_that_do_not_fit_change_nothing(
    network: nn.Module, change: dict[str, Tensor | None], message: str
) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    changed = _weights() | change
    weights = {name: tensor for name, tensor in changed.items() if tensor is not None}
    with pytest.raises(WeightsError, match=message):
        load_weights(network, weights, origin="net.pth")
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_a_long_list_of_missing_tensors_is_cut(network: nn.Module) -> None:
    with pytest.raises(WeightsError, match=r"lacks conv\.weight, conv\.bias, norm\.weight and 3 more;"):
        load_weights(network, {})


def test_weights_too_large_to_be_added_are_no_damage() -> None:
    large = nn.Linear(2, 2, bias=False)
    load_weights(large, {"weight": torch.full((2, 2), 3e38)})
    assert large.weight.isfinite().all()
