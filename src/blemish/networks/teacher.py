"""The teacher: a pretrained backbone that nothing can train or wake."""

from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from blemish.networks import BACKBONES, TIMM_PREFIX, build_backbone
from blemish.networks.backbone import FeaturePyramid
from blemish.networks.pretrained import OnDownload, WeightsFile, find_weights, load_weights, read_weights


class Teacher(nn.Module):
    """A backbone whose weights are frozen; it is always in eval mode, without gradients even towards its input.

    Takes the backbone over and freezes it. Its weights stay what they are until load_pretrained, or load_state_dict
    from an artifact.
    """

    def __init__(self, backbone: FeaturePyramid, *, name: str | None = None) -> None:
        super().__init__()
        self.backbone = backbone.requires_grad_(False)
        self.channels = backbone.channels
        self.strides = backbone.strides
        self.stem_channels = backbone.stem_channels
        self.name = name
        self.weights_sha256: str | None = None
        self.weights_origin: str | None = None
        self.eval()

    @classmethod
    def pretrained(
        cls,
        name: str,
        *,
        levels: int,
        file: Path | None = None,
        download: bool = True,
        on_progress: OnDownload | None = None,
    ) -> Self:
        """Returns the backbone of this name with its pretrained weights; raises as build_backbone and load_pretrained
        do."""
        teacher = cls(build_backbone(name, levels=levels), name=name)
        teacher.load_pretrained(file, download=download, on_progress=on_progress)
        return teacher

    def load_pretrained(
        self, file: Path | None = None, *, download: bool = True, on_progress: OnDownload | None = None
    ) -> WeightsFile:
        """Loads the ImageNet weights of this teacher's name, or those of `file`, and says which they were.

        Raises WeightsError where weights are not found, damaged or do not fit, and MissingExtraError where the package
        that carries them is not installed.
        """
        assert self.name is not None, "a teacher without a name gets its weights from load_state_dict"
        found = _find(self.name, file=file, download=download, on_progress=on_progress)
        load_weights(self.backbone.pretrained_part, read_weights(found.path), origin=str(found.path))
        self.weights_sha256, self.weights_origin = found.sha256, found.origin
        return found

    def train(self, mode: bool = True) -> Self:  # noqa: ARG002 - a parent's .train() must not wake the batch norm
        return super().train(False)

    @torch.no_grad()
    def forward(self, images: Tensor, *, stem: bool = False) -> tuple[Tensor, ...]:
        """Returns the backbone's features of images (B, 3, H, W) float32, RGB, 0 to 1; with `stem`, its stem's last."""
        features: tuple[Tensor, ...] = self.backbone(images, stem=stem)
        return features


def _find(name: str, *, file: Path | None, download: bool, on_progress: OnDownload | None) -> WeightsFile:
    if name.startswith(TIMM_PREFIX):
        from blemish.networks.timm_backbone import find_timm_weights

        return find_timm_weights(name.removeprefix(TIMM_PREFIX), file=file)
    return find_weights(name, BACKBONES[name].weights, file=file, download=download, on_progress=on_progress)
