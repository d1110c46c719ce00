"""How long what the page asks of the history takes, with a million verdicts in it.

    python benchmarks/history_speed.py PLACE [VERDICTS]

PLACE is a file that is not there yet, or the URL of an empty PostgreSQL database.
"""

import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from blemish.history.figures import hourly, scores_over_time, what_if
from blemish.history.opening import History, open_history
from blemish.history.reading import Sought, latest
from blemish.history.verdict import JudgeRecord, VerdictRecord
from blemish.history.writing import add_verdicts

_REGION = {"box": [10, 20, 40, 60], "area": 900, "peak": 3.2, "centroid": [25.0, 40.0], "length": 44.0, "width": 28.0}
_END = datetime(2026, 11, 1, tzinfo=UTC)
_SECONDS = 5  # between two photos


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
                    looks={"brightness": 120.0, "sharpness": -3.0, "across": 0.5, "down": 0.5},
                    photo_sha256=f"{number:064x}",
                    photo_bytes=500_000,
                    height=1000,
                    width=1000,
                )
            )
        add_verdicts(history, records)


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
    timed("labelled ones, of which there are none", lambda: latest(history, Sought(label="any")))
    timed("one hour half a year ago", lambda: latest(history, Sought(until=month, since=month - timedelta(hours=1))))
    timed("counts per hour, all", lambda: hourly(history))
    timed("1,000 scores of one model", lambda: scores_over_time(history, Sought(model="screw")))
    timed("what if, of all photos", lambda: what_if(history, Sought(model="screw"), 1.1, weights_sha256="s" * 64))
    timed("what if, of a month", lambda: what_if(history, _since(month), 1.1, weights_sha256="s" * 64))
    history.close()


def _one() -> Sought:
    return Sought(model="screw", verdicts=("anomalous",), station="line 1")


def _since(moment: datetime) -> Sought:
    return Sought(model="screw", since=moment)


if __name__ == "__main__":
    main()
