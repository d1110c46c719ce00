"""Changes of a served model: thresholds set or undone, its folder opened anew; each is in the audit trail."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from blemish.calibration.recalibrate import AskedRates, recalibrate
from blemish.calibration.undo import undo_calibration
from blemish.errors import ArtifactError, BlemishError, DataError, ExportError, HistoryError
from blemish.history.audit import note_change
from blemish.history.feedback import drawn_photos
from blemish.server.faults import FaultError
from blemish.server.replacing import put_in_place
from blemish.server.served_model import OpenModel, ServedModel
from blemish.server.station import Station

_log = logging.getLogger("blemish")


def set_thresholds(
    station: Station,
    model: ServedModel,
    asked: AskedRates,
    *,
    who: str,
    rules: Sequence[str] = (),
    mm_per_pixel: float | None = None,
) -> OpenModel:
    """Calibrates a model anew, as `blemish calibrate` does, so that model.json says what holds; raises what that
    does."""
    return _calibrated(station, model, asked, (), who=who, rules=rules, mm_per_pixel=mm_per_pixel)


def calibrate_with_drawn(station: Station, model: ServedModel, *, who: str) -> OpenModel:
    """Adds to a model's calibration the photos that were drawn by lot and labelled good (see history/feedback.py);
    raises FaultError where there are none."""
    drawn = drawn_photos(station.history, model.name)
    if not drawn.good:
        raise FaultError(
            409,
            "nothing_to_calibrate_with",
            f"no photo that was drawn by lot is labelled good and kept ({drawn.waiting} wait for a label, {drawn.lost} "
            f"were deleted without one; {drawn.picked} labelled good were picked, not drawn, and would break the "
            "promise)",
        )
    return _calibrated(station, model, AskedRates(), drawn.good, who=who)


def undo_thresholds(station: Station, model: ServedModel, *, who: str) -> OpenModel:
    """Restores a model's thresholds before its last calibration; raises FaultError where there was none."""
    with model.changing:
        before = thresholds_told(model.now)
        try:
            undo_calibration(model.folder)
        except ArtifactError as error:
            raise FaultError(409, "cannot_undo", str(error)) from error
        opened = model.reopen()
        after = thresholds_told(opened) | {"undone": True}
        try:
            _note(station, model, "threshold", before, after, who=who)
        except HistoryError:
            _log.error("%s undid thresholds of model %s, from %s to %s, unaudited", who, model.name, before, after)
            raise
        return opened


def reload_model(station: Station, model: ServedModel, *, who: str) -> OpenModel:
    """Puts what the model's folder holds now in place of what is served; where it fails, that is served on."""
    with model.changing:
        before = model.now
        opened = model.reopen()
        try:
            _note(station, model, "model", model_told(before), model_told(opened), who=who)
        except HistoryError:
            model.now = before  # what the audit trail does not know of is not served
            raise
        return opened


def take_candidate(station: Station, served: ServedModel, name: str, *, who: str) -> OpenModel:
    """Puts a candidate in the place of a model that is served, once it has been opened and proven; where anything
    fails, the one before is served on.

    The model's folder holds it from then on, and what that held before lies beside it, as RUN.until-TIME. Raises
    FaultError where there is no such candidate, or it cannot be opened or proven, as where it vanishes meanwhile;
    BlemishError for what is wrong here.
    """
    if station.candidates is None:
        raise FaultError(404, "no_candidates", "no folder of models was given: start the server with --models-from")
    run = station.candidates.run_of(name)
    try:
        ServedModel(served.name, run, station.settings)  # which proves it, before anything is moved
        return _placed(station, served, run, who=who)
    except (ArtifactError, DataError, ExportError) as error:
        raise FaultError(409, "candidate_unusable", f"model {name} cannot be served: {error}") from error


def _placed(station: Station, served: ServedModel, run: Path, *, who: str) -> OpenModel:
    with served.changing:
        before = model_told(served.now)

        def note(opened: OpenModel, kept: Path) -> None:
            after = {**model_told(opened), "taken_from": run.name, "before_is_kept_as": kept.name}
            _note(station, served, "model", before, after, who=who)

        return put_in_place(served, run, station.settings, note=note)


def _calibrated(
    station: Station, model: ServedModel, asked: AskedRates, photos: Sequence[Path], *, who: str, **rules: Any
) -> OpenModel:
    with model.changing:
        before = thresholds_told(model.now)
        done = recalibrate(model.folder, photos, asked=asked, runtime=model.now.settings.runtime, **rules)
        if photos and not done.added:
            undo_calibration(model.folder)
            raise FaultError(409, "nothing_new", "the model was calibrated with all of these photos before")

        def put_in_place() -> OpenModel:
            opened = model.reopen()
            after = thresholds_told(opened) | {"photos_added": done.added}
            _note(station, model, "threshold", before, after, who=who)
            return opened

        return _or_undo(model, put_in_place)


def _or_undo(model: ServedModel, act: Callable[[], OpenModel]) -> OpenModel:
    """Does what follows a calibration; where that fails, the calibration is undone, on the disk and in what is
    served."""
    try:
        return act()
    except BlemishError:
        undo_calibration(model.folder)
        model.reopen()
        raise


def _note(
    station: Station, model: ServedModel, action: str, before: dict[str, Any], after: dict[str, Any], *, who: str
) -> None:
    with station.history.writing() as connection:
        note_change(connection, who=who, action=action, subject=f"model {model.name}", before=before, after=after)
    _log.info("%s: %s of model %s, by %s", action, after, model.name, who)


def model_told(opened: OpenModel) -> dict[str, Any]:
    """Returns what the audit trail says of a model that is opened."""
    told = thresholds_told(opened)
    return {"weights_sha256": opened.artifact.weights_sha256, **told, "verified": opened.verified}


def thresholds_told(opened: OpenModel) -> dict[str, Any]:
    """Returns what the audit trail says of a model's thresholds."""
    calibration = opened.predictor.calibration
    rules = opened.artifact.rules
    return {
        "threshold": calibration.image.value,
        "asked_rate": calibration.image.asked_rate,
        "promised_rate": calibration.image.promised_rate,
        "check_threshold": None if calibration.check is None else calibration.check.value,
        "calibrated_with": calibration.n,
        "rules": [] if rules is None else list(rules.said),
    }
