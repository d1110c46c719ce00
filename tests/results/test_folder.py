"""What a folder of predictions holds: lines, table, maps and overlays that agree with each other."""

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
import pytest

from blemish.calibration.promise import calibration_of
from blemish.data.images import save_png
from blemish.errors import DataError, OutputError
from blemish.inference.prediction import Prediction
from blemish.model.thresholds import Calibration
from blemish.process import available_cores
from blemish.results.folder import COLUMNS, PredictionFolder, output_names, table_row
from blemish.results.overlays import picture

CALIBRATION = calibration_of(range(1, 100), range(1, 100), false_alarm_rate=0.01, check_rate=0.1)


def prediction(photo: Path, anomaly_map: np.ndarray, *, calibration: Calibration = CALIBRATION) -> Prediction:
    """Of a grey photo twice the map's size."""
    height, width = anomaly_map.shape
    save_png(photo, np.full((2 * height, 2 * width), 128, np.uint8))
    return Prediction(
        image=photo,
        anomaly_score=float(anomaly_map.max()),
        percentile=calibration.percentile(float(anomaly_map.max())),
        thresholds=calibration.thresholds,
        provenance=None,
        judged_at=datetime(2026, 1, 2, tzinfo=UTC),
        anomaly_map=anomaly_map.astype(np.float32),
        photo_size=(2 * height, 2 * width),
    )


@pytest.fixture
def two_defects() -> np.ndarray:
    anomaly_map = np.zeros((32, 48), np.float32)
    anomaly_map[4:12, 6:16] = 300.0
    anomaly_map[20:24, 30:40] = 200.0
    return anomaly_map


def written(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    lines = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
    with (folder / "predictions.csv").open(newline="") as file:
        return lines, list(csv.DictReader(file))


def test_no_spreadsheet_computes_what_a_photo_is_called(tmp_path: Path, two_defects: np.ndarray) -> None:
    photo, broken = Path("=1+1.png"), Path("@broken.png")
    folder = PredictionFolder(tmp_path / "out", [photo, broken])
    folder.add(photo, prediction(photo, two_defects))
    folder.add(broken, DataError(f"{broken}: is empty"))
    folder.close()
    lines, rows = written(tmp_path / "out")
    assert [line["image"] for line in lines] == ["=1+1.png", "@broken.png"]
    assert [row["image"] for row in rows] == ["'=1+1.png", "'@broken.png"]
    assert table_row({"name": "+1.png"})["name"] == "'+1.png"  # as a watch calls photos


def test_lines_and_table_say_the_same_of_every_photo(tmp_path: Path, two_defects: np.ndarray) -> None:
    bad, good, broken = (tmp_path / name for name in ("bad, with comma.png", "good ü.png", "broken.png"))
    folder = PredictionFolder(tmp_path / "out", [bad, good, broken])
    folder.add(bad, prediction(bad, two_defects))
    folder.add(good, prediction(good, np.ones((32, 48))))
    folder.add(broken, DataError(f"{broken}: is empty"))
    folder.close()
    lines, rows = written(tmp_path / "out")
    assert tuple(rows[0]) == COLUMNS
    for line, row in zip(lines, rows, strict=True):
        for name in set(line) - {"regions", "regions_of_interest", "stopped_by"}:
            assert row[name] == ("" if line[name] is None else str(line[name])), name
    assert [line["verdict"] for line in lines] == ["anomalous", "normal", "unreadable"]
    assert {line["format_version"] for line in lines} == {4}
    assert "is empty" in lines[2]["error"]


def test_the_strongest_region_stands_in_the_table(tmp_path: Path, two_defects: np.ndarray) -> None:
    folder = PredictionFolder(tmp_path / "out", [tmp_path / "a.png"])
    folder.add(tmp_path / "a.png", prediction(tmp_path / "a.png", two_defects))
    folder.close()
    (line,), (row,) = written(tmp_path / "out")
    first, second = line["regions"]
    assert first["peak"] > second["peak"]
    assert [int(row[side]) for side in ("left", "top", "right", "bottom")] == first["box"]
    assert (row["region_count"], int(row["area"])) == ("2", first["area"])
    assert sum(region["area"] for region in line["regions"]) == line["mask_pixels"]
    left, top, right, bottom = first["box"]
    assert (left, top, right, bottom) == (12, 8, 32, 24)  # in the photo's pixels, not the map's


def test_a_map_just_above_the_threshold_is_marked_and_one_at_it_is_not(tmp_path: Path) -> None:
    at_99 = replace(CALIBRATION.image, value=99.0)  # which float32 holds without rounding
    calibration = replace(CALIBRATION, image=at_99, pixel=at_99)
    flat = np.full((32, 32), 99, np.float32)
    assert prediction(tmp_path / "at.png", flat, calibration=calibration).regions == ()
    assert not prediction(tmp_path / "at.png", flat, calibration=calibration).anomalous
    (region,) = prediction(tmp_path / "above.png", np.nextafter(flat, 100), calibration=calibration).regions
    assert region.area == 64 * 64


def test_the_verdict_check_lies_between_the_thresholds(tmp_path: Path) -> None:
    verdicts = [prediction(tmp_path / "p.png", np.full((32, 32), v)).verdict for v in (50.0, 95.0, 120.0)]
    assert verdicts == ["normal", "check", "anomalous"]


def test_small_regions_are_dropped_and_the_verdict_stays(tmp_path: Path, two_defects: np.ndarray) -> None:
    whole = prediction(tmp_path / "a.png", two_defects)
    areas = sorted(region.area for region in whole.regions)
    strict = replace(whole, min_area=areas[0] + 1)
    assert [region.area for region in strict.regions] == areas[1:]
    assert strict.predicted_mask.sum() == areas[1]
    assert strict.verdict == whole.verdict == "anomalous"
    (strongest,) = replace(whole, min_area=10**6).regions  # an anomalous photo has a region, whatever is dropped
    assert strongest == whole.regions[0]


def test_one_colour_means_one_value_on_every_photo_of_a_model(tmp_path: Path) -> None:
    """A scale stretched to each photo's own highest value would show a good part as red as a broken one."""
    faint = np.zeros((32, 32))
    faint[8:16, 8:16] = 20.0
    strong = faint.copy()
    strong[24:30, 24:30] = 900.0
    one, other = (picture(prediction(tmp_path / f"{i}.png", m)) for i, m in enumerate((faint, strong)))
    assert np.array_equal(one[:40, :40], other[:40, :40])


def test_lines_come_in_the_order_of_the_photos_however_long_each_takes(tmp_path: Path) -> None:
    sizes = [(400, 400), (2, 2), (3, 5), (300, 300), (4, 4), (2, 2), (2, 3), (200, 200), (2, 2), (2, 2)]
    photos = [tmp_path / f"{i}.png" for i in range(len(sizes))]
    folder = PredictionFolder(tmp_path / "out", photos, save=("maps", "all-overlays"))
    for photo, size in zip(photos, sizes, strict=True):
        folder.add(photo, prediction(photo, np.ones(size)))
    folder.close()
    lines, rows = written(tmp_path / "out")
    assert [line["image"] for line in lines] == [row["image"] for row in rows] == [str(photo) for photo in photos]
    assert all((tmp_path / "out" / line[name]).exists() for line in lines for name in ("map", "overlay"))


def test_memory_holds_a_few_photos_however_many_are_written(tmp_path: Path) -> None:
    photos = [tmp_path / f"{i}.png" for i in range(20 + 4 * available_cores())]
    folder = PredictionFolder(tmp_path / "out", photos)
    first = prediction(photos[0], np.ones((100, 100)))
    held: list[ref[np.ndarray]] = []
    most = 0
    for path in photos:
        pixels = np.zeros((200, 200, 3), np.uint8)
        held.append(ref(pixels))
        folder.add(path, replace(first, image=path, photo=pixels))
        del pixels
        most = max(most, sum(photo() is not None for photo in held))
    folder.close()
    assert most <= 2 * available_cores() + 1
    assert len(written(tmp_path / "out")[0]) == len(photos)


def test_memory_is_bounded_by_bytes_so_that_large_photos_wait_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blemish.results.folder.MOST_WAITING", 14 * 200 * 200)  # of one photo
    photos = [tmp_path / f"{i}.png" for i in range(12)]
    folder = PredictionFolder(tmp_path / "out", photos)
    first = prediction(photos[0], np.ones((100, 100)))
    held: list[ref[np.ndarray]] = []
    for path in photos:
        pixels = np.zeros((200, 200, 3), np.uint8)
        held.append(ref(pixels))
        folder.add(path, replace(first, image=path, photo=pixels))
        del pixels
        assert sum(photo() is not None for photo in held) <= 2
    folder.close()
    assert len(written(tmp_path / "out")[0]) == len(photos)


def test_a_photo_that_is_held_is_not_read_again(tmp_path: Path) -> None:
    held = replace(prediction(tmp_path / "a.png", np.zeros((8, 8))), photo=np.full((16, 16, 3), 77, np.uint8))
    (tmp_path / "a.png").unlink()
    assert (picture(held) == 77).all()


def test_what_cannot_be_written_ends_it_and_lines_before_it_stay(tmp_path: Path) -> None:
    photos = [tmp_path / f"{i}.png" for i in range(6)]
    folder = PredictionFolder(tmp_path / "out", photos, save="all-overlays")
    (tmp_path / "out" / "overlays").mkdir()
    (tmp_path / "out" / "overlays" / "3.jpg").mkdir()  # in the way of a file
    with pytest.raises(OutputError, match=r"3\.jpg"):
        try:
            for photo in photos:
                folder.add(photo, prediction(photo, np.ones((8, 8))))
        finally:
            folder.close()
    assert [line["image"] for line in written(tmp_path / "out")[0]] == [str(photo) for photo in photos[:3]]


def test_photos_of_one_name_in_two_folders_get_two_outputs() -> None:
    photos = [Path("a/1.png"), Path("b/1.png"), Path("b/1.jpg"), Path("2.png")]
    assert list(output_names(photos).values()) == ["1", "1-2", "1-3", "2"]
    taken = [Path("a/1.png"), Path("a/1-2.png"), Path("b/1.png"), Path("c/1.png"), Path("b/1-2.png"), Path("d/1.png")]
    assert list(output_names(taken).values()) == ["1", "1-2", "1-3", "1-4", "1-2-2", "1-5"]
