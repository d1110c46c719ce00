"""The manifest of a test folder of synthetic defects: a line of JSON a photo, by which such a folder is known."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from blemish.errors import DataError
from blemish.files import write_text
from blemish.records import record_from_json
from blemish.wording import brief

MANIFEST = "synthetic.jsonl"
_VERSION = 1
_MEND = "make the folder anew (blemish synthesize --overwrite)"


@dataclass(frozen=True, kw_only=True)
class SyntheticPhoto:
    """A photo of a good part into which one synthetic defect was painted."""

    photo: str
    """Its path below the folder, with slashes, such as test/spot/spot-002px-00.png."""
    mask: str
    """The path of its ground truth."""
    source: str
    """Absolute path of the photo of a good part that it was made from."""
    source_digest: str
    """The first 16 hex digits of the SHA-256 of that file, as `model.json` lists them."""
    source_copy: str
    """That photo in the folder's test/good, byte for byte."""
    kind: str
    """What was painted: spot, scratch or stain."""
    size: int
    """The longest extent of its mask, in pixels of the photo, rounded."""
    contrast: float
    """How far its pixels were to be changed, on average: a share of the photo's white."""
    changed: float
    """How far they were; below 0 where they became darker."""
    box: tuple[int, int, int, int]
    """[left, top, right, bottom] of the mask, of which right and bottom lie just outside."""

    def check_values(self) -> None:
        if self.size < 1 or not 0 < self.contrast <= 1:
            raise ValueError(f"a defect of size {self.size} and contrast {self.contrast} is none")


@dataclass(frozen=True, kw_only=True)
class SyntheticManifest:
    """All that a test folder of synthetic defects says of itself."""

    folder: Path
    """The folder that the manifest lies in."""
    photos: tuple[SyntheticPhoto, ...]


def write_manifest(folder: Path, photos: Sequence[SyntheticPhoto]) -> None:
    """Writes the manifest, whole or not at all; without photos it says that the folder is unfinished. Raises
    OutputError."""
    lines = [{"format_version": _VERSION, "synthetic": True} | asdict(photo) for photo in photos]
    write_text(folder / MANIFEST, "".join(json.dumps(line) + "\n" for line in lines))


def read_manifest(folder: Path) -> SyntheticManifest | None:
    """Returns the manifest of a test folder, or of the folder around one called test; None where there is none.

    Raises DataError where the manifest cannot be read, is damaged, or says that the folder is unfinished.
    """
    places = [folder, folder.resolve().parent] if folder.resolve().name == "test" else [folder]
    path = next((place / MANIFEST for place in places if (place / MANIFEST).is_file()), None)
    if path is None:
        return None
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {brief(error)}; {_MEND}") from error
    if not lines:
        raise DataError(f"{path} is empty, for its folder was not finished: {_MEND}")
    photos = tuple(_photo(line, number, path=path) for number, line in enumerate(lines, start=1))
    return SyntheticManifest(folder=path.parent, photos=photos)


def _photo(line: str, number: int, *, path: Path) -> SyntheticPhoto:
    try:
        values = json.loads(line)
        if not isinstance(values, dict) or type(values.get("format_version")) is not int:
            raise ValueError("it has no format_version")
        if values["format_version"] > _VERSION:
            raise DataError(
                f"{path} has format {values['format_version']}, this version reads up to {_VERSION}: upgrade blemish"
            )
        return record_from_json(SyntheticPhoto, values, name="synthetic")
    except DataError:
        raise
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is damaged or edited (line {number}: {brief(error)}): {_MEND}") from error
