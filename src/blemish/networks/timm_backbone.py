"""Backbones that timm builds, by names such as timm/resnet18.tv_in1k: an optional extra."""

from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from blemish.errors import MissingExtraError, SettingsError, WeightsError
from blemish.networks.backbone import STRIDES, FeaturePyramid
from blemish.networks.pretrained import WeightsFile, given_weights


class TimmPyramid(FeaturePyramid):
    """An adapter of a timm network that was created with features_only."""

    def __init__(self, network: Any) -> None:
        data = network.pretrained_cfg
        super().__init__(channels=tuple(network.feature_info.channels()), mean=data["mean"], std=data["std"])
        self.network: nn.Module = network

    def features(self, normalised: Tensor) -> tuple[Tensor, ...]:
        try:
            return tuple(self.network(normalised))
        except RuntimeError as error:
            height, width = normalised.shape[-2:]
            if height % 32 == width % 32 == 0:
                raise
            reason = str(error).partition("\n")[0]
            size = f"{height}x{width} photos may not suit timm's network"
            raise SettingsError(f"{size}: {reason}; give an image size of multiples of 32") from error

    @property
    def pretrained_part(self) -> nn.Module:
        return self.network


def build_timm(model: str, *, levels: int) -> TimmPyramid:
    """Returns timm's network of this name with timm's random weights; raises SettingsError where it lacks our
    strides."""
    timm = _timm()
    try:
        strides = timm.create_model(model, features_only=True).feature_info.reduction()
        wanted = tuple(strides.index(stride) for stride in STRIDES[:levels])
        pyramid = TimmPyramid(timm.create_model(model, features_only=True, out_indices=wanted))
        _try_out(pyramid)
    except (AssertionError, AttributeError, RuntimeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise SettingsError(f"timm/{model} gives no features at strides {STRIDES[:levels]}: {reason}") from error
    return pyramid


@torch.no_grad()
def _try_out(pyramid: TimmPyramid) -> None:
    """Raises ValueError, or what the network itself raises, where it wants photos of one size or puts channels last."""
    height, width = 64, 96
    pyramid.eval()  # so that no batch norm takes this for a photo
    for feature, channels, stride in zip(
        pyramid.features(torch.zeros(1, 3, height, width)), pyramid.channels, STRIDES, strict=False
    ):
        if feature.shape[1:] != (channels, height // stride, width // stride):
            raise ValueError(f"those of a photo of {height}x{width} have the shape {tuple(feature.shape)}")
    pyramid.train()


def find_timm_weights(model: str, *, file: Path | None = None) -> WeightsFile:
    """Returns the given file, else what timm itself has already downloaded; nothing is fetched here."""
    if file is not None:
        return given_weights(file)
    repository = _timm().get_pretrained_cfg(model).hf_hub_id
    if repository is not None:
        cached = import_module("huggingface_hub").try_to_load_from_cache(repository, "model.safetensors")
        if isinstance(cached, str):
            return WeightsFile.of(Path(cached), origin=f"timm's cache of {repository}")
    raise WeightsError(
        f"no weights for teacher timm/{model}: timm's cache does not hold them; "
        f"give a file with --teacher-weights FILE, or fetch them once with "
        f"python -c \"import timm; timm.create_model('{model}', pretrained=True)\""
    )


def _timm() -> Any:
    try:
        import timm
    except ImportError as error:
        raise MissingExtraError(package="timm", extra="timm", purpose="a backbone named timm/...") from error
    except RuntimeError as error:  # torchvision, which timm imports, was compiled for another torch
        raise SettingsError(f"timm cannot be imported: {error}; install the torchvision that matches torch") from error
    return timm
