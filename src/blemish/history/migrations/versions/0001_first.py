"""The first tables: judges, verdicts, labels, audit, users, hours."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TIME = sa.DateTime(timezone=True)
_NAME = sa.String(255)


def upgrade() -> None:
    """Makes the tables and their indices."""
    _judges()
    _verdicts()
    _labels()
    _audit()
    _users()
    _hours()


def _judges() -> None:
    op.create_table(
        "judges",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("model", _NAME, nullable=False),
        sa.Column("method", sa.String(64)),
        sa.Column("weights_sha256", sa.String(64)),
        sa.Column("runtime", sa.String(32)),
        sa.Column("precision", sa.String(16)),
        sa.Column("blemish_version", sa.String(32)),
        sa.Column("threshold", sa.Float),
        sa.Column("threshold_estimated", sa.Boolean),
        sa.Column("check_threshold", sa.Float),
        sa.Column("pixel_threshold", sa.Float),
        sa.Column("unusual_threshold", sa.Float),
        sa.UniqueConstraint("digest", name="uq_judges_digest"),
        sqlite_autoincrement=True,
    )


def _verdicts() -> None:
    op.create_table(
        "verdicts",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("judged_at", _TIME, nullable=False),
        sa.Column("model", _NAME, nullable=False),
        sa.Column("station", _NAME, nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("label", sa.String(8)),
        sa.Column("drawn", sa.Boolean, nullable=False),
        sa.Column("judge_id", _ID, sa.ForeignKey("judges.id", name="fk_verdicts_judge_id")),
        *(sa.Column(name, sa.Float) for name in ("anomaly_score", "percentile", "unusualness")),
        *(sa.Column(name, sa.Text) for name in ("unusual_reason", "rule_reason")),
        sa.Column("stopped_by", sa.JSON),
        sa.Column("mask_pixels", sa.BigInteger),
        *(sa.Column(name, sa.JSON) for name in ("regions", "regions_of_interest", "looks")),
        sa.Column("error", sa.Text),
        sa.Column("photo_name", _NAME),
        sa.Column("photo_sha256", sa.String(64)),
        sa.Column("photo_bytes", sa.BigInteger),
        *(sa.Column(name, sa.Text) for name in ("photo_path", "map_path")),
        *(sa.Column(name, sa.Integer) for name in ("height", "width")),
        sa.Column("defect_type", _NAME),
        sa.UniqueConstraint("key", name="uq_verdicts_key"),
        sqlite_autoincrement=True,
    )
    shown = ["judged_at", "id", "verdict", "model", "station", "label", "drawn"]
    op.create_index("ix_verdicts_time", "verdicts", shown)
    op.create_index("ix_verdicts_photo", "verdicts", ["photo_sha256"])
    weighed = ["judge_id", "anomaly_score", "judged_at", "verdict", "label", "station"]
    op.create_index("ix_verdicts_score", "verdicts", weighed)


def _labels() -> None:
    op.create_table(
        "labels",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column(
            "verdict_id",
            _ID,
            sa.ForeignKey("verdicts.id", name="fk_labels_verdict_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("label", sa.String(8)),
        sa.Column("defect_type", _NAME),
        sa.Column("note", sa.Text),
        sa.Column("labelled_by", _NAME, nullable=False),
        sa.Column("labelled_at", _TIME, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_labels_verdict_id", "labels", ["verdict_id"])


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("who", _NAME, nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("subject", _NAME, nullable=False),
        sa.Column("before", sa.JSON),
        sa.Column("after", sa.JSON),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_at", "audit", ["at"])


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("revoked_at", _TIME),
        sa.UniqueConstraint("name", name="uq_users_name"),
        sa.UniqueConstraint("token_sha256", name="uq_users_token_sha256"),
        sqlite_autoincrement=True,
    )


def _hours() -> None:
    op.create_table(
        "hours",
        sa.Column("hour", _TIME, primary_key=True),
        *(sa.Column(name, _NAME, primary_key=True) for name in ("model", "station")),
        sa.Column("verdict", sa.String(16), primary_key=True),
        sa.Column("photos", sa.BigInteger, nullable=False),
    )
