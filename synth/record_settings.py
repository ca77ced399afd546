"""Record settings: how virtual sensors are put on a person and read, whatever the source of the motion."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from mocap_import.subject import Subject
from opensim_models.model.skeleton import Skeleton
from synth.corpus.schema import CorpusMismatch
from synth.imu.error_recipe import ImuErrors
from synth.imu.movement_recipe import MovementRecipe
from synth.imu.placement import SEVEN_SENSORS, scaled_placements
from synth.imu.recording import SensorPlacement
from synth.imu.simulation import METHODS
from synth.trial_cutoff import CUTOFFS, Cutoff

SOURCES = ("cluster", "model", "both")


@dataclass(frozen=True)
class RecordSettings:
    """How the records of an archive are made.

    Attributes
    ----------
    errors : ImuErrors or None
        The recipe stored beside the clean records.
    source : {"cluster", "model", "both"}
        ``"cluster"`` refuses a trial that lacks a cluster for any sensor; ``"both"`` uses the cluster where a segment
        carries one and the model elsewhere, and states how far the two agree.
    method : str
        One of `synth.imu.simulation.METHODS`.
    cutoff : {None, "auto", "none"} or float
        Low-pass of the segments, see `synth.trial_cutoff`.
    placements : tuple of SensorPlacement
    scaled : bool
        The placements are given for a stature of 1.80 m and scaled to each subject; False takes them as they are.
    allow_gaps : bool
        Keep records with longer gaps than `synth.record_gap` lets pass, as NaN.
    movement : MovementRecipe or None
        Stored beside the trials; readers draw other movements by it.

    Raises
    ------
    CorpusMismatch
        If an option is unknown.
    """

    errors: ImuErrors | None = None
    source: str = "both"
    method: str = "central_difference"
    cutoff: Cutoff = None
    placements: tuple[SensorPlacement, ...] = SEVEN_SENSORS
    scaled: bool = True
    allow_gaps: bool = False
    movement: MovementRecipe | None = None

    def __post_init__(self) -> None:
        """Refuse options that are none."""
        if self.source not in SOURCES or self.method not in METHODS:
            raise CorpusMismatch(
                f"source {self.source!r}, method {self.method!r}: expected one of {', '.join(SOURCES)} and of "
                f"{', '.join(METHODS)}."
            )

    def config(self) -> dict:
        """Plain form, for the provenance of a corpus."""
        return {
            "errors": None if self.errors is None else json.loads(self.errors.to_json()),
            "source": self.source,
            "method": self.method,
            "cutoffs_hz": CUTOFFS if self.cutoff is None else self.cutoff,
            "placements": [placement.sensor for placement in self.placements],
            "allow_gaps": self.allow_gaps,
            **({} if self.movement is None else {"movement": json.loads(self.movement.to_json())}),
        }


def placements_of(skeleton: Skeleton, subject: Subject, settings: RecordSettings) -> tuple[SensorPlacement, ...]:
    """Placements of a person, by stature and by the lengths of thigh and shank in the skeleton.

    Raises
    ------
    ValueError
        A stature or length that no person has.
    """
    if not settings.scaled:
        return settings.placements
    lengths = {}
    for side in "rl":
        for segment, child in ((f"femur_{side}", f"tibia_{side}"), (f"tibia_{side}", f"calcn_{side}")):
            if {segment, child} <= set(skeleton.segment_names):
                offset = skeleton.segments[skeleton.segment_index(child)].offset
                lengths[segment] = float(np.linalg.norm(offset))
    return scaled_placements(subject.height, lengths, settings.placements)
