"""What training runs on."""

from pathlib import Path
from typing import Any

import pytest
import torch

import blemish
from blemish.data.dataset import Dataset
from blemish.detectors import DETECTORS
from blemish.errors import SettingsError
from blemish.networks.device import has_fast_bf16
from blemish.training.processes import _backend, open_processes
from blemish.training.settings import TrainingSettings


def test_auto_precision_is_bf16_only_where_the_processor_has_it() -> None:
    with open_processes(TrainingSettings(device="cpu")) as runtime:
        assert runtime.precision == ("bf16" if has_fast_bf16(torch.device("cpu")) else "fp32")


@pytest.mark.parametrize(("has", "fast"), [({"avx512_bf16": True}, False), ({"amx_bf16": True}, True), ({}, False)])
def test_bf16_pays_with_amx_alone(monkeypatch: pytest.MonkeyPatch, has: dict[str, bool], fast: bool) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has, raising=False)
    assert has_fast_bf16(torch.device("cpu")) is fast


def test_a_chosen_precision_is_taken() -> None:
    with open_processes(TrainingSettings(device="cpu", precision="bf16")) as runtime, runtime.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16


@pytest.mark.parametrize("device", ["tpu", "gpu", "cuda:99", "mps"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(SettingsError, match="device"), open_processes(TrainingSettings(device=device)):
        pass


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_computes_as_exactly_as_any_runtime_and_is_given_back_as_it_was() -> None:
    before = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic
    images, kernels = torch.rand(4, 64, 32, 32), torch.rand(64, 64, 3, 3)
    exact = torch.nn.functional.conv2d(images.double(), kernels.double())
    with open_processes(TrainingSettings(device="cuda", precision="fp32")) as runtime:
        found = torch.nn.functional.conv2d(images.to(runtime.device), kernels.to(runtime.device))
    assert ((found.cpu() - exact).abs() / exact.abs()).max() < 1e-5  # TF32 would be 1e-3 off
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic) == before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("method", DETECTORS)
def test_on_a_gpu_a_seed_gives_the_same_weights(
    method: str, parts: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings: Any = {"teacher": "efficientnet_lite0", "image_size": 64, "steps": 12, "batch_size": 8, "device": "cuda"}
    second: Any = {"second_teacher": "efficientnet_lite0"} if method == "rstpm" else {}
    photos = Dataset(name="folder", root=tmp_path, train=parts.train[:20])
    runs = [blemish.train(method, photos, tmp_path / str(i), **settings, **second) for i in range(3)]
    assert len({run.weights_sha256 for run in runs}) == 1
    assert "other last bits" not in caplog.text


def test_torchs_own_random_numbers_go_on_as_if_nothing_had_been() -> None:
    state = torch.get_rng_state()
    with open_processes(TrainingSettings(device="cpu")):
        torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("asked", "device", "local", "backend"),
    [
        ("auto", "cpu", "2", "gloo"),
        ("cuda", "cuda:1", "2", "cpu:gloo,cuda:nccl"),
        ("auto", "cuda:0", "1", "cpu:gloo,cuda:nccl"),
        ("cuda:0", "cuda:0", "1", "cpu:gloo,cuda:nccl"),  # one on each machine
        ("cuda:0", "cuda:0", "2", "gloo"),
    ],
)
def test_processes_that_share_a_gpu_do_not_ask_nccl_which_refuses_them(
    asked: str, device: str, local: str, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_WORLD_SIZE", local)
    assert _backend(asked, torch.device(device)) == backend
