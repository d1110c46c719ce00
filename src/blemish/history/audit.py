"""The audit trail: who changed what, when, from what to what; nothing in it is ever changed or deleted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select

from blemish.history.opening import History
from blemish.history.schema import AUDIT, LONGEST_NAME_STORED

LOCAL, COMMAND_LINE, SERVER = "local", "command line", "server"
"""Who changed something where it was nobody with a token: who asks from the server's own machine, where no tokens were
given out; a command or a program; the server by itself."""


@dataclass(frozen=True, kw_only=True)
class AuditedChange:
    """A change is what somebody made of something, and when."""

    id: int
    at: datetime
    who: str
    action: str
    """`label`, `threshold`, `model`, `successor`, `learn`, `region of interest`, `user`, `retention`, or
    `photos folder`."""
    subject: str
    """What was changed, such as `verdict 12` or `model screw`."""
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def note_change(
    connection: Connection,
    *,
    who: str,
    action: str,
    subject: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Writes a change down in the transaction that makes it, so that there is neither without the other."""
    connection.execute(
        AUDIT.insert().values(
            at=datetime.now(UTC),
            who=who,
            action=action,
            subject=subject[:LONGEST_NAME_STORED],
            before=None if before is None else dict(before),
            after=None if after is None else dict(after),
        )
    )


def changes(
    history: History, *, most: int = 100, before: int | None = None, action: str | None = None
) -> list[AuditedChange]:
    """Returns the latest changes first, those before the one of id `before` where that is given."""
    statement = select(AUDIT).order_by(AUDIT.c.id.desc()).limit(most)
    if before is not None:
        statement = statement.where(AUDIT.c.id < before)
    if action is not None:
        statement = statement.where(AUDIT.c.action == action)
    with history.reading() as connection:
        return [AuditedChange(**row._mapping) for row in connection.execute(statement)]
