"""What people say of judged photos: really good, really bad, by which type of defect, who, and when."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select, update

from blemish.errors import HistoryError, SettingsError
from blemish.history.audit import note_change
from blemish.history.opening import History
from blemish.history.schema import LABELS, LONGEST_NAME_STORED, VERDICTS
from blemish.history.verdict import BAD_LABEL, GOOD_LABEL
from blemish.wording import on_one_line

_LONGEST_NOTE = 2000  # characters


@dataclass(frozen=True, kw_only=True)
class LabelRecord:
    """What one person said of a photo at one time; the last one holds."""

    label: str | None
    """`good`, `bad`, or None: what was said before is taken back."""
    defect_type: str | None
    note: str | None
    labelled_by: str
    labelled_at: datetime


def set_label(
    history: History,
    number: int,
    label: str | None,
    *,
    who: str,
    defect_type: str | None = None,
    note: str | None = None,
) -> LabelRecord:
    """Says of the verdict of this id that the part is `good` or `bad` in truth, or takes that back (None).

    What was said before stays in the history, and in the audit trail. Raises SettingsError for another label, or a type
    of defect of a good part, HistoryError where there is no such verdict.
    """
    if label not in (GOOD_LABEL, BAD_LABEL, None):
        raise SettingsError(f"label {label!r} is unknown: give {GOOD_LABEL} or {BAD_LABEL}, or none to take it back")
    if defect_type is not None and label != BAD_LABEL:
        raise SettingsError("a type of defect goes with the label bad alone")
    said = LabelRecord(
        label=label,
        defect_type=None if defect_type is None else on_one_line(defect_type)[:LONGEST_NAME_STORED],
        note=None if note is None else note.replace("\0", "")[:_LONGEST_NOTE],  # which PostgreSQL does not take
        labelled_by=who,
        labelled_at=datetime.now(UTC),
    )
    with history.writing() as connection:
        before = connection.execute(
            select(VERDICTS.c.label, VERDICTS.c.defect_type).where(VERDICTS.c.id == number)
        ).first()
        if before is None:
            raise HistoryError(f"the history holds no verdict {number}")
        values = {"label": said.label, "defect_type": said.defect_type}
        connection.execute(update(VERDICTS).where(VERDICTS.c.id == number).values(values))
        connection.execute(
            LABELS.insert().values(
                verdict_id=number, note=said.note, labelled_by=who, labelled_at=said.labelled_at, **values
            )
        )
        note_change(
            connection,
            who=who,
            action="label",
            subject=f"verdict {number}",
            before={"label": before.label, "defect_type": before.defect_type},
            after=values | {"note": said.note},
        )
    return said


def labels_of(history: History, number: int) -> list[LabelRecord]:
    """Returns all that was said of a verdict, the latest first."""
    names = ("label", "defect_type", "note", "labelled_by", "labelled_at")
    statement = select(*(LABELS.c[name] for name in names)).where(LABELS.c.verdict_id == number)
    with history.reading() as connection:
        return [LabelRecord(**row._mapping) for row in connection.execute(statement.order_by(LABELS.c.id.desc()))]
