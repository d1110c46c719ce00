"""How well aligning finds how parts lie: good photos, moved by known amounts, are laid on what others show.

    python benchmarks/alignment_error.py SETS/mvtec_ad/screw SETS/cookies/cookie ...

Each set is a category in MVTec AD's layout. The reference is made of 24 good photos, as training makes it of 40; of 24
others each is moved by up to 5 % of its sides and turned by up to 5 degrees. What of that is not found is given at the
corners, as a share of the longer side: median and nine in ten. "Alike" is the correlation of two photos, before and
after; a part that is laid otherwise than as it came by more than 10 degrees beside that is "the other way". Seconds are
the processor's.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blemish.data.alignment import Alignment, Placement, small_grey
from blemish.data.alignment_reference import learn_alignment
from blemish.data.images import Pixels, Size, read_image
from blemish.data.mvtec_ad import MVTEC_AD

PHOTOS = 24
MOST_SHIFT, MOST_TURN = 0.05, 5.0


def left(alignment: Alignment, photo: Pixels, rng: np.random.Generator) -> tuple[float, float]:
    """Returns how far corners of a moved photo come to lie from where those of the photo do, as a share of the longer
    side, and how many degrees it was turned otherwise."""
    size: Size = (photo.shape[0], photo.shape[1])
    across, down = rng.uniform(-MOST_SHIFT, MOST_SHIFT, 2)
    moved = Placement(photo_size=size, turn=rng.uniform(-MOST_TURN, MOST_TURN), across=across, down=down, agreement=1.0)
    before, after = alignment.place(photo), alignment.place(moved.aligned(photo))
    expected = np.linalg.inv(moved.matrix(size)) @ before.matrix(size)
    turn = (after.turn - (before.turn - moved.turn) + 180) % 360 - 180
    return corners_apart(after.matrix(size), expected, size), abs(turn)


def corners_apart(one: NDArray[np.float64], other: NDArray[np.float64], size: Size) -> float:
    height, width = size
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]]).T
    return float(np.linalg.norm(((one - other) @ corners)[:2], axis=0).mean()) / max(size)


def row(folder: Path, rng: np.random.Generator) -> str:
    """Returns a line of the table: one set."""
    good = [sample.image for sample in MVTEC_AD.find(folder, None).train]
    drawn = [read_image(good[place]) for place in rng.permutation(len(good))[: 2 * PHOTOS]]
    learned_of, photos = drawn[: min(PHOTOS, len(drawn) // 2)], drawn[min(PHOTOS, len(drawn) // 2) :]
    size: Size = (photos[0].shape[0], photos[0].shape[1])
    learned = learn_alignment([small_grey(photo, size) for photo in learned_of], size)
    began = time.process_time()
    misfits = [learned.alignment.misfit(learned.alignment.place(photo)) for photo in photos]
    seconds = (time.process_time() - began) / len(photos)
    found = np.array([left(learned.alignment, photo, rng) for photo in photos])
    cells = [
        f"{folder.name}, {size[0]}x{size[1]}, {len(photos)} photos",
        f"{learned.before:.2f} -> {learned.after:.2f} (gain {learned.gain:.2f})",
        f"{np.median(found[:, 0]):.2%}, {np.quantile(found[:, 0], 0.9):.2%}",
        f"{int((found[:, 1] > 10).sum())}",
        f"{sum(misfit > 2.5 for misfit in misfits)}",
        f"{1000 * seconds:.0f} ms",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", type=Path)
    head = ["photos", "alike", "left: median, 9 in 10", "the other way", "unusual", "to find one, CPU"]
    print(f"| {' | '.join(head)} |\n{'|---' * len(head)}|")
    for folder in parser.parse_args().sets:
        print(row(folder, np.random.default_rng(0)), flush=True)


if __name__ == "__main__":
    main()
