"""What makes Mend's decoder find more, where it learns first? It is trained with one thing changed, on real photos, and
judges alone.

    python benchmarks/decoder_ablation.py CATEGORY --teacher-weights resnet18.safetensors --size 192 --variants plain

CATEGORY is a folder in MVTec AD's layout. Per variant there is a line of the last weights and one of averaged ones:
image AUROC, pixel AUROC, pixel AP, PRO, and seconds of the processor.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from rstpm_ablation import figures_of
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from blemish.data.images import read_image, resize_image
from blemish.data.mvtec_ad import MVTEC_AD
from blemish.detectors import ImageSize
from blemish.detectors.mend import Mend, MendSettings
from blemish.networks.blocks import conv_norm_relu
from blemish.networks.discrepancy import distances, mean_of_hardest
from blemish.networks.mending import Decoder
from blemish.networks.resnet import BasicBlock

SHOWN = ("image_auroc", "pixel_auroc", "pixel_ap", "pro")
WIDTH = 256  # channels where all levels are squeezed together
AVERAGED = 0.99  # of the averaged weights stay in a step
HELD_OUT = 0.2


def halving(in_channels: int, channels: int) -> nn.Sequential:
    convolution = nn.Conv2d(in_channels, channels, 3, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.ReLU())


class Coarser(nn.Module):
    """Squeezes to half the size, and back."""

    def __init__(self) -> None:
        super().__init__()
        wide = 3 * WIDTH // 2
        self.squeeze = nn.Sequential(*halving(WIDTH, wide), BasicBlock(wide, wide))
        self.widen = conv_norm_relu(wide, WIDTH, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        size = (x.shape[-2], x.shape[-1])
        widened: Tensor = self.widen(F.interpolate(self.squeeze(x), size=size, mode="bilinear", align_corners=False))
        return widened


def narrower() -> nn.Module:
    return nn.Sequential(conv_norm_relu(WIDTH, WIDTH // 4, kernel=1), nn.Conv2d(WIDTH // 4, WIDTH, 1))


class Mirrored(nn.Module):
    """A ResNet-18 that runs backwards from 512 channels of half the coarsest level's size, as reverse distillation has
    it (Deng & Li, CVPR 2022)."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        fine, middle, coarse = channels
        self.fine = nn.Sequential(halving(fine, middle), halving(middle, coarse))
        self.middle = halving(middle, coarse)
        self.squeeze = nn.Sequential(halving(3 * coarse, 512), BasicBlock(512, 512), BasicBlock(512, 512))
        self.levels = nn.ModuleList([_enlarging(middle, fine), _enlarging(coarse, middle), _enlarging(512, coarse)])
        self.outputs = nn.ModuleList(nn.Conv2d(c, c, 1) for c in channels)

    def forward(self, vectors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Takes sides that are multiples of 32."""
        fine, middle, coarse = (vector * vector.shape[1] ** 0.5 for vector in vectors)
        x: Tensor = self.squeeze(torch.cat([self.fine(fine), self.middle(middle), coarse], dim=1))
        rebuilt = []
        for level, output in zip(self.levels[::-1], self.outputs[::-1], strict=True):
            x = level(x)
            rebuilt.append(output(x))
        return tuple(rebuilt[::-1])


def _enlarging(in_channels: int, channels: int) -> nn.Sequential:
    convolution = nn.ConvTranspose2d(in_channels, channels, 2, stride=2, bias=False)
    larger = nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.ReLU())
    return nn.Sequential(larger, BasicBlock(channels, channels), BasicBlock(channels, channels))


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One way to train the decoder."""

    mining: float = 0
    """The power of its distance by which a pixel counts."""
    learning_rate: float = 2e-3
    noise: float = 0
    """Deviation of noise on the features that are seen, each of about 1."""
    bottleneck: str | None = None
    """What stands where the levels are squeezed together."""
    build: Callable[[Sequence[int]], nn.Module] = Decoder
    """What makes the decoder, of the levels' channels."""
    rate_stays: bool = False
    """Whether the learning rate stays as it is, of Adam as reverse distillation has it."""


VARIANTS = {
    "plain": Variant(),
    **{f"mining-{power}": Variant(mining=power) for power in (1, 2, 3, 4, 6)},
    "dropout": Variant(bottleneck="dropout"),
    "narrower": Variant(bottleneck="narrower"),
    "coarser": Variant(bottleneck="coarser"),
    "noise": Variant(noise=0.2),
    "faster": Variant(learning_rate=5e-3),
    "narrow": Variant(mining=3, learning_rate=3e-3, build=partial(Decoder, narrow=True)),
    "mirrored": Variant(learning_rate=5e-3, build=Mirrored, rate_stays=True),
    "mining-2-narrower": Variant(mining=2, bottleneck="narrower"),
    "mining-2-faster": Variant(mining=2, learning_rate=5e-3),
}
BOTTLENECKS = {"dropout": lambda: nn.Dropout(0.2), "narrower": narrower, "coarser": Coarser}


def main() -> None:
    options = _options()
    height, width = options.size * 2 if len(options.size) == 1 else options.size
    photos = MVTEC_AD.find(options.category, None).train
    torch.manual_seed(options.seed)
    learned = torch.randperm(len(photos))[max(1, round(HELD_OUT * len(photos))) :].tolist()
    for name in options.variants:
        torch.manual_seed(options.seed)
        mend = Mend(MendSettings(image_size=ImageSize(height, width), judges="decoder"))
        mend.teacher.load_pretrained(options.teacher_weights)
        mend.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        pixels = [torch.from_numpy(resize_image(read_image(photos[i].image), (height, width))) for i in learned]
        started = time.process_time()
        kept = features(mend, torch.stack(pixels).permute(0, 3, 1, 2))
        last, averaged = trained(VARIANTS[name].build(mend.teacher.channels), kept, VARIANTS[name], options)
        seconds = time.process_time() - started
        for which, decoder in (("last", last), ("averaged", averaged)):
            mend.student.decoder = decoder
            mend.eval()
            figures = figures_of(mend, options.category)
            line = " / ".join(f"{figures[metric] or 0:.3f}" for metric in SHOWN)
            print(
                f"{options.category.name:<14}{height}x{width}  {name:<18}{which:<10}{line}  {seconds:.0f} s", flush=True
            )


@torch.no_grad()
def features(mend: Mend, pixels: Tensor) -> list[Tensor]:
    """The teacher's unit vectors per level of photos (N, 3, H, W), uint8."""
    seen = [mend._see(batch.float() / 255)[0] for batch in torch.split(pixels, 16)]
    return [torch.cat(level).contiguous(memory_format=torch.channels_last) for level in zip(*seen, strict=True)]


def trained(
    decoder: nn.Module, kept: list[Tensor], variant: Variant, options: argparse.Namespace
) -> tuple[nn.Module, nn.Module]:
    """The decoder with its last weights, and with averaged ones."""
    if variant.bottleneck is not None:
        assert isinstance(decoder, Decoder)
        decoder.squeeze_coarse.append(BOTTLENECKS[variant.bottleneck]())
    decoder.train().requires_grad_(True).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    averaging = get_ema_multi_avg_fn(AVERAGED)  # type: ignore[no-untyped-call]
    averaged = AveragedModel(decoder, multi_avg_fn=averaging, use_buffers=True)
    optimizer, rate = _optimizer(decoder, variant, steps=options.steps)
    order: list[int] = []
    for _ in range(options.steps):
        while len(order) < options.batch_size:
            order += torch.randperm(len(kept[0])).tolist()
        chosen, order = order[: options.batch_size], order[options.batch_size :]
        targets = [level[chosen] for level in kept]
        seen = [t + variant.noise * t.shape[1] ** -0.5 * torch.randn_like(t) for t in targets]
        loss = sum(mean_of_hardest(d, None, power=variant.mining) / 2 for d in distances(targets, decoder(seen)))
        assert isinstance(loss, Tensor)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        rate.step()
        averaged.update_parameters(decoder)
    return decoder, averaged.module


def _optimizer(decoder: nn.Module, variant: Variant, *, steps: int) -> tuple[Optimizer, LRScheduler]:
    if variant.rate_stays:
        adam = torch.optim.Adam(decoder.parameters(), lr=variant.learning_rate, betas=(0.5, 0.999))
        return adam, torch.optim.lr_scheduler.ConstantLR(adam, factor=1.0)
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=variant.learning_rate, weight_decay=0.01)
    return optimizer, OneCycleLR(optimizer, variant.learning_rate, total_steps=steps, pct_start=0.1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("category", type=Path)
    parser.add_argument("--teacher-weights", type=Path, required=True)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--size", nargs="+", type=int, default=[128], help="one side, or height and width")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
