"""What people say and change, and who they are."""

import pytest
from sqlalchemy import select

from blemish.errors import HistoryError, SettingsError
from blemish.history.audit import changes
from blemish.history.labels import labels_of, set_label
from blemish.history.opening import History
from blemish.history.reading import one
from blemish.history.schema import USERS
from blemish.history.users import give_token, revoke_token, user_of_token, users
from blemish.history.writing import add_verdicts
from history.conftest import MakeVerdict


def test_the_last_label_holds_and_those_before_are_kept(history: History, verdict: MakeVerdict) -> None:
    (number,) = add_verdicts(history, [verdict()])
    set_label(history, number, "bad", who="eva", defect_type="scratch", note="left edge")
    set_label(history, number, "good", who="tom")
    stored = one(history, number)
    assert stored is not None
    assert (stored.label, stored.defect_type) == ("good", None)
    said = [(each.label, each.defect_type, each.note, each.labelled_by) for each in labels_of(history, number)]
    assert said == [("good", None, None, "tom"), ("bad", "scratch", "left edge", "eva")]
    last, first = changes(history, action="label")
    assert (last.who, last.subject, last.before) == (
        "tom",
        f"verdict {number}",
        {"label": "bad", "defect_type": "scratch"},
    )
    assert [each.id for each in changes(history, before=last.id)] == [first.id]
    set_label(history, number, None, who="eva")
    stored = one(history, number)
    assert stored is not None
    assert stored.label is None


def test_labels_that_mean_nothing_change_nothing(history: History, verdict: MakeVerdict) -> None:
    (number,) = add_verdicts(history, [verdict()])
    with pytest.raises(SettingsError, match="label 'ugly' is unknown"):
        set_label(history, number, "ugly", who="eva")
    with pytest.raises(SettingsError, match="with the label bad alone"):
        set_label(history, number, "good", who="eva", defect_type="scratch")
    with pytest.raises(HistoryError, match="holds no verdict 99"):
        set_label(history, 99, "good", who="eva")
    assert changes(history) == []


def test_a_token_is_its_users_until_another_is_given_or_it_is_revoked(history: History) -> None:
    first = give_token(history, "eva", "operator", who="local")
    assert len(first) == 43  # 256 bits
    found = user_of_token(history, first)
    assert found is not None
    assert (found.name, found.role) == ("eva", "operator")
    second = give_token(history, "eva", "engineer", who="local")
    assert user_of_token(history, first) is None
    revoke_token(history, "eva", who="tom")
    assert user_of_token(history, second) is None
    assert [(each.name, each.revoked_at is None) for each in users(history)] == [("eva", False)]
    assert [(each.who, each.after) for each in changes(history, action="user")] == [
        ("tom", {"role": "engineer", "revoked": True}),
        ("local", {"role": "engineer", "revoked": False}),
        ("local", {"role": "operator", "revoked": False}),
    ]
    with pytest.raises(SettingsError, match="'local' is what the audit trail calls"):
        give_token(history, "local", "engineer", who="local")
    with pytest.raises(SettingsError, match="role 'boss' is unknown"):
        give_token(history, "tom", "boss", who="local")


def test_no_token_is_in_the_database(history: History) -> None:
    token = give_token(history, "eva", "operator", who="local")
    with history.reading() as connection:
        (row,) = connection.execute(select(USERS)).all()
    assert token not in str(row)
    assert token not in str(changes(history))
