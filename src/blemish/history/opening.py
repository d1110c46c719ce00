"""Opens the history: a file of SQLite's, or a URL of PostgreSQL's, with its tables brought up to date."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from platformdirs import user_data_path
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from blemish.errors import HistoryError, HistoryUnavailableError, MissingExtraError, SettingsError
from blemish.history.migrating import bring_up_to_date
from blemish.history.verdict import JudgeRecord
from blemish.wording import brief

_log = logging.getLogger("blemish")

_SECONDS_TO_WAIT = 30.0  # for another process that writes
_POSTGRESQL = {
    "connect_timeout": 5,
    # A machine that has gone without a word is noticed in 15 s, not in the quarter of an hour that TCP takes by itself.
    "tcp_user_timeout": 15_000,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
}


class History:
    """An open history, which threads may share; the other files of this room read and write it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.judges: dict[JudgeRecord, int] = {}
        """The ids of those rows of `judges` that are known."""

    @property
    def place(self) -> str:
        """Says where the database is, without a password."""
        url = self.engine.url
        return str(url.database) if self.is_sqlite else url.render_as_string(hide_password=True)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of SQLite's."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Gives a connection in a transaction that sees one state of everything; raises HistoryError."""
        with self._transaction(writes=False) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Gives a connection in a transaction that is kept whole or not at all; raises HistoryError."""
        with self._transaction(writes=True) as connection:
            yield connection

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[Connection]:
        ending = False
        try:
            with self.engine.connect().execution_options(writes=writes) as connection, connection.begin():
                yield connection
                ending = True
        except SQLAlchemyError as error:
            failed = self.failed(error)
            if isinstance(failed, HistoryUnavailableError):
                failed.may_be_written = ending and not self.is_sqlite  # which takes back what it cannot confirm
            raise failed from error

    def failed(self, error: SQLAlchemyError) -> HistoryError:
        """Returns the one line that is said of what the database refused, which is of the kind that says whether it may
        be otherwise later."""
        cause = getattr(error, "orig", None) or error
        lasts = not isinstance(error, InterfaceError | OperationalError | NoConnectionError)
        kind = HistoryError if lasts else HistoryUnavailableError
        return kind(f"the history in {self.place} cannot be used ({brief(cause)}); check disk and database")

    def close(self) -> None:
        """Lets go of the database."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def default_history() -> Path:
    """Returns the file that the history is in where no other is named."""
    return user_data_path("blemish") / "history.db"


def open_history(place: str | Path, *, is_there: bool = False) -> History:
    """Opens the history in a file or at a URL (`postgresql://USER:PASSWORD@HOST/DATABASE`), and makes it where none is.

    Raises HistoryError where it cannot be opened, is of a later version of this program, or, where a file `is_there`
    for sure, is not.
    """
    url = _url_of(place)
    if url.get_backend_name() == "sqlite":
        if is_there and not Path(str(url.database)).exists():
            raise HistoryError(
                f"there is no history in {url.database}: give the file that `blemish serve` or watch wrote"
            )
        _make_folder_of(url)
    engine = create_engine(url, **_options(url))
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    history = History(engine)
    try:
        with history.writing() as connection:
            bring_up_to_date(connection, place=history.place)
        if history.is_sqlite:
            _hold_to_its_file(engine, Path(history.place))
    except BaseException:
        history.close()
        raise
    return history


def _url_of(place: str | Path) -> URL:
    text = str(place)
    if "://" not in text:
        return URL.create("sqlite", database=str(Path(text).expanduser().absolute()))
    try:
        url = make_url(text)
        backend = url.get_backend_name()
    except (ArgumentError, ValueError):
        raise SettingsError(
            "the history's URL cannot be read: give a file, or postgresql://USER@HOST/DATABASE"
        ) from None
    if backend == "sqlite" and url.database not in (None, "", ":memory:"):
        return url
    if backend in ("postgresql", "postgres"):
        if find_spec("psycopg") is None:
            raise MissingExtraError(package="psycopg", extra="postgresql", purpose="a history in PostgreSQL")
        return url.set(drivername="postgresql+psycopg")
    raise SettingsError(f"a history is kept in a file or in PostgreSQL, not in {backend}: give one of these")


def _make_folder_of(url: URL) -> None:
    folder = Path(str(url.database)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HistoryError(f"cannot make {folder} for the history: {error.strerror}; name another file") from error


def _options(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": _SECONDS_TO_WAIT}}
    return {"pool_pre_ping": True, "connect_args": _POSTGRESQL}


def _set_up_sqlite(connection: Any, _record: object) -> None:
    """Sets what SQLite does for each connection.

    A write-ahead log, so that readers wait for no writer; FULL, so that what was written is on the disk when the
    answer is sent: with NORMAL a power cut would take the last verdicts, which a line has acted on already.
    """
    connection.isolation_level = None  # transactions begin as _begin_sqlite says, and hold changes of tables too
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cache_size = -65536"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Begins as a writer where one is: a reader that turns writer could be refused for another's sake."""
    writes = connection.get_execution_options().get("writes", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _hold_to_its_file(engine: Engine, file: Path) -> None:
    """Lets nothing be asked or written where another file, or none, has come in the place of the one that was opened.

    SQLite itself goes on in a file that was moved away or deleted, and whoever opens the history next misses all that.
    """
    file = file.absolute()
    if not file.is_file():
        return  # SQLite was told where by a URI of its own
    opened = file.stat()

    def check(*_of_event: object) -> None:
        try:
            found = file.stat()
        except OSError:
            why = "has gone: put it back, or start anew with another"
        else:
            if (found.st_dev, found.st_ino) == (opened.st_dev, opened.st_ino):
                return
            why = "is another file than the one that was opened: put that back, or start anew"
        raise HistoryUnavailableError(f"the history in {file} {why}")

    event.listen(engine, "do_connect", check)  # which would make an empty file
    event.listen(engine, "begin", check, insert=True)
