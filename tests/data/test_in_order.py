"""Large photos are decoded few at a time, whatever the cores, by all that decodes in threads."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import blemish
from blemish.data.framing import Framing
from blemish.data.images import save_png
from blemish.data.in_order import results_in_order
from blemish.data.look import Look, look_at
from blemish.data.survey import survey
from blemish.training.photo_store import PhotoStore

HEIGHT, WIDTH, CORES = 20, 30, 6


def looked_through(paths: list[Path]) -> list[Path]:
    return [*survey(paths, decode=True).facts]


def stored(paths: list[Path]) -> list[Path]:
    store = PhotoStore(paths, Framing(image_size=(32, 32)), budget=0, workers=CORES)
    try:
        store.load(lambda _done, _of: None)
        return store.paths
    finally:
        store.close()


@pytest.mark.parametrize(("read", "module"), [(looked_through, "data.survey"), (stored, "training.photo_store")])
def test_large_photos_are_decoded_few_at_a_time_whatever_the_cores(
    read: Callable[[list[Path]], list[Path]], module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / f"{i}.png" for i in range(12)]
    for i, path in enumerate(paths):
        save_png(path, np.full((HEIGHT, WIDTH), i, np.uint8))
    now, most, lock = 0, 0, Lock()

    def watched(data: bytes, **how: Any) -> Look:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.005)
        look = look_at(data, **how)
        with lock:
            now -= 1
        return look

    monkeypatch.setattr("blemish.data.survey.available_cores", lambda: CORES)
    monkeypatch.setattr(f"blemish.{module}.look_at", watched)
    assert read(paths) == paths
    assert most > 2
    most = 0
    monkeypatch.setattr("blemish.data.in_order.MOST_AT_WORK", 2 * 3 * HEIGHT * WIDTH)
    assert read(paths) == paths
    assert most <= 2


def test_a_model_takes_the_first_photos_for_as_large_as_those_it_learned_from(
    stpm_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = np.full((64, 64), 9, np.uint8)
    taken = 0

    def endless() -> Iterator[NDArray[np.uint8]]:
        nonlocal taken
        while True:
            taken += 1
            yield photo

    monkeypatch.setattr("blemish.inference.read_ahead.available_cores", lambda: 8)
    monkeypatch.setattr("blemish.inference.read_ahead.MOST_AHEAD", 2 * 64 * 64 * 3)
    results = blemish.open(stpm_run, runtime="torch").predict_many(endless())
    next(results)
    results.close()
    assert taken == 2


def test_results_come_in_order_and_what_fails_is_raised_where_it_is_asked_for() -> None:
    def work(number: int) -> int:
        time.sleep(0.002 * (3 - number))
        return 12 // number

    with ThreadPoolExecutor(3) as pool:
        results = results_in_order(lambda number: pool.submit(work, number), [1, 2, 3, 0, 4], room=lambda: 3)
        assert [next(results) for _ in range(3)] == [12, 6, 4]
        with pytest.raises(ZeroDivisionError):
            next(results)
    assert list(results_in_order(lambda number: pool.submit(work, number), [], room=lambda: 3)) == []
