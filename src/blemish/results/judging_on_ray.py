"""Many photos, in folders or stores, judged by the workers of a Ray cluster, with a record of each in Parquet files.

The listing is cut into blocks of photos. A worker judges a block and writes its records as one part of the folder, so
that nothing but names and verdicts goes through the machine that leads. Whatever is lost, a part stands or its photos
are judged again.
"""

import logging
import secrets
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from blemish.cluster import Outcome, WorkerShare, hand_over, open_cluster, outcomes_of
from blemish.data.digest import digest_of, file_digest
from blemish.data.listed_blocks import PHOTOS_PER_BLOCK, Block, ListedBlocks, as_text, name_digest
from blemish.data.paths import Named, items_of, paths_of
from blemish.data.pixel_limit import allow_pixels, most_pixels
from blemish.data.stores import UnreachedError, fetched, is_url, lies_in, place_of
from blemish.errors import BlemishError, DataError, SettingsError
from blemish.files import folder_from, make_folder, packed_folder
from blemish.inference import open_predictor
from blemish.inference.prediction import PREDICTION_FORMAT
from blemish.inference.predictor import Predictor
from blemish.model.artifact import MODEL_FILE, WEIGHTS_FILE, read_artifact
from blemish.model.exports import EXPORTS_FOLDER, kinds_of_exports
from blemish.progress import OnProgress, Progress, say_nothing
from blemish.results.parts import PartFolder, PredictionRecord, prediction_record, row_of

_log = logging.getLogger("blemish")

_SPLIT = 16  # into so many is cut a block that workers were lost with, until one photo is left that is to blame

JudgedRecord = PredictionRecord | DataError
OutcomesOf = Callable[[Iterable[Block]], Iterator[tuple[Block, Outcome["BlockRecords"]]]]
"""Gives what came of each block, as workers do them."""


@dataclass(frozen=True, kw_only=True)
class BlockRecords:
    """What came of the photos of a block; the records that stand in its part first."""

    records: tuple[JudgedRecord, ...]
    unreached: tuple[UnreachedError, ...] = ()
    """An error for each photo whose store did not answer: it has no record, and is for another time."""
    judging: str = ""
    """A digest of all that decides what the records say."""


@dataclass(frozen=True, kw_only=True)
class BlockJudge:
    """What a worker is made of: the model, how it is opened, and where its records go."""

    model: Callable[[], bytes]
    """Gives the packed folder of the model."""
    opening: Mapping[str, Any]
    output: str
    seen: tuple[str, ...]
    """Files and folders on a disk that this machine must see as the others do."""
    most_pixels: int | None = None

    def __call__(self) -> Callable[[Block], BlockRecords]:
        """Opens the model, and returns what judges a block; raises SettingsError where this machine is of no use."""
        for place in self.seen:
            if not Path(place).exists():
                raise SettingsError(
                    f"{place} is not there: all machines must see the same disk; give addresses in a store, such as "
                    "s3://bucket/folder"
                )
        allow_pixels(self.most_pixels)
        with TemporaryDirectory(prefix="blemish-") as folder:
            run = Path(folder) / "run"
            folder_from(self.model(), run)
            predictor = open_predictor(run, **self.opening)
            judging = _judging(predictor, model=file_digest(run / MODEL_FILE))
        parts = PartFolder(self.output)
        parts.claim(judging)
        digest = digest_of(repr(judging).encode())
        return lambda block: replace(judge_block(predictor, block, parts), judging=digest)


def judge_block(predictor: Predictor, block: Block, parts: PartFolder) -> BlockRecords:
    """Judges the photos of a block and writes their part; raises OutputError, ArtifactError for a damaged model.

    Where photos were not reached, a part that another worker wrote of the same block is left as it is: what it has was
    told, and may be what is lacking here.
    """
    rows, unreached = [], list[UnreachedError]()
    for photo, result in zip(block, predictor.predict_many(fetched(block)), strict=True):
        if isinstance(result, UnreachedError):
            unreached.append(result)
        else:
            rows.append(row_of(photo.address, result))
    if unreached and (stands := _standing(block, parts)) is not None:
        return stands
    if rows:
        parts.write(rows, asked=_addresses(block))
    return BlockRecords(records=tuple(map(prediction_record, rows)), unreached=tuple(unreached))


def _standing(block: Block, parts: PartFolder) -> BlockRecords | None:
    """Returns what the part of a block says, None where there is none."""
    records = parts.records_of(_addresses(block))
    if records is None:
        return None
    told = {record.image for record in records}
    lacking = [address for address in _addresses(block) if as_text(address) not in told]
    return BlockRecords(
        records=tuple(records), unreached=tuple(UnreachedError(f"{a}: its store did not answer") for a in lacking)
    )


def _addresses(block: Block) -> list[str]:
    return [photo.address for photo in block]


def judge_on_ray(
    run: str | Path,
    places: Named,
    *,
    output: str | Path,
    address: str,
    share: WorkerShare,
    opening: dict[str, Any],
    photos_per_part: int = PHOTOS_PER_BLOCK,
    on_progress: OnProgress = say_nothing,
) -> Generator[JudgedRecord, None, None]:
    """Judges the photos of files, folders and URLs that have no record in `output`, and yields what came of each.

    Records that stand there come first. What cannot be found or read gives its error. `opening` are the arguments of
    `open_predictor`. Raises ArtifactError, SettingsError where `output` holds predictions that were made otherwise, and
    DataError where there is no photo at all.
    """
    packed = _packed_model(Path(run))
    parts = PartFolder(place_of(output))
    before = parts.judged_by()
    if before is not None and before.get("model") != file_digest(Path(run, MODEL_FILE)):
        raise SettingsError(
            f"{parts.place} holds predictions of another model, or by other thresholds: choose another folder"
        )
    mark = None if is_url(parts.place) else Path(parts.place, f".seen-{secrets.token_hex(8)}")
    missing: list[DataError] = []
    where = [place for item in items_of(places) for place in _spelt_out(item, missing)]
    seen = [place for place in where if not is_url(place) and Path(place).exists()]

    def outcomes(blocks: Iterable[Block]) -> Iterator[tuple[Block, Outcome[BlockRecords]]]:
        with open_cluster(address, handed=len(packed)):
            judge = BlockJudge(
                model=hand_over(packed),
                opening=opening | ({"device": "cuda"} if share.gpus and opening["device"] == "auto" else {}),
                output=parts.place,
                seen=(*seen, *([] if mark is None else [str(mark)])),
                most_pixels=most_pixels(),
            )
            yield from outcomes_of(judge, blocks, share=share, copies=True)

    results = judged(where, parts, outcomes, missing=missing, photos_per_part=photos_per_part, on_progress=on_progress)
    return _marked(mark, results)


def _spelt_out(item: str | Path, missing: list[DataError]) -> list[str]:
    """Returns the places that are meant, a URL, or paths on the disk, patterns spelt out; what is none is missing."""
    if is_url(str(item)):
        return [place_of(item)]
    try:
        return [place_of(path) for path in paths_of(item)]
    except DataError as error:
        missing.append(error)
        return []


def _marked(mark: Path | None, results: Generator[JudgedRecord, None, None]) -> Generator[JudgedRecord, None, None]:
    """Leaves a file in the output for as long as it is filled, by which other machines tell that they see it."""
    try:
        if mark is not None:
            make_folder(mark.parent)
            mark.touch()
        yield from results
    finally:
        results.close()
        if mark is not None:
            mark.unlink(missing_ok=True)


def judged(
    places: Sequence[str],
    parts: PartFolder,
    outcomes: OutcomesOf,
    *,
    missing: Sequence[DataError] = (),
    photos_per_part: int = PHOTOS_PER_BLOCK,
    on_progress: OnProgress = say_nothing,
) -> Generator[JudgedRecord, None, None]:
    """Yields what is missing, the records that stand of photos in these places, and those of all others as they are
    judged."""
    yield from missing
    standing: set[bytes] = set()
    named = frozenset(as_text(place.rstrip("/")) for place in places)
    done = 0
    for record in (record for part in parts.standing() for record in part):
        name = name_digest(record.image)
        if name not in standing and lies_in(record.image, named):
            done += 1
            on_progress(Progress(activity="judging", done=done, total=done))
            yield record
        standing.add(name)
    with ListedBlocks(places, standing, size=photos_per_part) as blocks:
        if (first := next(blocks, None)) is not None:
            blocks.give_back([first])
            agreed = _Agreed()
            for block, outcome in outcomes(blocks):
                agreed.hear(outcome)
                for result in _results(block, outcome, blocks, parts):
                    done += 1
                    on_progress(Progress(activity="judging", done=done, total=max(done, blocks.found)))
                    yield result
        yield from blocks.troubles
        if not (blocks.found or blocks.troubles or missing):
            raise DataError("no photos to judge: give photos, or folders that hold some")


class _Agreed:
    """What all workers say: each warning once, and that they judge alike."""

    def __init__(self) -> None:
        self._judging: str | None = None
        self._heard: set[str] = set()

    def hear(self, outcome: Outcome[BlockRecords]) -> None:
        """Logs what is new; raises BlemishError where this worker judges otherwise than those before it."""
        for line in outcome.warnings:
            if line not in self._heard:
                self._heard.add(line)
                _log.warning("%s", line)
        if outcome.value is None:
            return
        if self._judging not in (None, outcome.value.judging):
            raise BlemishError(
                "machines judge otherwise than one another, as where a runtime is not installed on all: say by which "
                "with --runtime, and choose another folder"
            )
        self._judging = outcome.value.judging


def _results(
    block: Block, outcome: Outcome[BlockRecords], blocks: ListedBlocks, parts: PartFolder
) -> Iterator[JudgedRecord]:
    """Yields what came of a block's photos; of one that workers were lost with, nothing until it is found which photo
    is to blame."""
    came = outcome.value
    if came is None and outcome.lost:
        came = _standing(block, parts)  # of a worker that was lost when all was done
    if came is not None:
        yield from came.records
        yield from came.unreached
    elif not outcome.lost:
        raise BlemishError(f"{outcome.trouble}; what was judged stands, and the same command goes on")
    elif len(block) > 1:
        size = -(-len(block) // _SPLIT)
        blocks.give_back([block[at : at + size] for at in range(0, len(block), size)])
    else:
        line = f"{block[0].address}: cannot be judged: it ended each process that tried ({outcome.trouble})"
        rows = [row_of(block[0].address, DataError(line))]
        parts.write(rows, asked=_addresses(block))
        yield from map(prediction_record, rows)


def _packed_model(run: Path) -> bytes:
    """Returns what of a model's folder is needed to judge."""
    artifact = read_artifact(run)
    exports = [f"{EXPORTS_FOLDER}/{runtime}-{precision}" for runtime, precision in kinds_of_exports(artifact)]
    return packed_folder(run, [MODEL_FILE, WEIGHTS_FILE, *exports])


def _judging(predictor: Predictor, *, model: str) -> dict[str, Any]:
    """Returns all that decides what a photo's record says; `model` is the digest of model.json."""
    assert predictor.provenance is not None
    return {
        "model": model,
        **asdict(predictor.provenance),
        "thresholds": asdict(predictor.calibration.thresholds),
        "min_area": predictor.min_area,
        "prediction_format": PREDICTION_FORMAT,
    }
