"""How often wrong photos among good ones are named, and good ones alone called far.

    python benchmarks/wrong_photos.py --teacher-weights FILE [--image-size 256] [--only SET ...] [--aligned SET ...]
        [SET=FOLDER ...]

Each SET is a category in MVTec AD's layout; made-up parts come first always, of one kind and of three in one folder.
Features are computed once per set. Then
100 times: 30 good photos are drawn (from train/good and test/good), and 1 to 3 defective ones, or foreign ones (photos
of the other sets, black and white frames of little noise), are planted among them; counted is how often all of these
are among the first five named, and how often at least one is called far. And 100 times 30 good ones alone: how often
any is called far. The scale of small differences is of 30 good photos and two wrong ones, once for all draws; so is
what the photos of --aligned are laid on, as with `blemish train --align`.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from blemish.calibration.outliers import by_unusualness
from blemish.data.alignment import small_grey
from blemish.data.alignment_reference import learn_alignment
from blemish.data.framing import Framing
from blemish.data.images import Pixels, Size, read_image, resize_image
from blemish.data.made_up import TEXTURES, make_up
from blemish.data.mvtec_ad import MVTEC_AD
from blemish.networks.feature_places import FeaturePlaces, held, nearest, places_of
from blemish.networks.neighbours import distances_of
from blemish.networks.small_things import AtTheirPlaces, small_things_of, view_of
from blemish.networks.teacher import Teacher
from blemish.training.unusual_photos import own_shape

DRAWS, GOOD, FIRST = 100, 30, 5
MOST_GOOD, MOST_DEFECTIVE = 60, 40
ALL_KINDS = "made-up, three kinds"
KINDS = {"good": 0, "defective": 1, "foreign": 2}


def photos_of(paths: list[Path], most: int, rng: np.random.Generator) -> list[Pixels]:
    """Returns some photos."""
    return [read_image(paths[i]) for i in sorted(rng.permutation(len(paths))[:most])]


def aligned(good: list[Pixels], bad: list[Pixels]) -> tuple[list[Pixels], list[Pixels]]:
    """Returns photos laid on one another, as some good and two wrong ones teach it."""
    height, width = good[0].shape[:2]
    pictures = [small_grey(photo, (height, width)) for photo in (*good[:GOOD], *bad[:2])]
    alignment = learn_alignment(pictures, (height, width)).alignment
    laid = [[alignment.place(photo).aligned(photo) for photo in photos] for photos in (good, bad)]
    return laid[0], laid[1]


def frames_of(photos: list[Pixels], image_size: Size) -> list[Pixels]:
    """Returns photos as a comparison of them would see them."""
    framing = Framing(image_size=own_shape([(p.shape[0], p.shape[1]) for p in photos], image_size))
    return [framing.cut(photo, name=str(at))[0] for at, photo in enumerate(photos)]


def distances_between(teacher: Teacher, frames: list[Pixels], kinds: NDArray[np.int64]) -> tuple[list[Tensor], str]:
    """Returns per respect the distances (photos, places, photos) to the nearest places, and by what small things are
    told."""

    def features_of(photos: NDArray[np.int64], view: int) -> tuple[Tensor, ...]:
        images = torch.from_numpy(np.stack([frames[i] for i in photos])).permute(0, 3, 1, 2).float() / 255
        levels: tuple[Tensor, ...] = teacher(view_of(images, view))
        return levels

    with torch.no_grad():
        every = np.arange(len(frames))
        batches = [places_of(features_of(every[at : at + 16], 0)) for at in range(0, len(every), 16)]
        places = FeaturePlaces(*(torch.cat(level) for level in zip(*batches, strict=True)))
        wrong = np.flatnonzero(kinds == KINDS["defective"])
        known = np.concatenate([np.flatnonzero(kinds == KINDS["good"])[:GOOD], wrong[:2]])
        scale_by = FeaturePlaces(*(level[torch.from_numpy(known)] for level in places))
        small = small_things_of(features_of, every, places, scale_by=scale_by)
        fine, coarse = held(places.fine), held(places.coarse)
        return [
            torch.stack([nearest(own, fine) for own in places.fine]),
            torch.stack([nearest(own, coarse) for own in places.coarse]),
            torch.stack([own for batch in batches for own in small.distances(batch)]),
        ], "at their places" if isinstance(small, AtTheirPlaces) else "in all views"


def unusual_of(distances: list[Tensor], drawn: NDArray[np.int64]) -> tuple[list[int], list[bool]]:
    """Returns places in the draw, most unusual first, and whether each is called far."""
    others = {own: torch.from_numpy(drawn[drawn != own]) for own in drawn}
    found = by_unusualness(
        np.array([distances_of(*(level[own][:, others[own]] for level in distances)) for own in drawn])
    )
    return [photo.index for photo in found], [photo.far for photo in found]


def measure(distances: list[Tensor], kinds: NDArray[np.int64]) -> str:
    rng = np.random.default_rng(0)
    good = np.flatnonzero(kinds == KINDS["good"])
    alarms = 0
    for _ in range(DRAWS):
        alarms += any(unusual_of(distances, rng.choice(good, GOOD, replace=False))[1])
    told = [f"good alone: a far one in {alarms:3}"]
    for name in ("defective", "foreign"):
        named = far = 0
        for _ in range(DRAWS):
            planted = int(rng.integers(1, 4))
            wrong = rng.choice(np.flatnonzero(kinds == KINDS[name]), planted, replace=False)
            order, is_far = unusual_of(distances, np.concatenate([rng.choice(good, GOOD, replace=False), wrong]))
            named += set(range(GOOD, GOOD + planted)) <= set(order[:FIRST])
            far += any(alarm for place, alarm in zip(order, is_far, strict=True) if place >= GOOD)
        told.append(f"{name}: named {named:3}, called far {far:3}")
    return "; ".join(told)


def are_foreign(name: str, other: str) -> bool:
    """Returns whether no photo of one set could be of the other: three kinds in one folder are each of the three."""
    return name != other and not (
        ALL_KINDS in (name, other) and all(each.startswith("made-up") for each in (name, other))
    )


def made_up_in(folder: Path) -> dict[str, Path]:
    """Makes parts up, of each kind and of all kinds in one folder, and returns where they lie."""
    sets = {f"made-up {kind}": (kind,) for kind in TEXTURES} | {ALL_KINDS: tuple(TEXTURES)}
    for name, kinds in sets.items():
        make_up(folder / name, seed=1, train=90, good=30, defective=60, textures=kinds)
    return {name: folder / name for name in sets}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", help="SET=FOLDER")
    parser.add_argument("--only", nargs="*", help="sets to measure, where the others only give foreign photos")
    parser.add_argument("--aligned", nargs="*", default=[], help="sets whose photos are laid on one another first")
    parser.add_argument("--teacher", default="resnet18")
    parser.add_argument("--teacher-weights", type=Path)
    parser.add_argument("--image-size", type=int, default=256)
    options = parser.parse_args()
    teacher = Teacher.pretrained(options.teacher, levels=3, file=options.teacher_weights)
    side, rng = options.image_size, np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as made:
        roots = made_up_in(Path(made)) | {n: Path(f) for n, f in (text.split("=", 1) for text in options.sets)}
        photos: dict[str, tuple[list[Pixels], list[Pixels]]] = {}
        for name, root in roots.items():
            found = MVTEC_AD.find(root, None)
            good = [s.image for s in (*found.train, *found.test) if not s.anomalous]
            bad = [s.image for s in found.test if s.anomalous]
            chosen = photos_of(good, MOST_GOOD, rng), photos_of(bad, MOST_DEFECTIVE, rng)
            laid = aligned(*chosen) if name in options.aligned else chosen
            photos[name] = frames_of(laid[0], (side, side)), frames_of(laid[1], (side, side))
    blank = [rng.integers(low, low + 7, (side, side, 3)).astype(np.uint8) for low in (0, 0, 248)]
    for name in options.only or photos:
        good_frames, bad_frames = photos[name]
        foreign = [frame for other in photos if are_foreign(name, other) for frame in photos[other][0][3:8:4]] + blank
        foreign = [resize_image(frame, (good_frames[0].shape[0], good_frames[0].shape[1])) for frame in foreign]
        kinds = np.repeat([0, 1, 2], [len(good_frames), len(bad_frames), len(foreign)])
        started = time.process_time()
        distances, told = distances_between(teacher, [*good_frames, *bad_frames, *foreign], kinds)
        seconds = time.process_time() - started
        said = measure(distances, kinds)
        print(f"{name} ({len(kinds)} photos, small things {told}, {seconds:.0f} s of processor): {said}", flush=True)


if __name__ == "__main__":
    main()
