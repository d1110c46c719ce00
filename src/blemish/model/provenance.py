"""Which model judged a photo, and what computed it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """The model behind a prediction, an evaluation or a report, as these say it."""

    method: str
    weights_sha256: str
    """Checksum of the model's weights.safetensors: two models are the same where it is."""
    runtime: str
    precision: str
    blemish_version: str
    """The version that judged, which may be another than the one that trained."""
