"""Photo in, prediction out: the one way for evaluate, predict, report and serve, whatever the runtime."""

import logging
import math
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from blemish.data.alignment import Placement, opencv
from blemish.data.description import PhotoDescription, describe
from blemish.data.framing import FramedPhoto, Framing, frame_at
from blemish.data.framing_choice import SEEN_AT_ONCE
from blemish.data.geometry import JoinedMap, PhotoGeometry
from blemish.data.interest import Interest
from blemish.data.paths import photos_under
from blemish.data.photo import Photo, is_one_photo, read_photo
from blemish.data.pixel_limit import allow_pixels
from blemish.data.shared_photos import decoded_once
from blemish.errors import ArtifactError, DataError, SettingsError
from blemish.inference.interest_score import CountedMap, counted_map
from blemish.inference.prediction import Prediction
from blemish.inference.read_ahead import Input, ReadAhead
from blemish.model.provenance import Provenance
from blemish.model.rules import Rules
from blemish.model.score import Score
from blemish.model.thresholds import Calibration
from blemish.model.usual import Unusualness, UsualPhotos
from blemish.process import available_cores
from blemish.wording import on_one_line

_log = logging.getLogger("blemish")

_MOST_SAID = 20  # files of several pages that are named: a watch that judges new ones for months remembers no more

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
        if framing.alignment is not None:
            opencv()  # or a line about what to install, before any photo is read
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
        them: two batches of them at most, and no more bytes than MOST_AHEAD (see ReadAhead). `keep_photos`: predictions
        hold their photo's pixels; `level_maps`: they hold level maps, from the pass that judges. Raises SettingsError
        where there are none.
        """
        pool = ThreadPoolExecutor(min(batch_size, available_cores()), thread_name_prefix="decode")
        reader = ReadAhead(
            lambda photo: pool.submit(self._try, photo, keep=keep_photos, bgr=bgr),
            _each(photos),
            batch_size,
            largest=3 * (self.framing.max_pixels or self._most_pixels_learned),
        )
        try:
            while batch := reader.next_batch():
                yield from self._judge_readable(batch, level_maps=level_maps)
        finally:
            pool.shutdown(cancel_futures=True)

    @property
    def _most_pixels_learned(self) -> int:
        """How many pixels the largest photo has that was learned from; 0 where that is not known."""
        return max(map(math.prod, self.usual.sizes)) if self.usual is not None else 0

    def _frame(self, photo: Input, *, keep: bool = False, bgr: bool = False) -> FramedPhoto:
        if isinstance(photo, FramedPhoto):
            return photo
        if keep or not isinstance(photo, str | Path):
            framed, first_of_several = self._decoded(photo, keep=keep, bgr=bgr)
        else:
            how = ("to judge", self.framing)
            framed, first_of_several = decoded_once(
                Path(photo), how, lambda: self._decoded(photo, keep=False, bgr=bgr), size=lambda made: made[0].nbytes
            )
        if self.interest is not None:
            self.interest.check_photo(framed.photo_size, name=_name_of(photo))
            self.interest.check_map(self.framing.map_size(framed.photo_size), name=_name_of(photo))
        if first_of_several:
            self._say_once(f"{_name_of(photo)}: holds several pages, and only the first is judged")
        return framed

    def _decoded(self, photo: Photo, *, keep: bool, bgr: bool) -> tuple[FramedPhoto, bool]:
        """Returns a photo laid out, and whether its file holds further pages."""
        read = read_photo(photo, bgr=bgr, reading=self.framing.reading)
        framed = self.framing.framed(read.pixels, name=_name_of(photo), path=read.path, digest=read.digest, keep=keep)
        return framed, read.first_of_several

    def _say_once(self, line: str) -> None:
        if line in self._said or len(self._said) == _MOST_SAID:
            return
        self._said.add(line)
        more = "; of more files it is not said" if len(self._said) == _MOST_SAID else ""
        _log.warning("%s; save each page as a file of its own%s", on_one_line(line), more)

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
        size = self.framing.frame_size
        joined = [self.framing.joining(framed.photo_size) for framed in batch]
        levels: list[dict[str, JoinedMap]] = [{} for _ in batch]
        for chunk in self._chunks(batch, everywhere=level_maps):
            frames = [frame_at(batch[place].canvas, window, size) for place, _, window in chunk]
            images = self.framing.images_of(frames)
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

    def _chunks(
        self, batch: Sequence[FramedPhoto], *, everywhere: bool
    ) -> Iterator[Sequence[tuple[int, int, tuple[int, int]]]]:
        """Yields the frames that the network sees at once, as (photo, number, window); whole photos all together.

        Tiles of which nothing counts are left out, unless `everywhere`.
        """
        frames = (
            (place, number, geometry.windows[number])
            for place, geometry in enumerate(self.framing.geometry(framed.photo_size) for framed in batch)
            for number in self._numbers(geometry, everywhere=everywhere)
        )
        each = SEEN_AT_ONCE // math.prod(self.framing.frame_size)
        at_once = len(batch) if self.framing.tile is None else max(1, each)
        while chunk := list(islice(frames, at_once)):
            yield chunk

    def _numbers(self, geometry: PhotoGeometry, *, everywhere: bool) -> Sequence[int]:
        if self.interest is None or everywhere:
            return range(len(geometry.windows))
        return self.interest.joined_windows(geometry)

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
            anomaly_map=_laid_back(counted.anomaly_map, framed.placement),
            level_maps={level: _laid_back(values, framed.placement) for level, values in level_maps.items()},
            placement=framed.placement,
            min_area=self.min_area,
            unusualness=None if looks is None else self._unusualness(looks, framed.placement),
            description=looks,
            photo=framed.pixels,
            white_level=self.framing.white_level,
            reading=self.framing.reading,
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

    def _unusualness(self, looks: PhotoDescription, placement: Placement | None) -> Unusualness | None:
        alignment = self.framing.alignment
        misfit = 0.0 if alignment is None or placement is None else alignment.misfit(placement)
        return None if self.usual is None else self.usual.of(looks, misfit=misfit)

    def _describe(self, framed: FramedPhoto) -> PhotoDescription:
        return describe(framed.overview[None], framed.photo_size, white=self.framing.white_of(framed.overview))


def _laid_back(values: NDArray[np.float32], placement: Placement | None) -> NDArray[np.float32]:
    """Returns a map in the photo's own place; what the aligned photo does not show has the lowest value, or 0."""
    return values if placement is None else placement.laid_back(values, outside=min(0.0, float(values.min())))


def _name_of(photo: Photo) -> str:
    """Returns what errors call a photo: its path, or the name that an open file has."""
    return str(photo if isinstance(photo, str | Path) else getattr(photo, "name", "photo in memory"))


def _each(photos: Iterable[Input] | Input) -> Iterable[Input]:
    if isinstance(photos, str | Path):
        return photos_under([Path(photos)])
    one = isinstance(photos, FramedPhoto) or is_one_photo(photos)
    return [cast(Input, photos)] if one else cast(Iterable[Input], photos)
