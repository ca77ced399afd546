"""Weights of the physics losses: how far off a frame may be before it costs one, term by term, and where that is from.

Every term is the mean over frames of squared deviations in units of a tolerance; its weight is the inverse square of
that tolerance, so weights of terms compare. All were chosen on virtual walkers whose errors are not reported (persons
of another seed), none on a real recording.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

TERMS = ("dynamics", "temporal", "imu", "contact", "effort", "limits", "sliding", "transfer", "posture", "placement")
"""Names of the terms, in the order of the tables."""


class LossWeights(BaseModel):
    """Tolerances and shares of the loss terms; a share of 0 leaves a term out (an ablation)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dynamics: float = Field(1.0, ge=0, description="Share of the equations of motion.")
    temporal: float = Field(1.0, ge=0, description="Share of coordinates and speeds being each other's integrals.")
    imu: float = Field(3.0, ge=0, description="Share of the reconstruction of what the sensors read.")
    contact: float = Field(2.0, ge=0, description="Share of the contact law.")
    effort: float = Field(0.01, ge=0, description="Share of squared torques; breaks ties, must not pull (SD 5 %BWBH).")
    limits: float = Field(1.0, ge=0, description="Share of angles beyond the range of the skeleton.")
    sliding: float = Field(1.0, ge=0, description="Share of loaded feet that slip.")
    transfer: float = Field(1.0, ge=0, description="Share of the load going over as the foot gyroscopes tell.")
    posture: float = Field(0.05, ge=0, description="Share of the trunk's lean, which no sensor sees.")
    placement: float = Field(0.1, ge=0, description="Share of the belief in where sensors sit.")

    force_sd: float = Field(
        0.02, gt=0, description="Unexplained force (body weights); 0.05 left fore-aft forces wrong."
    )
    moment_sd: float = Field(0.01, gt=0, description="Unexplained moment (body weight x height): 1 %BWBH.")
    angle_rate_sd: float = Field(0.2, gt=0, description="Slope of an angle against its speed (rad/s).")
    angle_jerk_sd: float = Field(5.0, gt=0, description="Slope of a speed against its acceleration (rad/s^2).")
    height_rate_sd: float = Field(0.05, gt=0, description="Slope of the pelvis's height against its speed (m/s).")
    pelvis_jerk_sd: float = Field(1.0, gt=0, description="Slope of the pelvis's velocity (m/s^2).")
    imu_share: float = Field(
        0.15, gt=0, description="Sensor error as a share of a channel's SD: the noise of the data."
    )
    contact_sd: float = Field(0.2, gt=0, description="Force against the contact law (body weights): 3 mm of floor.")
    limit_sd: float = Field(0.05, gt=0, description="Angle beyond its range (rad).")
    slip_sd: float = Field(0.1, gt=0, description="Speed of a loaded point (m/s), that of the contact law.")
    transfer_sd: float = Field(0.05, gt=0, description="Share of the load on a foot against what is told (share).")
    trunk_sd: float = Field(0.105, gt=0, description="Lean of the trunk (rad): 6 deg, as in the optimal control.")
    turn_sd: float = Field(0.2, gt=0, description="Angle of a sensor on its segment (rad): 11.5 deg, as there.")
    place_sd: float = Field(0.03, gt=0, description="Place of a sensor on its segment (m): 30 mm.")
    contact_place_sd: float = Field(0.01, gt=0, description="Place of heel and toe contact (m): as there.")
    length_sd: float = Field(0.04, gt=0, description="Length of a segment of a person of that height (share).")
