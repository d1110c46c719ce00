"""The history: every verdict, what people say of it, and who changed what, in SQLite or PostgreSQL."""

from importlib.util import find_spec

from blemish.errors import MissingExtraError

for _package in ("sqlalchemy", "alembic"):
    if find_spec(_package) is None:
        raise MissingExtraError(package=_package, extra="history", purpose="the history")
