"""Configuration of a label-free training: everything that decides what the network learns."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from training.config import ConfigRefused, refuse_unknown_keys
from training.physics.weight import LossWeights


class PhysicsConfig(BaseModel):
    """One label-free network and how it is trained; sizes are for some minutes of recording on one CPU thread."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: Literal["lstm", "bilstm"] = Field("lstm", description="lstm reads forwards only (streaming); bilstm both.")
    width: int = Field(64, ge=2, le=2048, description="Hidden units a direction.")
    depth: int = Field(1, ge=1, le=8, description="Recurrent layers.")
    window_seconds: float = Field(2.0, gt=0.2, le=60, description="Length (s) of the windows.")
    opening_share: float = Field(
        0.1, ge=0, le=1, description="Share of the windows that begin where a record does, before its tilts settled."
    )
    warm_up_seconds: float = Field(0.0, ge=0, description="Start of a window that costs nothing: the state fills.")
    steps: int = Field(1500, ge=1, le=1_000_000, description="Optimiser steps; there is no early stopping.")
    batch: int = Field(8, ge=1, le=4096, description="Windows per step.")
    learning_rate: float = Field(4e-3, gt=0, le=1, description="Peak of the one-cycle learning rate (AdamW).")
    weight_decay: float = Field(1e-4, ge=0, le=1, description="Decoupled weight decay (AdamW).")
    gradient_norm: float = Field(1.0, gt=0, description="Gradients are scaled down to this norm.")
    noise_share: float = Field(
        0.0, ge=0, le=1, description="Noise added to the inputs (not to what is reconstructed), as a share of SD."
    )
    trainable_placement: bool = Field(
        True, description="Learn where each person's sensors sit and how they are turned."
    )
    placement_start: Literal["nominal", "joints"] = Field(
        "nominal", description="Where that begins: nominal places, or what the joints between sensors tell."
    )
    trainable_contact: bool = Field(True, description="Learn where heel and toe of each person touch the floor.")
    trainable_body: bool = Field(False, description="Learn the lengths of each person's segments, too.")
    placement_rate: float = Field(0.3, gt=0, description="Learning rate of placements over that of the network.")
    place_rate: float | None = Field(None, ge=0, description="The same of sensors' places alone; default: as the rest.")
    curriculum: tuple[float, float] = Field(
        (0.25, 0.6), description="Shares of the steps between which what the floor and the masses say comes in."
    )
    rounding: float = Field(3e-3, gt=0, description="Length (m) over which the floor is rounded.")
    turn_to_plane: bool = Field(True, description="Turn leg sensors so that they swing in the plane.")
    weights: LossWeights = Field(default_factory=LossWeights, description="Weights and tolerances of the losses.")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Seed of weights, windows and input noise.")


def resolve_physics(values: dict[str, Any], where: str = "the configuration") -> PhysicsConfig:
    """Check a mapping and fill in the defaults.

    Raises
    ------
    ConfigRefused
        For an unknown key (with the nearest known one) or a value out of its range.
    """
    refuse_unknown_keys(values, PhysicsConfig, where)
    try:
        return PhysicsConfig.model_validate(values)
    except ValidationError as error:
        sentences = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}, got {e['input']!r}" for e in error.errors()]
        raise ConfigRefused(f"{where}: " + "; ".join(sentences)) from None
