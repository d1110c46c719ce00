"""Regions of interest over HTTP."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from blemish.data.drawn_regions import AskedInterest, read_drawn
from blemish.data.interest import interest_of
from blemish.history.audit import changes
from blemish.model.artifact import read_artifact
from server.conftest import OpenServer, Served

ADDRESS = "/api/models/part/regions"
DRAWN = {
    "photo_size": [64, 64],
    "regions": [{"name": "rim", "polygon": [[2, 2], [60, 2], [60, 60]]}, {"name": "hole", "box": [4, 30, 20, 20]}],
    "ignore": [{"box": [10, 35, 4, 4]}],
}


def test_what_is_drawn_is_kept_for_the_next_training(open_server: OpenServer, own_run: Path) -> None:
    server = open_server(own_run, runtime="torch")
    empty = server.get(ADDRESS)
    assert (empty["width"], empty["height"], empty["regions"], empty["drawn"]) == (64, 64, [], None)
    told = server.client.put(ADDRESS, json=DRAWN).json()
    file = Path(told["drawn_file"])
    assert file.parent == own_run
    drawn = read_drawn(AskedInterest(roi=(str(file),)))  # as `blemish train --roi` reads it
    assert drawn is not None
    assert drawn.on((64, 64)).names == ("rim", "hole")
    assert server.get(ADDRESS)["drawn"]["regions"][1]["box"] == [4, 30, 20, 20]
    (change,) = changes(server.history)
    assert (change.action, change.before) == ("region of interest", None)
    assert read_artifact(own_run).interest is None  # thresholds are of the regions trained with


@pytest.mark.parametrize(
    "body",
    [
        DRAWN | {"regions": [{"name": "rim", "mask": "/etc/passwd"}]},
        DRAWN | {"regions": [{"name": "../../x", "box": [1, 2, 3, 4]}]},
        DRAWN | {"regions": [{"name": "both", "box": [1, 2, 3, 4], "polygon": [[1, 1], [2, 2], [3, 1]]}]},
        DRAWN | {"regions": [{"name": "outside", "box": [70, 0, 10, 10]}]},
        DRAWN | {"regions": [{"name": "odd", "polygon": [[1, 1], [None, 2], [3, 1]]}]},
        DRAWN | {"photo_size": [640, 480]},
        DRAWN | {"photo_size": [0, 0]},
        {"shapes": []},
    ],
)
def test_what_is_no_region_is_refused_and_nothing_is_written(served: Served, body: dict[str, Any]) -> None:
    answer = served.client.put(ADDRESS, content=json.dumps(body))
    assert answer.status_code == 422, answer.text
    assert served.get(ADDRESS)["drawn"] is None


def test_the_models_own_regions_are_shown(open_server: OpenServer, own_run: Path, photo: bytes) -> None:
    from dataclasses import replace

    from blemish.model.artifact import write_artifact

    inside = np.zeros((64, 64), np.bool_)
    inside[8:40, 8:40] = True
    server = open_server(own_run, runtime="torch")
    write_artifact(replace(read_artifact(own_run), interest=interest_of([("left #1", inside)])))
    assert server.get("/api/models/part")["changed_on_disk"]
    opened = server.station.models["part"]
    opened.now = replace(opened.now, artifact=read_artifact(own_run))
    (region,) = server.get(ADDRESS)["regions"]
    assert (region["name"], region["threshold"]) == ("left #1", None)
    with Image.open(io.BytesIO(server.client.get(region["mask"]).content)) as mask:
        assert np.array_equal(np.array(mask.convert("1")), inside)
    assert server.client.get(f"{ADDRESS}/none/mask").status_code == 404
    assert server.judge(photo).status_code == 200
