"""A training configuration: everything that decides what a network learns, typed, documented and stored with it."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from training.networks.registry import known_networks, network_defaults

OUTPUT_KINDS = ("angle", "moment", "ground_reaction", "speed")
"""What a network can estimate: joint and pelvis angles, joint moments, ground reaction forces, walking speed."""
ORIENTATION = "orientation"
"""The two segments beside a joint as six numbers each; learnt where it is asked for (`training.joint`)."""


class ConfigRefused(ValueError):  # noqa: N818  (a word of the field, see docs/architecture.md)
    """A configuration that cannot be used: names the key, the expected, the found and the nearest match."""


class Augmentation(BaseModel):
    """Sensor errors drawn afresh for every training window, from the clean records."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    misalignment_deg: float = Field(
        13.5, ge=0, le=90, description="SD (deg) of the signed rotation angle of each sensor about a random axis."
    )
    noise_share: float = Field(
        0.15, ge=0, le=1, description="White noise SD as a share of the clean channel's SD over its trial."
    )


class TrainingConfig(BaseModel):
    """One network and how it is trained.

    The defaults are sized for a dozen short trials on one CPU thread (seconds a model); longer corpora
    want more `steps` and more `width`. An lstm has its own depth, steps and learning rate (`network_defaults`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: str = Field("conv1d", description="Architecture by its registered name: conv1d, lstm, temporal ...")
    width: int = Field(48, ge=2, le=2048, description="Channels (conv1d) or hidden units per direction (lstm).")
    depth: int = Field(2, ge=1, le=16, description="Number of convolution blocks or recurrent layers.")
    kernel_seconds: float = Field(0.15, gt=0, le=2, description="Length (s) of each convolution kernel; conv1d only.")
    bidirectional: bool = Field(True, description="Read each window in both directions (not causal); lstm only.")
    dropout: float = Field(0.1, ge=0, lt=1, description="Share of channels dropped after each block in training.")
    window_seconds: float = Field(1.0, gt=0, le=60, description="Length (s) of the sample windows.")
    second_window_seconds: float = Field(
        0.0, ge=0, le=60, description="Length (s) of the windows in the second half of the steps; 0 = as before."
    )
    steps: int = Field(300, ge=1, le=1_000_000, description="Optimiser steps; there is no early stopping.")
    batch: int = Field(16, ge=1, le=4096, description="Windows per step.")
    learning_rate: float = Field(4e-3, gt=0, le=1, description="Peak of the one-cycle learning rate (AdamW).")
    weight_decay: float = Field(1e-2, ge=0, le=1, description="Decoupled weight decay (AdamW).")
    gradient_norm: float = Field(1.0, gt=0, description="Gradients are scaled down to this norm.")
    outputs: tuple[str, ...] = Field(
        OUTPUT_KINDS, description="Kinds of output to learn, of " + ", ".join(OUTPUT_KINDS)
    )
    augmentation: Augmentation = Field(default_factory=Augmentation, description="Sensor errors of the training data.")
    mirror: bool = Field(True, description="Train on every trial and on its mirror image (right and left exchanged).")
    shrink_offsets: bool = Field(
        True, description="Learn of each trial's mean angle only the share that turned sensors can show."
    )
    precision: Literal["float32", "bf16"] = Field(
        "float32", description="Products of the forward pass: float32, or bf16 (autocast; weights stay float32)."
    )
    device: Literal["cpu", "cuda"] = Field("cpu", description="Where it is trained: cpu or cuda (a GPU).")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Seed of weights, windows, sensor errors and dropout.")

    @field_validator("network")
    @classmethod
    def _network_is_known(cls, name: str) -> str:
        if name not in known_networks():
            raise ValueError(f"no network {name!r}{_nearest(name, known_networks())}")
        return name

    @field_validator("outputs")
    @classmethod
    def _outputs_are_known(cls, outputs: tuple[str, ...]) -> tuple[str, ...]:
        known = (*OUTPUT_KINDS, ORIENTATION)
        for kind in outputs:
            if kind not in known:
                raise ValueError(f"no output {kind!r}{_nearest(kind, known)}")
        if not outputs:
            raise ValueError(f"at least one of {', '.join(known)} must be learnt")
        return tuple(kind for kind in known if kind in outputs)


def resolve_config(values: dict[str, Any], where: str = "the configuration") -> TrainingConfig:
    """Check a mapping and fill in the defaults, those of the network first.

    Parameters
    ----------
    values : dict
        As read from TOML or JSON; sections are nested dictionaries.
    where : str
        What the error message names as the source.

    Returns
    -------
    TrainingConfig

    Raises
    ------
    ConfigRefused
        For an unknown key (with the nearest known one) or a value out of its range.
    """
    refuse_unknown_keys(values, TrainingConfig, where)
    values = network_defaults(str(values.get("network", "conv1d"))) | values
    try:
        return TrainingConfig.model_validate(values)
    except ValidationError as error:
        sentences = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}, got {e['input']!r}" for e in error.errors()]
        raise ConfigRefused(f"{where}: " + "; ".join(sentences)) from None


def load_config(path: Path | None = None, **overrides: Any) -> TrainingConfig:
    """Read a configuration from a TOML file; keyword arguments that are not None win over the file."""
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigRefused(
                f"{path}: expected a TOML file, {error}. See docs/training.md for an example."
            ) from None
    values |= {key: value for key, value in overrides.items() if value is not None}
    return resolve_config(values, where=str(path) if path else "the configuration")


def describe_config(model: type[BaseModel] = TrainingConfig, prefix: str = "") -> list[tuple[str, Any, str]]:
    """List every field: (key, default as JSON holds it, description), sections flattened with dots.

    Keys of the tables of a list follow it: ``own``, then ``own[].path``.
    """
    rows: list[tuple[str, Any, str]] = []
    for key, field in model.model_fields.items():
        kind, *more = (field.annotation, *get_args(field.annotation))
        if _is_section(kind):
            rows += describe_config(kind, f"{prefix}{key}.")
            continue
        rows.append((prefix + key, default_of(field), field.description or ""))
        for entry in filter(_is_section, more):
            rows += describe_config(entry, f"{prefix}{key}[].")
    return rows


def default_of(field: FieldInfo) -> Any:
    """The default of a field as JSON holds it; None where it must be given."""
    return None if field.is_required() else to_jsonable_python(field.get_default(call_default_factory=True))


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def refuse_unknown_keys(values: dict[str, Any], model: type[BaseModel], where: str, prefix: str = "") -> None:
    """Raise for the first key that the model lacks, naming the nearest one."""
    known = model.model_fields
    for key, value in values.items():
        if key not in known:
            raise ConfigRefused(f"{where}: unknown key {prefix + key!r}{_nearest(key, known)}")
        section = known[key].annotation
        if isinstance(section, type) and issubclass(section, BaseModel) and isinstance(value, dict):
            refuse_unknown_keys(value, section, where, f"{prefix}{key}.")


def _nearest(word: str, known: Any) -> str:
    """A hint for an unknown word: the nearest known one, and what else there is."""
    names = list(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"{hint} Known: {', '.join(names)}."
