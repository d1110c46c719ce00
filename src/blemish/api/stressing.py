"""The verb that changes photos: stress."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from blemish.api.pages import write_beside
from blemish.data import find_dataset
from blemish.data.dataset import Dataset
from blemish.data.finding import find_photos
from blemish.data.good_and_bad import to_test_on
from blemish.data.paths import Named
from blemish.files import Folder, make_folder
from blemish.inference import open_predictor
from blemish.model.artifact import read_artifact
from blemish.progress import OnProgress, say_nothing

if TYPE_CHECKING:
    from blemish.evaluation.stress_record import StressTest


def stress(
    run: Folder,
    good: Named | Dataset,
    test: Folder | Dataset | None = None,
    *,
    output: Folder | None = None,
    conditions: Sequence[str] = (),
    photos: int = 50,
    limits: Folder | Mapping[str, Mapping[str, float]] | None = None,
    write_limits: Folder | None = None,
    seed: int = 0,
    runtime: str = "auto",
    precision: str = "fp32",
    device: str = "auto",
    on_progress: OnProgress = say_nothing,
) -> "StressTest":
    """Judges photos that were changed (light, place, lens, camera, file) at the model's own thresholds, and counts
    false alarms on `good` photos and misses on the defective ones of `test`.

    Photos that the model was trained on are passed over; `photos` of each kind are drawn at most. `conditions` are
    names, such as "brightness", or with a strength, "shift=8"; without any, all are tried, or where there are `limits`,
    those that these name. `limits` is a file or what it holds, {"brightness 1.1": {"false_alarms": 0.05}}: the test's
    `failures` say what is beyond. `write_limits` is a file for the figures found, as limits. `output` is a folder for
    stress.json and stress.html. Raises what `open` does, DataError where no photo can be judged, SettingsError for
    conditions and strengths that there are none of.
    """
    from blemish.evaluation.stress_limits import broken_limits, checked_limits, read_limits, write_limits_file
    from blemish.evaluation.stress_record import STRESS_FILE, write_stress
    from blemish.report.stress_page import STRESS_PAGE, write_stress_page
    from blemish.studies.drawn_photos import draw_defective, draw_good
    from blemish.studies.stress import measure_stress
    from blemish.studies.stress_plan import stress_plan

    held_to = None
    if limits is not None:
        held_to = read_limits(Path(limits)) if isinstance(limits, str | Path) else checked_limits(limits, name="limits")
    plan = stress_plan(conditions, photos=photos, seed=seed, limits=held_to)
    artifact = read_artifact(run)
    predictor = open_predictor(run, runtime=runtime, precision=precision, device=device)
    found = good if isinstance(good, Dataset) else find_photos(good)
    of_good = draw_good(found, artifact.training, most=photos, seed=seed, reading=predictor.framing.reading)
    bad = to_test_on(find_dataset("auto", Path(test))) if isinstance(test, str | Path) else test
    of_bad = None if bad is None else draw_defective(bad, most=photos, seed=seed, reading=predictor.framing.reading)
    if output is not None:
        make_folder(Path(output))  # now, rather than when all photos are judged
    measured = measure_stress(predictor, of_good, of_bad, plan=plan, on_progress=on_progress)
    if held_to is not None:
        measured = replace(measured, limits=held_to, failures=broken_limits(measured, held_to))
    if write_limits is not None:
        write_limits_file(measured, Path(write_limits))
    if output is not None:
        write_stress(measured, Path(output, STRESS_FILE))
        page = Path(output, STRESS_PAGE)
        write_beside(lambda: write_stress_page(measured, page, artifact=artifact, predictor=predictor), page)
    return measured
