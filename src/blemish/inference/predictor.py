"""Photo in, prediction out: the one way for evaluate, predict, report and serve, whatever the runtime."""

import logging
import math
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from blemish.data.description import PhotoDescription, describe
from blemish.data.framing import FramedPhoto, Framing, frame_at, stacked
from blemish.data.geometry import JoinedMap
from blemish.data.interest import Interest
from blemish.data.paths import photos_under
from blemish.data.photo import Photo, is_one_photo, read_photo
from blemish.data.pixel_limit import allow_pixels
from blemish.errors import ArtifactError, DataError, SettingsError
from blemish.inference.interest_score import CountedMap, counted_map
from blemish.inference.prediction import Prediction
from blemish.model.provenance import Provenance
from blemish.model.rules import Rules
from blemish.model.score import Score
from blemish.model.thresholds import Calibration
from blemish.model.usual import UsualPhotos
from blemish.process import available_cores
from blemish.wording import on_one_line

_log = logging.getLogger("blemish")

MOST_AHEAD = 1 << 29
"""Bytes of decoded photos that wait for the network or for their results to be taken, beyond the one at work."""

_AT_ONCE = 8 * 3 * 256 * 256 * 4
"""Bytes of tiles that are given to the network at once, as float32."""

Input = Photo | FramedPhoto
"""What a Predictor judges: whatever a photo may be, or one that was read and framed before."""


LevelMaps = dict[str, NDArray[np.float32]]
"""By name, what each level gave."""


class Runtime(Protocol):
    """A runtime computes maps by torch, ONNX Runtime or OpenVINO; several threads may call it."""

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns anomaly maps (B, h, w) of images (B, 3, H, W), RGB, 0 to 1."""
        ...


@runtime_checkable
class LevelRuntime(Protocol):
    """A runtime that can also say what each level gave."""

    def run_with_levels(self, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], LevelMaps]:
        """Returns what `run` does and, from the same pass, 1 - cos of teacher and student, each (B, h, w) of its own
        resolution."""
        ...


class Predictor:
    """Judges photos: reads, frames, runs, joins the maps, takes the score, compares with the thresholds."""

    def __init__(
        self,
        runtime: Runtime,
        framing: Framing,
        *,
        score: Score,
        calibration: Calibration,
        min_area: int = 1,
        provenance: Provenance | None = None,
        usual: UsualPhotos | None = None,
        interest: Interest | None = None,
        rules: Rules | None = None,
    ) -> None:
        """Takes `usual` to tell photos that are none of the part; without it nobody asks. `interest` says what of a
        photo counts; without it all does. `rules` say which marks stop a photo above the threshold; without them all
        do."""
        allow_pixels(framing.max_pixels)
        self.runtime = runtime
        self.framing = framing
        self.score = score
        self.calibration = calibration
        self.min_area = min_area
        self.provenance = provenance
        self.usual = usual
        self.interest = interest
        self.rules = rules
        self._said: set[str] = set()

    @property
    def threshold(self) -> float:
        """The value above which a score is anomalous."""
        return self.calibration.image.value

    def predict(self, photo: Input, *, bgr: bool = False) -> Prediction:
        """Judges one photo; `bgr`: an array whose colours lie in OpenCV's order. Raises DataError where it cannot."""
        return self._judge([self._frame(photo, bgr=bgr)])[0]

    def level_maps(self, photo: Photo, *, bgr: bool = False) -> LevelMaps:
        """Returns how far each student is from its teacher at each level: 1 - cos, 0 to 2, (h, w) of the level.

        Raises DataError where the photo cannot be read, SettingsError where runtime or method cannot tell.
        """
        return self._judge([self._frame(photo, bgr=bgr)], level_maps=True)[0].level_maps

    def predict_many(
        self,
        photos: Iterable[Input] | Input,
        *,
        batch_size: int = 8,
        keep_photos: bool = False,
        level_maps: bool = False,
        bgr: bool = False,
    ) -> Generator[Prediction | DataError, None, None]:
        """Judges photos, one, or those of one folder; a photo that cannot be read gives its error and harms no other.

        Results come one per photo, in order. Photos are decoded in threads while the network works on those before
        them: two batches of them at most, and no more bytes than MOST_AHEAD. `keep_photos`: predictions hold their
        photo's pixels; `level_maps`: they hold level maps, from the pass that judges. Raises SettingsError where there
        are none.
        """
        pool = ThreadPoolExecutor(min(batch_size, available_cores()), thread_name_prefix="decode")
        reader = _ReadAhead(
            lambda photo: pool.submit(self._try, photo, keep=keep_photos, bgr=bgr),
            _each(photos),
            batch_size,
            largest=3 * (self.framing.max_pixels or 0),
        )
        try:
            while batch := reader.next_batch():
                yield from self._judge_readable(batch, level_maps=level_maps)
        finally:
            pool.shutdown(cancel_futures=True)

    def _frame(self, photo: Input, *, keep: bool = False, bgr: bool = False) -> FramedPhoto:
        if isinstance(photo, FramedPhoto):
            return photo
        read = read_photo(photo, bgr=bgr)
        if self.interest is not None:
            size = (read.pixels.shape[0], read.pixels.shape[1])
            self.interest.check_photo(size, name=read.name)
            self.interest.check_map(self.framing.map_size(size), name=read.name)
        if read.first_of_several:
            self._say_once(f"{read.name}: holds several pages, and only the first is judged")
        canvas = self.framing.lay_out(read.pixels, name=read.name)
        return FramedPhoto(
            canvas=canvas,
            overview=self.framing.overview(read.pixels, canvas),
            photo_size=(read.pixels.shape[0], read.pixels.shape[1]),
            path=read.path,
            digest=read.digest,
            pixels=read.pixels if keep else None,
        )

    def _say_once(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            _log.warning("%s; save each page as a file of its own", on_one_line(line))

    def _try(self, photo: Input, *, keep: bool, bgr: bool) -> FramedPhoto | DataError:
        try:
            return self._frame(photo, keep=keep, bgr=bgr)
        except DataError as error:
            return error

    def _judge_readable(
        self, batch: list[FramedPhoto | DataError], *, level_maps: bool
    ) -> Iterator[Prediction | DataError]:
        good = [framed for framed in batch if not isinstance(framed, DataError)]
        judged = iter(self._judge(good, level_maps=level_maps) if good else [])
        for framed in batch:
            yield framed if isinstance(framed, DataError) else next(judged)

    def _judge(self, batch: list[FramedPhoto], *, level_maps: bool = False) -> list[Prediction]:
        size = self.framing.image_size
        joined = [self.framing.joining(framed.photo_size) for framed in batch]
        levels: list[dict[str, JoinedMap]] = [{} for _ in batch]
        for chunk in self._chunks(batch):
            frames = stacked([frame_at(batch[place].canvas, window, size) for place, _, window in chunk])
            images = self.framing.images(frames)
            maps, of_levels = self._run_with_levels(images) if level_maps else (self.runtime.run(images), {})
            for at, (place, number, _) in enumerate(chunk):
                joined[place].add(number, maps[at])
                for name, found in of_levels.items():
                    if name not in levels[place]:
                        levels[place][name] = self.framing.joining(batch[place].photo_size, (*found[at].shape,))
                    levels[place][name].add(number, found[at])
        return [
            self._prediction(framed, whole.values, {name: level.values for name, level in own.items()})
            for framed, whole, own in zip(batch, joined, levels, strict=True)
        ]

    def _chunks(self, batch: Sequence[FramedPhoto]) -> Iterator[Sequence[tuple[int, int, tuple[int, int]]]]:
        """Yields the frames that the network sees at once, as (photo, number, window); whole photos all together."""
        frames = (
            (place, number, window)
            for place, framed in enumerate(batch)
            for number, window in enumerate(self.framing.geometry(framed.photo_size).windows)
        )
        each = _AT_ONCE // (3 * 4 * math.prod(self.framing.image_size))
        at_once = len(batch) if self.framing.tile is None else max(1, each)
        while chunk := list(islice(frames, at_once)):
            yield chunk

    def _run_with_levels(self, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], LevelMaps]:
        if not isinstance(self.runtime, LevelRuntime):
            raise SettingsError("exports compute the anomaly map alone: for level maps take the runtime torch")
        return self.runtime.run_with_levels(images)

    def _prediction(self, framed: FramedPhoto, anomaly_map: NDArray[np.float32], level_maps: LevelMaps) -> Prediction:
        counted = self._counted(anomaly_map)
        score = counted.anomaly_score
        if not np.isfinite(score):  # NaN is above no threshold: it would pass as normal
            raise ArtifactError("the network gives scores that are not finite: its weights are damaged; train it anew")
        looks = None if self.usual is None else self._describe(framed)
        return Prediction(
            image=framed.path,
            digest=framed.digest,
            photo_size=framed.photo_size,
            anomaly_score=score,
            percentile=self.calibration.percentile(score),
            percentile_of=self.calibration.unit,
            thresholds=self.calibration.thresholds,
            provenance=self.provenance,
            judged_at=datetime.now(UTC),
            anomaly_map=counted.anomaly_map,
            level_maps=level_maps,
            min_area=self.min_area,
            unusualness=None if self.usual is None or looks is None else self.usual.of(looks),
            description=looks,
            photo=framed.pixels,
            white_level=self.framing.white_level,
            interest=self.interest,
            region_scores=counted.region_scores,
            rules=self.rules,
        )

    def _counted(self, anomaly_map: NDArray[np.float32]) -> CountedMap:
        pixels = math.prod(self.framing.image_size)
        if self.interest is not None:
            return counted_map(anomaly_map, self.interest, self.score, frame_pixels=pixels)
        score = self.score.of(anomaly_map, frame_pixels=pixels)
        return CountedMap(anomaly_map=anomaly_map, anomaly_score=score, region_scores={})

    def _describe(self, framed: FramedPhoto) -> PhotoDescription:
        return describe(framed.overview[None], framed.photo_size, white=self.framing.white_of(framed.overview))


def _each(photos: Iterable[Input] | Input) -> Iterable[Input]:
    if isinstance(photos, str | Path):
        return photos_under([Path(photos)])
    one = isinstance(photos, FramedPhoto) or is_one_photo(photos)
    return [cast(Input, photos)] if one else cast(Iterable[Input], photos)


class _ReadAhead:
    """The photos that are on their way through the decoding threads, as many as memory allows."""

    def __init__(self, submit: "_Submit", photos: Iterable[Input], batch_size: int, *, largest: int) -> None:
        """Takes the bytes that the `largest` photo may have; 0 where photos are not known to be large."""
        self._submit = submit
        self._source = iter(photos)
        self._batch_size = batch_size
        self._waiting: deque[Future[FramedPhoto | DataError]] = deque()
        self._largest = 1  # bytes of the largest photo so far: those to come are taken to be like it
        self._read(max(1, min(batch_size, available_cores(), MOST_AHEAD // max(1, largest))))

    def next_batch(self) -> list[FramedPhoto | DataError]:
        """Returns the next photos, none where all were returned; those after them are read meanwhile."""
        batch: list[FramedPhoto | DataError] = []
        while self._waiting and len(batch) < self._room():
            framed = self._waiting.popleft().result()
            if not isinstance(framed, DataError):
                photo = 3 * framed.canvas.dtype.itemsize * math.prod(framed.photo_size)
                self._largest = max(self._largest, photo, framed.canvas.nbytes)
            batch.append(framed)
            self._read(self._room() - len(self._waiting))
        return batch

    def _room(self) -> int:
        return max(1, min(self._batch_size, MOST_AHEAD // (2 * self._largest)))

    def _read(self, count: int) -> None:
        self._waiting.extend(self._submit(photo) for photo in islice(self._source, max(0, count)))


_Submit = Callable[[Input], Future[FramedPhoto | DataError]]
