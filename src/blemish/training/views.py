"""How the photos vary from step to step, in light and pose, and which of that is kept.

A stage that asks the teacher about good photos as the store has them, for targets that are computed once and kept,
meets each frame in a few views: as it is, and in others that were drawn before the first step. So the teacher looks at
each view once, however many steps there are. For any other stage every step draws anew.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Generator

from blemish.data.framing import Frames
from blemish.data.interest import Inside
from blemish.detectors import Images, Stage
from blemish.synthesis.variation import LIGHTS, POSES, Variation
from blemish.training.batches import step_indices
from blemish.training.photo_store import Indices, PhotoStore
from blemish.training.seeds import seed_of
from blemish.training.settings import TrainingSettings
from blemish.training.split import Split

MOST_EACH, FEWEST_EACH = 8, 2  # views of a frame
ENOUGH_VIEWS = 1024  # of all frames together: where frames are many, they show themselves how they vary


def keeps_targets(stage: Stage) -> bool:
    """Returns whether what the teacher says of good photos is computed once."""
    return stage.targets is not None and stage.augment is None


def views_of_each(learned: int, stage: Stage, settings: TrainingSettings) -> int:
    """Returns how many views a stage has of each of so many frames, where these are kept; else 1."""
    if not (settings.varies and keeps_targets(stage)):
        return 1
    return max(FEWEST_EACH, min(MOST_EACH, ENOUGH_VIEWS // learned))


def kept_views(learned: float, validating: float, stage: Stage, settings: TrainingSettings) -> float:
    """Returns of how many views, of so many frames, a stage keeps the teacher's features, if memory goes so far."""
    if not keeps_targets(stage):
        return 0
    return validating + learned * views_of_each(max(1, math.ceil(learned)), stage, settings)


def what_varies(settings: TrainingSettings, stages: Sequence[Stage], *, learned: int) -> str | None:
    """Returns in a line how the frames `learned` from vary, and what that costs; None where they do not."""
    light, pose = LIGHTS[settings.light], POSES[settings.pose]
    said = []
    if settings.light != "off":
        said.append(f"brightness {_factors(light.gain)} (light {settings.light})")
    if settings.pose != "off":
        said.append(
            f"moved by up to {pose.shift:.1%} of their sides and {pose.degrees:g} degrees, size {_factors(pose.scale)} "
            f"(pose {settings.pose}), which softens their finest grain by up to a tenth"
        )
    if not said:
        return None
    views = max(views_of_each(learned, stage, settings) for stage in stages)
    cost = f"; the teacher looks at {views} views of each beforehand" if views > 1 else ""
    return f"photos vary in training: {', '.join(said)}{cost}"


def _factors(logarithm: float) -> str:
    return f"x{math.exp(-logarithm):.2f} to x{math.exp(logarithm):.2f}"


class Views:
    """The views that a stage has of its frames; the first are the frames themselves, in the store's order."""

    def __init__(
        self,
        stage: Stage,
        photos: PhotoStore,
        split: Split,
        settings: TrainingSettings,
        *,
        place: int,
        device: torch.device,
    ) -> None:
        """`place` is the stage's among all of the method's."""
        self._photos, self._settings, self._place, self._device = photos, settings, place, device
        learned = photos.frames_of(split.train)
        self._each = views_of_each(len(learned), stage, settings)
        as_they_are = np.arange(photos.frames_before(len(split.validation) + len(split.train)))
        self._frames = np.concatenate([as_they_are, np.tile(learned, self._each - 1)])
        self._first = len(as_they_are)
        """The first view that varies."""
        self._learned_from = np.concatenate([learned, np.arange(self._first, len(self._frames))])
        seed = seed_of("views", settings.seed, place)
        self._kept = self._drawn(Generator().manual_seed(seed), len(self)) if self._each > 1 else None

    def __len__(self) -> int:
        return len(self._frames)

    def of_step(self, step: int, batch_size: int) -> Indices:
        """Returns the views of a step; each epoch sees the next view of every frame."""
        count, seed = len(self._learned_from) // self._each, self._settings.seed
        chosen = step_indices(count, batch_size, seed=seed, stage=self._place, step=step, copies=self._each)
        found: Indices = self._learned_from[chosen]
        return found

    def read(self, views: Indices) -> Frames:
        """Returns frames as they are, see PhotoStore; how they vary is for `vary`."""
        return self._photos.read(self._frames[views])

    def images(self, views: Indices) -> Images:
        """Returns images (B, 3, h, w) of views that are always the same."""
        images = self._photos.images(self._frames[views], self._device)
        variation = self._variation(views, None)
        return images if variation is None else variation.photos(images)

    def inside(self, views: Indices) -> Inside | None:
        """Returns where their frames count, as they are."""
        return self._photos.inside(self._frames[views])

    def vary(
        self, views: Indices, images: Images, inside: Inside | None, generator: Generator
    ) -> tuple[Images, Inside | None]:
        """Returns the images (B, 3, h, w) of their frames as these views show them, and where they count then."""
        variation = self._variation(views, generator)
        if variation is None:
            return images, inside
        if inside is not None:
            masks = torch.from_numpy(inside[:, None]).to(images.device).float()
            inside = variation.masks(masks)[:, 0].bool().cpu().numpy()
        return variation.photos(images), inside

    def _variation(self, views: Indices, generator: Generator | None) -> Variation | None:
        """Returns how views vary, where that is kept; else how the generator says."""
        if self._kept is not None:
            places = torch.from_numpy(views)
            return self._kept.of(places, varies=places >= self._first, device=self._device)
        return self._drawn(generator, len(views)) if generator is not None and self._settings.varies else None

    def _drawn(self, generator: Generator, count: int) -> Variation:
        return Variation.drawn(count, generator, light=self._settings.light, pose=self._settings.pose)
