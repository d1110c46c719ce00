"""Mend: a decoder that mends what it sees in a teacher's features, and a head that learns where mending changed them.

One frozen teacher looks at the photo. A small decoder squeezes the teacher's three levels into one coarse level and
rebuilds all three from it, as it learned to on good parts with synthetic defects: what comes out is what a good part
would have looked like to the teacher. Where the two differ, something is wrong.

What comes from where:
- STPM: teacher and student are compared as unit vectors, level by level, and the levels' distances are multiplied.
- RSTPM: the student sees no photo. It rebuilds the teacher's pyramid from the teacher's own features, so that it cannot
  follow what it has not learned (the field calls that reverse distillation). Here both are one network: one teacher
  pass instead of two, and a decoder of 2.2 M parameters, or 6.5 M.
- DeSTSeg: what the student sees has synthetic defects, what it is asked for has none; and a network learns to segment
  them from both features. Here that head is 60 times smaller, learns in the same steps as the decoder, and sees the
  teacher's first layer too, at stride 2.

What is new: everything that learns sits on features, so that a step costs little and, where photos are not varied, the
teacher runs once per good photo; a decoder that learns alone learns most from what it mends worst; and the way
two maps become one, see `Fusion`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from blemish.detectors.detector import AnomalyMap, Batch, Detector, Images, Stage
from blemish.detectors.settings import DetectorSettings, LearnedPhotos
from blemish.errors import SettingsError
from blemish.model.score import Score
from blemish.networks import build_backbone
from blemish.networks.discrepancy import (
    distances,
    highest_mean,
    interpolate_map,
    maps_by_level,
    mean_inside,
    mean_of_hardest,
    share_inside,
    unit_vectors,
)
from blemish.networks.mending import Decoder, DefectHead, Judged, Mender
from blemish.networks.one_cycle import OneCycleAdamW
from blemish.networks.teacher import Teacher
from blemish.networks.teacher_vectors import TeacherVectors
from blemish.synthesis.defects import draw_defects
from blemish.synthesis.mixed import mix_defects
from blemish.synthesis.painting import paint_defects
from blemish.synthesis.variation import Variation, lay_at_random

_LEVELS = 3
_DEFECTS = {"mixed": mix_defects, "painted": paint_defects, "perlin": draw_defects, "none": None}
# How far the head may spread on good photos, of the spread of the decoder there.
SHARE = {"together": 1.25, "wide": 0.25, "narrow": 0.5}
_MOVED = 2, 256  # how often a good photo is moved for that, where both learned together, and how many views at the most
FEW = 16  # photos, of fewer than which both learn together, whatever they show
MANY = 200  # photos, of which a decoder that learns first takes more steps, through a narrow bottleneck
_MORE = 5 / 3  # times as many steps as the head, through a wide one: each costs a third of the head's
_ALONE = 2  # times the learning rate, for a decoder that learns alone
_NARROW = {"batch_size": 4, "steps": 4, "rate": 3}  # photos of a step, times as many as the head, times the rate
_NARROW_STRIDE = 32  # pixels to a place of a narrow bottleneck, which has half the size of the coarsest level
_MINING = 3  # the power of its distance by which a pixel counts, where a decoder learns alone


@dataclass(frozen=True, kw_only=True)
class MendSettings(DetectorSettings):
    """Settings of Mend; the defaults are meant for a few dozen photos."""

    steps: int = 300
    """Training steps of the head, and of the decoder where both learn together; the weights of the last are kept."""
    learns: Literal["auto", "together", "decoder_first"] = "auto"
    """How they learn: together, better for surfaces; or decoder first, better for parts; auto: by what photos show."""
    bottleneck: Literal["auto", "wide", "narrow"] = "auto"
    """How much of what a decoder that learns first sees it may keep: auto is narrow from 200 photos on, else wide."""
    decoder_steps: int | None = None
    """Training steps of a decoder that learns first; none: as many as the head's, and 4 times that if it is narrow."""
    judges: Literal["both", "decoder"] = "both"
    """What judges: decoder and head together, or the decoder alone, and no head is trained."""
    defects: Literal["mixed", "painted", "perlin", "none"] = "mixed"
    """What training paints on good photos: many shapes and fills, DeSTSeg's defects, both, or none: no head then."""
    textures: str | None = None
    """Folder of pictures that some synthetic defects are made of; none: from noise and pieces of the photos."""
    lie: Literal["fixed", "turned", "any"] = "fixed"
    """How good parts may lie: as they do in the photos, turned by quarters (half if not square), or mirrored too."""
    learning_rate: float = 1e-3
    """Highest step size of AdamW."""
    weight_decay: float = 0.01
    """Weight decay of AdamW."""

    @property
    def narrow(self) -> bool:
        """Whether the bottleneck is narrow; while nobody has decided, it is not."""
        return self.bottleneck == "narrow"

    @classmethod
    def from_json(cls, values: Mapping[str, Any], *, others: Iterable[str] = ()) -> "MendSettings":
        """Returns what DetectorSettings does, of records too that are older than light as a setting of training."""
        return super().from_json({name: value for name, value in values.items() if name != "light"}, others=others)

    def for_photos(self, photos: LearnedPhotos, /) -> "MendSettings":
        """Returns the settings with `learns`, `bottleneck` and `decoder_steps` decided."""
        learns = self.learns
        if learns == "auto":
            together = photos.count < FEW or (self.judges == "both" and photos.surface())
            learns = "together" if together else "decoder_first"
        bottleneck = self.bottleneck
        if bottleneck == "auto":
            bottleneck = "narrow" if photos.count >= MANY and learns == "decoder_first" else "wide"
        steps = self.decoder_steps
        if steps is None:
            times = _NARROW["steps"] if bottleneck == "narrow" else _MORE if photos.count >= MANY else 1
            steps = round(times * self.steps)
        return replace(self, learns=learns, bottleneck=bottleneck, decoder_steps=steps)


class Mend(Detector):
    """Mend has a decoder that rebuilds what good parts look like: defects are where that changes a photo."""

    Settings = MendSettings
    title = "Mend"
    learns_inside = True
    sees_near = True
    paper = "none yet: the union of STPM, RSTPM and DeSTSeg"
    settings: MendSettings
    training_defaults: ClassVar[Mapping[str, Any]] = {
        "batch_size": 12,  # more steps in the same time
        "light": "mild",
        "align": None,  # of screws that lie any way round it finds far more
    }

    def __init__(self, settings: MendSettings) -> None:
        super().__init__(settings)
        if settings.judges == "both" and settings.defects == "none":
            raise SettingsError(
                "defects is none: without synthetic defects a head has nothing to learn from; set judges to decoder"
            )
        self.teacher = Teacher(build_backbone(settings.teacher, levels=_LEVELS), name=settings.teacher)
        channels = self.teacher.channels
        head = DefectHead(channels, self.teacher.stem_channels) if settings.judges == "both" else None
        self.student = Mender(Decoder(channels, narrow=settings.narrow), head)
        self.score = Score(kind="top_mean", share=0.0015)

    def forward(self, images: Images) -> AnomalyMap:
        return self._joined(self.student(*self._see(images)), images)

    def forward_with_levels(self, images: Images) -> tuple[AnomalyMap, dict[str, Tensor]]:
        seen, stem = self._see(images)
        judged = self.student(seen, stem)
        return self._joined(judged, images), maps_by_level("student", distances(seen, judged.rebuilt))

    def _joined(self, judged: Judged, images: Images) -> AnomalyMap:
        """Returns the one map that decoder and head make together, at the size of the images."""
        return interpolate_map(self.student.fusion(judged.mended, judged.logits), _size(images))

    def stages(self) -> Sequence[Stage]:
        if self.settings.learns != "decoder_first":
            return [self._on_varied_photos("mending", self.student)]
        steps = self.settings.for_photos(LearnedPhotos(FEW)).decoder_steps  # where nobody has decided it
        assert steps is not None
        narrow = self.settings.narrow
        alone = Stage(
            name="mending",
            augment=self._lay if self.settings.lie != "fixed" else None,
            moves_photos=self.settings.lie != "fixed",
            steps=steps,
            setting="decoder_steps",
            batch_size=_NARROW["batch_size"] if narrow else None,
            trains=self.student.decoder,
            loss=self._loss,
            optimizer=partial(self._optimizer, steps=steps, factor=_NARROW["rate"] if narrow else _ALONE),
            targets=TeacherVectors(self.teacher, _LEVELS),
        )
        if self.student.head is None:
            return [alone]
        return [alone, self._on_varied_photos("segmenting", nn.ModuleList([self.student.head, self.student.fusion]))]

    def _on_varied_photos(self, name: str, trains: nn.Module) -> Stage:
        """Returns the stage of what learns from photos that vary, with synthetic defects."""
        settings = self.settings
        return Stage(
            name=name,
            steps=settings.steps,
            trains=trains,
            loss=self._loss if trains is self.student else self._head_loss,
            optimizer=partial(self._optimizer, steps=settings.steps),
            augment=self._lay if settings.lie != "fixed" else None,
            moves_photos=settings.lie != "fixed",
            targets=TeacherVectors(self.teacher, _LEVELS) if trains is self.student else None,
            add_defects=_DEFECTS[settings.defects],
            textures=Path(settings.textures).expanduser() if settings.textures is not None else None,
            settle=self._settle if self.student.head is not None else None,
        )

    def _see(self, images: Images) -> tuple[tuple[Tensor, ...], Tensor]:
        """Returns the teacher's unit vectors of each level, finest first, and what its first layer gives."""
        *levels, stem = self.teacher(images, stem=True)
        return tuple(unit_vectors(level) for level in levels), stem

    def _lay(self, clean: Images, generator: Generator) -> Images:
        return lay_at_random(clean, generator, mirrored=self.settings.lie == "any")

    def _loss(self, batch: Batch) -> dict[str, Tensor]:
        """Returns per level how far the decoder is from the good photo, and the head's losses."""
        if self.settings.narrow:
            _check_narrow(batch)
        targets = tuple(target.float() for target in batch.targets)
        if batch.masks is None:
            power = _MINING if self.settings.learns == "decoder_first" else 0
            return _mending_losses(targets, self.student.decoder(targets), batch.inside, power=power)
        seen, stem = self._see(batch.images)
        judged = self.student(seen, stem)
        losses = _mending_losses(targets, judged.rebuilt, batch.inside)
        if judged.logits is not None:
            losses |= _segmenting_losses(judged.logits, batch.masks, batch.inside)
        return losses

    def _head_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Returns the losses of a head that learns after the decoder."""
        seen, stem = self._see(batch.images)
        logits = self.student(seen, stem).logits
        assert logits is not None and batch.masks is not None
        return _segmenting_losses(logits, batch.masks, batch.inside)

    def _optimizer(self, module: nn.Module, *, steps: int, factor: float = 1) -> Optimizer:
        highest, decay = factor * self.settings.learning_rate, self.settings.weight_decay
        return OneCycleAdamW(module.parameters(), highest=highest, weight_decay=decay, steps=steps, warm_up=0.15)

    def _settle(self, good: Iterable[Batch]) -> None:
        """Takes how far the head is trusted from good photos: as the decoder learned them, where it learned first; else
        moved, for the head that learned from them has seen them as they are, and is calmer about those than about new
        ones."""
        first = self.settings.learns == "decoder_first"
        scores: tuple[list[Tensor], list[Tensor]] = ([], [])
        for batch in good if first else self._moved(good):
            judged = self.student(*self._see(batch.images))
            assert judged.logits is not None
            for branch, values in zip(scores, (judged.mended, judged.logits), strict=True):
                resized = interpolate_map(values, _size(batch.images))
                branch.append(highest_mean(resized, self.score.share, batch.inside))
        share = SHARE[("narrow" if self.settings.narrow else "wide") if first else "together"]
        self.student.fusion.settle(*(torch.cat(branch) for branch in scores), share=share)

    def _moved(self, good: Iterable[Batch]) -> Iterator[Batch]:
        """Yields the photos moved, turned and resized a little, in ways that training has not shown."""
        generator, views = Generator(self.student.fusion.trust.device).manual_seed(0), 0
        for batch in good:
            for _ in range(_MOVED[0]):
                moves = Variation.drawn(len(batch.images), generator, light="off", pose="strong")
                images, inside = moves.photos(batch.images), batch.inside
                if inside is not None:
                    moved = moves.masks(inside)
                    stays = moved.amax(dim=(1, 2, 3), keepdim=True) > 0  # a region may be moved out of the photo
                    images, inside = (torch.where(stays, *both) for both in ((images, batch.images), (moved, inside)))
                yield replace(batch, images=images, clean=images, inside=inside)
            views += _MOVED[0] * len(batch.images)
            if views >= _MOVED[1]:
                return


def _check_narrow(batch: Batch) -> None:
    """Raises SettingsError where batch norm gets a single value per channel at the narrowest place, an error of
    torch's."""
    photos, _, height, width = batch.images.shape
    if photos * -(-height // _NARROW_STRIDE) * -(-width // _NARROW_STRIDE) < 2:
        raise SettingsError(
            f"a narrow bottleneck leaves a single value of {height}x{width} pixels, and a step and process has one "
            "photo: raise --batch-size or --image-size, or set bottleneck to wide"
        )


def _mending_losses(
    targets: Sequence[Tensor], rebuilt: Sequence[Tensor], inside: Tensor | None, *, power: float = 0
) -> dict[str, Tensor]:
    """Returns per level the mean of 1 - cos; with a `power`, what is mended badly counts more: there a map is read."""
    found = enumerate(distances(targets, rebuilt), start=1)
    return {f"level{level}": mean_of_hardest(d, inside, power=power) / 2 for level, d in found}


def _segmenting_losses(logits: Tensor, masks: Tensor, inside: Tensor | None) -> dict[str, Tensor]:
    """Returns five times the cross-entropy, and Dice over the whole batch, of logits (B, 1, h, w) in float32."""
    truth = F.interpolate(masks, size=_size(logits), mode="area")
    found = torch.sigmoid(logits)
    if inside is None:
        entropy = F.binary_cross_entropy_with_logits(logits, truth)
    else:
        entropy = mean_inside(F.binary_cross_entropy_with_logits(logits, truth, reduction="none"), inside)
        share = share_inside(logits, inside)
        found, truth = found * share, truth * share
    dice = 1 - (2 * (found * truth).sum() + 1) / (found.sum() + truth.sum() + 1)
    return {"cross_entropy": 5 * entropy, "dice": dice}


def _size(features: Tensor) -> tuple[int, int]:
    return features.shape[-2], features.shape[-1]
