"""A test folder of synthetic defects of given sizes, made from photos of good parts, with a manifest."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from blemish.data.dataset import Dataset
from blemish.data.digest import digest_of
from blemish.data.framing import white_level_of
from blemish.data.images import Pixels, decode_image, read_file, save_png
from blemish.data.synthetic_manifest import MANIFEST, SyntheticPhoto, write_manifest
from blemish.errors import DataError, SettingsError
from blemish.files import write_atomically, write_text
from blemish.model.artifact import read_artifact
from blemish.progress import OnProgress, Progress
from blemish.studies.synthetic_folder import NOTE, check_output, clear_output
from blemish.synthesis.sized_defects import SIZED_KINDS, paint_sized_defect
from blemish.wording import counted

_SERIES = sorted(side << power for power in range(14) for side in (2, 3))  # 2, 3, 4, 6, 8, 12, 16, 24, ...
_SIZES = 9  # of the series, where none are given
_EDGES = 4  # pixels around the largest defect that its soft edges may take
_FAINTEST = 0.01


@dataclass(frozen=True, kw_only=True)
class SweepSettings:
    """The defects that are asked for; raises SettingsError for what cannot be painted."""

    sizes: tuple[int, ...]
    """The longest extents, in pixels; where none are given, `default_sizes` of the smallest photo."""
    kinds: tuple[str, ...]
    each: int
    """How many photos of each kind and size."""
    contrast: float
    """The mean change of a defect's pixels, as a share of white."""
    seed: int

    def __post_init__(self) -> None:
        if not self.kinds or set(self.kinds) - set(SIZED_KINDS) or len(set(self.kinds)) < len(self.kinds):
            raise SettingsError(f"kinds are {', '.join(self.kinds) or 'none'}: give some of {', '.join(SIZED_KINDS)}")
        if any(size < 1 for size in self.sizes):
            raise SettingsError(f"a size is {min(self.sizes)}: each must be at least 1 pixel")
        if self.each < 1 or self.seed < 0:
            raise SettingsError(f"each is {self.each}, seed is {self.seed}: they must be at least 1 and 0")
        if not _FAINTEST <= self.contrast <= 1:
            raise SettingsError(f"contrast is {self.contrast}: it must be a share of white from {_FAINTEST} to 1")


@dataclass(frozen=True, kw_only=True)
class SyntheticTest:
    """The test folder that was made."""

    folder: Path
    settings: SweepSettings
    """With the sizes that were painted."""
    sources: int
    """Photos of good parts that it was made from, each of which lies in test/good too."""
    photos: list[SyntheticPhoto]
    known: int
    """Photos passed over, for a model was trained on them."""
    unreadable: list[str]
    """A line for each photo that could not be read."""


@dataclass(frozen=True, kw_only=True)
class _Source:
    """A readable photo of a good part."""

    path: Path
    digest: str
    shorter: int
    """Pixels of its shorter side."""
    size: int
    """Bytes of its pixels."""
    highest: int
    """Of its values of 16 bits; 0 where they have 8."""


@dataclass(frozen=True, kw_only=True)
class _Found:
    """The photos of good parts, looked through in a random order until there were enough."""

    sources: list[_Source]
    """In the order of their paths."""
    known: int
    unreadable: list[str]


def make_synthetic_test(
    good: Dataset,
    output: Path,
    *,
    settings: SweepSettings,
    unseen_by: Path | None,
    overwrite: bool,
    on_progress: OnProgress,
) -> SyntheticTest:
    """Writes photos with one synthetic defect each, their masks, copies of the good photos, manifest and note.

    Photos that the model in `unseen_by` was trained on are passed over. The same seed and photos give the same files.
    Raises DataError where no photo can be used, SettingsError for sizes that do not fit, OutputError for the folder.
    """
    paths = [sample.image for sample in good.good_photos()]
    check_output(output, good=good.base, photos=paths, overwrite=overwrite)
    found = _readable(paths, settings, passed_over=_trained_on(unseen_by), on_progress=on_progress)
    if not found.sources:
        raise DataError(_why_none(good.base, found, unseen_by))
    settings = _with_sizes(settings, min(source.shorter for source in found.sources))
    clear_output(output, room=max(source.size for source in found.sources) * _photos_of(settings))
    write_manifest(output, [])  # a folder that is not finished must be known as one
    write_text(output / NOTE, _note(settings, len(found.sources)))
    photos = _paint_all(found.sources, output, settings, on_progress)
    write_manifest(output, photos)
    return SyntheticTest(
        folder=output,
        settings=settings,
        sources=len(found.sources),
        photos=photos,
        known=found.known,
        unreadable=found.unreadable,
    )


def default_sizes(shorter: int) -> tuple[int, ...]:
    """Returns nine sizes at most, each half as large again or a third larger, up to a quarter of a photo's shorter
    side."""
    fitting = tuple(size for size in _SERIES if size <= max(2, shorter // 4))
    return fitting[-_SIZES:]


def _with_sizes(settings: SweepSettings, shorter: int) -> SweepSettings:
    """Returns the settings with the sizes to paint; raises SettingsError where the largest does not fit."""
    settings = replace(settings, sizes=tuple(sorted(set(settings.sizes))) or default_sizes(shorter))
    largest = (shorter - _EDGES) // 2
    if settings.sizes[-1] > largest:
        raise SettingsError(
            f"a size is {settings.sizes[-1]}: in photos of {shorter} pixels on the shorter side, at most "
            f"{max(largest, 0)} can be painted"
        )
    return settings


def _photos_of(settings: SweepSettings) -> int:
    return (len(settings.sizes) or _SIZES) * len(settings.kinds) * settings.each


def _trained_on(run: Path | None) -> frozenset[str]:
    """Returns the digests of photos that chose a model's weights; those that only calibrated it are not among them."""
    if run is None:
        return frozenset()
    training = read_artifact(run).training
    return frozenset(training.digests[: training.calibrated_from])


def _readable(
    paths: Sequence[Path], settings: SweepSettings, *, passed_over: Collection[str], on_progress: OnProgress
) -> _Found:
    """Decodes photos in a random order, until there is one for each that is to be painted, or no more."""
    order = np.random.default_rng(settings.seed).permutation(len(paths))
    wanted = min(_photos_of(settings), len(paths))
    sources: dict[int, _Source] = {}
    known, unreadable = 0, []
    for place in order:
        try:
            data = read_file(paths[place])
            if (digest := digest_of(data)) in passed_over:
                known += 1
                continue
            pixels = decode_image(data, name=str(paths[place]))
        except DataError as error:
            unreadable.append(f"left out: {error}")
            continue
        highest = int(pixels.max()) if pixels.dtype == np.uint16 else 0
        sources[int(place)] = _Source(
            path=paths[place], digest=digest, shorter=min(pixels.shape[:2]), size=pixels.nbytes, highest=highest
        )
        on_progress(Progress(activity="reading", done=len(sources), total=wanted))
        if len(sources) == wanted:
            break
    return _Found(sources=[sources[place] for place in sorted(sources)], known=known, unreadable=unreadable)


def _why_none(base: Path, found: _Found, run: Path | None) -> str:
    if found.known:
        return (
            f"{base}: {run} was trained on all {counted(found.known, 'photo')} that can be read; name photos of good "
            "parts that it has not seen"
        )
    return f"{base}: no photo can be read ({found.unreadable[0].removeprefix('left out: ')})"


def _paint_all(
    sources: Sequence[_Source], output: Path, settings: SweepSettings, on_progress: OnProgress
) -> list[SyntheticPhoto]:
    """Paints every defect that is asked for; sources take turns, so that those of a size come from different ones."""
    white = white_level_of(max(source.highest for source in sources))
    defects = [
        (kind, size, number) for kind in settings.kinds for size in settings.sizes for number in range(settings.each)
    ]
    turns = np.random.default_rng([settings.seed, 1]).permutation(len(sources))
    photos: dict[int, SyntheticPhoto] = {}
    for turn, source in enumerate(turns):
        data = read_file(sources[source].path)
        copy = f"test/good/{source:04}{sources[source].path.suffix.lower()}"
        _write_bytes(output / copy, data)
        pixels = decode_image(data, name=str(sources[source].path))
        for place in range(turn, len(defects), len(sources)):
            photos[place] = _paint(pixels, sources[source], copy, defects[place], output, settings, white)
            on_progress(Progress(activity="painting", done=len(photos), total=len(defects)))
    return [photos[place] for place in sorted(photos)]


def _write_bytes(path: Path, data: bytes) -> None:
    write_atomically(path, lambda beside: beside.write_bytes(data))


def _paint(
    pixels: Pixels,
    source: _Source,
    copy: str,
    defect: tuple[str, int, int],
    output: Path,
    settings: SweepSettings,
    white: int,
) -> SyntheticPhoto:
    kind, size, number = defect
    seed = [settings.seed, 2, list(SIZED_KINDS).index(kind), size, number]  # another choice of sizes changes no other
    painted, made = paint_sized_defect(
        pixels,
        kind,
        size,
        contrast=settings.contrast,
        white=white if pixels.dtype == np.uint16 else 255,
        generator=np.random.default_rng(seed),
    )
    name = f"{kind}-{size:04}px-{number:03}"
    photo, mask = f"test/{kind}/{name}.png", f"ground_truth/{kind}/{name}_mask.png"
    grey = (painted == painted[:, :, :1]).all()
    save_png(output / photo, painted[:, :, 0].copy() if grey else painted)
    save_png(output / mask, made.mask)
    return SyntheticPhoto(
        photo=photo,
        mask=mask,
        source=str(source.path.absolute()),
        source_digest=source.digest,
        source_copy=copy,
        kind=kind,
        size=size,
        contrast=settings.contrast,
        changed=round(made.changed, 4),
        box=made.box,
    )


def _note(settings: SweepSettings, sources: int) -> str:
    """Returns what the folder says of itself."""
    sizes = ", ".join(map(str, settings.sizes))
    return f"""The defects in this folder are SYNTHETIC: Blemish painted them into photos of good parts.

What a model finds here says how small a defect of these kinds and this contrast may be before it is missed. It says
nothing of real defects, which look different, and takes the place of no test with real ones.

test/good      {counted(sources, "photo")} of good parts, as they were
test/KIND      each photo holds one defect of that kind: {", ".join(settings.kinds)}
ground_truth   where it is
{MANIFEST}  one line a photo: from which photo it was made, kind, size, contrast, box

Sizes: {sizes} pixels of the photo, each {settings.each} times per kind: the longest extent of the mask.
Contrast: {settings.contrast:g} of white, by which a defect's pixels are lighter or darker on average.
Seed: {settings.seed}

blemish evaluate RUN THIS_FOLDER says which sizes a model finds.
"""
