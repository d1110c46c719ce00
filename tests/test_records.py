"""The one reader of records: what is written comes back, and what does not fit is named."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pytest

from blemish.errors import DataError
from blemish.records import RecordFormat, read_record, record_from_json, record_to_json, write_record
from blemish.version import __version__


@dataclass(frozen=True, kw_only=True)
class Inner:
    name: str
    rates: tuple[float, ...] = ()

    def check_values(self) -> None:
        if sorted(self.rates) != list(self.rates):
            raise ValueError("rates fall")


@dataclass(frozen=True, kw_only=True)
class Strict:
    share: float

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"the share is {self.share}")


@dataclass(frozen=True, kw_only=True)
class Record:
    folder: Path
    count: int
    value: float
    sure: bool
    kind: Literal["one", "two"]
    size: tuple[int, int]
    inner: Inner
    others: dict[str, Inner | None]
    listed: list[str]
    anything: dict[str, Any]
    strict: Strict = Strict(share=0.5)
    maybe: float | None = None
    more: list[int] = field(default_factory=list)


FORM = RecordFormat(
    version=3,
    name="record",
    what="a record",
    error=DataError,
    mend="write it anew",
    remake="make it anew",
    elsewhere=("folder",),
)
RECORD = Record(
    folder=Path("/here"),
    count=3,
    value=0.5,
    sure=True,
    kind="two",
    size=(4, 5),
    inner=Inner(name="größe\udcff", rates=(0.1, 2.0)),
    others={"a": Inner(name="b"), "c": None},
    listed=["x"],
    anything={"deep": [1, {"er": None}], "text": "t"},
    maybe=1.5,
    more=[1],
)


def read(path: Path) -> Record:
    return read_record(Record, path, form=FORM, missing="there is none", elsewhere={"folder": Path("/here")})


def changed(**values: Any) -> dict[str, Any]:
    """What RECORD's file holds but for some fields, which `...` takes away."""
    held = json.loads(json.dumps(record_to_json(RECORD, form=FORM))) | values
    return {name: value for name, value in held.items() if value is not ...}


def test_what_is_written_comes_back_as_it_was(tmp_path: Path) -> None:
    write_record(RECORD, tmp_path / "record.json", form=FORM)
    assert read(tmp_path / "record.json") == RECORD
    held = json.loads((tmp_path / "record.json").read_text())
    assert list(held)[:3] == ["format_version", "blemish_version", "count"]
    assert (held["format_version"], held["blemish_version"]) == (3, __version__)
    assert "folder" not in held


def test_a_field_that_the_file_lacks_takes_its_default_and_one_that_the_class_lacks_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text(json.dumps(changed(maybe=..., more=..., strict=..., new_in_a_later_one=[1])))
    assert read(tmp_path / "record.json") == replace(RECORD, maybe=None, more=[], strict=Strict(share=0.5))


def test_whole_numbers_are_floats_where_floats_are_meant() -> None:
    found = record_from_json(Inner, {"name": "a", "rates": [1, 2]}, name="inner")
    assert [type(rate) for rate in found.rates] == [float, float]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"count": ...}, "record.count is missing"),
        ({"count": 0.5}, "record.count is 0.5"),
        ({"count": True}, "record.count is true"),
        ({"count": 1 << 63}, "record.count is 9223372036854775808"),
        ({"value": 10**400}, "record.value is 1000000"),
        ({"value": 1e39}, "record.value is 1e+39"),
        ({"value": float("nan")}, "record.value is NaN"),
        ({"value": None}, "record.value is null"),
        ({"maybe": "x"}, 'record.maybe is "x"'),
        ({"sure": 1}, "record.sure is 1"),
        ({"kind": "three"}, 'record.kind is "three"'),
        ({"kind": ["one"]}, 'record.kind is ["one"]'),
        ({"size": [1]}, "record.size is [1]"),
        ({"size": [1, "a"]}, 'record.size[1] is "a"'),
        ({"inner": []}, "record.inner is []"),
        ({"inner": {}}, "record.inner.name is missing"),
        ({"inner": {"name": "a", "rates": [2, 1]}}, "record.inner: rates fall"),
        ({"others": {"a": {"name": 5}}}, "record.others.a.name is 5"),
        ({"listed": "x"}, 'record.listed is "x"'),
        ({"listed": [None]}, "record.listed[0] is null"),
        ({"anything": {"deep": [1, float("inf")]}}, "record.anything.deep.1 is Infinity"),
        ({"anything": [1]}, "record.anything is [1]"),
        ({"strict": {"share": 7}}, "record.strict: the share is 7.0"),
        ({"listed": 5000 * "x"}, 'record.listed is "xxx'),
    ],
)
def test_what_does_not_fit_is_a_line_with_the_fields_name(values: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_text(json.dumps(changed(**values)))
    with pytest.raises(DataError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(f"{path} is damaged or edited ({said}")
    assert message.endswith("): write it anew")
    assert len(message) < 300 + len(str(path))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{ half", "cannot be read, it is no JSON: "),
        ("[" * 100_000, "cannot be read, it is no JSON: "),
        ("[1]", "is not a record: it has no format_version; write it anew"),
        ("{}", "is not a record: it has no format_version; write it anew"),
        ('{"format_version": "3"}', "is not a record: it has no format_version; write it anew"),
        ('{"format_version": true}', "is not a record: it has no format_version; write it anew"),
        ('{"format_version": 4}', "has format 4, this version reads up to 3: upgrade blemish"),
        ('{"format_version": 2}', "has format 2, from before the first release: make it anew"),
        ('{"format_version": 3, "anything": ' + '{"a": ' * 900 + "1" + "}" * 901, "is damaged or edited ("),
    ],
)
def test_what_is_no_record_of_this_format_is_a_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text(text)
    with pytest.raises(DataError) as caught:
        read(tmp_path / "record.json")
    assert str(caught.value).startswith(f"{tmp_path / 'record.json'} {said}")


def test_a_file_that_is_not_there_is_what_the_caller_says_and_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^there is none$"):
        read(tmp_path / "record.json")
    with pytest.raises(DataError, match="cannot be read: Is a directory; check path and permissions"):
        read(tmp_path)
