"""What share of photos that are none of the part is told, and how often good photos are called unusual.

    python benchmarks/foreign_photos.py FOLDER [FOLDER ...] --seeds 5 [--light off mild strong]

Each folder lies as MVTec AD does, and is one kind of part. No network is needed: photos are told by their looks alone.
Per seed a fifth of the good photos is kept apart to calibrate and the others are learned from, as training does it;
foreign photos are made of the good test photos, or are those of the next folder, resized so that shape is no help.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from blemish.calibration.promise import calibration_of
from blemish.data.description import PhotoDescription, describe
from blemish.data.finding import find_photos
from blemish.data.framing import Framing, shown
from blemish.data.images import read_image, resize_image
from blemish.model.usual import UsualPhotos, learn_usual
from blemish.synthesis.variation import LIGHTS

Photo = NDArray[np.uint8]
FRAMING = Framing(image_size=(256, 256))
MOST_FOREIGN = 20  # photos of each kind and set
CALIBRATING = 0.2 * 0.75  # of the good photos: a quarter of those kept apart chooses the weights
RATE = 0.01


def _background(photo: Photo) -> Photo:
    """The photo's usual colour, with a camera's noise: a fixture without a part."""
    noise = np.random.default_rng(0).normal(0, 2, photo.shape)
    usual: Photo = np.clip(np.median(photo, axis=(0, 1)) + noise, 0, 255).astype(np.uint8)
    return usual


def _resized(photo: Photo, like: Photo) -> Photo:
    return resize_image(photo, (like.shape[0], like.shape[1]))


def _half(photo: Photo, cover: Photo) -> Photo:
    covered, middle = photo.copy(), photo.shape[1] // 2
    covered[:, :middle] = cover[:, :middle]
    return covered


def _blurred(photo: Photo, share: float) -> Photo:
    radius = max(photo.shape) * share
    return np.array(Image.fromarray(photo).filter(ImageFilter.GaussianBlur(radius)), np.uint8)


def _shape(photo: Photo) -> Photo:
    height, width = photo.shape[:2]
    cropped = photo[height // 4 : height - height // 4] if height >= width else photo[:, width // 4 : width * 3 // 4]
    return np.ascontiguousarray(cropped)


KINDS: dict[str, Callable[[Photo], Photo]] = {
    "blank: the fixture without a part": _background,
    "white frame": lambda photo: np.full_like(photo, 255),
    "black frame": np.zeros_like,
    "overexposed: three times as bright": lambda photo: np.clip(photo * 3.0 + 60, 0, 255).astype(np.uint8),
    "dark: a fifth as bright": lambda photo: (photo * 0.2).astype(np.uint8),
    "blurred by 1/64 of the longer side": lambda photo: _blurred(photo, 1 / 64),
    "blurred by 1/128": lambda photo: _blurred(photo, 1 / 128),
    "turned by 90 degrees": lambda photo: _resized(np.ascontiguousarray(np.rot90(photo)), photo),
    "half covered, black": lambda photo: _half(photo, np.zeros_like(photo)),
    "half covered, in the background's colour": lambda photo: _half(photo, _background(photo)),
    "grey instead of colour": lambda photo: np.repeat(np.array(Image.fromarray(photo).convert("L"))[:, :, None], 3, 2),
    "red and blue swapped": lambda photo: np.ascontiguousarray(photo[:, :, ::-1]),
    "another aspect: half of it": _shape,
    "a quarter as wide and high": lambda photo: resize_image(photo, (photo.shape[0] // 4, photo.shape[1] // 4)),
    "moved by an eighth of its width": lambda photo: np.roll(photo, photo.shape[1] // 8, axis=1),
    "a tenth brighter": lambda photo: np.clip(photo * 1.1, 0, 255).astype(np.uint8),
    "a fifth brighter": lambda photo: np.clip(photo * 1.2, 0, 255).astype(np.uint8),
    "a fifth darker": lambda photo: (photo * 0.8).astype(np.uint8),
    "half as bright": lambda photo: (photo * 0.5).astype(np.uint8),
}


@dataclass(frozen=True, kw_only=True)
class Part:
    """The descriptions of one folder's photos."""

    name: str
    good: list[PhotoDescription]
    test_good: list[PhotoDescription]
    defective: list[PhotoDescription]
    foreign: dict[str, list[PhotoDescription]]
    coloured: bool


def described(photo: Photo) -> PhotoDescription:
    return describe(FRAMING.cut(photo), (photo.shape[0], photo.shape[1]), white=255)


def _photos(paths: Sequence[Path]) -> Iterator[Photo]:
    for path in paths:
        yield shown(read_image(path))


def part_of(folder: Path, other: Path) -> Part:
    found = find_photos(folder.parent, dataset="mvtec_ad", category=folder.name)
    others = find_photos(other.parent, dataset="mvtec_ad", category=other.name)
    test_good = [sample.image for sample in found.test if not sample.anomalous]
    some = list(_photos(test_good[:MOST_FOREIGN]))
    foreign = {name: [described(make(photo)) for photo in some] for name, make in KINDS.items()}
    strangers = [sample.image for sample in others.test if not sample.anomalous][:MOST_FOREIGN]
    foreign["another product: the next set's good photos"] = [
        described(_resized(photo, some[0])) for photo in _photos(strangers)
    ]
    return Part(
        name=folder.name,
        good=[described(photo) for photo in _photos([sample.image for sample in found.train])],
        test_good=[described(photo) for photo in _photos(test_good)],
        defective=[described(photo) for photo in _photos([s.image for s in found.test if s.anomalous])],
        foreign=foreign,
        coloured=bool(np.ptp(some[0], axis=2).any()),
    )


def learned(part: Part, seed: int, light: str) -> tuple[UsualPhotos, float, float]:
    """What training would learn, and the limit that its calibration photos give, with what it promises."""
    order = np.random.default_rng(seed).permutation(len(part.good))
    held = round(CALIBRATING * len(order))
    usual = learn_usual([part.good[i] for i in order[held:]], light=LIGHTS[light].gain)
    unusualness = [usual.of(part.good[i]).value for i in order[:held]]
    zeros = [0.0] * held  # scores are of no matter here
    found = calibration_of(zeros, zeros, false_alarm_rate=RATE, unusualness=unusualness)
    assert found.unusual is not None
    return usual, found.unusual, found.unusual_rate


def share(usual: UsualPhotos, limit: float, photos: Sequence[PhotoDescription]) -> float:
    return float(np.mean([usual.of(photo).value > limit for photo in photos]))


def milliseconds() -> float:
    """The processor's time that describing and comparing one photo take."""
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (1, 256, 256, 3), dtype=np.uint8)
    usual = learn_usual([describe(frames, (256, 256), white=255)] * 256)
    started = time.process_time()
    for _ in range(200):
        usual.of(describe(frames, (256, 256), white=255))
    return (time.process_time() - started) / 200 * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--light", nargs="+", default=["off"], choices=list(LIGHTS), help="how it varied in training")
    options = parser.parse_args()
    folders = options.folders
    parts = [part_of(folder, folders[(i + 1) % len(folders)]) for i, folder in enumerate(folders)]
    for light in options.light:
        print(f"\nlight {light}\n")
        show(parts, light, seeds=options.seeds)
    print(f"\n{milliseconds():.2f} ms of processor time a photo at 256x256")


def show(parts: Sequence[Part], light: str, *, seeds: int) -> None:
    """Prints the table of models in whose training light varied so."""
    models = {part.name: [learned(part, seed, light) for seed in range(seeds)] for part in parts}

    def cells(photos_of: Callable[[Part], Sequence[PhotoDescription]]) -> list[str]:
        shares = [[share(usual, limit, photos_of(part)) for usual, limit, _ in models[part.name]] for part in parts]
        return [f"{100 * np.mean(of_seeds):.0f}" for of_seeds in shares]

    print("| share called unusual, % |", " | ".join(part.name for part in parts), "|")
    print("|---" * (len(parts) + 1) + "|")
    for kind in parts[0].foreign:
        row = cells(lambda part, kind=kind: part.foreign[kind])  # type: ignore[misc]
        if kind in ("grey instead of colour", "red and blue swapped"):
            row = [cell if part.coloured else "grey" for cell, part in zip(row, parts, strict=True)]
        print(f"| {kind} |", " | ".join(row), "|")
    print("| defective photos of the set |", " | ".join(cells(lambda part: part.defective)), "|")
    print("| **good test photos** |", " | ".join(cells(lambda part: part.test_good)), "|")
    promised = [f"{100 * np.mean([rate for _, _, rate in models[part.name]]):.1f}" for part in parts]
    print("| promised of these at most |", " | ".join(promised), "|", flush=True)


if __name__ == "__main__":
    main()
