"""What lies among photos, said before anything is learnt from them: sizes, kinds, copies, and what cannot be read."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from blemish.data.digest import digest_of
from blemish.data.framing import shown
from blemish.data.images import Header, Pixels, Size, decode_header, decode_image, read_file
from blemish.errors import DataError, on_one_line

_DARK = 16  # of 255: the highest of 12 bits, 4095, in a file of 16
_SHOWN = 5
_SAME_SHAPE = 1.02  # ratio of aspect ratios


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What was found; unreadable photos are in nothing but `unreadable`."""

    unreadable: tuple[str, ...]
    """A line each."""
    sizes: dict[Size, int]
    """Photos of each (height, width), most common first."""
    kinds: dict[str, int]
    """Photos of each format and kind of colours, such as `PNG grey`, most common first."""
    digests: dict[Path, str]
    """`file_digest` of every photo that can be read."""
    dark: tuple[Path, ...] = ()
    """Nearly black photos; found only where the photos were decoded."""

    @property
    def readable(self) -> int:
        return len(self.digests)

    @property
    def different(self) -> list[Path]:
        """Photos that can be read, without exact copies of those before them."""
        return [group[0] for group in _by_digest(self.digests).values()]

    @property
    def copies(self) -> tuple[tuple[Path, ...], ...]:
        """Groups of photos whose files are the same, byte for byte."""
        return tuple(tuple(group) for group in _by_digest(self.digests).values() if len(group) > 1)

    def lines(self) -> list[str]:
        """A few lines for a person; what cannot be read is only counted."""
        found = self.readable + len(self.unreadable)
        lines = [
            f"{found} photo{'s' if found != 1 else ''}"
            + (f", {len(self.unreadable)} of them cannot be read" if self.unreadable else "")
        ]
        if self.sizes:
            sizes = {f"{width}x{height}": count for (height, width), count in self.sizes.items()}
            lines.append(f"width x height: {_counted(sizes)}{self._shapes()}")
            lines.append(f"kinds: {_counted(self.kinds)}")
        if self.dark:
            lines.append(
                f"nearly black: {len(self.dark)}, such as {on_one_line(self.dark[0])}; where files of 16 bits hold 10 "
                "or 12, scale the values up first"
            )
        if self.copies:
            more = sum(len(group) - 1 for group in self.copies)
            lines.append(f"exact copies, which training leaves out: {more} ({_groups(self.copies)})")
        return lines

    def _shapes(self) -> str:
        aspects = [width / height for height, width in self.sizes]
        if max(aspects) <= _SAME_SHAPE * min(aspects):
            return ""
        return (
            f"; shapes differ, from {min(aspects):.3g} to {max(aspects):.3g} times as wide as high, and all are "
            "squeezed to one: crop them alike"
        )


def inspect(
    paths: Sequence[Path],
    *,
    decode: bool = False,
    unreadable: Iterable[DataError] = (),
    on_photo: Callable[[int, int], object] = lambda _done, _of: None,
) -> Inspection:
    """Reads every file, in threads, but of photos only the headers; `decode` reads all that training would.

    `unreadable` are errors of photos that are not among `paths`, which the caller met before.
    """
    errors = [str(error) for error in unreadable]
    seen: dict[Path, _Photo] = {}
    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="inspect") as pool:
        looks = pool.map(lambda path: _look(path, decode=decode), paths)
        for done, (path, look) in enumerate(zip(paths, looks, strict=True), start=1):
            if isinstance(look, DataError):
                errors.append(str(look))
            else:
                seen[path] = look
            on_photo(done, len(paths))
    return Inspection(
        unreadable=tuple(errors),
        sizes=dict(Counter(photo.header.size for photo in seen.values()).most_common()),
        kinds=dict(Counter(photo.header.kind for photo in seen.values()).most_common()),
        digests={path: photo.digest for path, photo in seen.items()},
        dark=tuple(path for path, photo in seen.items() if photo.dark),
    )


def common_files(some: Inspection, others: Inspection) -> list[tuple[Path, Path]]:
    """Photos of one inspection whose files are, byte for byte, also among the other's: (of some, of others)."""
    there = _by_digest(others.digests)
    return [(path, there[digest][0]) for path, digest in some.digests.items() if digest in there]


@dataclass(frozen=True, kw_only=True)
class _Photo:
    header: Header
    digest: str
    dark: bool


def _look(path: Path, *, decode: bool) -> _Photo | DataError:
    try:
        data = read_file(path)
        header = decode_header(data, name=str(path))
        dark = decode and _highest(decode_image(data, name=str(path))) <= _DARK
        return _Photo(header=header, digest=digest_of(data), dark=dark)
    except DataError as error:
        return error


def _highest(pixels: Pixels) -> int:
    """The highest value, 0 to 255."""
    return int(shown(pixels).max())


def _by_digest(digests: dict[Path, str]) -> dict[str, list[Path]]:
    groups: dict[str, list[Path]] = {}
    for path, digest in digests.items():
        groups.setdefault(digest, []).append(path)
    return groups


def _counted(counts: dict[str, int]) -> str:
    if len(counts) == 1:
        return next(iter(counts))
    return _some([f"{name} ({count})" for name, count in counts.items()])


def _groups(groups: tuple[tuple[Path, ...], ...]) -> str:
    return _some([" = ".join(on_one_line(path) for path in group) for group in groups])


def _some(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
