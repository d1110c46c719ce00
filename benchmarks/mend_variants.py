"""What may be changed in Mend, one thing at a time, for benchmarks/union_ablation.py."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from unittest import mock

import torch
from decoder_ablation import Coarser, halving, narrower
from torch import Tensor, nn

from blemish.detectors import AnomalyMap, Batch, Images
from blemish.detectors import mend as changed_module
from blemish.detectors.mend import Mend
from blemish.networks.backbone import draw_weights
from blemish.networks.blocks import conv_norm_relu
from blemish.networks.discrepancy import distances, interpolate_map, squared_distance, unit_vectors
from blemish.networks.mending import Decoder
from blemish.networks.one_cycle import OneCycleAdamW
from blemish.networks.resizing import resize_features
from blemish.networks.resnet import BasicBlock
from blemish.synthesis.fills import FILLS
from blemish.synthesis.painting import paint_defects
from blemish.synthesis.shapes import SHAPES

_AVERAGED = 0.99  # of the averaged weights stay in a step
_NOISE = 0.2  # deviation of noise on features of about 1
_losses, _loss = changed_module._mending_losses, Mend._loss


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One thing that is changed."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the method or of training; for steps, how many times as many."""
    instead: Mapping[str, Any] = field(default_factory=dict)
    """What stands for a name in detectors/mend.py."""

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within it, Mend is built and learns so."""
        with ExitStack() as stack:
            for name, value in self.instead.items():
                stack.enter_context(mock.patch(f"blemish.detectors.mend.{name}", value))
            yield


class TwiceAsWide(Decoder):
    """A decoder of twice the channels everywhere."""

    def __init__(self, channels: Sequence[int], *, narrow: bool = False) -> None:
        assert not narrow
        super().__init__(channels)
        fine, middle, coarse = channels
        self.squeeze_fine = halving(fine, 128)
        self.squeeze_middle = halving(128 + middle, 256)
        self.squeeze_coarse = conv_norm_relu(256 + coarse, 512, kernel=1)
        self.blocks = nn.ModuleList([BasicBlock(256, 128), BasicBlock(512, 256), BasicBlock(512, 512)])
        self.outputs = nn.ModuleList(nn.Conv2d(w, c, 1) for w, c in zip((128, 256, 512), channels, strict=True))
        draw_weights(self)


class Noisy(Decoder):
    """A decoder that learns from features with noise."""

    def forward(self, vectors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        if not self.training:
            return super().forward(vectors)
        return super().forward([v + _NOISE * v.shape[1] ** -0.5 * torch.randn_like(v) for v in vectors])


class Averaging(OneCycleAdamW):
    """At its last step, weights become their moving average."""

    def step(self, closure: Callable[[], Any] | None = None) -> Tensor | float | None:  # type: ignore[override]
        result = super().step(closure)
        weights = [p for group in self.param_groups for p in group["params"]]
        if not hasattr(self, "_averages"):
            self._averages = [p.detach().clone() for p in weights]
        with torch.no_grad():
            torch._foreach_lerp_(self._averages, [p.detach() for p in weights], 1 - _AVERAGED)
            if self.param_groups[0]["taken"] == self._steps:
                torch._foreach_copy_([p.detach() for p in weights], self._averages)
        return result


def with_bottleneck(build: Callable[[], nn.Module]) -> Callable[..., Decoder]:
    """Returns what builds a decoder with this where all levels are squeezed together."""

    def decoder(channels: Sequence[int], *, narrow: bool = False) -> Decoder:
        assert not narrow
        built = Decoder(channels)
        built.squeeze_coarse.append(build())
        return built

    return decoder


def one_distance(teacher: Sequence[Tensor], student: Sequence[Tensor]) -> list[Tensor]:
    """Returns three times the distance of all levels as one vector, at the middle one's size."""
    size = (teacher[1].shape[-2], teacher[1].shape[-1])
    joined = [
        torch.cat([resize_features(unit_vectors(level), size) for level in levels], dim=1)
        for levels in (teacher, student)
    ]
    return [3 * squared_distance(*(unit_vectors(levels) for levels in joined))]


def undisturbed(mend: Mend, batch: Batch) -> dict[str, Tensor]:
    """Returns Mend's losses where its decoder never sees a defect: it learns from good photos, the head from both."""
    if batch.masks is None:
        return _loss(mend, batch)
    targets = tuple(target.float() for target in batch.targets)
    head = mend._head_loss(batch)
    return _losses(targets, mend.student.decoder(targets), batch.inside) | head


def painted(shapes: Iterable[str] = SHAPES, fills: Iterable[str] = FILLS) -> Variant:
    """Returns the variant whose defects are of these shapes and fills alone."""
    paint = partial(paint_defects, shapes={s: SHAPES[s] for s in shapes}, fills={f: FILLS[f] for f in fills})
    return Variant(settings={"defects": "painted"}, instead={"_DEFECTS": {"painted": paint}})


VARIANTS: dict[str, Variant] = {
    "default": Variant(),
    "half the steps": Variant(settings={"steps": 0.5}),
    "three times the steps": Variant(settings={"steps": 3}),
    "ten times the steps": Variant(settings={"steps": 10}),
    "decoder, no head": Variant(settings={"judges": "decoder"}),
    "decoder, no defects": Variant(settings={"judges": "decoder", "defects": "none"}),
    "decoder, kept features": Variant(settings={"judges": "decoder", "defects": "none", "light": "off"}),
    "decoder sees no defects": Variant(instead={"Mend._loss": undisturbed}),
    "light off": Variant(settings={"light": "off"}),
    "light strong": Variant(settings={"light": "strong"}),
    "pose mild": Variant(settings={"pose": "mild"}),
    "lies any way": Variant(settings={"lie": "any"}),
    "EfficientNet-Lite0": Variant(settings={"teacher": "efficientnet_lite0"}),
    "decoder twice as wide": Variant(instead={"Decoder": TwiceAsWide}),
    "bottleneck of 64": Variant(instead={"Decoder": with_bottleneck(narrower)}),
    "bottleneck of half the size": Variant(instead={"Decoder": with_bottleneck(Coarser)}),
    "bottleneck narrow": Variant(settings={"bottleneck": "narrow"}),
    "dropout": Variant(instead={"Decoder": with_bottleneck(lambda: nn.Dropout(0.2))}),
    "feature noise": Variant(instead={"Decoder": Noisy}),
    "hard pixels count more": Variant(instead={"_mending_losses": partial(_losses, power=2)}),
    "levels as one": Variant(instead={"distances": one_distance}),
    "averaged weights": Variant(instead={"OneCycleAdamW": Averaging}),
    "painted defects": Variant(settings={"defects": "painted"}),
    "Perlin defects": Variant(settings={"defects": "perlin"}),
    **{f"no {shape}": painted(shapes=SHAPES.keys() - {shape}) for shape in SHAPES},
    "light and colour alone": painted(fills=("darker", "lighter", "flat")),
    "pieces of photos alone": painted(fills=("elsewhere", "displaced", "textured")),
    **{f"no {fill}": painted(fills=FILLS.keys() - {fill}) for fill in ("noisy", "blurred")},
}

Rule = Callable[[Sequence[Tensor], Tensor, Tensor], Tensor]
"""(the levels' distances at the head's size, the head's logits, its trust) -> a positive map."""


def _product(levels: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(levels)).clamp(min=1e-12).log().sum(0)


RULES: dict[str, Rule] = {
    "decoder": lambda levels, _logits, _trust: _product(levels).exp(),
    "decoder, levels added": lambda levels, _logits, _trust: torch.stack(list(levels)).sum(0),
    "decoder, the finest": lambda levels, _logits, _trust: levels[0],
    "head": lambda _levels, logits, _trust: torch.sigmoid(logits),
    "odds^0.1": lambda levels, logits, _trust: (_product(levels) + 0.1 * logits).exp(),
    "odds^0.35": lambda levels, logits, _trust: (_product(levels) + 0.35 * logits).exp(),
    "odds^1": lambda levels, logits, _trust: (_product(levels) + logits).exp(),
    "sum of both": lambda levels, logits, _trust: _product(levels).exp() + torch.sigmoid(logits),
}


class RuledMend(Mend):
    """Judges as Mend does, but with another rule by which its maps become one."""

    rule: Rule

    def forward(self, images: Images) -> AnomalyMap:
        seen, stem = self._see(images)
        judged = self.student(seen, stem)
        assert judged.logits is not None
        size = (judged.logits.shape[-2], judged.logits.shape[-1])
        levels = [resize_features(level, size) for level in distances(seen, judged.rebuilt)]
        joined = self.rule(levels, judged.logits, self.student.fusion.trust)
        return interpolate_map(joined, (images.shape[-2], images.shape[-1]))


def by_rule(mend: Mend, rule: Rule) -> RuledMend:
    """Returns the same detector with this rule."""
    ruled = RuledMend(mend.settings)
    ruled.load_state_dict(mend.state_dict())
    ruled.rule = rule
    return ruled.eval()
