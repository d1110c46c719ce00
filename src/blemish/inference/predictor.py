"""Image in, prediction out: the one way for evaluate, predict and report, whatever the runtime."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from blemish.data.images import as_image, read_image, resize_image
from blemish.errors import ArtifactError, DataError, SettingsError
from blemish.inference.prediction import Prediction
from blemish.model.thresholds import Calibration
from blemish.process import available_cores

Photo = str | Path | NDArray[np.uint8]
"""A file, or an image (H, W, 3) or (H, W), RGB or grey, 0 to 255."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """Which trained model judges, and what computes it."""

    weights_sha256: str
    runtime: str
    precision: str


class Runtime(Protocol):
    """What computes: torch, ONNX Runtime, OpenVINO. Safe to call from several threads."""

    def run(self, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Images (B, 3, H, W), RGB, 0 to 1 -> anomaly maps (B, H, W), anomaly scores (B,)."""
        ...


@runtime_checkable
class LevelRuntime(Protocol):
    """A runtime that can also say what each level gave."""

    def level_maps(self, images: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Images as for `run` -> by name, 1 - cos of teacher and student, each (B, h, w) of its own resolution."""
        ...


def as_images(pixels: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """What every runtime is given: photos (H, W, 3) of one size -> (B, 3, H, W), 0 to 1."""
    return np.ascontiguousarray(np.stack(pixels).transpose(0, 3, 1, 2), dtype=np.float32) / np.float32(255)


class Predictor:
    """Judges photos: reads, resizes, runs, compares with the thresholds."""

    def __init__(
        self,
        runtime: Runtime,
        image_size: tuple[int, int],
        *,
        calibration: Calibration,
        min_area: int = 1,
        model: Model | None = None,
    ) -> None:
        self.runtime = runtime
        self.image_size = image_size
        self.calibration = calibration
        self.min_area = min_area
        self.model = model

    @property
    def threshold(self) -> float:
        """Scores above it are anomalous."""
        return self.calibration.image.value

    def predict(self, photo: Photo) -> Prediction:
        """Raises DataError where the photo cannot be read."""
        return self._judge([self._prepare(photo)])[0]

    def level_maps(self, photo: Photo) -> dict[str, NDArray[np.float32]]:
        """How far each student is from its teacher at each level: 1 - cos, 0 to 2, (h, w) of the level's resolution.

        Raises DataError where the photo cannot be read, SettingsError where runtime or method cannot tell.
        """
        if not isinstance(self.runtime, LevelRuntime):
            raise SettingsError("exports compute map and score alone: for level maps take the runtime torch")
        images = as_images([self._prepare(photo).resized])
        return {name: maps[0] for name, maps in self.runtime.level_maps(images).items()}

    def predict_many(
        self, photos: Iterable[Photo], *, batch_size: int = 8, keep_photos: bool = False
    ) -> Iterator[Prediction | DataError]:
        """One result per photo, in order; a photo that cannot be read gives its error and harms no other.

        Photos are decoded in threads while the network works on those before them; two batches of photos are taken
        before their results are asked for, and no more. `keep_photos`: predictions hold their photo's pixels.
        """
        pool = ThreadPoolExecutor(min(batch_size, available_cores()), thread_name_prefix="decode")
        waiting: deque[Future[_Prepared | DataError]] = deque()
        source = iter(photos)

        def read_ahead(count: int) -> None:
            waiting.extend(pool.submit(self._try, photo, keep=keep_photos) for photo in islice(source, count))

        try:
            read_ahead(batch_size)
            while waiting:
                batch: list[_Prepared | DataError] = []
                while waiting and len(batch) < batch_size:
                    batch.append(waiting.popleft().result())
                    read_ahead(1)
                yield from self._judge_readable(batch)
        finally:
            pool.shutdown(cancel_futures=True)

    def _prepare(self, photo: Photo, *, keep: bool = False) -> "_Prepared":
        path = Path(photo) if isinstance(photo, str | Path) else None
        image = as_image(photo) if isinstance(photo, np.ndarray) else read_image(Path(photo))
        return _Prepared(
            path=path,
            resized=resize_image(image, self.image_size),
            photo_size=(image.shape[0], image.shape[1]),
            photo=image if keep else None,
        )

    def _try(self, photo: Photo, *, keep: bool) -> "_Prepared | DataError":
        try:
            return self._prepare(photo, keep=keep)
        except DataError as error:
            return error

    def _judge_readable(self, batch: "list[_Prepared | DataError]") -> Iterator[Prediction | DataError]:
        good = [prepared for prepared in batch if not isinstance(prepared, DataError)]
        judged = iter(self._judge(good) if good else [])
        for prepared in batch:
            yield prepared if isinstance(prepared, DataError) else next(judged)

    def _judge(self, batch: "list[_Prepared]") -> list[Prediction]:
        maps, scores = self.runtime.run(as_images([prepared.resized for prepared in batch]))
        if not np.isfinite(scores).all():  # NaN is above no threshold: it would pass as normal
            raise ArtifactError("the network gives scores that are not finite: its weights are damaged; train it anew")
        return [
            Prediction(
                image=prepared.path,
                anomaly_score=float(score),
                calibration=self.calibration,
                anomaly_map=anomaly_map,
                photo_size=prepared.photo_size,
                min_area=self.min_area,
                photo=prepared.photo,
            )
            for prepared, anomaly_map, score in zip(batch, maps, scores, strict=True)
        ]


@dataclass(frozen=True, kw_only=True)
class _Prepared:
    """A photo that was read."""

    path: Path | None
    resized: NDArray[np.uint8]
    photo_size: tuple[int, int]
    photo: NDArray[np.uint8] | None
    """At its own size, where it is kept."""
