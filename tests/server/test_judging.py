"""Photos in, verdicts out, over HTTP."""

from pathlib import Path

import blemish
from server.conftest import OpenServer


def test_a_photo_gets_the_verdict_that_predict_gives_it(
    open_server: OpenServer, photo: bytes, stpm_exported: Path
) -> None:
    server = open_server()
    answer = server.post("/api/models/part/judge", params={"station": "line 3", "name": "../x.png"}, content=photo)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    expected = blemish.open(stpm_exported, runtime="onnx").predict(photo).to_json()
    for name in ("verdict", "anomaly_score", "percentile", "mask_pixels", "unusualness", "stopped_by"):
        assert told[name] == expected[name]
    assert told["regions"] == [
        {**r, "box": list(r["box"]), "centroid": list(r["centroid"])} for r in expected["regions"]
    ]
    assert told["judge"]["threshold"] == expected["threshold"]
    assert server.get(told["links"]["verdict"]).json() == told
    listed = server.get("/api/verdicts", params={"verdict": told["verdict"], "station": "line 3"}).json()
    assert listed == {"verdicts": [told], "after": None}
    for picture in ("photo", "map", "overlay"):
        assert server.get(told["links"][picture]).status_code == 200
