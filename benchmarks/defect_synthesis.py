"""What drawing defects costs: a batch at once against photo by photo in NumPy, and as a share of DeSTSeg's steps.

The NumPy side draws what the official code draws, one photo after the other: Perlin noise by corners, a rotation by
SciPy, threshold, blend. Its textures are decoded already, as ours are. Sides take turns; medians are printed. NumPy
uses one thread, torch as many as OMP_NUM_THREADS says.

    python benchmarks/defect_synthesis.py                          # made-up parts; textures from noise and pieces
    python benchmarks/defect_synthesis.py --textures FOLDER --device cuda --batch 32
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Generator, Tensor

from blemish.data.framing import Framing
from blemish.data.made_up import make_up
from blemish.detectors import Batch, ImageSize
from blemish.detectors.destseg import DeSTSeg, DeSTSegSettings
from blemish.networks.device import has_fast_bf16
from blemish.process import keep_freed_memory
from blemish.synthesis.defects import draw_defects
from blemish.training.photo_store import PhotoStore
from blemish.training.processes import Processes
from blemish.training.texture_store import Textures, open_textures

Array = NDArray[np.float32]


def numpy_defects(clean: Array, textures: Array, generator: np.random.Generator) -> tuple[Array, Array]:
    """Photos and textures (B, H, W, 3), 0 to 1 -> photos with defects and masks (B, H, W), one after the other."""
    defective, masks = np.empty_like(clean), np.empty(clean.shape[:3], np.float32)
    for n, (photo, texture) in enumerate(zip(clean, textures, strict=True)):
        height, width = photo.shape[:2]
        cells = 2 ** generator.integers(0, 6, 2)
        noise = numpy_noise((height, width), (int(cells[0]), int(cells[1])), generator)
        noise = ndimage.rotate(noise, generator.uniform(-90, 90), reshape=False, order=1)
        mask = (noise > 0.5).astype(np.float32)[..., None]
        b = np.float32(0.8 * generator.random())
        defective[n] = photo * (1 - mask) + (1 - b) * (mask * texture) + b * (mask * photo)
        masks[n] = mask[..., 0]
    return defective, masks


def numpy_noise(size: tuple[int, int], cells: tuple[int, int], generator: np.random.Generator) -> Array:
    angles = 2 * np.pi * generator.random((cells[0] + 1, cells[1] + 1))
    gradients = np.stack((np.cos(angles), np.sin(angles)), axis=-1).astype(np.float32)
    y, x = (np.arange(s, dtype=np.float32) * (c / s) for s, c in zip(size, cells, strict=True))
    k, m = y.astype(int), x.astype(int)
    dy, dx = np.broadcast_arrays((y - k)[:, None], (x - m)[None])

    def dot(down: int, right: int) -> Array:
        gradient = gradients[(k + down)[:, None], (m + right)[None]]
        product: Array = gradient[..., 0] * (dy - down) + gradient[..., 1] * (dx - right)
        return product

    fade_y, fade_x = (6 * t**5 - 15 * t**4 + 10 * t**3 for t in (dy, dx))
    left, right = (dot(0, side) + (dot(1, side) - dot(0, side)) * fade_y for side in (0, 1))
    noise: Array = np.sqrt(np.float32(2)) * (left + (right - left) * fade_x)
    return noise


def seconds(run: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    started = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started


def compare(clean: Tensor, textures: Textures, *, pairs: int) -> float:
    """Prints both sides' milliseconds per photo; returns ours."""
    device, count = clean.device, len(clean)
    generator, numpy_generator = Generator(device).manual_seed(0), np.random.default_rng(0)
    photos = np.ascontiguousarray(clean.permute(0, 2, 3, 1).cpu().numpy())
    pictures = np.ascontiguousarray(textures.draw(count, generator).permute(0, 2, 3, 1).cpu().numpy())
    sides: dict[str, Callable[[], object]] = {
        "textures": lambda: textures.draw(count, generator),
        "defects": lambda: draw_defects(clean, clean, generator),
        "NumPy": lambda: numpy_defects(photos, pictures, numpy_generator),
    }
    for run in sides.values():
        run()
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(pairs):
        for name, run in sides.items():
            taken[name].append(seconds(run, device))
    each = {name: 1e3 * statistics.median(times) / count for name, times in taken.items()}
    print(f"per photo: textures {each['textures']:.2f} ms, defects {each['defects']:.2f} ms", end="")
    print(f"; NumPy, defects alone: {each['NumPy']:.2f} ms, {each['NumPy'] / each['defects']:.1f} times as long")
    return each["textures"] + each["defects"]


def shares(clean: Tensor, ours: float, runtime: Processes, *, pairs: int) -> None:
    """Prints what share of each stage's step `ours` (ms per photo) is."""
    detector = runtime.place(DeSTSeg(DeSTSegSettings(image_size=ImageSize(clean.shape[-2], clean.shape[-1]))))
    assert isinstance(detector, DeSTSeg)
    for stage in detector.stages():
        detector.eval().requires_grad_(False)
        stage.trains.train().requires_grad_(True)
        optimizer = stage.optimizer(stage.trains)
        targets = stage.targets(clean) if stage.targets is not None else ()
        batch = Batch(images=clean, clean=clean, targets=targets, masks=clean[:, :1].round(), global_size=len(clean))

        def step(stage=stage, optimizer=optimizer, batch=batch) -> None:  # type: ignore[no-untyped-def]
            with runtime.autocast():
                loss = torch.stack(list(stage.loss(batch).values())).sum()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()

        step()
        each = 1e3 * statistics.median(seconds(step, runtime.device) for _ in range(pairs)) / len(clean)
        print(f"stage {stage.name}: {each:.1f} ms per photo; defects would be {ours / (ours + each):.2%} of both")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--textures", type=Path, help="folder of pictures; default: noise and pieces of the photos")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    device = torch.device(options.device)
    runtime = Processes(device=device, precision="bf16" if has_fast_bf16(device) else "fp32")
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        parts = make_up(Path(folder) / "parts", seed=0, size=options.size, train=options.batch, good=1, defective=1)
        photos = PhotoStore(
            [s.image for s in parts.train], Framing(image_size=(options.size, options.size)), budget=10**9, workers=2
        )
        photos.load(lambda _done, _of: None)
    stages = DeSTSeg(DeSTSegSettings(textures=str(options.textures) if options.textures else None)).stages()
    indices = np.arange(options.batch)
    (textures,) = open_textures(
        stages,
        photos,
        indices,
        seed=0,
        budget=10**9,
        device=runtime.device,
        on_picture=lambda _done, _of: None,
    ).values()
    clean = photos.images(indices, device)
    photos.close()
    print(f"{device}, {torch.get_num_threads()} threads, {runtime.precision}, batch {options.batch}, {options.size} px")
    print(f"textures: {textures.contents}")
    shares(clean, compare(clean, textures, pairs=4 * options.pairs), runtime, pairs=options.pairs)


if __name__ == "__main__":
    main()
