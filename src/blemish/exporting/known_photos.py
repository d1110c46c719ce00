"""Which photos are at hand that the artifact knows: those that made its thresholds, those it was trained on."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from blemish.data.digest import file_digest
from blemish.data.images import read_image
from blemish.errors import DataError
from blemish.model.artifact import Artifact


@dataclass(frozen=True, kw_only=True)
class PhotosAtHand:
    """By what the artifact knows of them."""

    calibrating: list[Path]
    """The thresholds come from them."""
    trained_on: list[Path]
    others: list[Path]
    """Neither: good or not, nobody says."""
    unreadable: list[DataError]
    missing: list[Path]
    """Where those lay of which the thresholds come and which are not found."""


def photos_at_hand(artifact: Artifact, given: Iterable[Path] = ()) -> PhotosAtHand:
    """Looks where the photos lay in training, and among `given`; a photo is known by its file's checksum."""
    training = artifact.training
    digests, files = training.digests, training.files
    trained = set(digests[training.validation : training.calibrated_from])
    calibrating = set(digests[training.calibrated_from :])
    found = PhotosAtHand(calibrating=[], trained_on=[], others=[], unreadable=[], missing=[])
    seen: set[str] = set()
    for path, is_given in [*((Path(file), False) for file in files), *((path, True) for path in given)]:
        try:
            digest = file_digest(path)
        except DataError as error:
            if is_given:
                found.unreadable.append(error)
            continue
        if digest in seen:
            continue
        if digest in calibrating:
            found.calibrating.append(path)
        elif digest in trained:
            found.trained_on.append(path)
        elif is_given:
            _add(path, found)
        seen.add(digest)
    lay = dict(zip(digests, files, strict=False))
    found.missing.extend(Path(lay.get(digest, digest)) for digest in digests if digest in calibrating - seen)
    return found


def _add(path: Path, found: PhotosAtHand) -> None:
    """Unlike those that training has read, it may turn out to be no photo."""
    try:
        read_image(path)
    except DataError as error:
        found.unreadable.append(error)
    else:
        found.others.append(path)
