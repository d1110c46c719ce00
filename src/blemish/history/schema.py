"""The tables of the history; docs/reference/history.md says what each column is.

What is filtered by stands in the verdict's own row, so that other programs read it without joins; what judged, with its
thresholds of then, in `judges`, one row per state of a model.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

LONGEST_NAME_STORED = 255
"""Characters of the name of a model, station, user or photo."""
LARGEST_ID = (1 << 63) - 1
"""No database has room for a larger one."""


class UtcTime(TypeDecorator[datetime]):
    """A time with its zone, UTC: `timestamptz` in PostgreSQL, in SQLite text that sorts as time does."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Returns the time in UTC, without its zone where the database keeps none."""
        if value is None:
            return None
        assert value.tzinfo is not None, "a time without zone"
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Returns the time with its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


def hour_of(moment: datetime) -> datetime:
    """Returns the beginning of the hour, UTC, that a time lies in: zones that are half an hour off have other hours."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[int]:
    """Returns a key that is counted up and, also in SQLite, never used again."""
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


def _name(name: str, **more: Any) -> Column[str]:
    return Column(name, String(LONGEST_NAME_STORED), **more)


def _json(name: str) -> Column[Any]:
    of_any: TypeEngine[Any] = JSON(none_as_null=True)
    return Column(name, of_any)


JUDGES = Table(
    "judges",
    METADATA,
    _id(),
    Column("digest", String(64), nullable=False, unique=True),  # of all that follows: equal ones share a row
    _name("model", nullable=False),
    Column("method", String(64)),
    Column("weights_sha256", String(64)),
    Column("runtime", String(32)),
    Column("precision", String(16)),
    Column("blemish_version", String(32)),
    Column("threshold", Float),
    Column("threshold_estimated", Boolean),
    Column("check_threshold", Float),
    Column("pixel_threshold", Float),
    Column("unusual_threshold", Float),
    sqlite_autoincrement=True,
)
VERDICTS = Table(
    "verdicts",
    METADATA,
    _id(),
    Column("key", String(64), nullable=False, unique=True),
    Column("judged_at", UtcTime, nullable=False),
    _name("model", nullable=False),
    _name("station", nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("label", String(8)),
    Column("drawn", Boolean, nullable=False),
    Column("judge_id", ForeignKey("judges.id")),
    Column("anomaly_score", Float),
    Column("percentile", Float),
    Column("unusualness", Float),
    Column("unusual_reason", Text),
    Column("rule_reason", Text),
    _json("stopped_by"),
    Column("mask_pixels", BigInteger),
    _json("regions"),
    _json("regions_of_interest"),
    _json("looks"),
    Column("error", Text),
    _name("photo_name"),
    Column("photo_sha256", String(64)),
    Column("photo_bytes", BigInteger),
    Column("photo_path", Text),
    Column("map_path", Text),
    Column("height", Integer),
    Column("width", Integer),
    _name("defect_type"),
    sqlite_autoincrement=True,
)
# Rows in the order in which they are shown; the columns behind the time let filters be answered without the rows.
Index(
    "ix_verdicts_time",
    *(VERDICTS.c[name] for name in ("judged_at", "id", "verdict", "model", "station", "label", "drawn")),
)
Index("ix_verdicts_photo", VERDICTS.c.photo_sha256)
Index(
    "ix_verdicts_score",
    *(VERDICTS.c[name] for name in ("judge_id", "anomaly_score", "judged_at", "verdict", "label", "station")),
)
# What people have said and what was drawn by lot is little beside all the rest: it is found without looking at that.
Index(
    "ix_verdicts_labelled",
    *(VERDICTS.c[name] for name in ("model", "judged_at", "id", "label", "verdict", "drawn", "station")),
    sqlite_where=VERDICTS.c.label.is_not(None),
    postgresql_where=VERDICTS.c.label.is_not(None),
)
Index(
    "ix_verdicts_drawn",
    *(VERDICTS.c[name] for name in ("model", "judged_at", "id", "label", "verdict", "station")),
    sqlite_where=VERDICTS.c.drawn.is_(True),
    postgresql_where=VERDICTS.c.drawn.is_(True),
)
LABELS = Table(
    "labels",
    METADATA,
    _id(),
    Column("verdict_id", ForeignKey("verdicts.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("label", String(8)),
    _name("defect_type"),
    Column("note", Text),
    _name("labelled_by", nullable=False),
    Column("labelled_at", UtcTime, nullable=False),
    sqlite_autoincrement=True,
)
AUDIT = Table(
    "audit",
    METADATA,
    _id(),
    Column("at", UtcTime, nullable=False, index=True),
    _name("who", nullable=False),
    Column("action", String(64), nullable=False),
    _name("subject", nullable=False),
    _json("before"),
    _json("after"),
    sqlite_autoincrement=True,
)
USERS = Table(
    "users",
    METADATA,
    _id(),
    _name("name", nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("created_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
    sqlite_autoincrement=True,
)
HOURS = Table(
    "hours",
    METADATA,
    Column("hour", UtcTime, primary_key=True),
    _name("model", primary_key=True),
    _name("station", primary_key=True),
    Column("verdict", String(16), primary_key=True),
    Column("photos", BigInteger, nullable=False),
)
"""How many verdicts there were, kept when the verdicts themselves are deleted."""
# The names that there ever were are asked for with each page, and the hours become many; so is a station's last hour.
Index("ix_hours_model", HOURS.c.model)
Index("ix_hours_station", HOURS.c.station, HOURS.c.model, HOURS.c.hour)
