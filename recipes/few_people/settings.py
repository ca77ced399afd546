"""Settings of the recipe `few-people`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from recipes.recipe import RecipeSettings
from synth.impairment import HEALTHY, KINDS, known_kinds
from training.config import ConfigRefused
from training.transfer.arm import OPTIONS


class TargetCorpus(BaseModel):
    """Measured people: a corpus with seven sensors and what is to be estimated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, description="Name of the task in the table.")
    path: str = Field(description="Corpus (.h5) of kinesynth imu or kinesynth imu sessions.")
    estimate: Literal["force", "angle"] = Field(description="Vertical ground reaction; or hip, knee and ankle angles.")
    teach: tuple[int, ...] = Field((1, 2, 4), min_length=1, description="Numbers of people who teach, rising.")

    @field_validator("teach")
    @classmethod
    def _rising(cls, teach: tuple[int, ...]) -> tuple[int, ...]:
        """Refuse numbers that are no nested sets."""
        if list(teach) != sorted(set(teach)) or teach[0] < 1:
            raise ValueError("expected rising numbers of people from 1, e.g. [1, 2, 4]")
        return teach


class FewPeopleSettings(RecipeSettings):
    """What can be chosen; see docs/recipes/few-people.md."""

    people: str = Field("", description="Corpus of `gait population` to take virtual people from; empty: made here.")
    n_people: int = Field(300, ge=10, description="Virtual people that are taken or made.")
    targets: tuple[TargetCorpus, ...] = Field(
        (), description="Measured people; empty: further virtual people stand in for them."
    )
    n_other: int = Field(10, ge=4, description="People who stand in where there are no targets.")
    other_laws: bool = Field(True, description="Whether they walk by other laws, or are further people of the first.")
    impairments: tuple[str, ...] = Field(
        tuple(k for k in KINDS if k != HEALTHY), description="Kinds that occur beside none, in people made here."
    )
    teach_other: tuple[int, ...] = Field((1, 2, 4), min_length=1, description="Numbers of those who teach, rising.")
    draws: int = Field(1, ge=1, le=50, description="Random orders in which people come to teach.")
    members: int = Field(2, ge=2, le=20, description="Networks of an ensemble; one alone knows no doubt.")
    ablated: int = Field(2, ge=1, description="Number of people at which options and intervals are tried.")
    options: tuple[str, ...] = Field(OPTIONS, description="Ways that are tried at `ablated` people alone.")
    tuned_by_fewer: bool = Field(
        True, description="Whether measured people teach the networks of fewer virtual people, too (first draw)."
    )
    virtual: tuple[int, ...] = Field(
        (10, 30, 100, 200), min_length=1, description="Numbers of virtual people of the exchange rate."
    )
    width: int = Field(24, ge=4, le=512, description="Features of a network.")
    signal_steps: int = Field(500, ge=1, description="Steps of self-supervision.")
    label_steps: int = Field(800, ge=1, description="Steps of learning from virtual labels.")
    tuned_steps: int = Field(
        800,
        ge=1,
        description="Steps of learning from measured people; other than `new_steps`, rows say so and judge no goal.",
    )
    new_steps: int = Field(800, ge=1, description="The same where the head knows nothing yet.")
    batch: int = Field(8, ge=1, description="Windows of a step.")
    pretrained_rate: float = Field(4e-3, gt=0, le=1, description="Peak learning rate of pre-training.")
    tuned_rate: float = Field(3e-3, gt=0, le=1, description="The same where measured people teach it further.")
    new_rate: float = Field(1e-2, gt=0, le=1, description="The same where the head knows nothing yet.")
    turn_deg: float = Field(10.0, ge=0, le=90, description="SD of a sensor's turn, drawn anew for every batch.")
    noise_share: float = Field(0.2, ge=0, le=2, description="Coloured noise over the SD of a signal, likewise.")
    goal_reduction: float = Field(25.0, description="Goal (%): error less than from scratch, at `ablated` people.")

    @field_validator("impairments")
    @classmethod
    def _kinds_are_known(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse impairments that there are not."""
        return known_kinds(kinds)

    @field_validator("targets")
    @classmethod
    def _names_differ(cls, targets: tuple[TargetCorpus, ...]) -> tuple[TargetCorpus, ...]:
        """Refuse two tasks of one name."""
        names = [t.name for t in targets]
        if len(set(names)) < len(names):
            raise ValueError(f"expected another name for each target, got {', '.join(names)}")
        return targets


REFUSED = 0.05
"""Share of virtual people whose walk may not be solved; about 2 % were not."""


def check_settings(settings: FewPeopleSettings) -> None:
    """Refuse what cannot be taught, before anything is.

    Raises
    ------
    ConfigRefused
    """
    if list(settings.virtual) != sorted(set(settings.virtual)):
        raise ConfigRefused(f"virtual: expected rising numbers of people, got {settings.virtual}.")
    if list(settings.teach_other) != sorted(set(settings.teach_other)) or settings.teach_other[0] < 1:
        raise ConfigRefused(f"teach_other: expected rising numbers of people from 1, got {settings.teach_other}.")
    if not settings.targets and settings.n_other <= settings.teach_other[-1]:
        raise ConfigRefused(
            f"n_other: {settings.n_other} people; {settings.teach_other[-1]} who teach and one who is scored need "
            f"{settings.teach_other[-1] + 1}. Set n_other or teach_other."
        )
    likely = settings.n_people - (0 if settings.people else int(REFUSED * settings.n_people))
    teachers = likely - 3 * max(1, likely // 10)
    if settings.virtual[-1] > teachers:
        raise ConfigRefused(
            f"virtual: {settings.virtual[-1]} people are more than the {teachers} who can be counted on to teach of "
            f"{settings.n_people} (three of ten have other roles; of those made here, {100 * REFUSED:.0f} % may be "
            "refused). Set virtual or n_people."
        )
    unknown = [name for name in settings.options if name not in OPTIONS]
    if unknown:
        raise ConfigRefused(f"options: expected some of {', '.join(OPTIONS)}; got {unknown[0]}.")
    if not any(settings.ablated in teach for teach in teaching_numbers(settings).values()):
        raise ConfigRefused(
            f"ablated: expected one of the numbers of people who teach, got {settings.ablated}; options and intervals "
            "are tried there. Set ablated, or teach of a target."
        )


LEARNING = (
    "seed",
    "members",
    "width",
    "batch",
    "signal_steps",
    "label_steps",
    "pretrained_rate",
    "turn_deg",
    "noise_share",
)
"""Settings that decide what virtual people teach."""
TUNING = ("ablated", "virtual", "options", "tuned_by_fewer", "tuned_steps", "new_steps", "tuned_rate", "new_rate")
"""Those that decide what measured people teach then."""


def chosen(settings: FewPeopleSettings, names: tuple[str, ...]) -> dict[str, object]:
    """Some settings as plain data."""
    return settings.model_dump(mode="json", include=set(names))


STAND_INS = {"stand-ins, force": "force", "stand-ins, angles": "angle"}
"""Tasks where there are no measured people."""


def tasks_of(settings: FewPeopleSettings) -> dict[str, str]:
    """Task → ``"force"`` or ``"angle"``."""
    return {t.name: t.estimate for t in settings.targets} or dict(STAND_INS)


def teaching_numbers(settings: FewPeopleSettings) -> dict[str, tuple[int, ...]]:
    """Task → numbers of people who teach."""
    if settings.targets:
        return {t.name: t.teach for t in settings.targets}
    return dict.fromkeys(STAND_INS, settings.teach_other)


SMALL = {
    "n_people": 10,
    "n_other": 4,
    "other_laws": False,
    "impairments": (),
    "teach_other": (1, 2),
    "draws": 1,
    "virtual": (3, 7),
    "width": 12,
    "signal_steps": 30,
    "label_steps": 60,
    "tuned_steps": 6,
    "new_steps": 12,
    "tuned_by_fewer": False,
    "options": ("both, head alone learns",),
}
