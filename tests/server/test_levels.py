"""Which level fired, of a verdict of the history: computed anew by the weights that judged."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from blemish.errors import DataError
from server.conftest import Served


@pytest.fixture(scope="module")
def judged(served: Served, photo: bytes) -> dict[str, Any]:
    return dict(served.judge(photo).json())


def test_the_level_that_fired_is_told_though_the_line_judges_with_an_export(
    served: Served, judged: dict[str, Any]
) -> None:
    assert judged["judge"]["runtime"] == "onnx"
    told = served.get(f"{judged['links']['verdict']}/levels")
    assert told["anomaly_score"] == pytest.approx(judged["anomaly_score"], rel=1e-3)
    assert [(each["pair"], each["level"]) for each in told["levels"]] == [
        ("student", f"level {number}") for number in (1, 2, 3)
    ]
    rises = {each["level"]: each["here"] - each["mostly"] for each in told["levels"]}
    strongest = max(rises, key=lambda level: rises[level])
    assert [each["level"] for each in told["levels"] if each["strongest"]] == [strongest]
    fired = [] if judged["verdict"] == "normal" else [strongest]
    assert [each["level"] for each in told["levels"] if each["fired"]] == fired
    assert all(0 <= each["mostly"] <= each["highest"] <= 180 >= each["here"] for each in told["levels"])
    with Image.open(io.BytesIO(served.client.get(judged["links"]["map"]).content)) as picture:
        anomaly_map = np.array(picture)
    row, column = np.unravel_index(anomaly_map.argmax(), anomaly_map.shape)
    height, width = anomaly_map.shape
    sides = judged["photo"]["width"], judged["photo"]["height"]
    assert told["place"] == pytest.approx([(column + 0.5) / width * sides[0], (row + 0.5) / height * sides[1]], abs=8)
    with Image.open(io.BytesIO(served.client.get(told["picture"]).content)) as picture:
        assert np.array(picture).std() > 10


def test_what_cannot_be_known_is_said(served: Served) -> None:
    with pytest.raises(DataError, match="has other weights now"):
        served.station.model("part").level_predictor(weights_sha256="0" * 64)
    served.judge(b"no photo", station="unreadable")
    (unreadable,) = served.get("/api/verdicts", station="unreadable")["verdicts"]
    gone = served.client.get(f"/api/verdicts/{unreadable['id']}/levels")
    assert (gone.status_code, gone.json()["error"]["code"]) == (410, "no_levels")
    assert served.client.get("/api/verdicts/999/levels").status_code == 404
