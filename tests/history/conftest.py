"""Histories to test with: every test that asks for one runs over SQLite and over a PostgreSQL of its own."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from blemish.history.opening import History, open_history
from blemish.history.verdict import JudgeRecord, VerdictRecord

JUDGE = JudgeRecord(
    model="screw",
    method="mend",
    weights_sha256="5" * 64,
    runtime="onnx",
    precision="fp32",
    blemish_version="0.1.0",
    threshold=1.0,
    threshold_estimated=False,
    check_threshold=None,
    pixel_threshold=1.0,
    unusual_threshold=2.5,
)
START = datetime(2026, 3, 1, 6, tzinfo=UTC)
MakeVerdict = Callable[..., VerdictRecord]


@pytest.fixture
def verdict() -> MakeVerdict:
    """Makes verdicts, each a minute after the one before."""
    numbers = count()

    def made(score: float = 0.5, model: str = "screw", **given: Any) -> VerdictRecord:
        values = {
            "model": model,
            "station": "line 1",
            "verdict": "anomalous" if score > 1 else "normal",
            "judged_at": START + timedelta(minutes=next(numbers)),
            "judge": replace(JUDGE, model=model),
            "anomaly_score": score,
        }
        return VerdictRecord(**values | given)

    return made


def postgres_programs() -> Path | None:
    """The folder of initdb and pg_ctl, which Debian keeps out of the path; the latest of several."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    kept = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    return kept[-1].parent if kept else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL that nobody else has, at a socket of its own."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("needs PostgreSQL: no initdb in the path or in /usr/lib/postgresql")
    # A socket's path is short, and initdb refuses root: then another user runs it, who must reach the folder.
    folder = Path(f"/tmp/blemish-postgres-{os.getpid()}")
    folder.mkdir()
    other: list[str | Path] = (
        [] if os.geteuid() else ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
    )
    if other and subprocess.run(["chown", "postgres:", folder], capture_output=True).returncode:
        folder.rmdir()
        pytest.skip("needs a user called postgres: initdb refuses root")
    data, options = folder / "data", f"-c listen_addresses='' -k {folder} -c fsync=off"
    run: list[str | Path] = [*other, programs / "pg_ctl", "-D", data, "-w"]
    try:
        made: list[str | Path] = [
            *other,
            programs / "initdb",
            "-D",
            data,
            "-U",
            "blemish",
            "--auth=trust",
            "--no-sync",
            "-E",
            "UTF8",
        ]
        subprocess.run(made, check=True, capture_output=True, cwd=folder)
        subprocess.run(
            [*run, "-l", folder / "log", "-o", options, "start"], check=True, capture_output=True, cwd=folder
        )
        yield f"postgresql://blemish@/postgres?host={folder}"
    finally:
        subprocess.run([*run, "-m", "immediate", "stop"], capture_output=True, cwd=folder)
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty history can be made."""
    if request.param == "sqlite":
        return str(tmp_path / "history.db")
    url: str = request.getfixturevalue("postgres")
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS history WITH (FORCE)"))
        connection.execute(text("CREATE DATABASE history"))
    engine.dispose()
    return url.replace("/postgres?", "/history?")


@pytest.fixture
def history(place: str) -> Iterator[History]:
    with open_history(place) as opened:
        yield opened
