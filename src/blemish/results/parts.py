"""Predictions of many photos as a folder of Parquet files, its parts, on a disk or in a store.

A part holds the records of the photos that one worker judged in one go, is named by all that it was asked for, and
appears whole or not at all: whatever is killed, a record stands or its photo is judged again, and what is written twice
is the same part. `_judging.json` says what judged them, and no other model writes into the folder.
"""

import io
import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from blemish.data.digest import digest_of
from blemish.data.listed_blocks import as_text
from blemish.data.stores import StoredFolder
from blemish.errors import DataError, MissingExtraError, SettingsError
from blemish.inference.prediction import UNREADABLE, Prediction, unreadable_json
from blemish.model.thresholds import Verdict
from blemish.wording import brief

JUDGING_FILE = "_judging.json"  # readers of Parquet pass over names that begin so
_PART = "part-"
_BETWEEN = "\n"  # names of photos
_READERS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictionRecord:
    """The first things that the record of one photo says; its part in the folder says the rest."""

    image: str
    """The photo's URL, or its absolute path."""
    verdict: Verdict
    anomaly_score: float
    unusual_reason: str | None
    stopped_by: tuple[str, ...]
    rule_reason: str | None


class UnreadablePhotoError(DataError):
    """The error that the record of an unreadable photo holds."""

    def __init__(self, line: str, image: str = "") -> None:
        super().__init__(line)
        self.image = image


class PartFolder:
    """The folder of parts, as the workers fill it and whoever goes on reads it."""

    def __init__(self, place: str) -> None:
        self._parquet = _pyarrow()
        self._folder = StoredFolder(place)

    @property
    def place(self) -> str:
        """Returns the URL, or the absolute path."""
        return self._folder.place

    def judged_by(self) -> dict[str, Any] | None:
        """Returns what judged the photos whose records lie here, None where nothing does; raises DataError."""
        if not self._folder.has(JUDGING_FILE):
            return None
        try:
            found = json.loads(self._folder.read(JUDGING_FILE))
        except ValueError as error:
            if isinstance(error, DataError):
                raise
            found = None
        if not isinstance(found, dict):
            raise DataError(f"{self.place}/{JUDGING_FILE} is damaged: choose another folder")
        return found

    def claim(self, judging: Mapping[str, Any]) -> None:
        """Writes what judges into this folder; raises SettingsError where it was something else before."""
        before = self.judged_by()
        if before is None:
            self._folder.write(JUDGING_FILE, (json.dumps(judging, indent=2) + "\n").encode())
        elif before != judging:
            differing = ", ".join(name for name in sorted({*before, *judging}) if before.get(name) != judging.get(name))
            raise SettingsError(
                f"{self.place} holds predictions that were made otherwise ({differing}): choose another folder"
            )

    def write(self, rows: Sequence[Mapping[str, Any]], *, asked: Sequence[str]) -> None:
        """Writes rows as one part, named by all photos that were `asked` for together, also those that have no row.

        Whoever does the same once more then writes the same part, whichever photos he reaches. Raises OutputError.
        """
        self._folder.write(_name_of(asked), self._parquet.written(rows))

    def records_of(self, asked: Sequence[str]) -> "list[PredictionRecord | UnreadablePhotoError] | None":
        """Returns the records of the part of these photos, None where it is not here; raises DataError."""
        name = _name_of(asked)
        return self._records(name) if self._folder.has(name) else None

    def standing(self) -> Iterator[list[PredictionRecord | UnreadablePhotoError]]:
        """Yields the records of each part that is here, those of unreadable photos as errors that say so.

        Raises DataError where a part is damaged.
        """
        names = [name for name in self._folder.names() if name.startswith(_PART) and name.endswith(".parquet")]
        with ThreadPoolExecutor(_READERS, thread_name_prefix="parts") as pool:
            ahead = deque(pool.submit(self._records, name) for name in names[: 2 * _READERS])
            for name in [*names[2 * _READERS :], *[""] * len(ahead)]:
                yield ahead.popleft().result()
                if name:
                    ahead.append(pool.submit(self._records, name))

    def _records(self, name: str) -> list[PredictionRecord | UnreadablePhotoError]:
        data = self._folder.read(name)
        try:
            rows = self._parquet.read(data)
        except Exception as error:  # whatever its parser raises
            raise DataError(
                f"{self.place}/{name} is damaged ({brief(error)}): delete it, and its photos are judged again"
            ) from error
        return [prediction_record(row) for row in rows]


def _name_of(photos: Sequence[str]) -> str:
    return f"{_PART}{digest_of(as_text(_BETWEEN.join(photos)).encode())}.parquet"


def row_of(address: str, result: Prediction | DataError) -> dict[str, Any]:
    """Returns what a part holds of a photo: the fields of predictions.jsonl."""
    if isinstance(result, DataError):
        return unreadable_json(address, result)
    height, width = result.anomaly_map.shape
    return result.to_json() | {"image": address, "map_height": height, "map_width": width}


def prediction_record(row: Mapping[str, Any]) -> PredictionRecord | UnreadablePhotoError:
    """Returns what a row says first."""
    if row["verdict"] == UNREADABLE:
        return UnreadablePhotoError(row["error"], row["image"])
    return PredictionRecord(
        image=row["image"],
        verdict=row["verdict"],
        anomaly_score=row["anomaly_score"],
        unusual_reason=row["unusual_reason"],
        stopped_by=tuple(row["stopped_by"]),
        rule_reason=row["rule_reason"],
    )


_TEXTS = (
    *("image", "digest", "judged_at", "verdict", "unusual_reason", "rule_reason", "percentile_of", "method"),
    *("weights_sha256", "runtime", "precision", "blemish_version", "error"),
)
_NUMBERS = (
    *("anomaly_score", "threshold", "check_threshold", "pixel_threshold", "unusualness", "unusual_threshold"),
    "percentile",
)
_COUNTS = ("format_version", "height", "width", "mask_pixels", "map_height", "map_width")
_FIRST = ("image", "verdict", "anomaly_score", "unusual_reason", "stopped_by", "rule_reason", "error")


class _Parquet:
    """Rows to Parquet and back, in one and the same schema, whatever a part's rows hold."""

    def __init__(self, arrow: Any, parquet: Any) -> None:
        self._arrow, self._parquet = arrow, parquet
        text, count, number = arrow.string(), arrow.int64(), arrow.float64()
        region = {"box": arrow.list_(count), "area": count, "peak": number, "centroid": arrow.list_(number)}
        region |= {"region_of_interest": text, "within": arrow.list_(text), "length": number, "width": number}
        interest = {"name": text, "anomaly_score": number, "threshold": number}
        columns = dict.fromkeys(_COUNTS, count) | dict.fromkeys(_TEXTS, text) | dict.fromkeys(_NUMBERS, number)
        columns |= {"threshold_estimated": arrow.bool_(), "stopped_by": arrow.list_(text)}
        columns |= {
            "regions": arrow.list_(arrow.struct(list(region.items()))),
            "regions_of_interest": arrow.list_(arrow.struct(list(interest.items()))),
        }
        self._schema = arrow.schema(columns)

    def written(self, rows: Sequence[Mapping[str, Any]]) -> bytes:
        unknown = {name for row in rows for name in row} - set(self._schema.names)
        assert not unknown, f"the schema lacks {unknown}"
        file = io.BytesIO()
        told = [{name: as_text(said) if isinstance(said, str) else said for name, said in row.items()} for row in rows]
        table = self._arrow.Table.from_pylist(told, schema=self._schema)
        self._parquet.write_table(table, file, compression="zstd")
        return file.getvalue()

    def read(self, data: bytes) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._parquet.read_table(io.BytesIO(data), columns=list(_FIRST)).to_pylist()
        return rows


def _pyarrow() -> _Parquet:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError(package="pyarrow", extra="ray", purpose="writing Parquet") from error
    return _Parquet(pyarrow, pyarrow.parquet)
