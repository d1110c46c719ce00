"""Somebody is told when photos become others than those calibrated with."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from blemish.errors import SettingsError
from blemish.history.schema import VERDICTS
from blemish.results import alarms
from blemish.results.alarms import Alarms
from blemish.results.webhook import Webhook
from blemish.server import drift_alarms, drift_look
from server.conftest import OpenServer, settings_of
from watching.line import darker
from watching.receiving import Posts


def until(done: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_drift_is_posted_once_and_so_is_its_end_though_nobody_looks(
    open_server: OpenServer, photo_files: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift_alarms, "_SECONDS", 0.02)
    monkeypatch.setattr(drift_alarms, "_CALM", 0.1)
    monkeypatch.setattr(drift_look, "_SECONDS", 0.0)
    monkeypatch.setattr(alarms, "_WAIT", 0.01)
    posts, secret = Posts(), tmp_path / "secret"
    secret.write_text("a key")
    posts.answers = [503]
    with posts.open():
        server = open_server(alarm_webhook=posts.address, alarm_secret=secret)
        for photo in photo_files[:10]:
            server.judge(darker(photo), station="line 3")
        until(lambda: any(alarm["quantity"] == "brightness" for alarm in posts.taken))
        (told,) = [alarm for alarm in posts.taken if alarm["quantity"] == "brightness"]
        seen = {name: told[name] for name in ("event", "model", "station", "words", "photos")}
        assert seen == {"event": "drift", "model": "part", "station": "line 3", "words": "darker", "photos": 10}
        assert told["now"] < told["before"]
        headers = [headers for headers, _ in posts.requests]
        assert headers[0]["X-Blemish-Id"] == headers[1]["X-Blemish-Id"] and "X-Blemish-Signature" in headers[0]
        assert b'blemish_drift{model="part",quantity="brightness",station="line 3"} 1.0' in (
            server.client.get("/metrics").content
        )
        with server.history.writing() as connection:
            connection.execute(delete(VERDICTS))
        until(lambda: posts.taken[-1]["event"] == "drift_over")
        ids = [alarm["id"] for alarm in posts.taken]
        assert len(ids) == len(set(ids))


def test_alarms_that_nobody_takes_are_said_and_hold_nothing_up(caplog: pytest.LogCaptureFixture) -> None:
    begun, told = time.monotonic(), Alarms(Webhook(Posts().address))
    told.tell({"id": "1"})
    until(lambda: "alarms wait: " in caplog.text)
    told.close()
    assert "alarms: 1 were not taken" in caplog.text
    assert time.monotonic() - begun < 15


@pytest.mark.parametrize(
    ("given", "words"),
    [({"alarm_webhook": "host"}, "is no address"), ({"alarm_secret": Path("key")}, "of no use without alarm_webhook")],
)
def test_alarms_to_no_address_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        settings_of(**given)
