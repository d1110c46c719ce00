"""Many photos have one record each in a folder of Parquet files, whatever is killed, lost or unreadable."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import pyarrow.dataset
import pytest

import blemish
from blemish.cluster import Outcome
from blemish.data.dataset import Dataset
from blemish.data.listed_blocks import Block
from blemish.data.stores import UnreachedError
from blemish.errors import BlemishError, DataError, SettingsError
from blemish.files import packed_folder
from blemish.inference.predictor import Predictor
from blemish.results.judging_on_ray import BlockJudge, BlockRecords, judge_block, judge_on_ray, judged
from blemish.results.parts import PartFolder, PredictionRecord


@pytest.fixture(scope="module")
def predictor(stpm_exported: Path) -> Predictor:
    return blemish.open(stpm_exported)


@pytest.fixture
def photos(parts: Dataset, tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(7):
        (folder / f"{number}.png").write_bytes(parts.test[number].image.read_bytes())
    return folder


class Workers:
    """Judges blocks in this process, as workers of a cluster would; `before` is told each block, and may lose it."""

    def __init__(
        self, predictor: Predictor, parts: PartFolder, *, before: Callable[[Block], bool] = lambda _: False
    ) -> None:
        self.blocks: list[list[str]] = []
        self._predictor, self._parts, self._before = predictor, parts, before

    def __call__(self, blocks: Iterable[Block]) -> Iterator[tuple[Block, Outcome[BlockRecords]]]:
        for block in blocks:
            self.blocks.append([Path(photo.address).name for photo in block])
            if self._before(block):
                yield block, Outcome(lost=True, trouble="killed")
            else:
                yield block, Outcome(value=judge_block(self._predictor, block, self._parts))


def rows_in(folder: Path) -> dict[str, dict[str, object]]:
    rows = pyarrow.dataset.dataset(folder).to_table().to_pylist() if any(folder.glob("*.parquet")) else []
    assert len({row["image"] for row in rows}) == len(rows), "doubled"
    return {Path(row["image"]).name: row for row in rows}


def test_what_was_killed_goes_on_and_judges_nothing_twice(photos: Path, predictor: Predictor, tmp_path: Path) -> None:
    (photos / "3.png").write_bytes(b"no photo")
    parts = PartFolder(str(tmp_path / "out"))
    begun = judged([str(photos)], parts, Workers(predictor, parts), photos_per_part=2)
    assert isinstance(next(begun), PredictionRecord)
    begun.close()
    standing = rows_in(tmp_path / "out")
    assert list(standing) == ["0.png", "1.png"]
    (photos / "00.png").write_bytes((photos / "0.png").read_bytes())
    workers = Workers(predictor, parts)
    results = list(judged([str(photos)], parts, workers, photos_per_part=2))
    assert [Path(result.image).name for result in results if isinstance(result, PredictionRecord)] == [
        *("0.png", "1.png", "00.png", "2.png", "4.png", "5.png", "6.png"),
    ]
    (unreadable,) = [str(result) for result in results if isinstance(result, DataError)]
    assert unreadable.startswith(f"{photos}/3.png: is not a PNG")
    assert workers.blocks == [["00.png"], ["2.png"], ["3.png", "4.png"], ["5.png", "6.png"]]
    rows = rows_in(tmp_path / "out")
    assert len(rows) == 8
    assert standing.items() <= rows.items(), "what stood was left as it was"
    assert (rows["3.png"]["verdict"], rows["3.png"]["error"]) == ("unreadable", unreadable)
    again = Workers(predictor, parts)
    assert len(list(judged([str(photos)], parts, again, photos_per_part=2))) == 8
    assert again.blocks == []
    other = tmp_path / "other"
    photos.rename(other)
    assert len(list(judged([str(other)], parts, again, photos_per_part=4))) == 8, "records of other places are not told"


def test_a_row_is_the_line_of_predictions_jsonl(photos: Path, predictor: Predictor, tmp_path: Path) -> None:
    parts = PartFolder(str(tmp_path / "out"))
    list(judged([str(photos / "2.png")], parts, Workers(predictor, parts)))
    row = rows_in(tmp_path / "out")["2.png"]
    line = predictor.predict(photos / "2.png").to_json()
    assert {name: row[name] for name in line if name != "judged_at"} == {
        name: value for name, value in line.items() if name != "judged_at"
    }
    assert (row["map_height"], row["error"]) == (64, None)


def test_a_photo_that_ends_its_workers_is_found_and_harms_no_other(
    photos: Path, predictor: Predictor, tmp_path: Path
) -> None:
    parts = PartFolder(str(tmp_path / "out"))
    workers = Workers(predictor, parts, before=lambda block: any(p.address.endswith("/4.png") for p in block))
    results = list(judged([str(photos)], parts, workers))
    (bad,) = [str(result) for result in results if isinstance(result, DataError)]
    assert bad.startswith(f"{photos}/4.png: cannot be judged: it ended each process that tried")
    rows = rows_in(tmp_path / "out")
    assert len(results) == len(rows) == 7
    assert [name for name, row in rows.items() if row["verdict"] == "unreadable"] == ["4.png"]


def test_a_photo_whose_store_does_not_answer_has_no_record_and_is_tried_another_time(
    photos: Path, predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blemish.data import stores

    parts, read = PartFolder(str(tmp_path / "out")), stores.read_stored

    def unreached(address: str, *, size: int = 0) -> bytes:
        if address.endswith("/5.png"):
            raise UnreachedError(f"{address}: its store does not answer")
        return read(address, size=size)

    with monkeypatch.context() as broken:
        broken.setattr(stores, "read_stored", unreached)
        results = list(judged([str(photos)], parts, Workers(predictor, parts)))
    assert [type(result) for result in results].count(UnreachedError) == 1
    assert len(rows_in(tmp_path / "out")) == 6
    workers = Workers(predictor, parts)
    list(judged([str(photos)], parts, workers))
    assert workers.blocks == [["5.png"]]
    assert len(rows_in(tmp_path / "out")) == 7


def test_a_block_that_two_workers_do_has_each_record_once_whichever_photos_either_reaches(
    photos: Path, predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blemish.data import stores

    parts, read = PartFolder(str(tmp_path / "out")), stores.read_stored
    block: Block = tuple(stores.StoredPhoto(str(photos / f"{number}.png")) for number in range(4))

    def come_of(unreached: str) -> BlockRecords:
        def fails(address: str, *, size: int = 0) -> bytes:
            if address.endswith(unreached):
                raise UnreachedError(f"{address}: its store does not answer")
            return read(address, size=size)

        with monkeypatch.context() as broken:
            broken.setattr(stores, "read_stored", fails)
            return judge_block(predictor, block, parts)

    first, copy = come_of("/1.png"), come_of("/2.png")
    assert list(rows_in(tmp_path / "out")) == ["0.png", "2.png", "3.png"], "what was told first stands, and once"
    assert [str(error).split(":")[0] for error in copy.unreached] == [str(photos / "1.png")]
    assert copy.records == first.records
    assert come_of("none").unreached == ()
    assert len(rows_in(tmp_path / "out")) == 4


def test_a_part_that_was_written_before_its_worker_was_lost_counts(
    photos: Path, predictor: Predictor, tmp_path: Path
) -> None:
    parts = PartFolder(str(tmp_path / "out"))

    def lost_at_last(blocks: Iterable[Block]) -> Iterator[tuple[Block, Outcome[BlockRecords]]]:
        for block in blocks:
            judge_block(predictor, block, parts)
            yield block, Outcome(lost=True, trouble="killed")

    assert len(list(judged([str(photos)], parts, lost_at_last))) == len(rows_in(tmp_path / "out")) == 7


def test_a_name_that_is_no_text_harms_no_other_photo(photos: Path, predictor: Predictor, tmp_path: Path) -> None:
    (photos / os.fsdecode(b"\xff.png")).write_bytes((photos / "0.png").read_bytes())
    parts = PartFolder(str(tmp_path / "out"))
    workers = Workers(predictor, parts)
    for _ in range(2):
        assert len(list(judged([str(photos)], parts, workers))) == 8
    assert len(workers.blocks) == 1, "it is known again"
    assert "\\udcff.png" in rows_in(tmp_path / "out")


def test_predictions_of_another_model_do_not_come_among_them(
    photos: Path, predictor: Predictor, stpm_exported: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    opening = {"runtime": "onnx", "precision": "fp32", "device": "auto", "min_area": 1}
    packed = packed_folder(stpm_exported)
    judge = BlockJudge(model=lambda: packed, opening=opening, output=str(out), seen=(str(photos),))
    assert callable(judge())
    parts = PartFolder(str(out))
    claimed = parts.judged_by()
    assert claimed is not None
    assert predictor.provenance is not None
    assert claimed["weights_sha256"] == predictor.provenance.weights_sha256
    assert claimed["thresholds"] == asdict(predictor.calibration.thresholds)
    with pytest.raises(SettingsError, match=r"were made otherwise \(thresholds\): choose another folder"):
        parts.claim(claimed | {"thresholds": {}})
    with pytest.raises(SettingsError, match=r"gone is not there: all machines must see the same disk"):
        BlockJudge(model=lambda: packed, opening=opening, output=str(out), seen=(str(tmp_path / "gone"),))()
    (out / "_judging.json").write_text('{"model": "0"}')
    with pytest.raises(SettingsError, match="another model, or by other thresholds"):
        judge_on_ray(stpm_exported, photos, output=out, address="local", share=None, opening={})  # type: ignore[arg-type]
    (out / "_judging.json").write_text("{")
    with pytest.raises(DataError, match="is damaged"):
        parts.judged_by()


def test_what_goes_wrong_with_all_ends_it_and_what_stands_stays(
    photos: Path, predictor: Predictor, tmp_path: Path
) -> None:
    parts = PartFolder(str(tmp_path / "out"))

    def full(blocks: Iterable[Block]) -> Iterator[tuple[Block, Outcome[BlockRecords]]]:
        yield next(iter(blocks)), Outcome(trouble="cannot write s3://out: full")

    with pytest.raises(BlemishError, match="cannot write s3://out: full; what was judged stands"):
        list(judged([str(photos)], parts, full))

    def unlike(blocks: Iterable[Block]) -> Iterator[tuple[Block, Outcome[BlockRecords]]]:
        for number, block in enumerate(blocks):
            yield block, Outcome(value=BlockRecords(records=(), judging=str(number)))

    with pytest.raises(BlemishError, match="machines judge otherwise than one another"):
        list(judged([str(photos)], parts, unlike, photos_per_part=2))
    (tmp_path / "empty").mkdir()
    (result,) = judged([str(tmp_path / "empty")], parts, Workers(predictor, parts))
    assert "holds no photos" in str(result)
    with pytest.raises(DataError, match="no photos to judge"):
        list(judged([], parts, Workers(predictor, parts)))
    (tmp_path / "out").mkdir(exist_ok=True)
    (tmp_path / "out" / "part-0.parquet").write_bytes(b"half")
    with pytest.raises(DataError, match=r"part-0.parquet is damaged .* delete it"):
        list(judged([str(photos)], parts, Workers(predictor, parts)))
