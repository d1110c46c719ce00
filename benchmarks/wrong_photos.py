"""How often wrong photos among good ones are named, and good ones alone called far.

    python benchmarks/wrong_photos.py --teacher-weights FILE [--image-size 256] [SET=FOLDER ...]

Each SET is a category in MVTec AD's layout; made-up parts come first always. Features are computed once per set. Then
100 times: 30 good photos are drawn (from train/good and test/good), and 1 to 3 defective ones, or foreign ones (photos
of the other sets, black and white frames of little noise), are planted among them; counted is how often all of these
are among the first five named, and how often at least one is called far. And 100 times 30 good ones alone: how often
any is called far.
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
from blemish.data.framing import Framing
from blemish.data.images import Pixels, read_image
from blemish.data.made_up import make_up
from blemish.data.mvtec_ad import MVTEC_AD
from blemish.networks.neighbours import distances_of, nearest_cosines, places_of
from blemish.networks.teacher import Teacher

DRAWS, GOOD, FIRST = 100, 30, 5
MOST_GOOD, MOST_DEFECTIVE = 90, 60
KINDS = {"good": 0, "defective": 1, "foreign": 2}


def frames_of(paths: list[Path], framing: Framing, most: int, rng: np.random.Generator) -> list[Pixels]:
    chosen = sorted(rng.permutation(len(paths))[:most])
    return [framing.cut(read_image(paths[i]), name=str(paths[i]))[0] for i in chosen]


def cosines_of(teacher: Teacher, frames: list[Pixels]) -> list[Tensor]:
    """Returns both levels' (photos, places, photos) nearest cosines."""
    levels: list[list[Tensor]] = [[], []]
    with torch.no_grad():
        for at in range(0, len(frames), 16):
            images = torch.from_numpy(np.stack(frames[at : at + 16])).permute(0, 3, 1, 2).float() / 255
            for kept, level in zip(levels, places_of(teacher(images)), strict=True):
                kept.append(level)
        return [torch.stack([nearest_cosines(own, all_) for own in all_]) for all_ in map(torch.cat, levels)]


def unusual_of(cosines: list[Tensor], drawn: NDArray[np.int64]) -> tuple[list[int], list[bool]]:
    """Returns places in the draw, most unusual first, and whether each is called far."""
    distances = [
        distances_of(*(level[own][:, torch.from_numpy(drawn[drawn != own])] for level in cosines)) for own in drawn
    ]
    found = by_unusualness(np.array(distances))
    return [photo.index for photo in found], [photo.far for photo in found]


def measure(cosines: list[Tensor], kinds: NDArray[np.int64]) -> str:
    rng = np.random.default_rng(0)
    good = np.flatnonzero(kinds == KINDS["good"])
    alarms = 0
    for _ in range(DRAWS):
        alarms += any(unusual_of(cosines, rng.choice(good, GOOD, replace=False))[1])
    told = [f"good alone: a far one in {alarms:3}"]
    for name in ("defective", "foreign"):
        named = far = 0
        for _ in range(DRAWS):
            planted = int(rng.integers(1, 4))
            wrong = rng.choice(np.flatnonzero(kinds == KINDS[name]), planted, replace=False)
            order, is_far = unusual_of(cosines, np.concatenate([rng.choice(good, GOOD, replace=False), wrong]))
            named += set(range(GOOD, GOOD + planted)) <= set(order[:FIRST])
            far += any(alarm for place, alarm in zip(order, is_far, strict=True) if place >= GOOD)
        told.append(f"{name}: named {named:3}, called far {far:3}")
    return "; ".join(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", help="SET=FOLDER")
    parser.add_argument("--teacher", default="resnet18")
    parser.add_argument("--teacher-weights", type=Path)
    parser.add_argument("--image-size", type=int, default=256)
    options = parser.parse_args()
    teacher = Teacher.pretrained(options.teacher, levels=3, file=options.teacher_weights)
    side, rng = options.image_size, np.random.default_rng(0)
    framing = Framing(image_size=(side, side))
    with tempfile.TemporaryDirectory() as made:
        make_up(Path(made), seed=1, train=MOST_GOOD, good=30, defective=MOST_DEFECTIVE)
        roots = {"made-up parts": Path(made), **{n: Path(f) for n, f in (text.split("=", 1) for text in options.sets)}}
        photos: dict[str, tuple[list[Pixels], list[Pixels]]] = {}
        for name, root in roots.items():
            found = MVTEC_AD.find(root, None)
            good = [s.image for s in (*found.train, *found.test) if not s.anomalous]
            bad = [s.image for s in found.test if s.anomalous]
            photos[name] = (frames_of(good, framing, MOST_GOOD, rng), frames_of(bad, framing, MOST_DEFECTIVE, rng))
    blank = [rng.integers(low, low + 7, (side, side, 3)).astype(np.uint8) for low in (0, 0, 248)]
    for name, (good_frames, bad_frames) in photos.items():
        foreign = [frame for other in photos if other != name for frame in photos[other][0][3:8:4]] + blank
        started = time.process_time()
        cosines = cosines_of(teacher, [*good_frames, *bad_frames, *foreign])
        seconds = time.process_time() - started
        kinds = np.repeat([0, 1, 2], [len(good_frames), len(bad_frames), len(foreign)])
        print(f"{name} ({len(kinds)} photos, {seconds:.0f} s of processor): {measure(cosines, kinds)}", flush=True)


if __name__ == "__main__":
    main()
