"""The pixels of all maps of a test set, kept on the disk: memory holds about a hundredth of them at a time.

Each photo's normal and defect pixels are sorted as they come and stored. `edges`, scores from all over the set, cut
every photo's pixels into the same columns; a ranking of all pixels then takes some neighbouring columns of all photos
at a time, from the highest scores down. Nothing is rounded: columns only say what is read together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from blemish.errors import MetricError
from blemish.metrics.ranking import STRETCH, Floats, Ranking, Stretch, check_classes, count, nan_error
from blemish.metrics.saturation import SaturatedDefect, SaturatedWeights, saturated_in
from blemish.metrics.stored_arrays import StoredArrays
from blemish.metrics.tally import Tally, cut, quantiles, sketch
from blemish.metrics.true_regions import PRO_LIMIT, STRICT_LIMIT, Regions, regions_in
from blemish.wording import counted

EDGES = 256
"""How many scores of normal pixels, and of defect pixels, cut columns: each column holds about 1/256 of a kind."""
SKETCH = 256
"""Pixels of each kind that every photo gives to choose the edges from."""
PIXELS_AT_ONCE = 1 << 25
"""Normal pixels that are ranked together: 128 MB and as much again."""
DEFECT_COST = 32
"""Normal pixels that take as much memory as a defect pixel."""
UNIT = "pixels"


@dataclass(frozen=True, kw_only=True)
class StoredPixels:
    """All pixels of N photos, sorted photo by photo; no two threads may use what shares its files."""

    tally: Tally
    runs: NDArray[np.intp]
    """(N,) which of the stored arrays are of which photo."""
    masked: NDArray[np.bool_]
    """(N,) whether it is known where a photo's defects are."""
    nan: NDArray[np.bool_]
    """(N,) whether a photo's map holds NaN."""
    found_at: tuple[NDArray[Any], ...]
    """The highest threshold, for each photo's regions (R,), at which more than half of the pixels reach it."""
    normal: StoredArrays
    defects: StoredArrays
    sizes: StoredArrays
    """How many pixels the region has that each defect pixel belongs to."""
    at_once: int = PIXELS_AT_ONCE
    saturated: "StoredPixels | None" = None
    """The same pixels with weights of defects of which a share is enough; None where no photo has such."""

    def of(self, photos: NDArray[np.intp]) -> "StoredPixels":
        """Returns these photos only, in this order."""
        return replace(
            self,
            tally=self.tally.of(photos),
            runs=self.runs[photos],
            masked=self.masked[photos],
            nan=self.nan[photos],
            found_at=tuple(self.found_at[photo] for photo in photos),
            saturated=None if self.saturated is None else self.saturated.of(photos),
        )

    def check(self) -> tuple[int, int]:
        """Returns how many pixels are anomalous and normal; raises MetricError where a mask is missing, a class or a
        number."""
        if not self.masked.all():
            missing = int(np.sum(~self.masked))
            raise MetricError(
                f"no masks of {counted(missing, 'defective photo')}: metrics of pixels and regions need all of them; "
                "where they lie elsewhere, give --masks FOLDER"
            )
        if self.nan.any():
            raise nan_error(UNIT)
        anomalous, normal = (int(counts.sum(dtype=np.int64)) for counts in (self.tally.hits, self.tally.normal))
        check_classes(anomalous=anomalous, normal=normal, unit=UNIT)
        return anomalous, normal

    @cached_property
    def ranking(self) -> Ranking:
        """Returns the ranking of all pixels; raises MetricError where `check` does."""
        return self._ranked(limit=1.0)

    @cached_property
    def strict_ranking(self) -> Ranking:
        """Returns `ranking` down to the false alarm rate STRICT_LIMIT, for which little need be read."""
        return self._ranked(limit=STRICT_LIMIT)

    def marked_at(self, threshold: float) -> tuple[int, int]:
        """Returns how many defect pixels and how many normal ones are above a threshold, by looking for it in what is
        stored of each photo."""
        of_kinds = ((self.defects, self.tally.hits), (self.normal, self.tally.normal))
        hits, false_alarms = (
            sum(
                size - stored.count_up_to(threshold, stored.ends[run], stored.ends[run] + size)
                for run, size in zip(self.runs.tolist(), counts.sum(axis=1, dtype=np.int64).tolist(), strict=True)
            )
            for stored, counts in of_kinds
        )
        return hits, false_alarms

    @cached_property
    def regions(self) -> Regions:
        """Returns the true regions, as scores; raises MetricError where `ranking` does."""
        return Regions(ranking=self.ranking, found_at=np.concatenate(self.found_at).astype(np.float64))

    def _ranked(self, *, limit: float) -> Ranking:
        anomalous, normal = self.check()
        stretches = StoredArrays(STRETCH)
        for stretch in self._stretches():
            stretches.append(stretch)
            if stretch["false_alarms"][-1] > limit * normal:
                break
        regions = sum(len(found_at) for found_at in self.found_at)
        return Ranking(stretches=stretches, anomalous=anomalous, normal=normal, weight=float(regions))

    def _stretches(self) -> Iterator[Stretch]:
        """Yields stretches of columns; those without defect pixels are counted and never read."""
        normal, hits = (c.sum(axis=0, dtype=np.int64) for c in (self.tally.normal, self.tally.hits))
        normal_at, defects_at = self._positions(self.tally.normal), self._positions(self.tally.hits)
        hits_above, normal_above = 0, 0
        for first, last in _together(normal, hits, at_once=self.at_once):
            inside = int(hits[first:last].sum()), int(normal[first:last].sum())
            if inside[0] and last - first == 1 and first % 2:
                yield self._tie(first, inside, hits=hits_above, false_alarms=normal_above)
            elif inside[0]:
                ends = [first, last]
                yield self._read(normal_at[:, ends], defects_at[:, ends], hits=hits_above, false_alarms=normal_above)
            hits_above, normal_above = hits_above + inside[0], normal_above + inside[1]

    def _positions(self, counts: NDArray[Any]) -> NDArray[np.int64]:
        """Returns (N, C + 1): where the columns of each photo begin in what is stored of it."""
        return np.pad(np.cumsum(counts, axis=1, dtype=np.int64), ((0, 0), (1, 0)))

    def _tie(self, column: int, inside: tuple[int, int], *, hits: int, false_alarms: int) -> Stretch:
        """Returns a stretch of scores that are all equal, which need not be read, however many they are."""
        run = int(np.flatnonzero(self.tally.hits[:, column])[0])
        at = self.defects.ends[self.runs[run]] + int(self.tally.hits[run, :column].sum(dtype=np.int64))
        threshold = self.defects.gather(np.array([at]), np.array([at + 1]))
        weight = self.tally.weight[:, column].sum()
        stretch = (threshold[0], hits + inside[0], false_alarms + inside[1], false_alarms, weight)
        return np.array([stretch], STRETCH)

    def _read(
        self, normal_at: NDArray[np.int64], defects_at: NDArray[np.int64], *, hits: int, false_alarms: int
    ) -> Stretch:
        """Ranks what lies between two positions in each photo."""
        places = [
            np.asarray(stored.ends)[self.runs, None] + at
            for stored, at in ((self.normal, normal_at), (self.defects, defects_at))
        ]
        normal = self.normal.gather(places[0][:, 0], places[0][:, 1])
        normal.sort()
        defects, sizes = (stored.gather(places[1][:, 0], places[1][:, 1]) for stored in (self.defects, self.sizes))
        rising = np.argsort(defects)
        return count(normal, defects[rising], weights=1 / sizes[rising], hits=hits, false_alarms=false_alarms)


def _together(normal: NDArray[np.int64], hits: NDArray[np.int64], *, at_once: int) -> Iterator[tuple[int, int]]:
    """Yields [first, last) of columns to rank together, from the highest down: as many as fit, or one that does not."""
    sizes = np.maximum(normal, DEFECT_COST * hits).tolist()
    last = len(sizes)
    while last:
        first, held = last - 1, sizes[last - 1]
        while first and held + sizes[first - 1] <= at_once:
            first -= 1
            held += sizes[first]
        yield first, last
        last = first


class PixelCollector:
    """Takes map after map, none of which it keeps in memory."""

    def __init__(self, *, dtype: DTypeLike = np.float32, edges: int = EDGES, at_once: int = PIXELS_AT_ONCE) -> None:
        """`dtype` is that of the maps."""
        self._edges, self._at_once = edges, at_once
        self._normal, self._defects = StoredArrays(dtype), StoredArrays(dtype)
        self._sizes = StoredArrays(np.uint32)
        self._found_at: list[NDArray[Any]] = []
        self._masked: list[bool] = []
        self._nan: list[bool] = []
        self._saturated = SaturatedWeights()
        self._sketches: list[tuple[tuple[NDArray[Any], Floats], tuple[NDArray[Any], Floats]]] = []

    def add(
        self,
        anomaly_map: NDArray[Any],
        mask: NDArray[np.bool_] | None,
        *,
        inside: NDArray[np.bool_] | None = None,
        saturated: Sequence[SaturatedDefect] = (),
    ) -> None:
        """Takes a photo's map (H, W) and its mask of the same size; None where it is not known where the defects
        are.

        Pixels that are not `inside` count neither as normal nor as of a defect. `saturated` are the photo's defects,
        all in the mask, where a share of each is enough.
        """
        self._masked.append(mask is not None)
        self._nan.append(bool(np.isnan(anomaly_map).any()))
        if mask is None or self._nan[-1]:
            anomaly_map, mask, saturated = anomaly_map[:0], np.zeros_like(anomaly_map[:0], np.bool_), ()  # never ranked
            inside = None
        if inside is not None:
            mask = mask & inside
        good = ~mask if inside is None else inside & ~mask
        normal, regions = np.sort(anomaly_map[good]), regions_in(mask, anomaly_map)
        self._normal.append(normal)
        self._defects.append(regions.scores)
        self._sizes.append(regions.sizes)
        self._found_at.append(regions.found_at)
        self._sketches.append((sketch(normal, most=SKETCH), sketch(regions.scores, most=SKETCH)))
        of_shares = saturated_in(mask, saturated, anomaly_map) if saturated else None
        self._saturated.add(of_shares, regions.scores.size)

    def pixels(self) -> StoredPixels:
        """Returns the pixels of all maps so far, in the order they came."""
        edges = self._chosen_edges()
        found = StoredPixels(
            tally=self._tally(edges),
            runs=np.arange(len(self._masked)),
            masked=np.array(self._masked, np.bool_),
            nan=np.array(self._nan, np.bool_),
            found_at=tuple(self._found_at),
            normal=self._normal,
            defects=self._defects,
            sizes=self._sizes,
            at_once=self._at_once,
        )
        return replace(found, saturated=self._weighted(found, edges))

    def _weighted(self, found: StoredPixels, edges: NDArray[Any]) -> StoredPixels | None:
        """Returns the same pixels with the weights of saturated defects; photos of which these are not known have no
        masks then."""
        saturated = self._saturated
        if saturated.sizes is None:
            return None
        tally = replace(found.tally, weight=_weights(self._defects, saturated.sizes, edges))
        known = found.masked & np.array(saturated.known, np.bool_)
        return replace(found, tally=tally, sizes=saturated.sizes, masked=known, found_at=tuple(saturated.found_at))

    def _tally(self, edges: NDArray[Any]) -> Tally:
        shape = (len(self._masked), 2 * edges.size + 1)
        normal, hits, found = (np.empty(shape, np.uint32) for _ in range(3))
        for photo, (run, defects, found_at) in enumerate(zip(self._normal, self._defects, self._found_at, strict=True)):
            normal[photo] = np.diff(cut(run, edges))
            found[photo] = np.diff(cut(np.sort(found_at), edges))
            hits[photo] = np.diff(cut(defects, edges))
        return Tally(normal=normal, hits=hits, weight=_weights(self._defects, self._sizes, edges), found=found)

    def _chosen_edges(self) -> NDArray[Any]:
        edges = []
        for of_kind in zip(*self._sketches, strict=True):
            scores, weights = zip(*of_kind, strict=True)
            edges.append(quantiles(np.concatenate(scores), np.concatenate(weights), count=self._edges))
        return np.unique(np.concatenate(edges)) if edges else np.empty(0, self._normal.dtype)


def _weights(defects: StoredArrays, sizes: StoredArrays, edges: NDArray[Any]) -> Floats:
    """Returns (N, C) the summed weights of each photo's defect pixels in each column."""
    weight = np.empty((len(defects), 2 * edges.size + 1))
    for photo, (run, of_run) in enumerate(zip(defects, sizes, strict=True)):
        weight[photo] = np.diff(np.append(0, np.cumsum(1 / of_run))[cut(run, edges)])
    return weight


def collect(
    masks: NDArray[np.bool_], maps: NDArray[Any], *, edges: int = EDGES, at_once: int = PIXELS_AT_ONCE
) -> StoredPixels:
    """Returns the pixels of maps (N, H, W) that are in memory; raises MetricError where masks have another shape."""
    masks, maps = np.asarray(masks, np.bool_), np.asarray(maps)
    if masks.ndim != 3 or masks.shape != maps.shape:
        raise MetricError(
            f"masks have shape {masks.shape}, maps {maps.shape}: give both as (photos, height, width), of the same size"
        )
    collector = PixelCollector(dtype=np.result_type(maps, np.float32), edges=edges, at_once=at_once)
    for mask, anomaly_map in zip(masks, maps, strict=True):
        collector.add(anomaly_map, mask)
    return collector.pixels()


def pro(masks: NDArray[np.bool_], maps: NDArray[Any], *, fpr_limit: float = PRO_LIMIT) -> float:
    """Returns the per-region overlap of (N, H, W) maps: the area up to `fpr_limit`, as a share of that limit."""
    return collect(masks, maps).regions.pro(fpr_limit=fpr_limit)


def iap(masks: NDArray[np.bool_], maps: NDArray[Any]) -> float:
    """Returns the instance average precision of (N, H, W) maps: the mean precision at which each region is found."""
    return collect(masks, maps).regions.iap()


def iap_at_90(masks: NDArray[np.bool_], maps: NDArray[Any]) -> float:
    """Returns the precision of (N, H, W) maps where at least 90 % of the regions are found."""
    return collect(masks, maps).regions.iap_at_90()
