"""Arrays in temporary files: what goes in comes out, and a disk that takes no more is one line."""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from blemish.errors import OutputError
from blemish.metrics.ranking import STRETCH
from blemish.metrics.stored_arrays import StoredArrays, check_room


def test_arrays_come_back_in_order_again_and_again() -> None:
    arrays = [np.arange(5, dtype=np.float32), np.empty(0, np.float32), np.array([np.inf, -0.0], np.float32)]
    stored = StoredArrays(np.float32)
    for array in arrays:
        stored.append(array)
    for _ in range(2):
        assert [array.tolist() for array in stored] == [array.tolist() for array in arrays]
    assert len(stored) == 3
    assert stored[0].tolist() == [0, 1, 2, 3, 4]
    assert stored[0].dtype == np.float32


def test_pieces_of_several_arrays_are_read_together() -> None:
    stored = StoredArrays(np.int64)
    stored.append(np.arange(10))
    stored.append(np.arange(100, 110))
    assert stored.gather(np.array([2, 5, 13]), np.array([4, 5, 16])).tolist() == [2, 3, 103, 104, 105]


def test_arrays_may_be_added_after_some_were_read() -> None:
    stored = StoredArrays(np.uint32)
    stored.append(np.array([7]))
    assert stored[0].tolist() == [7]
    stored.append(np.array([8, 9]))
    assert [array.tolist() for array in stored] == [[7], [8, 9]]


def test_records_keep_their_fields_whatever_their_stride() -> None:
    records = np.zeros(4, STRETCH)
    records["hits"] = [4, 3, 2, 1]
    stored = StoredArrays(STRETCH)
    stored.append(records[::-1])
    assert stored[0]["hits"].tolist() == [1, 2, 3, 4]


def test_the_file_is_closed_with_the_last_reference_and_never_seen_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    stored = StoredArrays(np.float32)
    stored.append(np.ones(1000, np.float32))
    file = stored._file
    assert not list(tmp_path.iterdir())
    assert file.tell() == 4000
    del stored
    assert file.closed


def test_no_folder_for_temporary_files_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/no such folder")
    with pytest.raises(OutputError, match=r"^cannot keep temporary files in /no such folder: [^\n]*TMPDIR[^\n]*$"):
        StoredArrays(np.float32)


def test_a_disk_that_takes_no_more_is_one_line() -> None:
    code = (
        "import numpy as np; from blemish.errors import OutputError\n"
        "from blemish.metrics.pixels import collect\n"
        "try: collect(np.zeros((9, 64, 64), bool), np.zeros((9, 64, 64), np.float32))\n"
        "except OutputError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert done.stdout.startswith("cannot keep temporary files in ")
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_too_little_room_is_said_before_anything_is_written() -> None:
    check_room(1000)
    with pytest.raises(OutputError, match=r"^[^\n]* GB of room, temporary files need 1e\+09 GB: [^\n]*TMPDIR[^\n]*$"):
        check_room(10**18)
