"""What lies among photos, said before anything is learned from them: sizes, kinds, copies, and what cannot be read."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from blemish.data.framing import Framing, white_level_of
from blemish.data.images import Size, read_file
from blemish.data.in_order import photos_at_once, results_in_order
from blemish.data.look import Facts, facts_of, look_at
from blemish.data.reading import FIRST_PAGE, Reading
from blemish.data.seen import seen_line, tiles_line
from blemish.data.shapes import aspect_line, borders_line, shapes_differ, size_counts
from blemish.errors import DataError
from blemish.process import available_cores
from blemish.wording import counted, on_one_line, some_of, with_counts

_DARK = 16 / 255  # of white, in the brightest pixel
_DIM = 1 / 8  # of white, in the mean
_WAITING = 4  # headers a thread that may wait for one before them


@dataclass(frozen=True, kw_only=True)
class Survey:
    """The facts of photos that were looked through; unreadable ones are in nothing but `unreadable`."""

    facts: Mapping[Path, Facts]
    """The facts of every photo that can be read, in the order of the photos."""
    unreadable: tuple[str, ...] = ()
    """A line each."""
    asked_white: int | None = None
    """The value of 16 bits that the user says is white; None: it is found out."""

    @property
    def readable(self) -> int:
        """How many photos can be read."""
        return len(self.facts)

    @property
    def sizes(self) -> dict[Size, int]:
        """How many photos there are of each (height, width), most common first."""
        return dict(Counter(facts.size for facts in self.facts.values()).most_common())

    @property
    def kinds(self) -> dict[str, int]:
        """How many photos there are of each format and kind of colours, such as `PNG grey`, most common first."""
        return dict(Counter(facts.header.kind for facts in self.facts.values()).most_common())

    @property
    def digests(self) -> dict[Path, str]:
        """The `file_digest` of every photo that can be read."""
        return {path: facts.digest for path, facts in self.facts.items()}

    @property
    def white_level(self) -> int | None:
        """What is taken for white in photos of 16 bits: what was asked for, what all their files say, or the most of
        the bits that they fill; None where none was decoded."""
        decoded = [facts for facts in self.facts.values() if facts.sixteen_bits and facts.highest is not None]
        if not decoded:
            return None
        highest, stated = max(facts.highest or 0 for facts in decoded), self.stated_white
        if self.asked_white is None and (stated is None or highest > stated):
            return white_level_of(highest)
        return self.asked_white or stated

    @property
    def stated_white(self) -> int | None:
        """What all files of 16 bits say is white; None where one says nothing, or another value."""
        stated = {facts.stated_white for facts in self.facts.values() if facts.sixteen_bits}
        return stated.pop() if len(stated) == 1 else None

    @property
    def above_white(self) -> tuple[Path, ...]:
        """The photos of 16 bits in which some value is above white, and is cut off."""
        white = self.white_level
        wide = [(path, facts.highest or 0) for path, facts in self.facts.items() if facts.sixteen_bits]
        return tuple(path for path, highest in wide if white is not None and highest > white)

    @property
    def dark(self) -> tuple[Path, ...]:
        """The nearly black photos, of those that were decoded."""
        white = self.white_level or 65535
        decoded = ((path, facts) for path, facts in self.facts.items() if facts.highest is not None)
        return tuple(path for path, facts in decoded if facts.brightest(white) <= _DARK)

    @property
    def dim(self) -> tuple[Path, ...]:
        """The photos that were decoded and that are dark on the whole, though something in them is bright."""
        white, dark = self.white_level or 65535, set(self.dark)
        decoded = ((path, facts) for path, facts in self.facts.items() if facts.mean is not None and path not in dark)
        return tuple(path for path, facts in decoded if facts.brightness(white) < _DIM)

    @property
    def different(self) -> list[Path]:
        """The photos that can be read, without exact copies of those before them."""
        return [group[0] for group in _by_digest(self.digests).values()]

    @property
    def copies(self) -> tuple[tuple[Path, ...], ...]:
        """The groups of photos whose files are the same, byte for byte."""
        return tuple(tuple(group) for group in _by_digest(self.digests).values() if len(group) > 1)

    def lines(self, *, root: Path | None = None, framing: Framing | None = None) -> list[str]:
        """Returns a few lines for a person; what cannot be read is only counted.

        With `root`, the folders below it that photos lie in are counted; with the `framing` of a training it is said
        where photos are squeezed, get borders, or are shrunk.
        """
        first = counted(self.readable + len(self.unreadable), "photo")
        if root is not None:
            first += _folders_line(self.facts, root)
        if self.unreadable:
            first += f", {len(self.unreadable)} of them cannot be read"
        lines = [first]
        sizes = self.sizes
        if sizes:
            lines.append(f"width x height: {_counts(size_counts(sizes))}{shapes_differ(sizes, framing)}")
            lines.append(f"kinds: {_counts(self.kinds)}")
        if framing is not None:
            said = (line(sizes, framing) for line in (_seen_as, aspect_line, borders_line, tiles_line, seen_line))
            lines += filter(None, said)
        several = [path for path, facts in self.facts.items() if facts.several]
        if several:
            first = on_one_line(several[0])
            lines.append(f"of several pages, of which only the first is read: {len(several)}, such as {first}")
        mosaic = [path for path, facts in self.facts.items() if facts.mosaic]
        if mosaic:
            first = on_one_line(mosaic[0])
            lines.append(
                f"raw mosaics of a colour camera (Bayer), it seems: {len(mosaic)}, such as {first}; let the camera or "
                "its driver make colours of them"
            )
        lines += self._about_light()
        if self.copies:
            more = sum(len(group) - 1 for group in self.copies)
            groups = [" = ".join(on_one_line(path) for path in group) for group in self.copies]
            lines.append(f"exact copies, which training leaves out: {more} ({some_of(groups)})")
        return lines

    def _about_light(self) -> list[str]:
        """Returns lines about photos that are brighter than white, or dark."""
        lines = []
        if above := self.above_white:
            lines.append(
                f"of 16 bits, with values above {self.white_level}, which are taken for white: {len(above)}, such as "
                f"{on_one_line(above[0])}; is --white-level right?"
            )
        if self.dark:
            lines.append(f"nearly black: {len(self.dark)}, such as {on_one_line(self.dark[0])}; expose them longer")
        if dim := self.dim:
            lines.append(
                f"dark: {len(dim)} of {self.readable}, such as {on_one_line(dim[0])}, are below an eighth of white on "
                "the mean; if the part itself is so dark there, give more light or expose longer"
            )
        return lines


def survey(
    paths: Sequence[Path],
    *,
    decode: bool = False,
    reading: Reading = FIRST_PAGE,
    asked_white: int | None = None,
    unreadable: Iterable[DataError] = (),
    on_photo: Callable[[int, int], object] = lambda _done, _of: None,
) -> Survey:
    """Reads every file, in threads, but of photos only the headers; `decode` reads all that training would, of large
    photos as few at once as memory allows.

    `unreadable` are errors of photos that are not among `paths`, which the caller met before.
    """
    errors = [str(error) for error in unreadable]
    seen: dict[Path, Facts] = {}
    largest, workers = 0, available_cores()

    def room() -> int:
        return (photos_at_once(workers, largest=largest) if largest else 1) if decode else _WAITING * workers

    with ThreadPoolExecutor(workers, thread_name_prefix="survey") as pool:
        results = results_in_order(lambda path: pool.submit(_facts, path, reading, decode=decode), paths, room=room)
        for done, (path, facts) in enumerate(zip(paths, results, strict=True), start=1):
            if isinstance(facts, DataError):
                errors.append(str(facts))
            else:
                seen[path] = facts
                largest = max(largest, facts.decoded_bytes)
            on_photo(done, len(paths))
    return Survey(facts=seen, unreadable=tuple(errors), asked_white=asked_white)


def common_files(some: Survey, others: Survey) -> list[tuple[Path, Path]]:
    """Returns photos of one survey whose files are, byte for byte, also in the other: (of some, of others)."""
    there = _by_digest(others.digests)
    return [(path, there[digest][0]) for path, digest in some.digests.items() if digest in there]


def _seen_as(photo_sizes: Mapping[Size, int], framing: Framing) -> str | None:
    """Returns a line where photos are seen in their own shape, which is no square; else None."""
    height, width = framing.image_size
    if framing.aspect is None or framing.tile is not None or height == width or not photo_sizes:
        return None
    return f"seen as {width}x{height} (width x height), in the photos' own shape"


def _facts(path: Path, reading: Reading, *, decode: bool) -> Facts | DataError:
    try:
        data, name = read_file(path), str(path)
        return look_at(data, name=name, reading=reading).facts if decode else facts_of(data, name=name, reading=reading)
    except DataError as error:
        return error


def _by_digest(digests: Mapping[Path, str]) -> dict[str, list[Path]]:
    groups: dict[str, list[Path]] = {}
    for path, digest in digests.items():
        groups.setdefault(digest, []).append(path)
    return groups


def _folders_line(photos: Iterable[Path], root: Path) -> str:
    """Returns `, of ok (40), ok/cam2 (20)`; nothing where all lie in the root itself."""
    counts = Counter(_below(photo.parent, root) for photo in photos)
    return "" if set(counts) <= {"."} else f", of {with_counts(counts, shown=10)}"


def _below(folder: Path, root: Path) -> str:
    return on_one_line(folder.relative_to(root).as_posix() if folder.is_relative_to(root) else folder)


def _counts(counts: Mapping[str, int]) -> str:
    return next(iter(counts)) if len(counts) == 1 else with_counts(counts)
