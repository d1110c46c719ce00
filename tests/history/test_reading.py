"""What was judged is found again: page by page, filtered, counted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from blemish.errors import SettingsError
from blemish.history.figures import hourly, scores_over_time, what_if
from blemish.history.labels import set_label
from blemish.history.opening import History
from blemish.history.reading import Sought, by_key, ids_since, latest, names_seen, of_ids
from blemish.history.writing import add_verdicts
from history.conftest import JUDGE, START, MakeVerdict


def pages(history: History, sought: Sought, most: int) -> list[list[int]]:
    found, after = [], None
    while True:
        page = latest(history, sought, most=most, after=after)
        found.append([each.id for each in page.verdicts])
        after = page.after
        if after is None:
            return found


def test_pages_follow_one_another_though_verdicts_come_in_between(history: History, verdict: MakeVerdict) -> None:
    same = START + timedelta(hours=1)
    ids = add_verdicts(history, [verdict(judged_at=same) for _ in range(7)])
    first = latest(history, most=3)
    add_verdicts(history, [verdict(judged_at=same + timedelta(hours=1))])
    rest = latest(history, most=10, after=first.after)
    assert [each.id for each in (*first.verdicts, *rest.verdicts)] == ids[::-1]
    assert rest.after is None
    for wrong in ("yesterday", "2026-03-01T06:00:00~1", f"{same.isoformat()}~{1 << 63}", f"{datetime.min}+14:00~1"):
        with pytest.raises(SettingsError, match="no page ended at"):
            latest(history, after=wrong)


def test_filters_alone_and_together(history: History, verdict: MakeVerdict) -> None:
    batch = [
        verdict(score, model=model, station=station, photo_sha256=f"{number:064}", drawn=number == 3)
        for number, (score, model, station) in enumerate(
            [(0.5, "screw", "a"), (1.5, "screw", "b"), (1.5, "nut", "a"), (0.2, "nut", "b"), (3.0, "screw", "a")]
        )
    ]
    ids = add_verdicts(history, batch)
    set_label(history, ids[1], "bad", who="eva", defect_type="dent")
    set_label(history, ids[3], "good", who="eva")

    def found(**sought: object) -> list[int]:
        return [ids.index(each.id) for each in latest(history, Sought(**sought)).verdicts]  # type: ignore[arg-type]

    assert found() == [4, 3, 2, 1, 0]
    assert found(model="screw") == [4, 1, 0]
    assert found(station="a", verdicts=("anomalous", "unusual")) == [4, 2]
    assert found(label="any") == [3, 1]
    assert found(label="none", model="nut") == [2]
    assert found(label="bad") == [1]
    assert found(drawn=True) == [3]
    assert found(since=batch[1].judged_at, until=batch[3].judged_at) == [2, 1]
    assert found(photo_sha256=f"{2:064}") == [2]
    assert pages(history, Sought(model="screw"), 1) == [[ids[4]], [ids[1]], [ids[0]]]
    assert ids_since(history, ids[2]) == ids[3:]
    assert [each.id for each in of_ids(history, [ids[3], ids[1]])] == [ids[1], ids[3]]
    assert of_ids(history, []) == []
    assert names_seen(history) == (["nut", "screw"], ["a", "b"])
    stored = by_key(history, batch[1].key)
    assert stored is not None
    assert (stored.id, stored.label, stored.defect_type) == (ids[1], "bad", "dent")


def test_counts_per_hour_and_scores(history: History, verdict: MakeVerdict) -> None:
    late = START + timedelta(hours=5, minutes=59)
    add_verdicts(history, [verdict(), verdict(2.0), verdict(2.0), verdict(judged_at=late)])
    counts = [(row.hour, row.verdict, row.photos) for row in hourly(history, model="screw")]
    expected = [(START, "anomalous", 2), (START, "normal", 1), (START + timedelta(hours=5), "normal", 1)]
    assert counts == expected
    assert [row.photos for row in hourly(history, since=late)] == [1]
    assert hourly(history, station="elsewhere") == []
    india = timezone(timedelta(hours=5, minutes=30))  # whose hours begin in the middle of those of UTC
    assert [row.photos for row in hourly(history, since=(START + timedelta(minutes=45)).astimezone(india))] == [2, 1, 1]
    add_verdicts(history, [verdict(2.0, model="nut", station="line 2", judged_at=START)])
    together = [(row.hour, row.model, row.station, row.verdict, row.photos) for row in hourly(history, apart=False)]
    assert together[0] == (START, None, None, "anomalous", 3)
    assert len(together) == 3
    assert [point.anomaly_score for point in scores_over_time(history, Sought(model="screw"), most=3)] == [
        2.0,
        2.0,
        0.5,
    ]


def test_what_would_be_at_another_threshold(history: History, verdict: MakeVerdict) -> None:
    other = replace(JUDGE, weights_sha256="6" * 64)
    batch = [verdict(0.2), verdict(0.8), verdict(1.2), verdict(0.4, verdict="unusual"), verdict(3.0)]
    ids = add_verdicts(history, [*batch, verdict(9.0, judge=other), verdict(9.0, model="nut")])
    set_label(history, ids[1], "bad", who="eva")
    set_label(history, ids[2], "good", who="eva")

    def at(threshold: float) -> tuple[int, ...]:
        found = what_if(history, Sought(model="screw"), threshold, weights_sha256=str(JUDGE.weights_sha256))
        assert (found.photos, found.alarms_then, found.labelled_good, found.labelled_bad) == (5, 3, 1, 1)
        return found.alarms, found.good_stopped, found.bad_missed

    assert at(1.0) == (3, 1, 1)
    assert at(0.5) == (4, 1, 0)
    assert at(2.0) == (2, 0, 1)
    since = Sought(model="screw", since=batch[3].judged_at)
    assert what_if(history, since, 1.0, weights_sha256="5" * 64).photos == 2
    assert what_if(history, since, 1.0, weights_sha256="7" * 64).photos == 0


def test_times_are_utc_whatever_zone_they_were_given_in(history: History, verdict: MakeVerdict) -> None:
    from zoneinfo import ZoneInfo

    given = datetime(2026, 7, 1, 1, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    add_verdicts(history, [verdict(judged_at=given)])
    (stored,) = latest(history).verdicts
    assert (stored.judged_at, stored.judged_at.tzinfo) == (given, UTC)
    assert [row.hour for row in hourly(history)] == [datetime(2026, 6, 30, 23, tzinfo=UTC)]
