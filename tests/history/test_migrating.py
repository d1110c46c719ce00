"""Tables are made and brought up to date by the program that opens them."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from blemish.errors import HistoryError
from blemish.history.migrating import migration_settings
from blemish.history.opening import History, open_history
from blemish.history.reading import latest
from blemish.history.schema import METADATA
from blemish.history.writing import add_verdicts
from history.conftest import MakeVerdict


def test_the_steps_make_the_tables_that_the_program_knows(history: History) -> None:
    with history.writing() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_opening_again_changes_nothing(place: str, verdict: MakeVerdict) -> None:
    for expected in (1, 2):
        with open_history(place) as history:
            add_verdicts(history, [verdict()])
            assert len(latest(history).verdicts) == expected


def test_several_that_open_a_new_history_at_once_make_its_tables_once(place: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        for history in pool.map(open_history, [place] * 4):
            assert latest(history).verdicts == []
            history.close()


def test_a_history_of_the_first_version_keeps_all_that_it_holds(place: str, verdict: MakeVerdict) -> None:
    with open_history(place) as history, history.writing() as connection:
        METADATA.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
        command.upgrade(migration_settings(connection), "0001")
    engine = create_engine(history.engine.url)
    with History(engine) as first:
        add_verdicts(first, [verdict(), verdict(2.0)])
    with open_history(place) as history:
        assert [each.anomaly_score for each in latest(history).verdicts] == [2.0, 0.5]
        with history.reading() as connection:
            names = {index["name"] for index in inspect(connection).get_indexes("verdicts")}
        assert {"ix_verdicts_time", "ix_verdicts_labelled", "ix_verdicts_drawn"} <= names


def test_a_history_of_a_later_version_is_left_alone(place: str, verdict: MakeVerdict) -> None:
    with open_history(place) as history:
        add_verdicts(history, [verdict()])
        with history.writing() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(HistoryError, match=r"is of a later version of blemish .*: upgrade blemish"):
        open_history(place)
