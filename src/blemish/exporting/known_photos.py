"""Which photos an export can be made with: those that the model knows and that are still found, and those given."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from blemish.data.digest import file_digest
from blemish.data.images import read_image
from blemish.errors import DataError
from blemish.model.artifact import Artifact
from blemish.model.training_record import KnownPhoto

MOST_COMPARED = 200  # photos as they are
MOST_TO_ROUND = 300  # photos that show int8 its ranges


@dataclass(frozen=True, kw_only=True)
class FoundPhotos:
    """Photos of the model that were found, and others that were given, as far as an export needs them."""

    calibrating: tuple[Path, ...]
    """The model's thresholds come from them."""
    parts: tuple[str, ...]
    """Which part each of these shows, as model.json says; a path stands for a part of its own."""
    trained_on: tuple[Path, ...]
    """The network learned from them; none are looked for but for int8."""
    others: tuple[Path, ...]
    """Given, and unknown to the model: good or not, nobody says."""
    unreadable: tuple[DataError, ...]
    """One error for each given photo that is none, or that the model cannot judge."""
    missing: tuple[Path, ...]
    """The paths where those lay that gave the thresholds and are not found."""


@dataclass(frozen=True, kw_only=True)
class _GivenPhotos:
    known: dict[str, Path]
    """The paths, by digest, of copies of photos that were looked for."""
    others: tuple[Path, ...]
    unreadable: tuple[DataError, ...]


def known_photos(artifact: Artifact, given: Iterable[Path] = (), *, precision: str = "fp32") -> FoundPhotos:
    """Looks where the photos lay in training, and among `given`; a photo is known by its file's checksum.

    Reads no more than the precision needs: MOST_COMPARED to compare in fp32, every photo that calibrated for thresholds
    of an export's own, and for int8 MOST_TO_ROUND that were trained on.
    """
    record = artifact.training
    calibrating = record.photos[record.calibrated_from :]
    trained_on = record.photos[record.validation : record.calibrated_from]
    most = MOST_COMPARED if precision == "fp32" else len(calibrating)
    found = _where_they_lay(calibrating, most)
    learned = _where_they_lay(trained_on, MOST_TO_ROUND) if precision == "int8" else {}
    taken = _among(
        given,
        looked_for={photo.digest for photo in (*calibrating, *trained_on)} - found.keys() - learned.keys(),
        known={photo.digest for photo in record.photos},
        most_others=MOST_COMPARED if precision == "fp32" else None,
        artifact=artifact,
    )
    shown = {photo.digest: photo.part for photo in calibrating}
    found |= {photo.digest: taken.known[photo.digest] for photo in calibrating if photo.digest in taken.known}
    learned |= {photo.digest: taken.known[photo.digest] for photo in trained_on if photo.digest in taken.known}
    return FoundPhotos(
        calibrating=tuple(found.values()),
        parts=tuple(shown[digest] or str(path) for digest, path in found.items()),
        trained_on=tuple(learned.values())[:MOST_TO_ROUND] if precision == "int8" else (),
        others=taken.others,
        unreadable=taken.unreadable,
        missing=tuple(Path(photo.file) for photo in calibrating[:most] if photo.digest not in found),
    )


def _where_they_lay(photos: Sequence[KnownPhoto], most: int) -> dict[str, Path]:
    """Returns the paths, by digest, of at most so many photos that still are what they were."""
    found: dict[str, Path] = {}
    for photo in photos:
        if len(found) == most:
            break
        if photo.digest not in found and _digest(Path(photo.file)) == photo.digest:
            found[photo.digest] = Path(photo.file)
    return found


def _digest(path: Path) -> str | None:
    try:
        return file_digest(path)
    except DataError:
        return None


def _among(
    given: Iterable[Path],
    *,
    looked_for: Collection[str],
    known: Collection[str],
    most_others: int | None,
    artifact: Artifact,
) -> _GivenPhotos:
    """Tells apart the given photos; ends where there are as many unknown ones as are needed."""
    found: dict[str, Path] = {}
    others: dict[str, Path] = {}
    unreadable: list[DataError] = []
    for path in given:
        if most_others is not None and len(others) == most_others:
            break
        try:
            digest = file_digest(path)
            if digest in looked_for:
                found.setdefault(digest, path)
            elif digest not in known and digest not in others:
                _check_can_be_judged(path, artifact)  # unlike those that training has read
                others[digest] = path
        except DataError as error:
            unreadable.append(error)
    return _GivenPhotos(known=found, others=tuple(others.values()), unreadable=tuple(unreadable))


def _check_can_be_judged(path: Path, artifact: Artifact) -> None:
    """Raises DataError, with the photo's name, where it cannot be laid out as it is to be judged: a proof judges pixels
    alone, whose errors would name no file, and end the export."""
    framing, interest = artifact.framing, artifact.interest
    pixels = read_image(path, reading=framing.reading)
    size = framing.framed(pixels, name=str(path)).photo_size
    if interest is not None:
        interest.check_photo(size, name=str(path))
        interest.check_map(framing.map_size(size), name=str(path))
