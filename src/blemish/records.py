"""Typed records: frozen dataclasses that are written as JSON, and one reader that names the field that is wrong.

A field that the class does not know is ignored: a later version may add one without raising `format_version`, which
says that no field has changed its meaning or gone. A field that the file lacks takes its default, or is an error.
"""

import json
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from blemish.errors import BlemishError
from blemish.files import write_text
from blemish.version import __version__
from blemish.wording import brief

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_T = TypeVar("_T")
_LARGEST_INTEGER = (1 << 63) - 1
_LARGEST_NUMBER = 3.4028234663852886e38  # of float32, as which all that is measured is computed
_SHOWN = 40  # characters of a value in an error


@dataclass(frozen=True, kw_only=True)
class RecordFormat:
    """The format of one kind of JSON file, which this version writes and reads, and what errors say of it."""

    version: int
    name: str
    """Errors call fields by it: `model` gives model.calibration.image.value."""
    what: str
    """Errors say that another file is not this, such as `a Blemish model`."""
    error: type[BlemishError]
    mend: str
    """Errors advise it where a file is damaged."""
    remake: str
    """Errors advise it where a file is of an older format."""
    elsewhere: tuple[str, ...] = ()
    """Fields of the record that the file does not hold, such as the folder that it lies in."""


@runtime_checkable
class CheckedRecord(Protocol):
    """A record that knows more of its values than their types; one that raises in __post_init__ is checked as well."""

    def check_values(self) -> None:
        """Raises ValueError for values that were never written."""
        ...


def write_record(record: "DataclassInstance", path: Path, *, form: RecordFormat) -> None:
    """Writes a record as JSON, with the format's version and ours before its fields; raises OutputError."""
    write_text(path, json.dumps(record_to_json(record, form=form), indent=2, allow_nan=False) + "\n")


def record_to_json(record: "DataclassInstance", *, form: RecordFormat) -> dict[str, Any]:
    """Returns what the record's file holds."""
    values = {name: value for name, value in asdict(record).items() if name not in form.elsewhere}
    return {"format_version": form.version, "blemish_version": __version__} | values


def read_record(
    kind: type[_T], path: Path, *, form: RecordFormat, missing: str, elsewhere: Mapping[str, Any] | None = None
) -> _T:
    """Reads back what `write_record` has written; `elsewhere` gives the fields that the file does not hold.

    Raises the format's error in one line, which for a file that is not there is `missing`.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise form.error(missing) from error
    except OSError as error:
        raise form.error(f"{path} cannot be read: {error.strerror}; check path and permissions") from error
    except (ValueError, RecursionError) as error:
        raise form.error(f"{path} cannot be read, it is no JSON: {brief(error)}; {form.mend}") from error
    _check_format(values, path, form=form)
    try:
        return record_from_json(kind, values, name=form.name, elsewhere=elsewhere)
    except (ValueError, RecursionError) as error:
        raise form.error(f"{path} is damaged or edited ({brief(error)}): {form.mend}") from error


def _check_format(values: Any, path: Path, *, form: RecordFormat) -> None:
    version = values.get("format_version") if isinstance(values, dict) else None
    if type(version) is not int:
        raise form.error(f"{path} is not {form.what}: it has no format_version; {form.mend}")
    if version > form.version:
        raise form.error(
            f"{path} has format {_shown(version)}, this version reads up to {form.version}: upgrade blemish"
        )
    if version < form.version:
        raise form.error(f"{path} has format {_shown(version)}, from before the first release: {form.remake}")


def record_from_json(kind: type[_T], values: Any, *, name: str, elsewhere: Mapping[str, Any] | None = None) -> _T:
    """Returns the record of a dataclass whose `asdict` went through JSON; raises ValueError, naming the field.

    Whole numbers fit in 64 bits, others in float32's range: whatever is read can be summed, squared and written again.
    """
    if not isinstance(values, dict):
        raise ValueError(f"{name} is {_shown(values)}")
    hints, given = _hints(typing.cast("Any", kind)), dict(elsewhere or {})
    for field in fields(typing.cast("type[DataclassInstance]", kind)):
        if field.name in given:
            continue
        if field.name in values:
            given[field.name] = _value(hints[field.name], values[field.name], name=f"{name}.{field.name}")
        elif not _has_default(field):
            raise ValueError(f"{name}.{field.name} is missing")
    try:
        record = kind(**given)
        if _is_checked(typing.cast("Any", kind)):
            typing.cast("CheckedRecord", record).check_values()
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return record


def _has_default(field: Field[Any]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


@cache  # of an evaluation's ten thousand photos, each is a record
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


@cache
def _is_checked(kind: type) -> bool:
    return issubclass(kind, CheckedRecord)


def _value(kind: Any, value: Any, *, name: str) -> Any:
    """Returns the value, where it is of the type that a field is annotated with; `name` says which field in errors."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        others = [part for part in parts if part is not types.NoneType]
        assert len(others) == 1, f"{name}: records have no unions but those with None"
        return None if value is None else _value(others[0], value, name=name)
    if isinstance(kind, type) and is_dataclass(kind):
        return record_from_json(kind, value, name=name)
    if origin is dict and isinstance(value, dict):
        return {key: _value(parts[1], item, name=f"{name}.{key}") for key, item in value.items()}
    if origin in (list, tuple) and isinstance(value, list):
        return _items(origin, parts, value, name=name)
    if _fits(kind, value):
        return float(value) if kind is float else value
    if kind is Any and isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            _value(Any, item, name=f"{name}.{key}")
        return value
    raise ValueError(f"{name} is {_shown(value)}")


def _items(origin: type, parts: tuple[Any, ...], value: list[Any], *, name: str) -> Any:
    """Returns a list, a tuple of any length, or a tuple with a type for each of its places."""
    if origin is list or parts[1:] == (...,):
        if parts[0] in (float, int, str) and all(_fits(parts[0], item) for item in value):
            return origin(map(parts[0], value))  # thousands of scores need no names
        return origin(_value(parts[0], item, name=f"{name}[{at}]") for at, item in enumerate(value))
    if len(value) != len(parts):
        raise ValueError(f"{name} is {_shown(value)}")
    return tuple(
        _value(part, item, name=f"{name}[{at}]") for at, (part, item) in enumerate(zip(parts, value, strict=True))
    )


def _fits(kind: Any, value: Any) -> bool:
    """Returns whether a value that holds no others is of a type; true and false are no numbers."""
    if typing.get_origin(kind) is typing.Literal:
        return type(value) is str and value in typing.get_args(kind)
    if kind is float:
        return type(value) in (int, float) and abs(value) <= _LARGEST_NUMBER
    if kind is int:
        return type(value) is int and abs(value) <= _LARGEST_INTEGER
    if kind is Any:
        return value is None or any(_fits(plain, value) for plain in (str, bool, int, float))
    return kind in (str, bool) and type(value) is kind


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < _SHOWN else f"{text[: _SHOWN - 3]}..."
