"""A model learned anew takes another's place only where it is no worse on the photos that people labelled."""

from dataclasses import replace
from pathlib import Path

import pytest

from blemish.data.dataset import Dataset
from blemish.history.reading import Sought, latest
from blemish.model.artifact import read_artifact, write_artifact
from blemish.server.successor import Comparison, Succession, succeed
from copies import copied
from server.conftest import OpenServer, Served


@pytest.fixture
def labelled(open_server: OpenServer, own_run: Path, parts: Dataset, tmp_path: Path) -> Served:
    """A server whose history has labelled photos, good and bad."""
    opened = open_server(own_run, runtime="torch", keep_photos=tmp_path / "kept", keep="all")
    for sample in [*[s for s in parts.test if s.anomalous][:3], *[s for s in parts.test if not s.anomalous][:3]]:
        number = opened.judge(Path(sample.image).read_bytes()).json()["id"]
        label = "bad" if sample.anomalous else "good"
        opened.client.put(f"/api/verdicts/{number}/label", json={"label": label})
    return opened


def with_threshold(run: Path, to: Path, times: float) -> Path:
    """The same model with another threshold."""
    copied(run, to)
    artifact = read_artifact(to)
    image = replace(artifact.calibration.image, value=artifact.calibration.image.value * times)
    write_artifact(replace(artifact, calibration=replace(artifact.calibration, image=image)))
    return to


def followed_by(opened: Served, run: Path) -> Succession:
    model = opened.station.model("part")
    return succeed(opened.history, model, run, settings=opened.station.settings, who="anna")


def test_one_that_stops_more_good_ones_stays_where_it_was_learned(
    labelled: Served, own_run: Path, tmp_path: Path
) -> None:
    nervous = with_threshold(own_run, tmp_path / "nervous", 1e-6)
    before = labelled.station.model("part").now
    came = followed_by(labelled, nervous)
    assert not came.is_live and (came.compared.good, came.compared.bad) == (3, 3)
    assert came.compared.stopped_after == 3 > came.compared.stopped_before
    assert labelled.station.model("part").now is before and nervous.exists()
    assert labelled.get("/api/audit")["changes"][0]["after"]["live"] is False


def test_one_that_is_no_worse_takes_the_place_and_the_one_before_is_kept(
    labelled: Served, own_run: Path, tmp_path: Path
) -> None:
    again = labelled.get("/api/verdicts", label="bad")["verdicts"][0]
    photo = labelled.client.get(again["links"]["photo"]).content
    labelled.client.put(f"/api/verdicts/{labelled.judge(photo).json()['id']}/label", json={"label": "bad"})
    same = with_threshold(own_run, tmp_path / "same", 1.0001)
    value = read_artifact(same).calibration.image.value
    came = followed_by(labelled, same)
    assert came.is_live and came.compared.missed_after == came.compared.missed_before
    assert came.compared.bad == 3  # one of them was judged twice
    assert labelled.get("/api/models/part")["threshold"]["value"] == pytest.approx(value)
    assert read_artifact(own_run).calibration.image.value == value
    (kept,) = own_run.parent.glob(f"{own_run.name}.until-*")
    assert read_artifact(kept).calibration.image.value < value
    assert not same.exists()


def test_where_nothing_is_labelled_nothing_takes_a_place(
    open_server: OpenServer, own_run: Path, tmp_path: Path
) -> None:
    came = followed_by(open_server(own_run, runtime="torch"), with_threshold(own_run, tmp_path / "same", 1.0))
    assert (came.is_live, came.compared.good + came.compared.bad) == (False, 0)


def test_photos_that_the_new_one_knows_do_not_count(
    open_server: OpenServer, own_run: Path, parts: Dataset, tmp_path: Path
) -> None:
    opened = open_server(own_run, runtime="torch", keep_photos=tmp_path / "kept", keep="all")
    number = opened.judge(Path(parts.train[0].image).read_bytes()).json()["id"]
    opened.client.put(f"/api/verdicts/{number}/label", json={"label": "good"})
    assert followed_by(opened, with_threshold(own_run, tmp_path / "same", 1.0)).compared.good == 0


def test_a_file_that_lies_in_a_photos_place_is_not_compared_on(
    labelled: Served, own_run: Path, tmp_path: Path, photo: bytes
) -> None:
    stored = latest(labelled.history, Sought(label="good")).verdicts[0]
    Path(str(stored.photo_path)).write_bytes(photo)
    assert followed_by(labelled, with_threshold(own_run, tmp_path / "same", 1.0)).compared.good == 2
    labelled.station._lately.clear()  # as of a server that was started again
    assert labelled.client.get(f"/api/verdicts/{stored.id}/photo").status_code == 410


def test_better_is_no_more_wrong_of_either_kind() -> None:
    same = Comparison(good=5, bad=5, stopped_before=2, stopped_after=2, missed_before=1, missed_after=1)
    assert same.is_better
    assert not replace(same, stopped_after=3, missed_after=0).is_better
    assert not replace(same, stopped_after=0, missed_after=2).is_better
    nothing_bad = Comparison(good=5, bad=0, stopped_before=2, stopped_after=0, missed_before=0, missed_after=0)
    assert not nothing_bad.is_better  # as one would be that stops nothing at all
