"""Brings a history's tables up to what this version knows, by the steps in migrations/."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from blemish.errors import HistoryError

_MIGRATIONS = Path(__file__).with_name("migrations")
_LOCK = 0x426C656D  # one process migrates at a time; any number that others do not take


def bring_up_to_date(connection: Connection, *, place: str) -> None:
    """Makes the tables, or changes those of an earlier version, in the transaction of `connection`.

    Raises HistoryError, before anything is changed, where they are of a later version than this program's.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    settings = migration_settings(connection)
    script = ScriptDirectory.from_config(settings)
    found = MigrationContext.configure(connection).get_current_revision()
    if found is not None and found not in {step.revision for step in script.walk_revisions()}:
        raise HistoryError(
            f"the history in {place} is of a later version of blemish (its tables are of {found[:20]}): upgrade blemish"
        )
    if found != script.get_current_head():
        command.upgrade(settings, "head")


def migration_settings(connection: Connection) -> Config:
    """Returns what Alembic runs the steps with, over this connection."""
    settings = Config()
    settings.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    settings.attributes["connection"] = connection
    return settings
