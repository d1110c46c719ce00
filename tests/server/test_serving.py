"""`blemish serve`, from the command to SIGTERM."""

import contextlib
import random
import signal
import socket
import time
from pathlib import Path

import httpx
import pytest

from bare import HIDE_TORCH, Bare
from blemish import api
from blemish.cli.prune_history import prune_history
from blemish.cli.token import token
from blemish.data.dataset import Dataset
from blemish.errors import HistoryError, SettingsError
from blemish.server.served_model import name_and_folder
from commands import started


def free_port() -> int:
    """One below those that connections going out are given, which might take it before the server does."""
    while True:
        port = random.randrange(12000, 30000)
        with socket.socket() as free, contextlib.suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port


def test_the_command_serves_until_sigterm_and_leaves_a_history(
    stpm_exported: Path, photo: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history, port = str(tmp_path / "history.db"), free_port()
    assert token("eva", role="engineer", history=history) == 0
    headers = {"Authorization": f"Bearer {capsys.readouterr().out.strip()}"}
    told = ("--port", str(port), "--history", history, "--runtime", "onnx")
    process = started("serve", f"lid={stpm_exported}", *told)  # what a signal does is not for the run of all tests
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", verify=False) as client:  # no authorities to load
            while process.is_alive():
                try:
                    client.get("/ready").raise_for_status()
                    break
                except httpx.TransportError:
                    time.sleep(0.05)
            judge = "/api/models/lid/judge"
            codes = [client.post(judge, content=photo, headers=given).status_code for given in (headers, {})]
    finally:
        process.signal(signal.SIGTERM)
    assert (codes, process.wait(60).code) == ([200, 401], 0)
    assert api.export_history(tmp_path / "h.csv", history=history, model="lid") == 1
    assert api.export_history(tmp_path / "h.csv", history=history, until="2020-01-01") == 0
    assert prune_history(history=history, days=1) == 0
    assert token("eva", history=history, revoke=True) == 0
    assert "0 verdicts and 0 photos deleted\nthe token of eva is revoked\n" in capsys.readouterr().out


WITHOUT_TORCH = """
import sys
from pathlib import Path
from blemish.server.serving import open_station
from blemish.server.judging_queue import PhotoToJudge
from blemish.server.settings import ServerSettings
station = open_station([f"lid={sys.argv[1]}"], ServerSettings(history=sys.argv[2]))
photo = PhotoToJudge(data=Path(sys.argv[3]).read_bytes(), name=None, station="1", key="k", drawn=False)
print(station.queue("lid").submit(photo).result().judge.runtime)
station.close()
sys.exit("torch" in sys.modules)
"""


def test_an_exported_model_is_served_without_torch(
    stpm_exported: Path, parts: Dataset, tmp_path: Path, bare: Bare
) -> None:
    photo = parts.test[0].image
    done = bare.run(HIDE_TORCH + WITHOUT_TORCH, stpm_exported, tmp_path / "history.db", photo)
    assert (done.code, done.out) == (0, ["openvino"]), done


@pytest.mark.parametrize(
    ("given", "name", "folder"),
    [("lid=runs/a", "lid", "runs/a"), ("runs/a-1", "a-1", "runs/a-1"), ("./x=y/a", "a", "./x=y/a")],
)
def test_what_a_model_is_called(given: str, name: str, folder: str) -> None:
    assert name_and_folder(given) == (name, Path(folder))


@pytest.mark.parametrize("given", ["..=c", "=c", "a b=c", "x" * 65 + "=c", "ä=c"])
def test_a_name_that_no_address_can_hold_is_refused(given: str) -> None:
    with pytest.raises(SettingsError, match="a model cannot be called"):
        name_and_folder(given)


def test_times_and_words_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    for wrong in ({"since": "monday"}, {"verdict": "ugly"}, {"label": "maybe"}):
        with pytest.raises(SettingsError):
            api.export_history(tmp_path / "h.csv", history=tmp_path / "h.db", **wrong)
    with pytest.raises(SettingsError, match="say what to keep: give days"):
        api.prune_history(history=tmp_path / "h.db")
    with pytest.raises(SettingsError, match="name it with --keep-photos"):
        api.prune_history(history=tmp_path / "h.db", megabytes=1)
    with pytest.raises(HistoryError, match=r"no history in .*h\.db: give the file"):
        api.prune_history(history=tmp_path / "h.db", days=1)
    with pytest.raises(HistoryError, match=r"no history in .*h\.db: give the file"):
        api.export_history(tmp_path / "h.csv", history=tmp_path / "h.db")
    assert not (tmp_path / "h.db").exists()
