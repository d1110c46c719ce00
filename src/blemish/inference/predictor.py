"""Image in, prediction out: the one way for evaluate, predict, report and serve, whatever the runtime."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from blemish.data.images import as_image, read_image, resize_image
from blemish.errors import ArtifactError, DataError
from blemish.inference.calibration import Calibration
from blemish.inference.prediction import Prediction

Photo = str | Path | NDArray[np.uint8]
"""A file, or an image (H, W, 3) or (H, W), RGB or grey, 0 to 255."""


class Runtime(Protocol):
    """What computes: torch, ONNX Runtime, OpenVINO. Safe to call from several threads."""

    def run(self, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Images (B, 3, H, W), RGB, 0 to 1 -> anomaly maps (B, H, W), anomaly scores (B,)."""
        ...


class Predictor:
    """Judges photos: reads, resizes, runs, compares with the thresholds."""

    def __init__(
        self, runtime: Runtime, image_size: tuple[int, int], *, calibration: Calibration, min_area: int = 1
    ) -> None:
        self._runtime = runtime
        self.image_size = image_size
        self.calibration = calibration
        self.min_area = min_area

    @property
    def threshold(self) -> float:
        """Scores above it are anomalous."""
        return self.calibration.image.value

    def predict(self, photo: Photo) -> Prediction:
        """Raises DataError where the photo cannot be read."""
        return self._judge([photo], [self._prepare(photo)])[0]

    def predict_many(self, photos: Iterable[Photo], *, batch_size: int = 8) -> Iterator[Prediction | DataError]:
        """One result per photo, in order; a photo that cannot be read gives its error and harms no other.

        Photos are decoded in threads while the network works on those before them; memory holds a few batches.
        """
        with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="decode") as pool:
            waiting: list[tuple[list[Photo], list[Future[_Prepared | DataError]]]] = []
            source = iter(photos)
            while True:
                batch = list(islice(source, batch_size))
                if batch:
                    waiting.append((batch, [pool.submit(self._try, photo) for photo in batch]))
                if waiting and (not batch or len(waiting) > 2):
                    names, futures = waiting.pop(0)
                    yield from self._judge_readable(names, [future.result() for future in futures])
                elif not batch:
                    return

    def _prepare(self, photo: Photo) -> "_Prepared":
        image = read_image(Path(photo)) if isinstance(photo, str | Path) else as_image(photo)
        return resize_image(image, self.image_size), (image.shape[0], image.shape[1])

    def _try(self, photo: Photo) -> "_Prepared | DataError":
        try:
            return self._prepare(photo)
        except DataError as error:
            return error

    def _judge_readable(
        self, photos: list[Photo], prepared: "list[_Prepared | DataError]"
    ) -> Iterator[Prediction | DataError]:
        good = [(photo, p) for photo, p in zip(photos, prepared, strict=True) if not isinstance(p, DataError)]
        judged = iter(self._judge([photo for photo, _ in good], [p for _, p in good]) if good else [])
        for p in prepared:
            yield p if isinstance(p, DataError) else next(judged)

    def _judge(self, photos: list[Photo], prepared: "list[_Prepared]") -> list[Prediction]:
        pixels = np.stack([image for image, _ in prepared])
        images = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), dtype=np.float32) / np.float32(255)
        maps, scores = self._runtime.run(images)
        if not np.isfinite(scores).all():  # NaN is above no threshold: it would pass as normal
            raise ArtifactError("the network gives scores that are not finite: its weights are damaged; train it anew")
        return [
            Prediction(
                image=Path(photo) if isinstance(photo, str | Path) else None,
                anomaly_score=float(score),
                calibration=self.calibration,
                anomaly_map=anomaly_map,
                photo_size=size,
                min_area=self.min_area,
            )
            for photo, (_, size), anomaly_map, score in zip(photos, prepared, maps, scores, strict=True)
        ]


_Prepared = tuple[NDArray[np.uint8], tuple[int, int]]
"""Resized image, and the photo's own (height, width)."""
