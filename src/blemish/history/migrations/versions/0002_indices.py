"""Indices of what is labelled, what was drawn by lot, and the names that there are."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Makes the indices; of a million verdicts it takes a second or two, once."""
    seen = ["model", "judged_at", "id", "label", "verdict"]
    for name, columns, condition in (
        ("ix_verdicts_labelled", [*seen, "drawn", "station"], sa.column("label").is_not(None)),
        ("ix_verdicts_drawn", [*seen, "station"], sa.column("drawn", sa.Boolean).is_(True)),
    ):
        op.create_index(name, "verdicts", columns, sqlite_where=condition, postgresql_where=condition)
    op.create_index("ix_hours_model", "hours", ["model"])
    op.create_index("ix_hours_station", "hours", ["station", "model", "hour"])
