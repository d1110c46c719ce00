"""What the server answers of figures, as JSON."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field


class HourReply(BaseModel):
    """How many photos had one verdict in one hour."""

    hour: datetime
    model: str | None = Field(description="null: all of them together, as was asked for.")
    station: str | None
    verdict: str
    photos: int


class HoursReply(BaseModel):
    """The counts that there are per hour, oldest first."""

    hours: list[HourReply]


class ScoreReply(BaseModel):
    """The score that one photo has."""

    id: int
    judged_at: datetime
    station: str
    anomaly_score: float
    verdict: str
    label: Literal["good", "bad"] | None


class ScoresReply(BaseModel):
    """The scores that photos have, oldest first."""

    scores: list[ScoreReply]


class WhatIfReply(BaseModel):
    """Says what the history would be at another threshold."""

    threshold: float
    photos: int = Field(description="Judged by a model of the same weights.")
    alarms_then: int = Field(description="Stopped, at the thresholds and rules of their time.")
    alarms: int = Field(description="Above this threshold, or unusual.")
    labelled_good: int
    good_stopped: int = Field(description="Labelled good, and would be stopped.")
    labelled_bad: int
    bad_missed: int = Field(description="Labelled bad, and would pass.")
    false_alarms: float = Field(description="The rate to PUT to .../thresholds for the threshold next below this one.")
    rules_apply: bool = Field(description="Whether the model has rules, by which fewer would be stopped.")


class MovedReply(BaseModel):
    """Says one thing that has moved."""

    quantity: str = Field(description="score, unusualness, brightness, sharpness, across or down.")
    words: str
    before: float = Field(description="The median of the calibration photos.")
    now: float
    photos: int


class DriftReply(BaseModel):
    """Says what has moved at one station."""

    station: str
    photos: int = Field(description="How many of the latest were looked at.")
    moved: list[MovedReply]


class DriftsReply(BaseModel):
    """Says what has moved at each station."""

    watched: bool = Field(description="false: the model keeps nothing that photos could be compared with.")
    stations: list[DriftReply]


class TruthReply(BaseModel):
    """Says how often verdicts of a week were wrong, by people's labels."""

    week: datetime
    drawn: bool = Field(description="Of photos drawn by lot, whose shares are fair; else of photos that people picked.")
    good: int
    good_stopped: int
    bad: int
    bad_missed: int


class FeedbackReply(BaseModel):
    """Says what labels give back."""

    weeks: list[TruthReply]
    good: int = Field(description="Drawn, labelled good and kept: POST .../calibrate-with-drawn takes them.")
    joined: int = Field(description="Of these, photos that the model was calibrated with or learned from already.")
    labelled_bad: int
    gone: int = Field(description="Drawn and labelled good, but no longer kept.")
    waiting: int = Field(description="Drawn, and not labelled yet: those drawn after the first of them wait with it.")
    lost: int = Field(description="Drawn, and their photos deleted before they had a label: what is behind them waits.")
    behind: int
    picked: int = Field(
        description="Labelled good, but picked: they calibrate nothing, for that would break the promise."
    )
