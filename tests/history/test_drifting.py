"""Drift is found in the history as `predict` finds it in a folder."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from blemish.history import drifting
from blemish.history.drifting import drift_at
from blemish.history.opening import History
from blemish.history.writing import add_verdicts
from blemish.model.thresholds import Calibration, Threshold
from history.conftest import JUDGE, MakeVerdict

LIMIT = Threshold(value=1.0, asked_rate=0.05, promised_rate=0.05, rate_95=0.1)
VALUES = tuple(np.linspace(100.0, 110.0, 60).tolist())
CALIBRATION = Calibration(
    scores=(0.5,),
    peaks=(0.5,),
    image=LIMIT,
    pixel=LIMIT,
    watched={"brightness": VALUES, "score": tuple(v / 200 for v in VALUES)},
)


def test_photos_of_one_station_that_have_become_darker_are_told(history: History, verdict: MakeVerdict) -> None:
    chance = np.random.default_rng(0)

    def photos(station: str, brightness: float, weights: str = "5" * 64) -> None:
        judge = replace(JUDGE, weights_sha256=weights)
        batch = [
            verdict(
                score=chance.uniform(0.5, 0.55),
                station=station,
                judge=judge,
                looks={"brightness": brightness + chance.uniform(-5, 5)},
            )
            for _ in range(50)
        ]
        add_verdicts(history, batch)

    photos("line 1", 105)
    photos("line 2", 105)
    photos("line 2", 80)
    photos("line 1", 80, weights="6" * 64)  # another model's: its scores say nothing of this one

    def found(station: str) -> tuple[int, list[tuple[str, str]]]:
        told = drift_at(
            history, station, model="screw", weights_sha256=str(JUDGE.weights_sha256), calibration=CALIBRATION
        )
        return told.photos, [(drift.quantity, drift.words) for drift in told.found]

    assert found("line 1") == (50, [])
    assert found("line 2") == (100, [("brightness", "darker")])
    assert found("line 3") == (0, [])


def test_photos_of_a_clock_that_was_ahead_do_not_stand_before_those_of_now(
    history: History, verdict: MakeVerdict
) -> None:
    now, darker = datetime.now(UTC), {"brightness": 80.0}
    add_verdicts(history, [verdict(judged_at=now + timedelta(days=2), looks={"brightness": 105.0}) for _ in range(50)])
    add_verdicts(history, [verdict(judged_at=now - timedelta(minutes=1), looks=darker) for _ in range(50)])
    told = drift_at(history, "line 1", model="screw", weights_sha256=str(JUDGE.weights_sha256), calibration=CALIBRATION)
    assert told.photos == 50
    assert "darker" in [drift.words for drift in told.found]


def test_as_many_stations_are_looked_at_as_judged_last(
    history: History, verdict: MakeVerdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drifting, "MOST_STATIONS", 2)
    now = datetime.now(UTC)
    for hours, station in ((3, "line 2"), (9, "serial 17"), (2, "line 1"), (5, "line 2"), (0, "other")):
        model = "nut" if station == "other" else "screw"
        add_verdicts(history, [verdict(model=model, station=station, judged_at=now - timedelta(hours=hours))])
    assert drifting.stations_of(history, "screw") == ["line 1", "line 2"]
