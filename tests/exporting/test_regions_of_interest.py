"""Regions of interest travel with exports: numpy alone applies them, whatever computes the map."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import blemish
from blemish.data.dataset import Dataset
from blemish.data.drawn_regions import AskedInterest, read_drawn
from blemish.data.images import read_image, resize_image, save_png
from blemish.exporting import make
from blemish.exporting.known_photos import known_photos
from blemish.inference.prediction import Prediction
from blemish.model.artifact import read_artifact, write_artifact
from blemish.results.overlays import REGION_LINE, picture
from copies import copied
from once import MadeOnce

SIZE = (64, 64)


@pytest.fixture(scope="session")
def looking(stpm_exported: Path, made_once: MadeOnce) -> Path:
    """The exported model, that looks at two regions only, with one export made anew and proven so."""

    def look(folder: Path) -> None:
        copied(stpm_exported, folder)
        drawn = read_drawn(AskedInterest(roi=("hole=20,4,16,36", "rim=50,8,10,40")))
        assert drawn is not None
        interest = drawn.on(SIZE)
        hole, rim = interest.regions
        scaled = replace(interest, regions=(replace(hole, scale=0.5), rim))
        write_artifact(replace(read_artifact(folder), interest=scaled))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(make, "MOST_COMPARED", 4)
            blemish.export(folder, to="onnx")

    return made_once("looking", look)


def test_every_runtime_says_the_same_of_the_regions(looking: Path, parts: Dataset) -> None:
    judges = [blemish.open(looking, runtime=runtime) for runtime in ("torch", "onnx", "openvino")]
    for sample in parts.test[:3]:
        photo = resize_image(read_image(sample.image), (128, 128))
        first, *others = [judge.predict(photo) for judge in judges]
        assert first.inside is not None
        assert not first.anomaly_map[~first.inside].any()
        for other in others:
            np.testing.assert_allclose(other.anomaly_map, first.anomaly_map, rtol=1e-4, atol=1e-7)
            assert other.region_scores == pytest.approx(first.region_scores, rel=1e-4)
            assert other.anomaly_score == pytest.approx(first.anomaly_score, rel=1e-4)


def test_the_test_vector_gives_the_score_without_blemish(looking: Path) -> None:
    vector = looking / "exports" / "onnx-fp32" / "test_vector"
    expected = json.loads((vector / "expected.json").read_text())
    anomaly_map = np.array(Image.open(vector / "anomaly_map.tiff"))
    regions = expected["regions_of_interest"]
    assert [(region["name"], region["scale"]) for region in regions] == [("hole", 0.5), ("rim", 1)]
    scores = [anomaly_map[np.array(Image.open(vector / region["file"])) > 0].max() for region in regions]
    assert scores == pytest.approx([region["score"] for region in regions])
    assert max(scores[0] / 0.5, scores[1]) == pytest.approx(expected["anomaly_score"])
    assert anomaly_map.max() == pytest.approx(expected["map_max"])
    assert (anomaly_map > 0).all()  # the graph's own, outside too
    assert "region_1.png to region_2.png" in " ".join(expected["steps"])


def test_an_export_proves_its_regions_on_photos_of_their_shape(looking: Path, tmp_path: Path) -> None:
    (outcome,) = blemish.verify(looking, runtime="onnx").values()
    assert not isinstance(outcome, Exception)
    assert outcome.parity.photos % 4 == 0  # as they are, in two other sizes, in grey
    save_png(tmp_path / "wide.png", np.zeros((20, 60, 3), np.uint8))
    (error,) = known_photos(read_artifact(looking), [tmp_path / "wide.png"]).unreadable
    assert "60x20" in str(error)


def test_overlays_show_where_regions_end(looking: Path) -> None:
    prediction = blemish.open(looking, runtime="onnx").predict(photo := np.full((*SIZE, 3), 100, np.uint8))
    assert isinstance(prediction, Prediction)
    drawn = picture(prediction, photo)
    line = (drawn == REGION_LINE[0]).all(axis=2)
    assert line[3, 20:36].all()
    assert line[4:40, 19].all()
    assert line[8:48, 60].all()
    assert line.sum() < 350
