"""Settings of the recipe of one camera."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from recipes.recipe import RecipeSettings
from synth.camera.detector_file import LEAST_SCORE
from synth.impairment import HEALTHY, HEALTHY_SHARE, KINDS, known_kinds


class RealCorpus(BaseModel):
    """A corpus of recorded gaits to be filmed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(description="Corpus (.h5) with coordinates and skeletons.")
    person: str = Field("", description="Who all its trials are, where it has no codes of people.")
    stature: float | None = Field(None, gt=0.5, le=2.6, description="m, where the corpus does not know it.")
    treadmill: bool | None = Field(None, description="Where the corpus does not tell.")
    loads: str = Field("", description="Forces of plates (.mot, .sto) beside the recording, where the corpus has none.")
    mass: float | None = Field(None, gt=2, le=300, description="kg, where the corpus does not know it.")


class OwnKeypoints(BaseModel):
    """2-D keypoints that a detector found in somebody's video."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(description="A CSV, a folder of JSON (OpenPose, RTMPose) or a JSON (AlphaPose).")
    rate: float | None = Field(None, gt=0, description="Frames a second, where no column time.")
    stature: float | None = Field(None, gt=0.5, le=2.6, description="m, where no column stature.")
    person: str = Field("", description="Who it is, of a detector's output.")
    treadmill: bool = Field(False, description="Where no column treadmill.")
    measured: str = Field(
        "", description="CSV of person, trial and what was measured: speed, step_length, cadence, ..."
    )
    least_score: float = Field(LEAST_SCORE, ge=0, le=1, description="Of a point that counts as seen.")


class SingleCameraSettings(RecipeSettings):
    """What can be chosen."""

    n_people: int = Field(3500, ge=10, description="Virtual people who teach, validate, calibrate and are scored.")
    visits: int = Field(3, ge=1, le=20, description="Visits of each, one walk at each.")
    n_other: int = Field(
        300, ge=0, description="People with other laws of contact, activation and strength, who are only scored."
    )
    n_far: int = Field(300, ge=0, description="The same with far laws: also of effort and manner.")
    impairments: tuple[str, ...] = Field(
        tuple(k for k in KINDS if k != HEALTHY), description="Kinds that occur beside none."
    )
    healthy: float = Field(HEALTHY_SHARE, ge=0, le=1, description="Share of people with whom nothing is wrong.")
    people: str = Field("", description="A corpus of `gait population --impairment` in the place of one made here.")
    other: str = Field("", description="The same of the population with other laws.")
    far: str = Field("", description="The same of the population with far laws.")
    predicted: str = Field("", description="A corpus of `gait population --impairment --predict`, only scored.")
    beside: tuple[str, ...] = Field(
        (),
        description="Corpora of `gait population --impairment` whose people teach beside `people`: by drawn laws, or "
        "predicted; some are scored.",
    )
    beside_clips: int = Field(4, ge=1, description="Clips of each gait of theirs that teaches.")
    spatial: tuple[str, ...] = Field(
        (), description="Corpora of `gait population --model`, filmed up to 70 degrees oblique; some are scored."
    )
    spatial_clips: int = Field(8, ge=1, description="Clips of each gait of theirs that teaches.")
    without_spatial: bool = Field(True, description="Teach networks without people in 3-D, too, to tell their worth.")
    without_beside: bool = Field(True, description="The same without those of `beside`.")
    real: tuple[RealCorpus, ...] = Field((), description="Corpora of recorded gaits, only scored.")
    own: tuple[OwnKeypoints, ...] = Field((), description="One's own keypoints, only scored; teach nothing anew.")
    clips: int = Field(
        4, ge=1, description="Clips of each gait that teaches; two of each that is scored, eight of real ones."
    )
    seconds: float = Field(6.0, gt=0.5, le=10, description="Of a clip, at most; networks read 6 s of an adult.")
    shortest: float = Field(
        1.2, gt=0.5, le=10, description="s; half of the clips that teach are between this and that."
    )
    members: int = Field(3, ge=2, le=20, description="Networks of the ensemble; their doubt needs two.")
    epochs: int = Field(16, ge=1, le=1000, description="Passes over the clips.")
    width: int = Field(48, ge=4, le=512, description="Features of a network.")

    @field_validator("impairments")
    @classmethod
    def _kinds_are_known(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse impairments that there are not."""
        return known_kinds(kinds)

    @model_validator(mode="after")
    def _shortest_is_shorter(self) -> SingleCameraSettings:
        """Refuse clips whose shortest is wished longer than the longest; unsaid, it is as long as that at most."""
        if "shortest" in self.model_fields_set and self.shortest > self.seconds:
            raise ValueError(
                f"shortest: expected at most `seconds` ({self.seconds:g} s), got {self.shortest:g} s; set both"
            )
        return self


SMALL = {
    "n_people": 20,
    "visits": 1,
    "n_other": 0,
    "n_far": 0,
    "impairments": ("equinus", "crouch"),
    "healthy": 0.2,
    "clips": 8,
    "members": 2,
    "epochs": 8,
    "width": 24,
}
