"""Who may ask the server for what: names with a role and the checksum of a long random token.

A token is 256 random bits, which nobody can guess from its SHA-256: slow hashes are for words that people choose.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

from sqlalchemy import Connection, select, update

from blemish.errors import HistoryError, SettingsError
from blemish.history.audit import COMMAND_LINE, LOCAL, SERVER, note_change
from blemish.history.opening import History
from blemish.history.schema import LONGEST_NAME_STORED, USERS

Role = Literal["operator", "engineer"]
"""An operator has photos judged, looks at the history and labels; an engineer may change everything."""


@dataclass(frozen=True, kw_only=True)
class User:
    """Somebody, or a machine, who has a token."""

    name: str
    role: Role
    created_at: datetime
    revoked_at: datetime | None


def give_token(history: History, name: str, role: str, *, who: str) -> str:
    """Returns a new token for a user, who is made where there is none; the one before is of no use from now on.

    It is shown this once: the history keeps its checksum alone. Raises SettingsError for names and roles that are none.
    """
    if role not in get_args(Role):
        raise SettingsError(f"role {role!r} is unknown: give one of {', '.join(get_args(Role))}")
    if not name or not name.isprintable() or len(name) > LONGEST_NAME_STORED:
        raise SettingsError("a user's name is of 1 to 255 characters that can be printed")
    if name in (LOCAL, COMMAND_LINE, SERVER):
        raise SettingsError(f"{name!r} is what the audit trail calls whoever needs no token: give another name")
    token = secrets.token_urlsafe(32)
    values = {"role": role, "token_sha256": _digest(token), "created_at": datetime.now(UTC), "revoked_at": None}
    with history.writing() as connection:
        before = _user(connection, name)
        if before is None:
            connection.execute(USERS.insert().values(name=name, **values))
        else:
            connection.execute(update(USERS).where(USERS.c.name == name).values(values))
        note_change(
            connection,
            who=who,
            action="user",
            subject=name,
            before=None if before is None else {"role": before.role, "revoked": before.revoked_at is not None},
            after={"role": role, "revoked": False},
        )
    return token


def revoke_token(history: History, name: str, *, who: str) -> None:
    """Makes a user's token useless from now on; raises HistoryError where there is no such user."""
    with history.writing() as connection:
        before = _user(connection, name)
        if before is None:
            raise HistoryError(f"the history knows no user {name!r}")
        connection.execute(update(USERS).where(USERS.c.name == name).values(revoked_at=datetime.now(UTC)))
        note_change(
            connection,
            who=who,
            action="user",
            subject=name,
            before={"role": before.role, "revoked": before.revoked_at is not None},
            after={"role": before.role, "revoked": True},
        )


def user_of_token(history: History, token: str) -> User | None:
    """Returns whose token this is; None for one that is unknown or revoked."""
    statement = select(*_COLUMNS).where(USERS.c.token_sha256 == _digest(token), USERS.c.revoked_at.is_(None))
    with history.reading() as connection:
        row = connection.execute(statement).first()
    return None if row is None else User(**row._mapping)


def any_token(history: History) -> bool:
    """Returns whether anybody has a token that is not revoked."""
    with history.reading() as connection:
        return connection.execute(select(USERS.c.id).where(USERS.c.revoked_at.is_(None)).limit(1)).first() is not None


def any_token_given(history: History) -> bool:
    """Returns whether anybody has, or had, a token: who revokes the last one opens the server to nobody by that."""
    with history.reading() as connection:
        return connection.execute(select(USERS.c.id).limit(1)).first() is not None


def users(history: History) -> list[User]:
    """Returns all who have, or had, a token, by name."""
    with history.reading() as connection:
        return [User(**row._mapping) for row in connection.execute(select(*_COLUMNS).order_by(USERS.c.name))]


_COLUMNS = (USERS.c.name, USERS.c.role, USERS.c.created_at, USERS.c.revoked_at)


def _user(connection: Connection, name: str) -> User | None:
    row = connection.execute(select(*_COLUMNS).where(USERS.c.name == name)).first()
    return None if row is None else User(**row._mapping)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
