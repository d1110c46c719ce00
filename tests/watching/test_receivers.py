"""Whoever is told of verdicts is told all of them, also after it was dead, and harms no verdict."""

import hashlib
import hmac
import json
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest

from blemish.errors import OutputError, SettingsError
from blemish.history.opening import open_history
from blemish.history.reading import latest
from blemish.inference.prediction import Prediction
from blemish.results.delivery import Delivery, Receiver
from blemish.results.growing_tables import GrowingTables
from blemish.results.mqtt import Mqtt
from blemish.results.outbox import Courier
from blemish.results.packed_maps import read_map_picture
from blemish.results.verdict_lines import LineClient, VerdictLines
from blemish.results.webhook import Webhook
from blemish.watching import questions as questions_of_clients
from blemish.watching.arrivals import Arrivals
from blemish.watching.journal import Journal
from blemish.watching.questions import Questions
from watching.line import Line, darker
from watching.receiving import Messages, Posts, free_port


class Place(Protocol):
    """A place of the user's that verdicts are told to."""

    settings: dict[str, Any]

    @property
    def file(self) -> Path | None:
        """What a folder takes the place of, to break it; None: it is broken where it is not open."""

    def open(self) -> AbstractContextManager[object]: ...

    def ids(self) -> list[str]: ...


class WebhookPlace:
    def __init__(self, _folder: Path) -> None:
        self.posts, self.file = Posts(), None
        self.settings = {"webhook": self.posts.address}

    def open(self) -> AbstractContextManager[object]:
        return self.posts.open()

    def ids(self) -> list[str]:
        return [record["id"] for record in self.posts.taken]


class MqttPlace:
    def __init__(self, _folder: Path) -> None:
        self.messages, self.file = Messages(), None
        self.settings = {"mqtt": self.messages.address, "station": "line 3/a"}

    def open(self) -> AbstractContextManager[object]:
        return self.messages.open()

    def ids(self) -> list[str]:
        return [record["id"] for record in self.messages.taken]


class HistoryPlace:
    """Its database cannot be opened while a folder is in its place."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "history.db"
        self.file.mkdir()
        self.settings = {"history": str(self.file)}

    @contextmanager
    def open(self) -> Iterator[None]:
        if self.file.is_dir():
            self.file.rmdir()
        yield

    def ids(self) -> list[str]:
        with open_history(self.file) as history:
            return [verdict.key for verdict in latest(history).verdicts[::-1]]


class TablesPlace:
    """Its tables cannot be written while a folder is in their place."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "out" / "predictions.jsonl"
        self.file.mkdir(parents=True)
        self.settings: dict[str, Any] = {}

    @contextmanager
    def open(self) -> Iterator[None]:
        if self.file.is_dir():
            self.file.rmdir()
        yield

    def ids(self) -> list[str]:
        return [json.loads(line)["id"] for line in self.file.read_text().splitlines()]


PLACES: dict[str, Callable[[Path], Place]] = {
    "webhook": WebhookPlace,
    "MQTT": MqttPlace,
    "history": HistoryPlace,
    "predictions.jsonl": TablesPlace,
}


@pytest.mark.parametrize("name", PLACES)
def test_a_place_that_fails_harms_no_verdict_and_loses_none(
    name: str, line: Line, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = PLACES[name](tmp_path)
    with place.open():
        line.put("a.png")
        assert len(line.watch(**place.settings)) == 1
    first = place.ids()
    assert len(first) == 1
    caplog.clear()
    if place.file is not None:
        place.file.rename(place.file.with_name("kept"))
        place.file.mkdir()
    line.put("b.png", 1)
    line.put("c.png", 2)
    with monkeypatch.context() as patch:
        patch.setattr("blemish.watching.places._TO_END", 1.0)
        assert len(line.watch(**place.settings)) == 2  # nobody is there
    assert sorted(line.filed()) == ["a.png", "b.png", "c.png"]
    said = [record.getMessage() for record in caplog.records if record.getMessage().startswith(f"{name}: ")]
    assert len(said) == 2, said  # that it fails, once, and how many wait
    assert "2 verdicts are not sent yet" in caplog.text
    if place.file is not None:
        place.file.rmdir()
        place.file.with_name("kept").rename(place.file)
    with place.open():
        line.put("d.png", 3)
        line.watch(**place.settings)
        for _ in range(100):
            if len(place.ids()) == 4:
                break
            time.sleep(0.05)
    journal = Journal(line.into)
    journal.state_of("reader")
    names = [journal.latest(each) for each in ("a.png", "b.png", "c.png", "d.png")]
    journal.close()
    assert place.ids() == [delivery and delivery.id for delivery in names]


def test_the_tables_hold_each_line_once_where_a_process_was_killed_while_writing(tmp_path: Path) -> None:
    def deliveries(numbers: Sequence[int]) -> list[Delivery]:
        return [Delivery(number=n, id=str(n), record={"id": str(n), "verdict": "normal"}) for n in numbers]

    tables = GrowingTables(tmp_path)
    kept = tables.resume("")
    tables.deliver(deliveries([1, 2]))  # and killed before this was kept
    tables = GrowingTables(tmp_path)
    tables.resume(kept)
    _, kept = tables.deliver(deliveries([1, 2]))
    with (tmp_path / "predictions.jsonl").open("a") as file:
        file.write('{"id": "3", "ver')  # the disk was full
    tables = GrowingTables(tmp_path)
    tables.resume(kept)
    _, kept = tables.deliver(deliveries([3]))
    assert [json.loads(line)["id"] for line in (tmp_path / "predictions.jsonl").read_text().splitlines()] == [*"123"]
    assert len((tmp_path / "predictions.csv").read_text().splitlines()) == 4
    for table in ("predictions.jsonl", "predictions.csv"):
        (tmp_path / table).rename(tmp_path / f"old-{table}")  # tidied away
    tables.deliver(deliveries([4]))
    assert (tmp_path / "predictions.csv").read_text().startswith("format_version,")
    assert len((tmp_path / "predictions.jsonl").read_text().splitlines()) == 1


def test_a_table_with_other_columns_is_put_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    told = Delivery(number=1, id="1", record={"id": "1", "verdict": "normal"})
    table = tmp_path / "predictions.csv"
    tables = GrowingTables(tmp_path)
    tables.resume("")
    _, kept = tables.deliver([told])
    whole = table.read_text()
    for state in (kept, ""):  # of an earlier version, and of `predict`, whose folder a watch is given
        table.write_text("image,verdict\na.png,normal\n")
        tables = GrowingTables(tmp_path)
        tables.resume(state)
        tables.deliver([told])
        assert table.read_text() == whole
    assert [(tmp_path / f"predictions-{n}.csv").read_text().count("\n") for n in (1, 2)] == [2, 2]
    assert "predictions.csv has other columns than those of this version: it is predictions-1.csv" in caplog.text
    assert len((tmp_path / "predictions.jsonl").read_text().splitlines()) == 3


def test_tables_on_a_disk_that_was_away_lose_nothing(tmp_path: Path) -> None:
    def delivered(number: int) -> str:
        return tables.deliver([Delivery(number=number, id="", record={"id": str(number), "verdict": "normal"})])[1]

    def ids() -> list[str]:
        return [json.loads(line)["id"] for line in (tmp_path / "share" / "predictions.jsonl").read_text().splitlines()]

    share, away = tmp_path / "share", tmp_path / "away"
    share.mkdir()
    tables = GrowingTables(share)
    tables.resume("")
    kept = delivered(1)
    share.rename(away)
    with pytest.raises(OutputError, match="cannot write into"):
        delivered(2)
    away.rename(share)
    kept = delivered(2)
    assert ids() == ["1", "2"]
    share.rename(away)
    share.mkdir()  # the empty folder that a disk is mounted over
    delivered(3)
    assert ids() == ["3"]
    share.rename(tmp_path / "below")
    away.rename(share)
    delivered(4)
    assert ids() == ["1", "2", "4"]
    for state in ("", kept.split(":")[0] + " 9999"):  # and one of an earlier version
        GrowingTables(share).resume(state)
    assert ids() == ["1", "2"], "what was written after a state that was kept is cut off"


def test_the_tables_hold_each_line_once_where_the_journal_could_not_say_that_they_do(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, tries = Journal.taken, []

    def full(*arguments: Any, **more: Any) -> None:
        tries.append(1)
        if len(tries) in (1, 3):
            raise OutputError("watch.sqlite: disk is full")
        taken(*arguments, **more)

    monkeypatch.setattr(Journal, "taken", full)
    for number in range(2):
        line.put(f"{number}.png", number)
        line.watch(idle=1.2)
    assert len(tries) == 4
    assert line.names() == ["0.png", "1.png"]
    assert len((line.into / "predictions.csv").read_text().splitlines()) == 3


def test_who_asks_while_the_journal_cannot_be_read_is_told_that_nobody_knows(line: Line) -> None:
    def gone(_name: str) -> Delivery | None:
        raise OutputError("watch.sqlite: disk I/O error")

    questions = Questions(Arrivals(line.folder, lambda *_: False, quiet=1), gone, wake=lambda: None)
    questions.lines = server = VerdictLines("127.0.0.1:0", on_asked=questions.hear)
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"?a.png\n")
        client.settimeout(0.05)
        told = b""
        while not told:
            questions.work()
            with suppress(TimeoutError):
                told = client.recv(99)
    server.close()
    assert told == b"ERR;;;;a.png\r\n"


def test_each_who_asks_for_a_photo_that_does_not_come_is_told(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions_of_clients, "WAITED_FOR", 0.2)
    questions = Questions(Arrivals(line.folder, lambda *_: False, quiet=1), lambda _: None, wake=lambda: None)
    questions.lines = server = VerdictLines("127.0.0.1:0", on_asked=questions.hear)
    clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(2)]
    for client in clients:
        client.sendall(b"a.png\n")
    for _ in range(20):
        questions.work()
        time.sleep(0.05)
    for client in clients:
        assert lines_from(client, 1) == ["ERR;;;;a.png"]
        client.close()
    server.close()


def test_questions_that_nobody_can_take_are_refused_and_end_no_lines(
    line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(questions_of_clients, "_MOST_HEARD", 1)
    questions = Questions(Arrivals(line.folder, lambda *_: False, quiet=1), lambda _: None, wake=lambda: None)

    def ask(name: str, client: LineClient) -> None:
        if name == "poison":
            raise RuntimeError("a mistake")
        questions.hear(name, client)

    questions.lines = server = VerdictLines("127.0.0.1:0", on_asked=ask)
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.settimeout(10)
        client.sendall(b"poison\na.png\n?b.png\n")
        assert client.recv(99) == b"ERR;;;;b.png\r\n"
    server.close()
    assert "a mistake" in caplog.text


@pytest.mark.parametrize(
    "address", ["http://host:abc/", "http://host:99999/", "http://[::1/", "http://host/a b", "http://host/pr\u00fcf"]
)
def test_what_no_verdict_could_be_sent_to_is_refused_at_the_start(address: str) -> None:
    for make in (Webhook, lambda where: Mqtt(where.replace("http", "mqtt"), station="line", model="part")):
        with pytest.raises(SettingsError, match=r"^(webhook|mqtt): .* is no (address|broker); give "):
            make(address)


def test_a_password_without_a_user_is_refused() -> None:
    with pytest.raises(SettingsError, match="mqtt_password is of a user"):
        Mqtt("mqtt://broker", station="line", model="part", password=b"secret")


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")
def test_lines_are_sent_over_the_newer_internet_protocol_too() -> None:
    server = VerdictLines("[::1]:0", on_asked=lambda *_: None)
    with socket.create_connection(("::1", server.port)) as client:
        client.sendall(b"?\n")
        time.sleep(0.2)
        server.send("OK")
        assert lines_from(client, 1) == ["OK"]
    server.close()


def test_posts_are_signed_and_not_led_elsewhere(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blemish.results.outbox._FIRST_WAIT", 0.05)
    posts = Posts()
    secret = tmp_path / "secret"
    secret.write_text("a key\n")
    posts.answers = [302, 500]
    with posts.open():
        line.put("a.png")
        line.watch(webhook=posts.address, webhook_secret=secret)
    assert len(posts.taken) == 1
    assert len(posts.requests) == 3
    headers, body = posts.requests[-1]
    assert headers["X-Blemish-Id"] == posts.taken[0]["id"]
    signed = hmac.new(b"a key", headers["X-Blemish-Timestamp"].encode() + b"." + body, "sha256").hexdigest()
    assert headers["X-Blemish-Signature"] == f"v1={signed}"
    assert abs(int(headers["X-Blemish-Timestamp"]) - time.time()) < 60
    assert posts.taken[0] == line.lines()[0]


def test_a_watch_posts_what_has_moved(line: Line) -> None:
    posts = Posts()
    for number in range(10):
        path = line.put(f"{number}.png", number)
        path.write_bytes(darker(path.read_bytes()))
    with posts.open():
        line.watch(alarm_webhook=posts.address, station="line 3")
    (told,) = [alarm for alarm in posts.taken if alarm["quantity"] == "brightness"]
    assert (told["event"], told["station"], told["words"]) == ("drift", "line 3", "darker")


def test_a_record_that_is_refused_holds_up_no_other(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    posts = Posts()
    posts.answers = [422]
    with posts.open():
        line.put("a.png")
        line.put("b.png", 1)
        line.watch(webhook=posts.address)
    assert [record["name"] for record in posts.taken] == ["b.png"]
    assert "webhook refuses the verdict on a.png: answers 422" in caplog.text


def test_messages_go_by_station_and_model(line: Line) -> None:
    messages = Messages()
    with messages.open():
        line.put("a.png")
        line.watch(mqtt=messages.address, station="line 3/a")
    topic = f"blemish/line-3-a/{line.run.name}"
    assert messages.topics == [f"{topic}/status", topic, f"{topic}/status"]
    assert messages.taken == line.lines()


def waited_for(is_so: Callable[[], bool], *, seconds: float = 20) -> bool:
    """Whether something is so within some seconds."""
    until = time.monotonic() + seconds
    while not is_so() and time.monotonic() < until:
        time.sleep(0.05)
    return is_so()


def test_a_station_is_online_before_its_first_verdict(tmp_path: Path) -> None:
    messages, journal = Messages(), Journal(tmp_path)
    start = time.monotonic()
    courier = Courier(Mqtt(messages.address, station="line", model="part"), journal)  # and no broker yet
    assert time.monotonic() - start < 1
    time.sleep(0.3)
    with messages.open():
        assert waited_for(lambda: messages.statuses == ["online"])
        courier.end(within=5)
        courier.join()
        assert waited_for(lambda: messages.statuses == ["online", "offline"])
    journal.close()


def test_a_station_that_the_broker_lost_for_a_moment_is_online_again() -> None:
    """The client connects again by itself, after the broker has left word that it was gone."""
    messages, told = Messages(), Delivery(number=1, id="1", record={"id": "1"})
    with messages.open():
        station = Mqtt(messages.address, station="line", model="part")
        try:
            station.deliver([told])
            assert station._client is not None
            connection = station._client.socket()
            assert isinstance(connection, socket.socket)
            connection.shutdown(socket.SHUT_RDWR)
            until = time.monotonic() + 20
            while len(messages.statuses) < 3 and time.monotonic() < until:
                time.sleep(0.05)
        finally:
            station.close()
    assert messages.statuses[:3] == ["online", "offline", "online"]


def lines_from(client: socket.socket, count: int) -> list[str]:
    """The next lines that a client is sent."""
    client.settimeout(20)
    text = b""
    while text.count(b"\r\n") < count:
        more = client.recv(4096)
        assert more, text
        text += more
    return text.decode().split("\r\n")[:-1]


def test_controllers_get_a_line_a_verdict_and_may_ask(line: Line) -> None:
    port, lines = free_port(), list[str]()

    def controller() -> None:
        while True:
            try:
                client = socket.create_connection(("127.0.0.1", port))
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
        with client:
            line.put("a.png")
            lines.extend(lines_from(client, 1))
            line.put("cam\\b.png".replace("\\", "/"), 1)
            client.sendall(b"cam\\b.png\r\n")  # its quiet time is not waited for
            lines.extend(lines_from(client, 1))
            client.sendall(b"\0\n/etc/x.png\n" + b"n" * 300 + b"/x.png\n\xff\0x.png\n")  # nobody is harmed
            client.sendall(b"?a.png\n?no.png\n")
            lines.extend(lines_from(client, 2))
        line.put("last.png")

    thread = threading.Thread(target=controller)
    thread.start()
    watch = line.watching(plc=str(port), quiet=0.2, idle=60)
    for _ in ("a.png", "cam/b.png", "last.png"):
        next(watch)
    thread.join()
    watch.close()
    told = {record["name"]: record for record in line.lines()}
    words = {"normal": "OK", "check": "CHECK", "anomalous": "NG", "unusual": "UNUSUAL"}
    shown = {
        name: f"{words[r['verdict']]};{r['anomaly_score']:.6g};{r['threshold']:.6g};{r['id']};{name}"
        for name, r in told.items()
    }
    assert lines == [shown["a.png"], shown["cam/b.png"], shown["a.png"], "ERR;;;;no.png"]


def test_a_photo_that_is_asked_for_is_judged_before_it_is_quiet(line: Line) -> None:
    now = [0.0]
    arrivals = Arrivals(line.folder, lambda *_: False, quiet=5, clock=lambda: now[0])
    line.put("a.png")
    line.put("b.png")
    arrivals.look()
    assert arrivals.take(9) == []
    arrivals.ask_for("b.png")
    arrivals.ask_for("../in/a.png")
    arrivals.ask_for("c.png")
    assert [arrival.name for arrival in arrivals.take(9)] == ["b.png"]
    line.put("c.png")
    arrivals.look_at({line.folder / "c.png"})
    assert [arrival.name for arrival in arrivals.take(9)] == ["c.png"]
    now[0] = 5.0
    assert [arrival.name for arrival in arrivals.take(9)] == ["a.png"]


def test_a_client_that_reads_nothing_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    server = VerdictLines("127.0.0.1:0", on_asked=lambda *_: None)
    with (
        socket.create_connection(("127.0.0.1", server.port)) as reader,
        socket.create_connection(("127.0.0.1", server.port)) as sleeper,
    ):
        reader.sendall(b"?\n")
        sleeper.sendall(b"?\n")
        time.sleep(0.2)  # both are let in
        start = time.process_time()
        count = 0
        for _ in range(60):
            for _ in range(1000):
                server.send("x" * 98)
            count += len(lines_from(reader, 1000))
        assert count >= 60_000
        assert time.process_time() - start < 10
        assert "does not read its verdicts" in caplog.text
    server.close()


class Broken:
    """A receiver with a mistake in it."""

    name = "broken"

    def resume(self, state: str) -> str:
        return state

    def deliver(self, deliveries: Sequence[Delivery]) -> tuple[int, str]:
        return len(deliveries) // 0, ""

    def close(self) -> None:
        pass


def test_a_mistake_in_a_receiver_is_said_and_ends_nothing(
    line: Line, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    line.put("a.png")
    line.watch()
    shutil.copy(line.into / "watch.sqlite", tmp_path)
    with sqlite3.connect(tmp_path / "watch.sqlite") as base:
        base.execute("INSERT INTO receivers VALUES ('broken', 0, '')")
    base.close()
    receiver: Receiver = Broken()
    journal = Journal(tmp_path)
    courier = Courier(receiver, journal)
    courier.end(within=0.1)
    courier.join()
    journal.close()
    assert "broken: ZeroDivisionError" in caplog.text
    assert "broken: 1 verdict is not sent yet" in caplog.text


def test_the_history_knows_where_photo_and_map_lie(line: Line, tmp_path: Path) -> None:
    line.put("a.png")
    (result,) = line.watch(history=str(tmp_path / "history.db"), save="all-overlays")
    assert isinstance(result, Prediction)
    with open_history(tmp_path / "history.db") as history:
        (stored,) = latest(history).verdicts
    assert stored.photo_path is not None
    assert stored.map_path is not None
    photo = Path(stored.photo_path).read_bytes()
    assert photo == line.photos[0].read_bytes()
    assert stored.photo_sha256 == hashlib.sha256(photo).hexdigest()
    kept = read_map_picture(stored.map_path, middle=result.thresholds.pixel)
    assert np.allclose(kept, np.maximum(result.anomaly_map, 0), rtol=1e-3)
    assert (stored.model, stored.photo_name) == (line.run.name, "a.png")
