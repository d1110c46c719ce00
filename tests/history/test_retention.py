"""What is old or too large is forgotten, a bounded piece at a time, and nothing else is touched."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from blemish.errors import SettingsError
from blemish.history import retention
from blemish.history.audit import changes
from blemish.history.feedback import drawn_photos
from blemish.history.figures import hourly
from blemish.history.labels import set_label
from blemish.history.opening import History
from blemish.history.reading import latest
from blemish.history.retention import Forgotten, Retention, forget
from blemish.history.verdict import VerdictRecord
from blemish.history.writing import add_verdicts
from history.conftest import MakeVerdict


def photo_in(folder: Path, name: str, size: int = 10) -> dict[str, object]:
    folder.mkdir(exist_ok=True)
    for kind in ("photo", "map"):
        (folder / f"{name}.{kind}").write_bytes(b"x" * size)
        os.utime(folder / f"{name}.{kind}", (0, 0))
    return {"photo_path": str(folder / f"{name}.photo"), "map_path": str(folder / f"{name}.map"), "photo_bytes": size}


def test_what_is_old_goes_with_its_photos_and_what_is_labelled_stays(
    history: History, verdict: MakeVerdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_AT_ONCE", 2)
    now, kept, elsewhere = datetime.now(UTC), tmp_path / "kept", tmp_path / "cameras"
    batch = [verdict(judged_at=now - timedelta(days=40), **photo_in(kept, f"{n}")) for n in range(5)]
    batch.append(verdict(judged_at=now - timedelta(days=40), **photo_in(elsewhere, "own")))
    batch.append(verdict(judged_at=now, photo_path=batch[0].photo_path))  # the same photo, judged again
    ids = add_verdicts(history, batch)
    set_label(history, ids[1], "good", who="eva")
    done = forget(history, Retention(days=30), photos=kept, who="eva")
    assert done == Forgotten(verdicts=5, photos=3)
    assert [each.id for each in latest(history).verdicts] == [ids[6], ids[1]]
    assert sorted(path.name for path in kept.iterdir()) == ["0.photo", "1.map", "1.photo"]
    assert sorted(path.name for path in elsewhere.iterdir()) == ["own.map", "own.photo"]
    assert sum(row.photos for row in hourly(history)) == 7
    (change,) = changes(history, action="retention")
    assert (change.who, change.after) == ("eva", {"verdicts": 5, "photos": 3})
    assert forget(history, Retention(days=30, labelled_too=True), photos=kept, who="eva").verdicts == 1


def test_photos_beyond_the_room_go_oldest_first_and_their_verdicts_stay(
    history: History, verdict: MakeVerdict, tmp_path: Path
) -> None:
    """Each photo takes room with its map, which may be larger."""
    batch = [verdict(**photo_in(tmp_path / "kept", f"{n}", 1000)) for n in range(6)]
    ids = add_verdicts(history, batch)
    set_label(history, ids[0], "bad", who="eva")
    assert forget(history, Retention(megabytes=0.007), photos=tmp_path / "kept", who="eva") == Forgotten(
        verdicts=0, photos=3
    )
    left = [each.id for each in latest(history).verdicts if each.photo_path is not None]
    assert left == [ids[5], ids[4], ids[0]]
    assert forget(history, Retention(megabytes=0.007), photos=tmp_path / "kept", who="eva").photos == 0


def test_photos_that_several_verdicts_share_free_room_once(
    history: History, verdict: MakeVerdict, tmp_path: Path
) -> None:
    one = photo_in(tmp_path / "kept", "probe", 1000) | {"map_path": None}
    others = [photo_in(tmp_path / "kept", f"{n}", 1000) | {"map_path": None} for n in range(4)]
    add_verdicts(history, [verdict(**photo) for photo in (*[one] * 5, *others, one)])
    assert forget(history, Retention(megabytes=0.002), photos=tmp_path / "kept", who="eva").photos == 3
    left = [Path(each.photo_path).name for each in latest(history).verdicts if each.photo_path is not None]
    assert left == ["probe.photo", "3.photo"]


def test_what_was_judged_while_the_clock_was_set_back_is_not_taken_for_old(
    history: History, verdict: MakeVerdict
) -> None:
    now = datetime.now(UTC)
    days = (40, 2, 33, 0, 33)  # the third and the fifth were judged after younger ones
    ids = add_verdicts(history, [verdict(judged_at=now - timedelta(days=age)) for age in days])
    ids += add_verdicts(history, [verdict(judged_at=now + timedelta(days=900))])
    assert forget(history, Retention(days=30), photos=None, who="eva").verdicts == 1
    assert {each.id for each in latest(history).verdicts} == set(ids[1:])
    assert forget(history, Retention(days=1), photos=None, who="eva").verdicts == 2
    assert {each.id for each in latest(history).verdicts} == set(ids[3:])


def test_photos_that_lie_elsewhere_take_no_room_and_keep_their_links(
    history: History, verdict: MakeVerdict, tmp_path: Path
) -> None:
    own = verdict(**photo_in(tmp_path / "kept of another", "own", 9000))
    kept = [verdict(**photo_in(tmp_path / "kept", f"{n}", 1000)) for n in range(2)]
    add_verdicts(history, [own, *kept])
    assert forget(history, Retention(megabytes=0.006), photos=tmp_path / "kept", who="eva").photos == 0
    assert forget(history, Retention(megabytes=0.003), photos=tmp_path / "kept", who="eva").photos == 1
    paths = [each.photo_path for each in latest(history).verdicts]
    assert paths == [kept[1].photo_path, None, own.photo_path]


def test_a_photo_that_was_kept_again_just_now_stays(history: History, verdict: MakeVerdict, tmp_path: Path) -> None:
    batch = [verdict(**photo_in(tmp_path / "kept", f"{n}")) for n in range(2)]
    add_verdicts(history, batch)
    os.utime(str(batch[0].photo_path))  # for a verdict that is about to be written
    assert forget(history, Retention(days=1), photos=tmp_path / "kept", who="eva") == Forgotten(verdicts=1, photos=1)
    assert [each.photo_path for each in latest(history).verdicts] == [batch[0].photo_path]


@pytest.mark.parametrize("amount", [-1, float("nan"), float("inf"), 1e13])
def test_amounts_that_are_none_are_refused(amount: float) -> None:
    for days, megabytes in ((amount, None), (None, amount), (0.0, None), (1e6, None)):
        with pytest.raises(SettingsError, match="days to keep are above 0"):
            Retention(days=days, megabytes=megabytes)


def test_a_drawn_photo_that_nobody_labelled_is_not_forgotten_as_if_it_had_not_been_drawn(
    history: History, verdict: MakeVerdict, tmp_path: Path
) -> None:
    old, kept = datetime.now(UTC) - timedelta(days=40), tmp_path / "kept"

    def drawn(number: int) -> VerdictRecord:
        return verdict(judged_at=old + timedelta(hours=number), drawn=True, **photo_in(kept, f"{number}"))

    _, good, skipped, behind = ids = add_verdicts(history, [drawn(number) for number in range(4)])
    for number in (good, behind):
        set_label(history, number, "good", who="eva")
    assert forget(history, Retention(days=30), photos=kept, who="eva") == Forgotten(verdicts=0, photos=2)
    found = drawn_photos(history, "screw")
    assert [path.name for path in found.good] == ["1.photo"]  # the first, of which nobody chose, stands in no way
    assert (found.waiting, found.lost, found.behind) == (0, 1, 1)
    assert forget(history, Retention(days=30), photos=kept, who="eva") == Forgotten(verdicts=0, photos=0)
    set_label(history, skipped, "bad", who="eva")  # by whoever knows the part
    assert [path.name for path in drawn_photos(history, "screw").good] == ["1.photo", "3.photo"]
    assert forget(history, Retention(days=30, labelled_too=True), photos=kept, who="eva").verdicts == len(ids)


def test_what_is_labelled_while_it_is_being_deleted_stays(history: History, verdict: MakeVerdict) -> None:
    ids = add_verdicts(history, [verdict(), verdict()])
    set_label(history, ids[0], "bad", who="eva")
    assert retention._delete_rows(history, ids, Retention(days=30)) == 1
    assert [each.id for each in latest(history).verdicts] == ids[:1]


def test_a_photo_that_was_judged_twice_and_labelled_either_way_calibrates_nothing(
    history: History, verdict: MakeVerdict, tmp_path: Path
) -> None:
    photo = photo_in(tmp_path / "kept", "0")
    ids = add_verdicts(history, [verdict(drawn=True, **photo), verdict(drawn=True, **photo)])
    for number, label in zip(ids, ("good", "bad"), strict=True):
        set_label(history, number, label, who="eva")
    assert drawn_photos(history, "screw").good == []
