"""Photos that come into a folder are judged once, told, and put where they belong."""

import errno
import os
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import blemish
from blemish.errors import ArtifactError, DataError, OutputError, SettingsError
from blemish.inference.prediction import Prediction
from blemish.watching import live
from blemish.watching.events import Events, is_on_network
from blemish.watching.file_state import FileState
from blemish.watching.journal import Journal
from blemish.watching.places import Places
from watching.line import Line


def later(*steps: Callable[[], object], pause: float, first: threading.Event | None = None) -> threading.Thread:
    """Does one thing after another, each after a pause, beside the test; what is waited for comes before all."""

    def work() -> None:
        assert first is None or first.wait(30)
        for step in steps:
            time.sleep(pause)
            step()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_photos_go_by_their_verdicts_and_the_tables_hold_each_once(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blemish.watching.arrivals.PATIENCE", 0.5)  # with the photo that is torn
    for number in range(6):
        line.put(f"p{number}.png", number)
    line.put("cam 1/p0.png", 9)
    line.put(".hidden.png")
    (line.folder / "torn.png").write_bytes(line.photos[0].read_bytes()[:900])
    results = line.watch(save="all-overlays", station="line 3", quiet=0.01)
    assert sum(isinstance(result, Prediction) for result in results) == 7
    assert [str(result).split(":")[0] for result in results if isinstance(result, DataError)] == [
        str(line.folder / "torn.png")
    ]
    told = {record["name"]: record for record in line.lines()}
    assert len(line.lines()) == 8
    assert line.filed() == {name: record["verdict"] for name, record in told.items()}
    assert told["cam 1/p0.png"]["filed"] == f"{told['cam 1/p0.png']['verdict']}/cam 1/p0.png"
    assert {(r["station"], r["model"]) for r in told.values()} == {("line 3", line.run.name)}
    judged = [result for result in results if isinstance(result, Prediction)]
    assert [told[p.name]["anomaly_score"] for r in judged if (p := r.image) and p.parent == line.folder] == [
        r.anomaly_score for r in judged if r.image and r.image.parent == line.folder
    ]
    overlays = {record["overlay"] for record in told.values() if record["verdict"] != "unreadable"}
    assert len(overlays) == 7
    assert all((line.into / overlay).is_file() for overlay in overlays)
    assert names_in(line.folder) == {"cam 1", ".hidden.png"}
    rows = (line.into / "predictions.csv").read_text().splitlines()
    assert len({row.count(",") for row in rows if '"' not in row}) == 1
    assert len(rows) == 9


def test_what_is_called_as_photos_are_and_is_none_is_neither_judged_nor_moved(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blemish.watching.arrivals.PATIENCE", 0.1)
    watch = line.watching(idle=2)
    line.put("first.png")
    next(watch)
    os.mkfifo(line.folder / "pipe.png")
    line.put("lot.png/a.png", 1)
    assert len(list(watch)) == 1
    assert sorted(line.filed()) == ["first.png", "lot.png/a.png"]
    assert names_in(line.folder) == {"pipe.png", "lot.png"}


@pytest.mark.parametrize("then", ["move", "link"])
def test_a_link_that_is_moved_or_linked_leads_where_it_led(line: Line, tmp_path: Path, then: str) -> None:
    (tmp_path / "camera").mkdir()
    shutil.copy(line.photos[0], tmp_path / "camera" / "a.png")
    (line.folder / "a.png").symlink_to(Path("..", "camera", "a.png"))
    assert len(line.watch(then=then)) == 1
    filed = line.into / line.lines()[0]["filed"]
    assert filed.read_bytes() == line.photos[0].read_bytes()
    assert (line.folder / "a.png").is_symlink() == (then == "link")
    assert (tmp_path / "camera" / "a.png").exists()
    assert line.watch(then=then) == []


def test_what_a_watch_has_found_is_not_replaced_by_a_prediction(line: Line) -> None:
    line.put("a.png")
    line.watch(save="all-overlays")
    before = sorted(line.into.rglob("*")), line.lines()
    with pytest.raises(SettingsError, match="holds what a watch has found, and this would replace it"):
        list(blemish.predict(line.run, line.photos[1], output=line.into, runtime="onnx"))
    assert (sorted(line.into.rglob("*")), line.lines()) == before


def test_photos_are_judged_in_the_order_they_came(line: Line) -> None:
    for number in range(5):
        path = line.put(f"p{9 - number}.png", number)
        os.utime(path, ns=(0, 1_700_000_000_000_000_000 + number))
    line.watch()
    assert line.names() == [f"p{9 - number}.png" for number in range(5)]


def test_results_inside_the_folder_are_no_photos(line: Line) -> None:
    line.put("a.png")
    into = line.folder / "results"
    done = Line(folder=line.folder, into=into, run=line.run, photos=line.photos)
    assert len(done.watch(save="all-overlays")) == 1
    assert len(done.watch(save="all-overlays")) == 0
    line.put("b.png", 1)
    watch = done.watching(save="all-overlays", idle=1)
    next(watch)
    line.put("c.png", 2)  # and what was written on b is looked at, too
    assert len(list(watch)) == 1
    assert sorted(done.filed()) == ["a.png", "b.png", "c.png"]


def test_a_name_that_comes_again_with_another_content_is_another_photo(line: Line) -> None:
    for number in range(3):
        line.put("current.png", number)
        assert len(line.watch()) == 1
    assert line.names() == ["current.png"] * 3
    assert len({record["id"] for record in line.lines()}) == 3
    assert len(line.filed()) == 3
    digests = {(line.into / record["filed"]).read_bytes() for record in line.lines()}
    assert digests == {photo.read_bytes() for photo in line.photos[:3]}


def test_a_photo_that_was_judged_and_put_back_is_not_judged_again(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    line.put("a.png")
    line.watch()
    filed = line.into / line.lines()[0]["filed"]
    filed.rename(line.folder / "a.png")
    assert line.watch() == []
    assert "a.png was judged before" in caplog.text
    assert filed.is_file()
    again = line.put("a.png")  # written anew: another photo, though with the same content
    os.utime(again, (1, 1))
    assert len(line.watch()) == 1
    assert len(line.lines()) == 2


@pytest.mark.parametrize("then", ["leave", "link"])
def test_photos_that_stay_are_judged_once(line: Line, then: str) -> None:
    photo = line.put("a.png")
    line.put("b.png", 1)
    assert len(line.watch(then=then)) == 2
    assert photo.is_file()
    filed = line.into / line.lines()[0]["verdict"] / "a.png"
    assert filed.exists() == (then == "link")
    assert then == "leave" or filed.samefile(photo)
    assert line.watch(then=then) == []
    copy = photo.with_name("copy")  # the same file as after a network disk came back: another inode, other times of it
    shutil.copy2(photo, copy)
    copy.replace(photo)
    assert line.watch(then=then) == []
    photo.write_bytes(line.photos[3].read_bytes())
    assert len(line.watch(then=then)) == 1
    assert line.names() == ["a.png", "b.png", "a.png"]


def test_a_camera_that_writes_slowly_is_waited_for(line: Line) -> None:
    data = line.photos[0].read_bytes()
    path = line.folder / "slow.png"

    def write(part: bytes) -> None:
        with path.open("ab") as file:
            file.write(part)

    third = len(data) // 3 + 1
    parts = [data[at : at + third] for at in range(0, len(data), third)]
    writer = later(*(partial(write, part) for part in parts), pause=0.25)
    results = line.watch(quiet=0.05, idle=1.0)
    writer.join()
    assert [type(result) for result in results] == [Prediction]
    assert (line.into / line.lines()[0]["filed"]).read_bytes() == data


@pytest.mark.parametrize("poll", [None, 0.1])
def test_a_folder_that_vanishes_is_waited_for(
    line: Line, poll: float | None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.put("a.png")
    away = line.folder.with_name("away")

    def new_one() -> None:
        line.folder.mkdir()
        line.put("b.png", 1)

    def step(photos: int) -> None:
        """Ends when the watch has said what it sees."""
        if photos == 1:
            line.folder.rename(away)
            until_said("waiting")
            new_one()
        if photos == 2:
            until_said("is there again")
            line.put("c.png", 2)

    def until_said(words: str) -> None:
        while words not in caplog.text:
            time.sleep(0.01)

    monkeypatch.setattr("blemish.watching.live._BY_CLOCK_ALONE", 0.1)
    monkeypatch.setattr("blemish.watching.live._LONGEST_WAIT", 0.1)
    watch, steps = line.watching(idle=60, poll=poll), []
    for photos in (1, 2, 3):
        next(watch)
        steps.append(threading.Thread(target=step, args=(photos,), daemon=True))
        steps[-1].start()
    for thread in steps:
        thread.join()
    watch.close()
    assert sorted(line.names()) == ["a.png", "b.png", "c.png"]
    assert [r.getMessage().split(": ")[-1] for r in caplog.records if "waiting" in r.getMessage()] == (
        ["waiting until it is there again"]
    )
    assert caplog.text.count("is there again: photos") == 1


def test_a_folder_that_gives_its_place_to_another_is_looked_at_anew(
    line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, other, link = (line.folder.with_name(name) for name in ("first", "other", "link"))
    line.folder.rename(first)
    line.folder.symlink_to(first)
    other.mkdir()  # as the disk that is mounted where an empty folder was
    shutil.copy(line.photos[1], other / "b.png")
    link.symlink_to(other)
    monkeypatch.setattr(live, "is_on_network", lambda folder: folder.resolve() == other)
    line.put("a.png")
    given: dict[str, Any] = {"into": line.into, "quiet": 0.05, "save": "none", "runtime": "onnx"}
    with closing(blemish.watch(line.folder, line.run, **given)) as results:
        next(results)
        link.replace(line.folder)
        next(results)
        line.put("c.png", 2)
        next(results)
    assert sorted(line.names()) == ["a.png", "b.png", "c.png"]
    assert caplog.text.count("is another folder than before") == 1
    assert caplog.text.count("is on a disk of another machine") == 1


def test_a_journal_that_cannot_be_read_is_asked_no_more_than_once_a_second(
    line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    knows, asked = Journal.knows, []

    def gone(*arguments: Any) -> bool:
        asked.append(time.monotonic())
        if len(asked) < 3:
            raise OutputError("watch.sqlite: disk I/O error")
        return knows(*arguments)

    monkeypatch.setattr(Journal, "knows", gone)
    line.put("a.png")
    with closing(blemish.watch(line.folder, line.run, into=line.into, save="none", runtime="onnx")) as results:
        next(results)
    assert asked[2] - asked[0] > 1.9
    assert caplog.text.count("disk I/O error") == 1


def test_a_watch_waits_no_longer_than_it_may_be_idle(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    wait, waits = Events.wait, list[float]()

    def noted(events: Events, seconds: float) -> None:
        waits.append(seconds)
        wait(events, seconds)

    monkeypatch.setattr(Events, "wait", noted)
    assert line.watch(idle=0.05) == []
    assert 0 < max(waits) <= 0.05


def test_what_cannot_be_moved_is_judged_and_moved_later(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    line.put("a.png")
    line.put("b.png", 1)
    line.into.mkdir()
    blocks = [line.into / verdict for verdict in ("normal", "check", "anomalous", "unusual")]
    for block in blocks:
        block.touch()
    assert len(line.watch()) == 2
    assert caplog.text.count("tried again later") == 1
    assert len(line.names()) == 2
    for block in blocks:
        block.unlink()
    assert line.watch() == []
    assert sorted(line.filed()) == ["a.png", "b.png"]
    assert names_in(line.folder) == set()


def test_photos_are_carried_to_another_disk(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs a second disk")
    into = other / f"blemish-{os.getpid()}"
    far = Line(folder=line.folder, into=into, run=line.run, photos=line.photos)
    try:
        photo = far.put("a.png")
        photo.chmod(0o444)  # as some cameras leave their files
        opened = Path.open

        def open_as_others(file: Path, mode: str = "r", **more: Any) -> Any:
            """Opens a file as whoever is not root may."""
            if set("wa+") & set(mode) and file.exists() and not file.stat().st_mode & 0o200:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))
            return opened(file, mode, **more)

        monkeypatch.setattr(Path, "open", open_as_others)
        before = photo.stat().st_mtime_ns
        far.watch()
        monkeypatch.undo()
        (filed,) = [into / record["filed"] for record in far.lines()]
        assert filed.stat().st_mtime_ns == before
        assert not photo.exists()
        shutil.copy2(filed, photo)  # as where the process was killed before the photo was deleted
        assert far.watch() == []
        assert not photo.exists()
        assert len(far.filed()) == 1
    finally:
        shutil.rmtree(into)


def test_many_photos_at_once_are_judged_by_rounds(line: Line) -> None:
    for number in range(90):
        line.put(f"p{number}.png", number)
    waiting: list[int] = []
    results = blemish.watch(
        line.folder,
        line.run,
        into=line.into,
        quiet=0.0,
        idle=0.2,
        save="none",
        runtime="onnx",
        on_progress=lambda progress: waiting.append(progress.total - progress.done),
    )
    assert sum(1 for _ in results) == 90
    assert line.names() == [f"p{number}.png" for number in range(90)]
    assert (waiting[0], waiting[-1]) == (26, 0)


def test_two_watches_do_not_share_results(line: Line) -> None:
    line.put("a.png")
    first = blemish.watch(line.folder, line.run, into=line.into, quiet=0, runtime="onnx")
    next(first)
    with pytest.raises(SettingsError, match="held by another watch"):
        line.watch()
    first.close()
    assert line.watch() == []


def test_a_damaged_journal_is_one_line(line: Line) -> None:
    line.into.mkdir()
    (line.into / "watch.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(ArtifactError, match="move it away"):
        line.watch()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"then": "delete"}, "move, link, leave"),
        ({"quiet": -1.0}, "0 or more"),
        ({"poll": 0.0}, "0.05 or more"),
        ({"save": "all"}, "unknown"),
        ({"webhook": "host/path"}, "https://HOST/PATH"),
        ({"webhook_secret": "file"}, "without webhook"),
        ({"webhook": "http://localhost/", "webhook_secret": "/no/file"}, "cannot be read"),
        ({"mqtt": "localhost"}, "mqtt://HOST:1883"),
        ({"mqtt": "mqtt://me:secret@localhost"}, "mqtt-password FILE"),
        ({"plc": "any"}, "HOST:PORT"),
        ({"station": "s" * 256}, "255"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(line: Line, settings: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        line.watch(**settings)


def test_results_do_not_go_where_they_would_come_back(line: Line) -> None:
    with pytest.raises(SettingsError, match="cannot go into the folder that is watched"):
        blemish.watch(line.folder, line.run, into=line.folder)
    (line.into / "normal").mkdir(parents=True)
    with pytest.raises(SettingsError, match="again and again"):
        blemish.watch(line.into / "normal", line.run, into=line.into)
    with pytest.raises(DataError, match="no such folder"):
        blemish.watch(line.folder / "typo", line.run, into=line.into)


def test_a_journal_that_cannot_be_written_holds_photos_back(
    line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    keep, tries = Journal.keep, []

    def full(*arguments: object, **more: object) -> object:
        tries.append(1)
        if len(tries) < 3:
            raise OutputError("watch.sqlite: disk is full")
        return keep(*arguments, **more)  # type: ignore[arg-type]

    told: list[str] = []
    monkeypatch.setattr(Journal, "keep", full)
    monkeypatch.setattr(Places, "tell_controllers", lambda _, delivery: told.append(delivery.record["name"]))
    line.put("a.png")
    line.put("b.png", 1)
    assert len(line.watch()) == 2
    assert told == ["a.png", "b.png"]
    assert line.names() == ["a.png", "b.png"]
    assert caplog.text.count("disk is full") == 1
    assert "can be written again" in caplog.text


def test_a_file_in_the_way_is_not_written_over(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    photo = line.put("a.png")
    results = blemish.watch(line.folder, line.run, into=line.into, quiet=0, idle=0.2, save="none", runtime="onnx")
    for verdict in ("normal", "check", "anomalous", "unusual"):
        (line.into / verdict).parent.mkdir(exist_ok=True)
        (line.into / verdict).touch()  # so that it cannot be moved yet
    next(results)
    results.close()
    (verdict,) = {record["verdict"] for record in line.lines()}
    (line.into / verdict).unlink()
    (line.into / verdict).mkdir()
    (line.into / verdict / "a.png").write_bytes(b"somebody's own")
    assert line.watch() == []
    assert "another file is called a.png there" in caplog.text
    assert (line.into / verdict / "a.png").read_bytes() == b"somebody's own"
    (line.into / verdict / "a.png").unlink()
    assert line.watch() == []
    assert not photo.exists()


def test_names_as_long_as_a_disk_takes_are_filed(line: Line) -> None:
    name = f"{'n' * 251}.png"
    for number in range(2):
        line.put(name, number)
        assert len(line.watch(save="all-overlays")) == 1
    assert len(line.filed()) == 2
    assert names_in(line.folder) == set()


@pytest.mark.parametrize(("disk", "far"), [("ext4", False), ("nfs4", True), ("fuse.sshfs", True), ("fuseblk", False)])
def test_disks_of_other_machines_are_told(tmp_path: Path, disk: str, far: bool) -> None:
    (tmp_path / "my photos" / "in").mkdir(parents=True)
    place = str(tmp_path / "my photos").replace(" ", "\\040")
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        f"22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n36 22 0:31 / {place} rw shared:9 - {disk} host:/photos rw\n"
    )
    assert is_on_network(tmp_path / "my photos" / "in", mounts=mounts) is far
    assert is_on_network(tmp_path, mounts=mounts) is False


def test_a_photo_put_back_stays_where_photos_are_left_now(line: Line) -> None:
    line.put("a.png")
    line.watch()
    (line.into / line.lines()[0]["filed"]).rename(line.folder / "a.png")
    assert line.watch(then="leave") == []
    journal = Journal(line.into)
    assert journal.knows("a.png", FileState.of(line.folder / "a.png"))  # nobody reads it at each look
    journal.close()
