"""What training runs on."""

import pytest
import torch

from blemish.errors import SettingsError
from blemish.networks.device import has_fast_bf16, keep_float32
from blemish.training.processes import _backend, open_processes
from blemish.training.settings import TrainingSettings


def test_auto_precision_is_bf16_only_where_the_processor_has_it() -> None:
    with open_processes(TrainingSettings(device="cpu")) as runtime:
        assert runtime.precision == ("bf16" if has_fast_bf16(torch.device("cpu")) else "fp32")


def test_a_chosen_precision_is_taken() -> None:
    with open_processes(TrainingSettings(device="cpu", precision="bf16")) as runtime, runtime.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16


@pytest.mark.parametrize("device", ["tpu", "gpu", "cuda:99", "mps"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(SettingsError, match="device"), open_processes(TrainingSettings(device=device)):
        pass


def test_a_gpu_is_to_compute_as_exactly_as_any_runtime() -> None:
    before = torch.backends.cudnn.allow_tf32
    try:
        keep_float32(torch.device("cpu"))
        assert torch.backends.cudnn.allow_tf32 == before
        keep_float32(torch.device("cuda"))
        assert not torch.backends.cudnn.allow_tf32
    finally:
        torch.backends.cudnn.allow_tf32 = before


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
