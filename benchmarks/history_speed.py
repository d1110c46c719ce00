"""How long what the page asks of the history takes, with a million verdicts in it.

    python benchmarks/history_speed.py PLACE [VERDICTS]

PLACE is a file that is not there yet, or the URL of an empty PostgreSQL database.
"""

import random
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import update

from blemish.history.drifting import drift_at
from blemish.history.feedback import drawn_photos, truth_by_week
from blemish.history.figures import hourly, scores_over_time, what_if
from blemish.history.opening import History, open_history
from blemish.history.reading import Sought, latest, names_seen
from blemish.history.schema import VERDICTS
from blemish.history.verdict import JudgeRecord, VerdictRecord
from blemish.history.writing import add_verdicts
from blemish.model.thresholds import Calibration, Threshold

_REGION = {"box": [10, 20, 40, 60], "area": 900, "peak": 3.2, "centroid": [25.0, 40.0], "length": 44.0, "width": 28.0}
_END = datetime(2026, 11, 1, tzinfo=UTC)
_SECONDS = 5  # between two photos
_LIMIT = Threshold(value=1.0, asked_rate=0.05, promised_rate=0.05, rate_95=0.1)
_NOTHING_KNOWN = Calibration(scores=(0.5,), peaks=(0.5,), image=_LIMIT, pixel=_LIMIT)
_SCREW: Any = {"model": "screw", "weights_sha256": "s" * 64, "calibration": _NOTHING_KNOWN}


def fill(history: History, verdicts: int) -> None:
    """Writes verdicts of five months, of two models and three stations, as a server does."""
    chance, at_once = random.Random(0), 1000
    judges = {
        name: JudgeRecord(
            model=name,
            method="mend",
            weights_sha256=name[0] * 64,
            runtime="openvino",
            precision="fp32",
            blemish_version="0.1.0",
            threshold=1.0,
            threshold_estimated=False,
            check_threshold=0.9,
            pixel_threshold=1.0,
            unusual_threshold=2.5,
        )
        for name in ("screw", "nut")
    }
    for start in range(0, verdicts, at_once):
        records = []
        for number in range(start, min(verdicts, start + at_once)):
            score, name = chance.lognormvariate(-0.8, 0.4), chance.choice(("screw", "nut"))
            verdict = "anomalous" if score > 1 else "check" if score > 0.9 else "normal"
            records.append(
                VerdictRecord(
                    key=f"{number:032x}",
                    model=name,
                    station=f"line {chance.randrange(3)}",
                    verdict=verdict,
                    judged_at=_END - timedelta(seconds=_SECONDS * (verdicts - number)),
                    judge=judges[name],
                    anomaly_score=score,
                    percentile=50.0,
                    regions=[_REGION] if score > 1 else [],
                    drawn=number % 100 == 0,
                    looks={"brightness": 120.0, "sharpness": -3.0, "across": 0.5, "down": 0.5},
                    photo_sha256=f"{number:064x}",
                    photo_bytes=500_000,
                    height=1000,
                    width=1000,
                )
            )
        ids = add_verdicts(history, records)
        _label(history, ids[::500])


def _label(history: History, ids: Sequence[int]) -> None:
    """Lets people have said something of a few: one in 500, which is more than a line's people do."""
    with history.writing() as connection:
        for label, alarm in (("good", VERDICTS.c.anomaly_score <= 1), ("bad", VERDICTS.c.anomaly_score > 1)):
            connection.execute(update(VERDICTS).where(VERDICTS.c.id.in_(ids), alarm).values(label=label))


def timed(name: str, ask: Callable[[], object]) -> None:
    """Prints how long a question takes, the first time and at best of five."""
    taken = []
    for _ in range(5):
        wall, processor = time.perf_counter(), time.process_time()
        ask()
        taken.append((time.perf_counter() - wall, time.process_time() - processor))
    walls, processors = zip(*taken, strict=True)
    print(f"{name:<58} first {walls[0]:.3f} s, best {min(walls):.3f} s (this process {min(processors):.3f} s)")


def main() -> None:
    """Fills an empty history, and asks what the page asks."""
    history = open_history(sys.argv[1])
    verdicts = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    wall, processor = time.perf_counter(), time.process_time()
    if not latest(history, most=1).verdicts:
        fill(history, verdicts)
        took = time.perf_counter() - wall, time.process_time() - processor
        print(f"{verdicts} verdicts written in {took[0]:.0f} s (this process {took[1]:.0f} s)")
    month = _END - timedelta(days=30)
    middle = latest(history, Sought(until=month)).after
    never = Sought(model="screw", verdicts=("unusual",))
    timed("latest 50", lambda: latest(history))
    timed("a page in the middle", lambda: latest(history, after=middle))
    timed("anomalous of one model and station", lambda: latest(history, _one()))
    timed("a verdict that there is none of", lambda: latest(history, never))
    timed("labelled ones of one model", lambda: latest(history, Sought(label="any", model="screw")))
    timed("one hour half a year ago", lambda: latest(history, Sought(until=month, since=month - timedelta(hours=1))))
    timed("counts per hour, all, together", lambda: hourly(history, apart=False))
    timed("counts per hour, all, by model and station", lambda: hourly(history))
    timed("1,000 scores of one model", lambda: scores_over_time(history, Sought(model="screw")))
    timed("what if, of all photos", lambda: what_if(history, Sought(model="screw"), 1.1, weights_sha256="s" * 64))
    timed("what if, of a month", lambda: what_if(history, _since(month), 1.1, weights_sha256="s" * 64))
    timed("what if, at a threshold of 0", lambda: what_if(history, Sought(model="screw"), 0.0, weights_sha256="s" * 64))
    timed("drift of a station", lambda: drift_at(history, "line 1", **_SCREW))
    timed("drift of a station that never judged", lambda: drift_at(history, "line 9", **_SCREW))
    timed("photos drawn by lot", lambda: drawn_photos(history, "screw"))
    timed("what labels say, by week", lambda: truth_by_week(history, "screw"))
    timed("names of models and stations", lambda: names_seen(history))
    history.close()


def _one() -> Sought:
    return Sought(model="screw", verdicts=("anomalous",), station="line 1")


def _since(moment: datetime) -> Sought:
    return Sought(model="screw", since=moment)


if __name__ == "__main__":
    main()
