"""The models that are served."""

import math

from fastapi import APIRouter

from blemish.model.thresholds import Threshold
from blemish.server.access import AskedBy, StationOf
from blemish.server.faults import FAULTS
from blemish.server.replies import ModelReply, ModelsReply, PromiseReply
from blemish.server.station import Station

MODEL_ROUTES = APIRouter(prefix="/api/models", tags=["models"], responses=FAULTS)


@MODEL_ROUTES.get("")
def list_models(at: StationOf, _asker: AskedBy) -> ModelsReply:
    """Returns the models that are served."""
    return ModelsReply(models=[model_reply(at, name) for name in list(at.models)])


@MODEL_ROUTES.get("/{model}")
def get_model(model: str, at: StationOf, _asker: AskedBy) -> ModelReply:
    """Returns a model, with its thresholds of now."""
    return model_reply(at, model)


def model_reply(at: Station, name: str) -> ModelReply:
    """Returns a model as it is answered; raises FaultError where there is none."""
    served = at.model(name)
    opened = served.now
    artifact, predictor = opened.artifact, opened.predictor
    calibration, provenance = predictor.calibration, predictor.provenance
    assert provenance is not None
    return ModelReply(
        name=name,
        method=artifact.method,
        title=artifact.title,
        weights_sha256=artifact.weights_sha256,
        runtime=provenance.runtime,
        precision=provenance.precision,
        height=artifact.image_size[0],
        width=artifact.image_size[1],
        opened_at=opened.opened_at,
        verified=opened.verified,
        threshold=_promise(calibration.image),
        check=None if calibration.check is None else _promise(calibration.check),
        pixel_threshold=_finite(calibration.pixel.value),
        statement=calibration.statement(),
        calibrated_with=calibration.n,
        unit=calibration.unit,
        rules=[] if artifact.rules is None else list(artifact.rules.said),
        regions_of_interest=[] if artifact.interest is None else list(artifact.interest.names),
        changed_on_disk=served.is_changed,
        waiting=at.in_flight,
    )


def _promise(threshold: Threshold) -> PromiseReply:
    return PromiseReply(
        value=_finite(threshold.value),
        asked_rate=threshold.asked_rate,
        promised_rate=threshold.promised_rate,
        rate_95=threshold.rate_95,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
